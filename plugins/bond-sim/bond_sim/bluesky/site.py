"""A simulated Jetstream v1: /subscribe with cursors and filters, and control under /_sim.

Source: bluesky-social/jetstream, README (v1): `wantedCollections` (100 at most, prefixes such as
app.bsky.feed.*), `wantedDids` (10,000), `cursor` in Unix microseconds. Without a cursor, or with
one in the future, the live tail is sent; with one that is older than the stored events, all of
those. Events of identities and accounts are sent whatever the collections.
com.atproto.identity.resolveHandle is served too."""

import random
from collections import Counter, deque
from datetime import UTC, datetime
from typing import Any

import msgspec
import trio
from bond_simkit import (
  ClientConnection,
  ClientHandler,
  CloseFrame,
  ConnectionPolicy,
  ControlEndpoint,
  HttpRequest,
  HttpResponse,
  SimulatorError,
  TcpClose,
  VenueFault,
  VenueTime,
  fault_route,
  json_response,
  page,
)

from bond_sim.bluesky.faults import BLUESKY_FAULTS
from bond_sim.bluesky.filters import BlueskyFilter, StoredEvent, read_cursor, read_filter

SUBSCRIBE = "/subscribe"
RESOLVE = "/xrpc/com.atproto.identity.resolveHandle"
POST = "app.bsky.feed.post"
LIKE = "app.bsky.feed.like"
STORED = 100_000
POSTS = 20.0
"""Posts a second at speed 1."""

_SUBJECTS = ("$BTC", "#bitcoin", "Bitcoin", "$ETH", "ethereum", "#Solana", "the weather", "my cat")
_PHRASES = ("{} is moving again", "what happens to {} today?", "{} 🚀\n#now", "good morning, {}")
_HANDLES = ("anna.bsky.social", "bo.example.com", "chris.bsky.social")
_DIGITS = "234567abcdefghijklmnopqrstuvwxyz"


def did_of(handle: str) -> str:
  """The DID of a generated author. It is a word, which a real one is not."""
  return f"did:plc:{handle.partition('.')[0]}"


PAGES = {"403": 403, "html": 200}
"""The status of a page that is not Bluesky's, by the kind of fault."""


