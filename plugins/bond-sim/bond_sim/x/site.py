"""A simulated X: rules, filtered stream, the published limits, and a control endpoint under /_sim.

Source: X API v2, filtered stream (pay-per-use): one connection, 1000 rules of 1024 characters, 50
connections, 450 readings and 100 changes of the rules within 15 minutes, blank lines as heartbeat,
backfill that is not deduplicated, and no order of fields or posts. Recent search: 450 requests
within 15 minutes, queries of 512 characters, pages of 10 to 100 posts, the newest first, and those
of the last 30 s not yet. Recent counts: 300 requests within 15 minutes.
"""

import random
from collections import Counter, deque
from datetime import datetime
from typing import Any

import attrs
import msgspec
import trio

from bond_sim.clock import Clock
from bond_sim.errors import SimulatorError
from bond_sim.http import Abort, Request, Response, json_response
from bond_sim.websocket import Connection, Policy, Session
from bond_sim.x.counting import MAX_QUERY, SETTLED_MS, count
from bond_sim.x.faults import Fault, parse_fault
from bond_sim.x.matching import Test, compile_rule
from bond_sim.x.times import iso

RULES = "/2/tweets/search/stream/rules"
STREAM = "/2/tweets/search/stream"
SEARCH = "/2/tweets/search/recent"
COUNTS = "/2/tweets/counts/recent"
LIMITS = {
  f"GET {STREAM}": 50,
  f"GET {RULES}": 450,
  f"POST {RULES}": 100,
  f"GET {SEARCH}": 450,
  f"GET {COUNTS}": 300,
}
WINDOW = 900.0
MAX_RULES = 1000
HEARTBEAT = 5.0
KEPT = 100_000
POSTS = 5.0
"""Posts a second at speed 1."""
BUFFERED = 1000

_ABOUT = ("$BTC", "#bitcoin", "bitcoin", "$ETH", "ethereum", "$SOL", "#solana", "the weather")
_SAYING = ("{} is moving again", "what happens to {} today?", "RT @anna: {} forever", "{} 🚀\n#now")
_AUTHORS = ("anna", "bo", "chris")


@attrs.frozen
class Rule:
  """A rule as it stands; `value` and `tag` are the client's."""

  id: str
  value: str
  tag: str | None
  test: Test

  def shown(self) -> dict[str, Any]:
    tag = {} if self.tag is None else {"tag": self.tag}
    return {"id": self.id, "value": self.value, **tag}


