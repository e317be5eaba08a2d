"""A simulated X: rules, filtered stream, search and counts, with the published limits, and control
under /_sim.

Source: X API v2, filtered stream (pay-per-use): one connection, 1000 rules of 1024 characters, 50
connections, 450 readings and 100 changes of the rules within 15 minutes, blank lines as heartbeat,
backfill that is not deduplicated, and no order of fields or posts. Recent search: 450 requests
within 15 minutes. Recent counts: 300 requests within 15 minutes."""

import random
from collections import Counter, deque
from functools import partial
from typing import Any

import attrs
import msgspec
import trio
from bond_simkit import (
  ClientConnection,
  ClientHandler,
  ConnectionPolicy,
  ControlEndpoint,
  HttpRequest,
  HttpResponse,
  SimulatorError,
  VenueFault,
  VenueTime,
  fault_route,
  json_response,
  page,
)

from bond_sim.x.counting import count
from bond_sim.x.faults import X_FAULTS
from bond_sim.x.matching import PostPredicate, compile_rule
from bond_sim.x.posts import AUTHORS, post_and_author
from bond_sim.x.searching import search
from bond_sim.x.stream_body import StreamFault, XStreamBody
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
GZIP = (("content-encoding", "gzip"),)
WINDOW = 900.0
MAX_RULES = 1000
STORED = 100_000
POSTS = 5.0
"""Posts a second at speed 1."""
BUFFERED = 1000
"""Lines that a slow client may leave unread."""

_SUBJECTS = ("$BTC", "#bitcoin", "bitcoin", "$ETH", "ethereum", "$SOL", "#solana", "the weather")
_PHRASES = (
  "{} is moving again",
  "what happens to {} today?",
  "RT @anna: {} forever",
  "{} 🚀\n#now",
)

_Headers = tuple[tuple[str, str], ...]


PROBLEMS: dict[str, tuple[int, str, str]] = {
  "429": (429, "Too Many Requests", ""),
  "5xx": (503, "Service Unavailable", ""),
  "401": (401, "Unauthorized", "Unauthorized"),
  "402": (402, "CreditsDepleted", "Your enrolled account does not have any credits."),
}
"""What X answers, by the kind of fault."""
PAGES = {"403": 403, "html": 200}
"""The status of a page that is not X's, by the kind of fault."""


@attrs.frozen
class XRule:
  """A rule of the stream; `value` and `tag` are the client's."""

  id: str
  value: str
  tag: str | None
  matches: PostPredicate

  def shown(self) -> dict[str, Any]:
    """The rule as X lists it."""
    tag = {} if self.tag is None else {"tag": self.tag}
    return {"id": self.id, "value": self.value, **tag}