class BlueskySite:
  """The site of a Jetstream. `written` are the latest posts, `connected` and `cursors` the times
  and cursors of subscriptions; `violations` counts requests that the documentation does not
  allow."""

  def __init__(self, clock: VenueTime, *, seed: int = 1, speed: float = 1.0) -> None:
    self.written: deque[dict[str, Any]] = deque(maxlen=STORED)
    self.stored: deque[StoredEvent] = deque(maxlen=STORED)
    self.violations: Counter[str] = Counter()
    self.connected: list[float] = []
    self.cursors: list[int | None] = []
    self._clock = clock
    self._random = random.Random(seed)
    self._speed = speed
    self._last_us = 0
    self._filters: dict[ClientConnection, BlueskyFilter] = {}
    self._refuses: tuple[str, float] = "", 0.0
    """The fault that says what requests are answered, and until when (trio's time)."""
    self._duplicates = 0
    self._control = ControlEndpoint(
      {
        "GET /_sim/log": lambda _: json_response(list(self.written)),
        "GET /_sim/stats": self._stats,
        "POST /_sim/faults": fault_route(BLUESKY_FAULTS, self.fault),
      }
    )

  async def run(self) -> None:
    """Writes posts, with likes and identities between them, until cancelled."""
    while True:
      await trio.sleep(self._random.expovariate(POSTS * self._speed))
      handle = self._random.choice(_HANDLES)
      kind = self._random.random()
      if kind < 0.05:
        self.identity(handle)
      elif kind < 0.2:
        self.like(handle)
      subject = self._random.choice(_SUBJECTS)
      self.write(self._random.choice(_PHRASES).format(subject), handle)

  def write(
    self, text: str, handle: str = _HANDLES[0], lang: str = "en", **fields: Any
  ) -> dict[str, Any]:
    """Writes a post and sends it to the clients whose filters accept it. `fields` are further
    fields of its record."""
    time_us = self._now()
    rkey = _tid(time_us)
    record = {"$type": POST, "createdAt": _iso(time_us), "langs": [lang], "text": text, **fields}
    post = {"did": did_of(handle), "rkey": rkey, "text": text, "handle": handle, "lang": lang}
    self.written.append(post | {"time_us": time_us})
    copies = 2 if self._duplicates > 0 else 1
    self._commit(time_us, did_of(handle), "create", POST, rkey, record, copies=copies)
    self._duplicates = max(0, self._duplicates - 1)
    return self.written[-1]

  def delete(self, post: dict[str, Any]) -> None:
    """Deletes a post."""
    self._commit(self._now(), post["did"], "delete", POST, post["rkey"], None)

  def like(self, handle: str) -> None:
    """Writes a like."""
    time_us = self._now()
    subject = {"cid": "bafyrei", "uri": f"at://{did_of(_HANDLES[0])}/{POST}/3l3pte3p2e325"}
    record = {"$type": LIKE, "createdAt": _iso(time_us), "subject": subject}
    self._commit(time_us, did_of(handle), "create", LIKE, _tid(time_us), record)

  def identity(self, handle: str) -> None:
    """Announces an identity again."""
    time_us, did = self._now(), did_of(handle)
    identity = {"did": did, "handle": handle, "seq": time_us // 1000, "time": _iso(time_us)}
    body = {"did": did, "time_us": time_us, "kind": "identity", "identity": identity}
    self._send(StoredEvent(time_us, did, None, msgspec.json.encode(body)))

  def _commit(
    self,
    time_us: int,
    did: str,
    operation: str,
    collection: str,
    rkey: str,
    record: dict[str, Any] | None,
    *,
    copies: int = 1,
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
    for _ in range(copies):
      self._send(StoredEvent(time_us, did, collection, msgspec.json.encode(body)))

  def _send(self, event: StoredEvent) -> None:
    self.stored.append(event)
    for connection, client_filter in list(self._filters.items()):
      if client_filter.accepts(event):
        connection.send_text(event.message)

  def _now(self) -> int:
    """Microseconds that never repeat, since the keys of records must not."""
    self._last_us = max(self._clock.now_ms() * 1000, self._last_us + 1)
    return self._last_us

  # Faults ----------------------------------------------------------------------------------------

  def fault(self, fault: VenueFault) -> None:
    """Carries out a fault now."""
    if fault.kind == "duplicate":
      self._duplicates = fault.count
    elif fault.kind in ("5xx", *PAGES):
      self._refuses = fault.kind, trio.current_time() + fault.seconds
    elif fault.kind == "forget":
      self.stored.clear()
    for connection in list(self._filters):
      if fault.kind == "drop":
        connection.finish(TcpClose.RST)
      elif fault.kind == "close":
        connection.finish(CloseFrame(1001, "going away"))
      elif fault.kind == "silence":
        connection.half_open = True
      elif fault.kind == "garbage":
        for _ in range(fault.count):
          connection.send_text(b'{"did":"did:plc:')

  # Requests --------------------------------------------------------------------------------------

  async def http(self, request: HttpRequest) -> HttpResponse:
    if (response := self._control.respond(request)) is not None:
      return response
    if (refusal := self._refusal()) is not None:
      return refusal
    if (request.method, request.path) == ("GET", RESOLVE):
      handle = request.param("handle") or ""
      if handle in _HANDLES:
        return json_response({"did": did_of(handle)})
      error = {"error": "InvalidRequest", "message": "Unable to resolve handle"}
      return json_response(error, 400)
    return json_response({"error": "NotFound"}, 404)

  def _refusal(self) -> HttpResponse | None:
    kind, until = self._refuses
    if trio.current_time() >= until:
      return None
    if kind in PAGES:
      return page(PAGES[kind])
    return json_response({"error": "ServiceUnavailable"}, 503)

  async def upgrade(self, request: HttpRequest) -> ConnectionPolicy | HttpResponse:
    if (refusal := self._refusal()) is not None:
      return refusal
    if request.path != SUBSCRIBE:
      return json_response({"error": "NotFound"}, 404)
    try:
      read_filter(request.query)
      read_cursor(request.param("cursor"))
    except SimulatorError as error:
      self.violations["request"] += 1
      return json_response({"error": "BadRequest", "message": str(error)}, 400)
    return ConnectionPolicy(ping_every=30.0, pong_within=30.0)

  def opened(self, connection: ClientConnection) -> ClientHandler:
    client_filter = read_filter(connection.request.query)
    cursor = read_cursor(connection.request.param("cursor"))
    self.connected.append(trio.current_time())
    self.cursors.append(cursor)
    if cursor is not None:
      for event in self.stored:
        if event.time_us >= cursor and client_filter.accepts(event):
          connection.send_text(event.message)
    self._filters[connection] = client_filter
    return _BlueskyClientHandler(self, connection)

  def received(self, connection: ClientConnection, data: bytes) -> None:
    """Replaces a client's filter: its message is an options_update."""
    try:
      message = msgspec.json.decode(data, type=dict[str, Any])
      payload = message["payload"]
      pairs = [(key, name) for key in ("wantedCollections", "wantedDids") for name in payload[key]]
      if message.get("type") != "options_update":
        raise SimulatorError("the type is not options_update")
      self._filters[connection] = read_filter(tuple(pairs))
    except (msgspec.DecodeError, KeyError, TypeError, SimulatorError):
      self.violations["message"] += 1
      connection.finish(CloseFrame(1008, "invalid options update"))

  def gone(self, connection: ClientConnection) -> None:
    """A connection has ended."""
    self._filters.pop(connection, None)

  def _stats(self, request: HttpRequest) -> HttpResponse:
    stats = {"violations": self.violations, "cursors": self.cursors, "open": len(self._filters)}
    return json_response({**stats, "connected": self.connected, "posts": len(self.written)})


class _BlueskyClientHandler:
  """One connection of a client."""

  def __init__(self, site: BlueskySite, connection: ClientConnection) -> None:
    self._site, self._connection = site, connection

  def received(self, data: bytes, *, binary: bool) -> None:
    self._site.received(self._connection, data)

  def closed(self) -> None:
    self._site.gone(self._connection)


def _tid(time_us: int) -> str:
  """A record key as AT Protocol makes it from a time: 13 digits of base 32."""
  number, text = time_us << 10, ""
  for _ in range(13):
    text = _DIGITS[number & 31] + text
    number >>= 5
  return text


def _iso(time_us: int) -> str:
  text = datetime.fromtimestamp(time_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
  return f"{text}.{time_us // 1000 % 1000:03}Z"