class XSite:
  """What the server serves. `written` are the latest posts, `violations` counts requests above a
  published limit."""

  def __init__(self, clock: Clock, *, seed: int = 1, speed: float = 1.0) -> None:
    self.written: deque[dict[str, Any]] = deque(maxlen=KEPT)
    self.rules: dict[str, Rule] = {}
    self.requests: Counter[str] = Counter()
    self.violations: Counter[str] = Counter()
    self.connected: list[float] = []
    self.sold = 0
    """Posts that searches gave out."""
    self.counted = 0
    """Requests for counts that were answered, which X charges for."""
    self._clock = clock
    self._random = random.Random(seed)
    self._speed = speed
    self._ids = 1_800_000_000_000_000_000
    self._times: dict[str, deque[float]] = {name: deque() for name in LIMITS}
    self._line: trio.MemorySendChannel[bytes | str] | None = None
    self._refusing: tuple[int, float] = (0, 0.0)
    self._twice = 0
    self._too_old = False
    self._linger = 0.0
    self._lingers_until = 0.0

  async def run(self) -> None:
    """Writes posts until cancelled."""
    while True:
      await trio.sleep(self._random.expovariate(POSTS * self._speed))
      about = self._random.choice(_ABOUT)
      self.write(self._random.choice(_SAYING).format(about), self._random.choice(_AUTHORS))

  def write(self, text: str, username: str = "anna", lang: str = "en") -> dict[str, Any]:
    """A new post, sent to the stream where a rule matches it."""
    self._ids += self._random.randrange(1, 1 << 20)
    post = {
      "id": str(self._ids),
      "text": text,
      "username": username,
      "lang": lang,
      "created_ms": self._clock.now_ms(),
    }
    self.written.append(post)
    if (line := self._frame(post)) is not None:
      for _ in range(2 if self._twice else 1):
        self._send(line)
      self._twice = max(0, self._twice - 1)
    return post

  # Faults ----------------------------------------------------------------------------------------

  async def fault_later(self, fault: Fault) -> None:
    """Does what the fault says when its time has come."""
    await trio.sleep(fault.after)
    self.fault(fault)

  def fault(self, fault: Fault) -> None:
    """Does what the fault says, now."""
    if fault.kind == "duplicate":
      self._twice = int(fault.amount)
    elif fault.kind == "linger":
      self._linger = fault.amount
    elif fault.kind == "old":
      self._too_old = True
    elif fault.kind in ("429", "5xx"):
      self._refusing = (429 if fault.kind == "429" else 503, trio.current_time() + fault.amount)
    elif fault.kind == "partial":
      self._send(b'{"data":{"id":"1800000000000000000","text":"half of a po')
      self._send("end")
    elif fault.kind == "disconnect":
      told = {
        "title": "operational-disconnect",
        "disconnect_type": "UpstreamOperationalDisconnect",
        "detail": "This stream has been disconnected upstream for operational reasons.",
        "type": "https://api.twitter.com/2/problems/operational-disconnect",
      }
      self._send(msgspec.json.encode({"errors": [told]}) + b"\r\n")
      self._send("end")
      # X has ended it already: who comes back at once is welcome.
      self._line = None
    else:
      self._send(fault.kind)

  # Requests --------------------------------------------------------------------------------------

  async def http(self, request: Request) -> Response:
    route = f"{request.method} {request.path}"
    if request.path.startswith("/_sim/"):
      return self._control(route, request)
    self.requests[route] += 1
    if not request.headers.get("authorization", "").startswith("Bearer "):
      return _problem(401, "Unauthorized", "Unauthorized")
    if route not in LIMITS:
      return _problem(404, "Not Found Error", f"there is no {route}")
    now = trio.current_time()
    status, until = self._refusing
    if now < until:
      return _problem(status, "Too Many Requests" if status == 429 else "Service Unavailable", "")
    headers, allowed = self._count(route, now)
    if not allowed:
      return _problem(429, "Too Many Requests", "Too Many Requests", headers)
    if route == f"GET {STREAM}":
      return self._stream(request, headers)
    if route == f"GET {SEARCH}":
      return self._search(request, headers)
    if route == f"GET {COUNTS}":
      return self._counts(request, headers)
    if route == f"GET {RULES}":
      shown = [rule.shown() for rule in self.rules.values()]
      meta = {"result_count": len(shown), "sent": self._now()}
      # The key is left out where there is no rule, as X does.
      return json_response({**({"data": shown} if shown else {}), "meta": meta}, headers=headers)
    return self._change(request, headers)

  def _count(self, route: str, now: float) -> tuple[tuple[tuple[str, str], ...], bool]:
    times, limit = self._times[route], LIMITS[route]
    while times and times[0] <= now - WINDOW:
      times.popleft()
    allowed = len(times) < limit
    if allowed:
      times.append(now)
    else:
      self.violations[route] += 1
    reset = self._clock.now_ms() / 1000 + (times[0] + WINDOW - now)
    headers = (
      ("x-rate-limit-limit", str(limit)),
      ("x-rate-limit-remaining", str(limit - len(times))),
      ("x-rate-limit-reset", str(int(reset) + 1)),
    )
    return headers, allowed

  def _change(self, request: Request, headers: tuple[tuple[str, str], ...]) -> Response:
    try:
      body = msgspec.json.decode(request.body, type=dict[str, Any])
    except msgspec.DecodeError:
      return _problem(400, "Invalid Request", "the body is no JSON object")
    if "delete" in body:
      gone = [self.rules.pop(str(name), None) for name in body["delete"].get("ids", [])]
      count = sum(rule is not None for rule in gone)
      summary = {"deleted": count, "not_deleted": len(gone) - count}
      return json_response({"meta": {"sent": self._now(), "summary": summary}}, headers=headers)
    made, errors = [], []
    for wanted in body.get("add", []):
      value = wanted.get("value", "")
      try:
        if any(rule.value == value for rule in self.rules.values()):
          raise SimulatorError("DuplicateRule")
        if len(self.rules) >= MAX_RULES:
          raise SimulatorError("RulesCapExceeded")
        test = compile_rule(value)
      except SimulatorError as error:
        errors.append({"value": value, "title": str(error)})
        continue
      self._ids += 1
      rule = Rule(str(self._ids), value, wanted.get("tag"), test)
      self.rules[rule.id] = rule
      made.append(rule.shown())
    counts = {"created": len(made), "not_created": len(errors)}
    answer: dict[str, Any] = {"meta": {"sent": self._now(), "summary": counts}}
    answer |= {"data": made} if made else {}
    answer |= {"errors": errors} if errors else {}
    return json_response(answer, 201, headers)

  def _stream(self, request: Request, headers: tuple[tuple[str, str], ...]) -> Response:
    lingers = self._line is None and trio.current_time() < self._lingers_until
    if self._line is not None or lingers:
      # A client cannot know that X still counts what it has closed.
      self.violations["connections"] += not lingers
      return json_response(
        {
          "title": "ConnectionException",
          "detail": "This stream is currently at the maximum allowed connection limit.",
          "connection_issue": "TooManyConnections",
          "type": "https://api.twitter.com/2/problems/streaming-connection",
        },
        429,
        headers,
      )
    send, receive = trio.open_memory_channel[bytes | str](BUFFERED)
    self._line = send
    self.connected.append(trio.current_time())
    minutes = int(request.param("backfill_minutes") or 0)
    since = self._clock.now_ms() - minutes * 60_000
    past = [self._frame(post) for post in self.written if post["created_ms"] >= since]
    old = [line for line in past if line is not None] if minutes else []
    return Response(body=_Lines(self, send, receive, old), headers=headers)

  def _search(self, request: Request, headers: tuple[tuple[str, str], ...]) -> Response:
    query, size = request.param("query") or "", request.param("max_results") or "10"
    until = request.param("next_token")
    since = int(request.param("since_id") or 0)
    begin = request.param("start_time")
    try:
      test = compile_rule(query)
      if len(query) > MAX_QUERY or not size.isdecimal() or not 10 <= int(size) <= 100:
        raise SimulatorError("query has 1 to 512 characters, and max_results is 10 to 100")
      first_ms = 0.0 if begin is None else datetime.fromisoformat(begin).timestamp() * 1000
      last_ms = self._clock.now_ms() - SETTLED_MS
      if first_ms >= last_ms or (since and begin):
        raise SimulatorError("start_time is before end_time, and not beside since_id")
    except (SimulatorError, ValueError) as error:
      self.violations["search"] += 1
      return _problem(400, "Invalid Request", str(error), headers)
    if since and self._too_old:
      self._too_old = False
      told = "'since_id' must be a tweet id created after a time of seven days ago."
      return _problem(400, "Invalid Request", told, headers)
    found = [
      post
      for post in reversed(self.written)
      if since < int(post["id"]) < int(until or 1 << 63)
      and first_ms <= post["created_ms"] <= last_ms
      and test(post)
    ]
    page = found[: int(size)]
    meta: dict[str, Any] = {"result_count": len(page)}
    if not page:
      return json_response({"meta": meta}, headers=headers)
    meta |= {"newest_id": page[0]["id"], "oldest_id": page[-1]["id"]}
    if len(found) > len(page):
      meta["next_token"] = page[-1]["id"]
    shown = [_shown(post) for post in page]
    users = list({user["id"]: user for _, user in shown}.values())
    data = [data for data, _ in shown]
    self.sold += len(page)
    body = {"data": data, "includes": {"users": users}, "meta": meta}
    return json_response(body, headers=headers)

  def _counts(self, request: Request, headers: tuple[tuple[str, str], ...]) -> Response:
    try:
      body = count(request, self.written, self._clock.now_ms())
    except SimulatorError as error:
      self.violations["counts"] += 1
      return _problem(400, "Invalid Request", str(error), headers)
    self.counted += 1
    return json_response(body, headers=headers)

  def gone(self, line: trio.MemorySendChannel[bytes | str]) -> None:
    """A connection has ended, or X has given it up."""
    if self._line is line:
      self._line = None
      self._lingers_until, self._linger = trio.current_time() + self._linger, 0.0

  def _send(self, line: bytes | str) -> None:
    if self._line is None:
      return
    try:
      self._line.send_nowait(line)
    except trio.WouldBlock:
      self._line.close()
      self._line = None

  def _frame(self, post: dict[str, Any]) -> bytes | None:
    """The line of a post, None where no rule matches it."""
    matching = [
      {"id": rule.id, **({} if rule.tag is None else {"tag": rule.tag})}
      for rule in self.rules.values()
      if rule.test(post)
    ]
    if not matching:
      return None
    data, user = _shown(post)
    frame = {"data": data, "includes": {"users": [user]}, "matching_rules": matching}
    return msgspec.json.encode(frame) + b"\r\n"

  def _now(self) -> str:
    return iso(self._clock.now_ms())

  # Control and WebSockets ------------------------------------------------------------------------

  def _control(self, route: str, request: Request) -> Response:
    if route == "GET /_sim/log":
      return json_response(list(self.written))
    if route == "GET /_sim/stats":
      stats = {"requests": self.requests, "violations": self.violations}
      charged = {"sold": self.sold, "counted": self.counted}
      return json_response(
        {**stats, "connected": self.connected, "rules": len(self.rules), **charged}
      )
    if route == "POST /_sim/faults":
      try:
        self.fault(parse_fault(msgspec.json.decode(request.body, type=dict[str, str])["fault"]))
      except (msgspec.DecodeError, KeyError, SimulatorError) as error:
        return json_response({"error": f'{error}; send {{"fault": "drop"}}'}, 400)
      return json_response({}, 201)
    known = "GET /_sim/log, GET /_sim/stats, POST /_sim/faults"
    return json_response({"error": f"no such control; there are {known}"}, 404)

  async def upgrade(self, request: Request) -> Policy | Response:
    return _problem(404, "Not Found Error", "X has no WebSocket")

  def opened(self, connection: Connection) -> Session:
    raise SimulatorError("X has no WebSocket")