class XSite:
  """The site of X. `written` are the latest posts, `connected` the times of stream connections;
  `violations` counts requests above a published limit."""

  def __init__(self, clock: VenueTime, *, seed: int = 1, speed: float = 1.0) -> None:
    self.written: deque[dict[str, Any]] = deque(maxlen=STORED)
    self.rules: dict[str, XRule] = {}
    self.requests: Counter[str] = Counter()
    self.violations: Counter[str] = Counter()
    self.connected: list[float] = []
    self.sold = 0
    """Posts in responses to searches, which X charges for."""
    self.counted = 0
    """Requests for counts that were served, which X charges for."""
    self._clock = clock
    self._random = random.Random(seed)
    self._speed = speed
    self._ids = 1_800_000_000_000_000_000
    self._times: dict[str, deque[float]] = {name: deque() for name in LIMITS}
    self._stream: trio.MemorySendChannel[bytes | StreamFault] | None = None
    """The lines of the open stream, if there is one."""
    self._refuses = "429", 0.0
    """The fault that says what requests are answered, and until when (trio's time)."""
    self._duplicates = 0
    self._too_old = False
    self._blank = 0
    """How many searches are still answered with errors and no posts."""
    self._linger = 0.0
    self._lingers_until = 0.0
    self._control = ControlEndpoint(
      {
        "GET /_sim/log": lambda _: json_response(list(self.written)),
        "GET /_sim/stats": self._stats,
        "POST /_sim/faults": fault_route(X_FAULTS, self.fault),
      }
    )

  async def run(self) -> None:
    """Writes posts until cancelled."""
    while True:
      await trio.sleep(self._random.expovariate(POSTS * self._speed))
      subject = self._random.choice(_SUBJECTS)
      self.write(self._random.choice(_PHRASES).format(subject), self._random.choice(AUTHORS))

  def write(self, text: str, username: str = "anna", lang: str = "en") -> dict[str, Any]:
    """Writes a post and sends it to the stream where a rule matches it."""
    self._ids += self._random.randrange(1, 1 << 20)
    post = {
      "id": str(self._ids),
      "text": text,
      "username": username,
      "lang": lang,
      "created_ms": self._clock.now_ms(),
    }
    self.written.append(post)
    if (line := self._line(post)) is not None:
      for _ in range(2 if self._duplicates else 1):
        self._send(line)
      self._duplicates = max(0, self._duplicates - 1)
    return post

  # Faults ----------------------------------------------------------------------------------------

  def fault(self, fault: VenueFault) -> None:
    """Carries out a fault now."""
    if fault.kind == "duplicate":
      self._duplicates = fault.count
    elif fault.kind == "linger":
      self._linger = fault.seconds
    elif fault.kind == "old":
      self._too_old = True
    elif fault.kind == "blank":
      self._blank = fault.count
    elif fault.kind in (*PROBLEMS, *PAGES):
      self._refuses = fault.kind, trio.current_time() + fault.seconds
    elif fault.kind == "partial":
      self._send(b'{"data":{"id":"1800000000000000000","text":"half of a po')
      self._send("end")
    elif fault.kind == "disconnect":
      problem = {
        "title": "operational-disconnect",
        "disconnect_type": "UpstreamOperationalDisconnect",
        "detail": "This stream has been disconnected upstream for operational reasons.",
        "type": "https://api.twitter.com/2/problems/operational-disconnect",
      }
      self._send(msgspec.json.encode({"errors": [problem]}) + b"\r\n")
      self._send("end")
      # X has ended it already: a client that connects again at once is accepted.
      self._stream = None
    elif fault.kind == "drop":
      self._send("drop")
    elif fault.kind == "silence":
      self._send("silence")

  # Requests --------------------------------------------------------------------------------------

  async def http(self, request: HttpRequest) -> HttpResponse:
    if (response := self._control.respond(request)) is not None:
      return response
    route = f"{request.method} {request.path}"
    self.requests[route] += 1
    if not request.headers.get("authorization", "").startswith("Bearer "):
      return _problem(401, "Unauthorized", "Unauthorized")
    if route not in LIMITS:
      return _problem(404, "Not Found Error", f"there is no {route}")
    now = trio.current_time()
    kind, until = self._refuses
    if now < until:
      return page(PAGES[kind]) if kind in PAGES else _problem(*PROBLEMS[kind])
    headers, allowed = self._count(route, now)
    if not allowed:
      return _problem(429, "Too Many Requests", "Too Many Requests", headers)
    if route == f"GET {STREAM}":
      return self._open_stream(request, headers)
    if route == f"GET {SEARCH}":
      return self._search(request, headers)
    if route == f"GET {COUNTS}":
      return self._counts(request, headers)
    if route == f"GET {RULES}":
      rules = [rule.shown() for rule in self.rules.values()]
      meta = {"result_count": len(rules), "sent": self._now()}
      # X leaves the key out where there is no rule.
      return json_response({**({"data": rules} if rules else {}), "meta": meta}, headers=headers)
    return self._change(request, headers)

  def _count(self, route: str, now: float) -> tuple[_Headers, bool]:
    """Counts a request against its limit: X's headers, and whether it is allowed. X does not count
    requests that it refuses."""
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

  def _change(self, request: HttpRequest, headers: _Headers) -> HttpResponse:
    """Adds or deletes rules."""
    try:
      body = msgspec.json.decode(request.body, type=dict[str, Any])
    except msgspec.DecodeError:
      return _problem(400, "Invalid Request", "the body is no JSON object")
    if "delete" in body:
      deleted = [self.rules.pop(str(name), None) for name in body["delete"].get("ids", [])]
      count = sum(rule is not None for rule in deleted)
      summary = {"deleted": count, "not_deleted": len(deleted) - count}
      return json_response({"meta": {"sent": self._now(), "summary": summary}}, headers=headers)
    added, errors = [], []
    for row in body.get("add", []):
      value = row.get("value", "")
      try:
        if any(rule.value == value for rule in self.rules.values()):
          raise SimulatorError("DuplicateRule")
        if len(self.rules) >= MAX_RULES:
          raise SimulatorError("RulesCapExceeded")
        matches = compile_rule(value)
      except SimulatorError as error:
        # As X: the words are beside the title, and a rule that is there already has its id.
        row = {"value": value, "title": str(error), "details": [f"{error} (at position 1)"]}
        same = (rule.id for rule in self.rules.values() if rule.value == value)
        errors.append(row | ({"id": found} if (found := next(same, None)) else {}))
        continue
      self._ids += 1
      rule = XRule(str(self._ids), value, row.get("tag"), matches)
      self.rules[rule.id] = rule
      added.append(rule.shown())
    summary = {"created": len(added), "not_created": len(errors)}
    answer: dict[str, Any] = {"meta": {"sent": self._now(), "summary": summary}}
    answer |= {"data": added} if added else {}
    answer |= {"errors": errors} if errors else {}
    return json_response(answer, 201, headers)

  def _open_stream(self, request: HttpRequest, headers: _Headers) -> HttpResponse:
    lingers = self._stream is None and trio.current_time() < self._lingers_until
    if self._stream is not None or lingers:
      # A client cannot know that X still counts a connection that it has closed.
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
    send, receive = trio.open_memory_channel[bytes | StreamFault](BUFFERED)
    self._stream = send
    self.connected.append(trio.current_time())
    minutes = int(request.param("backfill_minutes") or 0)
    since = self._clock.now_ms() - minutes * 60_000
    lines = [self._line(post) for post in self.written if post["created_ms"] >= since]
    backfill = [line for line in lines if line is not None] if minutes else []
    packed = "gzip" in request.headers.get("accept-encoding", "")
    body = XStreamBody(receive, backfill, partial(self._gone, send), packed=packed)
    return HttpResponse(body=body, headers=(*headers, *(GZIP if packed else ())))

  def _search(self, request: HttpRequest, headers: _Headers) -> HttpResponse:
    try:
      body = search(request, self.written, self._clock.now_ms())
    except (SimulatorError, ValueError) as error:
      self.violations["search"] += 1
      return _problem(400, "Invalid Request", str(error), headers)
    if int(request.param("since_id") or 0) and self._too_old:
      self._too_old = False
      detail = "'since_id' must be a tweet id created after a time of seven days ago."
      return _problem(400, "Invalid Request", detail, headers)
    if self._blank:
      self._blank -= 1
      problem = {"title": "Operational Problem", "type": "about:blank", "detail": "Again later."}
      return json_response({"errors": [problem]}, headers=headers)
    self.sold += body["meta"]["result_count"]
    return json_response(body, headers=headers)

  def _counts(self, request: HttpRequest, headers: _Headers) -> HttpResponse:
    try:
      body = count(request, self.written, self._clock.now_ms())
    except SimulatorError as error:
      self.violations["counts"] += 1
      return _problem(400, "Invalid Request", str(error), headers)
    self.counted += 1
    return json_response(body, headers=headers)

  def _gone(self, stream: "trio.MemorySendChannel[bytes | StreamFault]") -> None:
    """A stream has ended, by its client or by X."""
    if self._stream is stream:
      self._stream = None
      self._lingers_until, self._linger = trio.current_time() + self._linger, 0.0

  def _send(self, line: bytes | StreamFault) -> None:
    if self._stream is None:
      return
    try:
      self._stream.send_nowait(line)
    except trio.WouldBlock:
      self._stream.close()
      self._stream = None

  def _line(self, post: dict[str, Any]) -> bytes | None:
    """The line of a post in the stream, None where no rule matches it."""
    matching = [
      {"id": rule.id, **({} if rule.tag is None else {"tag": rule.tag})}
      for rule in self.rules.values()
      if rule.matches(post)
    ]
    if not matching:
      return None
    data, user = post_and_author(post)
    line = {"data": data, "includes": {"users": [user]}, "matching_rules": matching}
    return msgspec.json.encode(line) + b"\r\n"

  def _now(self) -> str:
    return iso(self._clock.now_ms())

  # Control and WebSockets ------------------------------------------------------------------------

  def _stats(self, request: HttpRequest) -> HttpResponse:
    return json_response(
      {
        "requests": self.requests,
        "violations": self.violations,
        "connected": self.connected,
        "rules": len(self.rules),
        "sold": self.sold,
        "counted": self.counted,
      }
    )

  async def upgrade(self, request: HttpRequest) -> ConnectionPolicy | HttpResponse:
    return _problem(404, "Not Found Error", "X has no WebSocket")

  def opened(self, connection: ClientConnection) -> ClientHandler:
    raise SimulatorError("X has no WebSocket")


def _problem(status: int, title: str, detail: str, headers: _Headers = ()) -> HttpResponse:
  body = {"title": title, "detail": detail, "type": "about:blank", "status": status}
  return json_response(body, status, headers)
