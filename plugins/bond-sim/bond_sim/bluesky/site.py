"""A simulated Jetstream v1: /subscribe with cursors and filters, and control under /_sim.

Source: bluesky-social/jetstream, README (v1): `wantedCollections` (100 at most, prefixes such as
app.bsky.feed.*), `wantedDids` (10,000), `cursor` in Unix microseconds; without one, or with one of
the future, the live tail; one older than what is kept begins with the oldest. Events of identities
and accounts come whatever collections are wanted. com.atproto.identity.resolveHandle is answered,
too.
"""

import random
import re
from collections import Counter, deque
from datetime import UTC, datetime
from typing import Any

import attrs
import msgspec
import trio

from bond_sim.bluesky.faults import Fault, parse_fault
from bond_sim.clock import Clock
from bond_sim.errors import SimulatorError
from bond_sim.http import Request, Response, json_response
from bond_sim.websocket import Close, Connection, End, Policy, Session, text_frame

SUBSCRIBE = "/subscribe"
RESOLVE = "/xrpc/com.atproto.identity.resolveHandle"
POST = "app.bsky.feed.post"
LIKE = "app.bsky.feed.like"
KEPT = 100_000
POSTS = 20.0
"""Posts a second at speed 1."""
PARAMETERS = frozenset(
  ("wantedCollections", "wantedDids", "cursor", "compress", "maxMessageSizeBytes", "requireHello")
)

_ABOUT = ("$BTC", "#bitcoin", "Bitcoin", "$ETH", "ethereum", "#Solana", "the weather", "my cat")
_SAYING = ("{} is moving again", "what happens to {} today?", "{} 🚀\n#now", "good morning, {}")
_HANDLES = ("anna.bsky.social", "bo.example.com", "chris.bsky.social")
_NSID = re.compile(r"[a-z][a-z0-9-]*(\.[a-zA-Z0-9-]+)+(\.\*)?")
_DIGITS = "234567abcdefghijklmnopqrstuvwxyz"


def did_of(handle: str) -> str:
  """The identifier of one of the authors; theirs differ from real ones by being words."""
  return f"did:plc:{handle.partition('.')[0]}"


@attrs.frozen
class Written:
  """One event as it is kept: its message and what filters look at."""

  time_us: int
  did: str
  collection: str | None
  frame: bytes


@attrs.frozen
class Wanted:
  """What a client asked for."""

  collections: tuple[str, ...]
  dids: frozenset[str]

  def takes(self, event: Written) -> bool:
    """Whether an event is sent. Identities and accounts are, whatever the collections."""
    if self.dids and event.did not in self.dids:
      return False
    if event.collection is None or not self.collections:
      return True
    return any(
      event.collection.startswith(name[:-1]) if name.endswith("*") else event.collection == name
      for name in self.collections
    )