class _Lines:
  """What one connection is sent. It ends with the object, since the server lets go of it when the
  client has gone."""

  def __init__(
    self,
    site: XSite,
    send: trio.MemorySendChannel[bytes | str],
    receive: trio.MemoryReceiveChannel[bytes | str],
    old: list[bytes],
  ) -> None:
    self._site, self._send, self._receive = site, send, receive
    self._first = b"".join(old) or b"\r\n"

  def __aiter__(self) -> "_Lines":
    return self

  async def __anext__(self) -> bytes:
    if self._first:
      first, self._first = self._first, b""
      return first
    line: bytes | str = b"\r\n"
    try:
      with trio.move_on_after(HEARTBEAT):
        line = await self._receive.receive()
    except trio.EndOfChannel:
      # Too slow: X drops the connection, and the posts with it.
      line = "end"
    if isinstance(line, bytes):
      return line
    # Here and not when the object goes: the client may be back before that.
    self._site.gone(self._send)
    if line == "drop":
      raise Abort
    if line == "silence":
      await trio.sleep_forever()
    raise StopAsyncIteration

  def __del__(self) -> None:
    self._site.gone(self._send)


def _shown(post: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
  """A post and its author, as X writes them."""
  author = str(1000 + _AUTHORS.index(post["username"]) if post["username"] in _AUTHORS else 999)
  data = {
    "author_id": author,
    "created_at": iso(post["created_ms"]),
    "edit_history_tweet_ids": [post["id"]],
    "id": post["id"],
    "lang": post["lang"],
    "public_metrics": {"like_count": 0, "quote_count": 0, "reply_count": 0, "retweet_count": 0},
    "text": post["text"],
  }
  return data, {"id": author, "name": post["username"].title(), "username": post["username"]}


def _problem(
  status: int, title: str, detail: str, headers: tuple[tuple[str, str], ...] = ()
) -> Response:
  body = {"title": title, "detail": detail, "type": "about:blank", "status": status}
  return json_response(body, status, headers)