class BlueskySite:
  """What the server serves. `written` are the latest posts, `violations` counts requests that are
  against the documentation."""

  def __init__(self, clock: Clock, *, seed: int = 1, speed: float = 1.0) -> None:
    self.written: deque[dict[str, Any]] = deque(maxlen=KEPT)
    self.kept: deque[Written] = deque(maxlen=KEPT)
    self.violations: Counter[str] = Counter()
    self.connected: list[float] = []
    self.cursors: list[int | None] = []
    self._clock = clock
    self._random = random.Random(seed)
    self._speed = speed
    self._last_us = 0
    self._open: dict[Connection, Wanted] = {}
    self._refusing = 0.0
    self._twice = 0

  async def run(self) -> None:
    """Writes posts until cancelled; likes and identities come between them."""
    while True:
      await trio.sleep(self._random.expovariate(POSTS * self._speed))
      handle = self._random.choice(_HANDLES)
      kind = self._random.random()
      if kind < 0.05:
        self.identity(handle)
      elif kind < 0.2:
        self.like(handle)
      about = self._random.choice(_ABOUT)
      self.write(self._random.choice(_SAYING).format(about), handle)

  def write(
    self, text: str, handle: str = _HANDLES[0], lang: str = "en", **more: Any
  ) -> dict[str, Any]:
    """A new post, sent to all that want it. `more` are further fields of its record."""
    time_us = self._now()
    rkey = _tid(time_us)
    record = {"$type": POST, "createdAt": _iso(time_us), "langs": [lang], "text": text, **more}
    post = {"did": did_of(handle), "rkey": rkey, "text": text, "handle": handle, "lang": lang}
    self.written.append(post | {"time_us": time_us})
    self._commit(time_us, did_of(handle), "create", POST, rkey, record, twice=self._twice > 0)
    self._twice = max(0, self._twice - 1)
    return self.written[-1]

  def delete(self, post: dict[str, Any]) -> None:
    """A post is deleted by its author."""
    self._commit(self._now(), post["did"], "delete", POST, post["rkey"], None)

  def like(self, handle: str) -> None:
    """Somebody likes something."""
    time_us = self._now()
    subject = {"cid": "bafyrei", "uri": f"at://{did_of(_HANDLES[0])}/{POST}/3l3pte3p2e325"}
    record = {"$type": LIKE, "createdAt": _iso(time_us), "subject": subject}
    self._commit(time_us, did_of(handle), "create", LIKE, _tid(time_us), record)

  def identity(self, handle: str) -> None:
    """An identity is told again."""
    time_us, did = self._now(), did_of(handle)
    told = {"did": did, "handle": handle, "seq": time_us // 1000, "time": _iso(time_us)}
    body = {"did": did, "time_us": time_us, "kind": "identity", "identity": told}
    self._put(Written(time_us, did, None, msgspec.json.encode(body)))

  def _commit(
    self,
    time_us: int,
    did: str,
    operation: str,
    collection: str,
    rkey: str,
    record: dict[str, Any] | None,
    *,
    twice: bool = False,
  ) -> None:
    commit: dict[str, Any] = {
      "rev": _tid(time_us),
      "operation": operation,
      "collection": collection,
      "rkey": rkey,
    }
    if record is not None:
      commit |= {"record": record, "cid": "bafyreidwaivazkwu67xztlmuobx35hs2lnfh3kolmgfmucldvhd3sg"}
    body = {"did": did, "time_us": time_us, "kind": "commit", "commit": commit}
    for _ in range(2 if twice else 1):
      self._put(Written(time_us, did, collection, msgspec.json.encode(body)))

  def _put(self, event: Written) -> None:
    self.kept.append(event)
    for connection, wanted in list(self._open.items()):
      if wanted.takes(event):
        connection.send(text_frame(event.frame))

  def _now(self) -> int:
    """Microseconds that never repeat, as the keys of records must not."""
    self._last_us = max(self._clock.now_ms() * 1000, self._last_us + 1)
    return self._last_us

  # Faults ----------------------------------------------------------------------------------------

  async def fault_later(self, fault: Fault) -> None:
    """Does what the fault says when its time has come."""
    await trio.sleep(fault.after)
    self.fault(fault)

  def fault(self, fault: Fault) -> None:
    """Does what the fault says, now."""
    if fault.kind == "duplicate":
      self._twice = int(fault.amount)
    elif fault.kind == "5xx":
      self._refusing = trio.current_time() + fault.amount
    elif fault.kind == "forget":
      self.kept.clear()
    for connection in list(self._open):
      if fault.kind == "drop":
        connection.finish(End.RST)
      elif fault.kind == "close":
        connection.finish(Close(1001, "going away"))
      elif fault.kind == "silence":
        connection.deaf = True
      elif fault.kind == "garbage":
        connection.send(text_frame(b'{"did":"did:plc:') * int(fault.amount))

  # Requests --------------------------------------------------------------------------------------

  async def http(self, request: Request) -> Response:
    route = f"{request.method} {request.path}"
    if request.path.startswith("/_sim/"):
      return self._control(route, request)
    if trio.current_time() < self._refusing:
      return json_response({"error": "ServiceUnavailable"}, 503)
    if route == f"GET {RESOLVE}":
      handle = request.param("handle") or ""
      if handle in _HANDLES:
        return json_response({"did": did_of(handle)})
      told = {"error": "InvalidRequest", "message": "Unable to resolve handle"}
      return json_response(told, 400)
    return json_response({"error": "NotFound"}, 404)

  async def upgrade(self, request: Request) -> Policy | Response:
    if trio.current_time() < self._refusing:
      return json_response({"error": "ServiceUnavailable"}, 503)
    if request.path != SUBSCRIBE:
      return json_response({"error": "NotFound"}, 404)
    try:
      _wanted(request.query)
      _cursor(request.param("cursor"))
    except SimulatorError as error:
      self.violations["request"] += 1
      return json_response({"error": "BadRequest", "message": str(error)}, 400)
    return Policy(ping_every=30.0, pong_within=30.0)

  def opened(self, connection: Connection) -> Session:
    query = connection.request.query
    wanted, cursor = _wanted(query), _cursor(connection.request.param("cursor"))
    self.connected.append(trio.current_time())
    self.cursors.append(cursor)
    if cursor is not None:
      old = (event for event in self.kept if event.time_us >= cursor and wanted.takes(event))
      connection.send(b"".join(text_frame(event.frame) for event in old))
    self._open[connection] = wanted
    return _Session(self, connection)

  def received(self, connection: Connection, data: bytes) -> None:
    """The client changes what it wants: an options_update."""
    try:
      message = msgspec.json.decode(data, type=dict[str, Any])
      payload = message["payload"]
      pairs = [(key, name) for key in ("wantedCollections", "wantedDids") for name in payload[key]]
      if message.get("type") != "options_update":
        raise SimulatorError("the type is not options_update")
      self._open[connection] = _wanted(tuple(pairs))
    except (msgspec.DecodeError, KeyError, TypeError, SimulatorError):
      self.violations["message"] += 1
      connection.finish(Close(1008, "invalid options update"))

  def gone(self, connection: Connection) -> None:
    """A connection has ended."""
    self._open.pop(connection, None)

  def _control(self, route: str, request: Request) -> Response:
    if route == "GET /_sim/log":
      return json_response(list(self.written))
    if route == "GET /_sim/stats":
      stats = {"violations": self.violations, "cursors": self.cursors, "open": len(self._open)}
      return json_response({**stats, "connected": self.connected, "posts": len(self.written)})
    if route == "POST /_sim/faults":
      try:
        self.fault(parse_fault(msgspec.json.decode(request.body, type=dict[str, str])["fault"]))
      except (msgspec.DecodeError, KeyError, SimulatorError) as error:
        return json_response({"error": f'{error}; send {{"fault": "drop"}}'}, 400)
      return json_response({}, 201)
    known = "GET /_sim/log, GET /_sim/stats, POST /_sim/faults"
    return json_response({"error": f"no such control; there are {known}"}, 404)


class _Session:
  """One connection of a client."""

  def __init__(self, site: BlueskySite, connection: Connection) -> None:
    self._site, self._connection = site, connection

  def received(self, data: bytes, *, binary: bool) -> None:
    self._site.received(self._connection, data)

  def closed(self) -> None:
    self._site.gone(self._connection)


def _wanted(query: tuple[tuple[str, str], ...]) -> Wanted:
  collections = tuple(value for name, value in query if name == "wantedCollections")
  dids = frozenset(value for name, value in query if name == "wantedDids")
  for name, _ in query:
    if name not in PARAMETERS:
      raise SimulatorError(f"{name} is no parameter")
  for name in collections:
    if not _NSID.fullmatch(name):
      raise SimulatorError(f"{name!r} is no collection")
  if len(collections) > 100 or len(dids) > 10_000:
    raise SimulatorError("there are 100 collections and 10000 dids at most")
  return Wanted(collections, dids)


def _cursor(text: str | None) -> int | None:
  if text is None:
    return None
  if not text.isdecimal() or len(text) > 18:
    raise SimulatorError(f"{text!r} is no cursor")
  return int(text)


def _tid(time_us: int) -> str:
  """A key as AT Protocol makes them of times: 13 digits of base 32."""
  number, text = time_us << 10, ""
  for _ in range(13):
    text = _DIGITS[number & 31] + text
    number >>= 5
  return text


def _iso(time_us: int) -> str:
  text = datetime.fromtimestamp(time_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
  return f"{text}.{time_us // 1000 % 1000:03}Z"
