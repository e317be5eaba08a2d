"""A venue that misbehaves by plan: what any simulator sends and answers passes through here.

A plan is a list of episodes. While one lasts, it strikes a share of the messages, answers or
connections, as its kind says. Everything is drawn from one generator, so that a seed reproduces.
What a plan may change keeps to what a client can notice: bytes, types and missing keys, order and
number of messages, statuses and their bodies; never a value for another valid one.
"""

import gzip
import random
import re
import weakref
import zlib
from collections import Counter, deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, get_args

import attrs
import msgspec
import trio

from bond_core.websockets import text_frame
from bond_simkit.altered import halted
from bond_simkit.http import Abort, HttpRequest, HttpResponse
from bond_simkit.server import Site
from bond_simkit.websocket import (
  ClientConnection,
  ClientHandler,
  CloseFrame,
  ConnectionPolicy,
  TcpClose,
)

EpisodeKind = Literal[
  # Messages.
  "drop", "repeat", "reorder", "delay", "cut", "alter", "html", "compress", "noise", "error",
  "clock",
  # Connections.
  "fin", "rst", "torn", "close", "half-open", "mute", "deaf", "handshake",
  # Answers to requests.
  "status", "body", "torn-answer", "slow", "stale", "encoding", "halted",
]  # fmt: skip
"""What an episode does; EPISODES has a sentence for each."""

EPISODES: dict[EpisodeKind, str] = {
  "drop": "messages are not sent",
  "repeat": "messages are sent two to four times",
  "reorder": "messages come after some that follow them",
  "delay": "a connection's messages are held back for up to four seconds, in order",
  "cut": "messages end in the middle",
  "alter": "a value has another type, is null or not a number, or its key is missing",
  "html": "messages are HTML pages",
  "compress": "messages are gzip or deflate, as binary, as text, or with a bit set that says so",
  "noise": "other messages come between: empty, null, no JSON, bytes that are no text",
  "error": "errors of the venue come between that name no request",
  "clock": "the venue's times are hours or seconds off",
  "fin": "connections end without a Close frame",
  "rst": "connections are reset",
  "torn": "connections end in the middle of a message",
  "close": "connections are closed, with a code and a reason",
  "half-open": "nothing is sent or answered any more on a connection",
  "mute": "no more data comes on a connection; requests and pings are answered",
  "deaf": "what clients send is not read",
  "handshake": "a new WebSocket is refused, answered with HTML, reset, or kept waiting",
  "status": "requests are answered with 3xx, 4xx or 5xx, in HTML, JSON or nothing",
  "body": "200 with HTML, nothing, another JSON, or half of the right one",
  "torn-answer": "an answer ends before its length",
  "slow": "answers take up to twelve seconds",
  "stale": "an earlier answer to the same request is given again",
  "encoding": "answers are gzip, said or unsaid, or of another content type",
  "halted": "markets are listed as not trading",
}

_ON_MESSAGES = frozenset(get_args(EpisodeKind)[:11])
_ON_CONNECTIONS = frozenset(("fin", "rst", "torn", "close", "half-open", "mute"))
_AT_FIRST = frozenset(get_args(EpisodeKind)[17:])
_HTML = (
  b"<!DOCTYPE html><html><head><title>Attention Required!</title></head><body><h1>Sorry, you have "
  b"been blocked</h1><p>Please try again later.</p></body></html>"
)
_NOISE = (
  b"", b"null", b"[]", b"{}", b'"x"', b"0", b"\xff\xfe", b"{", b"OK", b"[" * 2000,
)  # fmt: skip
_ERRORS = (
  b'{"error":{"code":3,"msg":"internal error"}}',
  b'{"code":1,"msg":"system busy"}',
  b'{"event":"error","code":"50001","msg":"Service temporarily unavailable."}',
  b'{"success":false,"ret_msg":"internal error","conn_id":"1","req_id":"","op":""}',
)  # fmt: skip
_STATUSES = (301, 302, 400, 401, 403, 404, 418, 429, 451, 500, 502, 503, 504, 520)
_CLOSES = (1000, 1001, 1008, 1011, 1012, 1013, 3000, 4000)
_ANY_TEXT = "i"
"""The key of ids that may be any text, so that no reader can tell another text from them."""
_TIME = re.compile(rb"(?<![\w.])1[78]\d{11}(?![\w.])")


@attrs.frozen(kw_only=True)
class Episode:
  """From `begin` to `end`, in seconds from the start of the plan, `kind` strikes a `share` of what
  it concerns."""

  kind: EpisodeKind
  begin: float
  end: float
  share: float

  def __str__(self) -> str:
    what = EPISODES[self.kind]
    return f"{self.begin:6.2f} to {self.end:6.2f}  {self.kind:11} {self.share:4.0%}  {what}"


def draw_episodes(
  rng: random.Random, kinds: Sequence[EpisodeKind], *, until: float, most: int = 7
) -> list[Episode]:
  """A plan of up to `most` episodes of these kinds that is over `until` seconds from its start."""
  episodes = []
  for _ in range(rng.randint(1, most)):
    kind = rng.choice(kinds)
    # Most requests are sent in the beginning.
    begin = 0.0 if kind in _AT_FIRST and rng.random() < 0.5 else rng.uniform(0, until - 0.5)
    end = min(until, begin + 0.2 + rng.expovariate(1 / 3.5))
    share = rng.choice((0.05, 0.2, 0.5, 1.0))
    episodes.append(Episode(kind=kind, begin=begin, end=end, share=share))
  return sorted(episodes, key=lambda episode: episode.begin)


class Hostility:
  """Carries out a plan on the connections and answers of the sites that it is given.

  `note` takes each strike: its kind, and what it struck. `withheld` are the messages that no client
  can read any more, since they were dropped, altered or cut, or were under way as a connection
  ended; `struck` counts strikes by kind.
  """

  def __init__(
    self,
    episodes: Sequence[Episode],
    rng: random.Random,
    note: Callable[[EpisodeKind, str], None] = lambda kind, what: None,
  ) -> None:
    self.episodes = episodes
    self.withheld: list[bytes] = []
    self.struck: Counter[EpisodeKind] = Counter()
    self._rng = rng
    self._note = note
    self._started_at = trio.current_time()
    self._connections: dict[ClientConnection, _Channel] = {}
    self._streams: list[weakref.ref[_Stream]] = []
    """Answers that go on and on. The server drops one whose client has gone."""
    self._answers: dict[tuple[str, tuple[tuple[str, str], ...]], HttpResponse] = {}
    self._nursery: trio.Nursery | None = None

  async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    """Strikes connections when their time has come, until cancelled."""
    async with trio.open_nursery() as nursery:
      self._nursery = nursery
      self._started_at = trio.current_time()
      task_status.started()
      for episode in self.episodes:
        if episode.kind in _ON_CONNECTIONS:
          nursery.start_soon(self._strike_connections, episode)
      await trio.sleep_forever()

  def site(self, site: Site) -> Site:
    """The same site, under this plan."""
    return _HostileSite(self, site)

  # What the site asks ----------------------------------------------------------------------------

  def strikes(self, *kinds: EpisodeKind) -> Iterator[EpisodeKind]:
    """Which of these kinds strike now, each by its share."""
    now = trio.current_time() - self._started_at
    for episode in self.episodes:
      if (
        episode.kind in kinds
        and episode.begin <= now < episode.end
        and self._rng.random() < episode.share
      ):
        yield episode.kind

  def strike(self, kind: EpisodeKind, what: str) -> None:
    """Counts and notes a strike."""
    self.struck[kind] += 1
    self._note(kind, what)

  def opened(self, connection: ClientConnection) -> None:
    """A WebSocket is open."""
    channel = _Channel(self, connection, self._rng)
    self._connections[connection] = channel
    connection.tamper = channel.send

  def closed(self, connection: ClientConnection) -> None:
    """It has ended."""
    channel = self._connections.pop(connection, None)
    if channel is not None:
      channel.release(lost=True)

  @contextmanager
  def answering(self, connection: ClientConnection) -> Iterator[None]:
    """What the connection sends while the block lasts is an answer."""
    channel = self._connections.get(connection)
    if channel is None:
      yield
      return
    channel.answers = True
    try:
      yield
    finally:
      channel.answers = False

  def later(self, seconds: float, call: Callable[[], None]) -> None:
    """Calls after so many seconds."""

    async def wait() -> None:
      await trio.sleep(seconds)
      call()

    if self._nursery is None:
      raise RuntimeError("a plan is carried out while Hostility.run runs")
    self._nursery.start_soon(wait)

  async def _strike_connections(self, episode: Episode) -> None:
    await trio.sleep_until(self._started_at + episode.begin)
    while trio.current_time() < self._started_at + episode.end:
      for connection, channel in list(self._connections.items()):
        if self._rng.random() < episode.share:
          channel.end(episode.kind)
          self.strike(episode.kind, f"connection {connection.number}")
      for stream in [found for ref in self._streams if (found := ref()) is not None]:
        if not stream.ended and self._rng.random() < episode.share:
          stream.end(episode.kind)
          self.strike(episode.kind, "a stream")
      await trio.sleep(self._rng.uniform(0.5, 3.0))

  # Answers ---------------------------------------------------------------------------------------

  async def answer(self, site: Site, request: HttpRequest) -> HttpResponse:
    """The site's answer, or what the plan makes of it."""
    what = f"{request.method} {request.path}"
    for kind in self.strikes("status", "slow"):
      self.strike(kind, what)
      if kind == "status":
        return self._refusal()
      await trio.sleep(self._rng.uniform(0.5, 12.0))
    key = request.path, request.query
    # No cache keeps what a POST was answered.
    kept = request.method == "GET"
    for kind in self.strikes(*(("stale",) if kept else ())):
      if (earlier := self._answers.get(key)) is not None:
        self.strike(kind, what)
        return earlier
    response = await site.http(request)
    if not isinstance(response.body, bytes):
      stream = _Stream(self, response.body, self._rng)
      self._streams = [ref for ref in self._streams if ref() is not None]
      self._streams.append(weakref.ref(stream))
      return attrs.evolve(response, body=stream)
    if kept:
      self._answers[key] = response
    body = response.body
    for kind in self.strikes("halted"):
      body = halted(body, "")
      if body != response.body:
        self.strike(kind, what)
        response = attrs.evolve(response, body=body)
    for kind in self.strikes("body", "torn-answer", "encoding"):
      self.strike(kind, what)
      if kind == "torn-answer":
        return attrs.evolve(response, body=_torn(body, self._rng.randrange(len(body) + 1)))
      return self._other_body(body) if kind == "body" else self._encoded(body)
    return response

  def _refusal(self) -> HttpResponse:
    status = self._rng.choice(_STATUSES)
    headers: list[tuple[str, str]] = []
    if status in (418, 429, 503) and self._rng.random() < 0.7:
      headers.append(("Retry-After", str(self._rng.randint(0, 5))))
    if status in (301, 302):
      headers.append(("Location", "/elsewhere"))
    body, kind = self._rng.choice(
      ((_HTML, "text/html"), (b"", "text/plain"), (b'{"code":0,"msg":"Unauthorized"}', "text/json"))
    )
    return HttpResponse(status=status, body=body, headers=(*headers, ("content-type", kind)))

  def _other_body(self, body: bytes) -> HttpResponse:
    half = body[: len(body) // 2]
    other, kind = self._rng.choice(
      (
        (_HTML, "text/html; charset=utf-8"),
        (b"", "application/json"),
        (b"{}", "application/json"),
        (b"[]", "application/json"),
        (b"null", "application/json"),
        (b'{"code":"50001","msg":"Service temporarily unavailable","data":[]}', "application/json"),
        (half, "application/json"),
      )
    )
    return HttpResponse(body=other, headers=(("content-type", kind),))

  def _encoded(self, body: bytes) -> HttpResponse:
    match self._rng.randrange(3):
      case 0:
        return HttpResponse(
          body=gzip.compress(body, mtime=0),
          headers=(("content-type", "application/json"), ("content-encoding", "gzip")),
        )
      case 1:
        # Compressed, and nothing says so.
        return HttpResponse(
          body=gzip.compress(body, mtime=0), headers=(("content-type", "application/json"),)
        )
      case _:
        return HttpResponse(body=body, headers=(("content-type", "text/plain"),))

  async def refuse_handshake(self, request: HttpRequest) -> HttpResponse | None:
    """What a new WebSocket is answered with in place of being opened; None where it may be. Raises
    Abort to reset it."""
    for kind in self.strikes("handshake"):
      self.strike(kind, request.path)
      match self._rng.randrange(4):
        case 0:
          return self._refusal()
        case 1:
          return HttpResponse(body=_HTML, headers=(("content-type", "text/html"),))
        case 2:
          raise Abort
        case _:
          await trio.sleep(self._rng.uniform(1.0, 15.0))
    return None


class _HostileSite:
  """A site under a plan."""

  def __init__(self, hostility: Hostility, site: Site) -> None:
    self._hostility = hostility
    self._site = site

  async def http(self, request: HttpRequest) -> HttpResponse:
    if request.path.startswith("/_sim/"):
      return await self._site.http(request)
    return await self._hostility.answer(self._site, request)

  async def upgrade(self, request: HttpRequest) -> ConnectionPolicy | HttpResponse:
    refusal = await self._hostility.refuse_handshake(request)
    return await self._site.upgrade(request) if refusal is None else refusal

  def opened(self, connection: ClientConnection) -> ClientHandler:
    self._hostility.opened(connection)
    return _HostileHandler(self._hostility, connection, self._site.opened(connection))


class _HostileHandler:
  """A venue's side of a conversation that does not always listen."""

  def __init__(
    self, hostility: Hostility, connection: ClientConnection, handler: ClientHandler
  ) -> None:
    self._hostility = hostility
    self._connection = connection
    self._handler = handler

  def received(self, data: bytes, *, binary: bool) -> None:
    for kind in self._hostility.strikes("deaf"):
      self._hostility.strike(kind, _shown(data))
      return
    with self._hostility.answering(self._connection):
      self._handler.received(data, binary=binary)

  def closed(self) -> None:
    self._hostility.closed(self._connection)
    self._handler.closed()


class _Channel:
  """What a plan does to the messages of one connection."""

  def __init__(
    self, hostility: Hostility, connection: ClientConnection, rng: random.Random
  ) -> None:
    self._hostility = hostility
    self._connection = connection
    self._rng = rng
    self._held: list[bytes] = []
    self._holding = False
    self._late: list[tuple[int, bytes]] = []
    self._tear = self._torn = self._mute = False
    self.answers = False
    """Whether what is sent answers a client's message."""

  def send(self, data: bytes) -> None:
    """Takes what the site sends: whole frames."""
    for frame, payload in _frames(data):
      if payload is None:
        self._connection.write(frame)
        continue
      self._message(frame, payload)

  def end(self, kind: EpisodeKind) -> None:
    """Ends the connection in this way."""
    connection = self._connection
    if kind == "half-open":
      connection.half_open = True
    elif kind == "mute":
      self._mute = True
      self.release(lost=True)
    elif kind == "torn":
      self._tear = True
    elif kind == "close":
      code = self._rng.choice(_CLOSES)
      connection.finish(CloseFrame(code, self._rng.choice(("", "maintenance", "slow consumer"))))
    else:
      connection.finish(TcpClose.FIN if kind == "fin" else TcpClose.RST)

  def release(self, *, lost: bool = False) -> None:
    """Sends what was held back, or counts it as lost."""
    held, self._held, self._holding = self._held, [], False
    late, self._late = [frame for _, frame in self._late], []
    for frame in (*held, *late):
      if lost:
        self._hostility.withheld.append(frame)
      else:
        self._connection.write(frame)

  def _message(self, frame: bytes, payload: bytes) -> None:
    hostility, rng = self._hostility, self._rng
    if self._tear:
      hostility.withheld.append(payload)
      if not self._torn:
        self._torn = True
        self._connection.write(frame[: rng.randrange(len(frame))])
        # The site may be about to send more.
        end = rng.choice((TcpClose.FIN, TcpClose.RST))
        hostility.later(0, lambda: self._connection.finish(end))
      return
    if self._mute and not self.answers:
      hostility.withheld.append(payload)
      return
    for kind in hostility.strikes(*_ON_MESSAGES):
      hostility.strike(kind, _shown(payload))
      if kind == "reorder":
        self._late.append((rng.randint(1, 4), frame))
        return
      if kind == "delay":
        self._hold()
        break
      frame, payload = self._struck(kind, frame, payload)
      if not frame:
        return
    self._put(frame)

  def _struck(self, kind: EpisodeKind, frame: bytes, payload: bytes) -> tuple[bytes, bytes]:
    """What is sent in place of a message, and the message in it."""
    rng, withheld = self._rng, self._hostility.withheld
    match kind:
      case "repeat":
        return frame * rng.randint(2, 4), payload
      case "noise" | "error":
        noise = rng.choice(_NOISE if kind == "noise" else _ERRORS)
        return text_frame(noise) + frame, payload
      case "clock":
        off = rng.choice((-32_400_000, -120_000, -1500, 1500, 120_000, 32_400_000))
        moved = _TIME.sub(lambda found: str(int(found[0]) + off).encode(), payload)
        return text_frame(moved), moved
    withheld.append(payload)
    match kind:
      case "cut":
        part = payload[: rng.randrange(len(payload))] if payload else b""
        return text_frame(part), part
      case "alter":
        altered = alter(payload, rng)
        return text_frame(altered), altered
      case "html":
        return text_frame(_HTML), _HTML
      case "compress":
        return self._compressed(payload), payload
      case _:
        return b"", payload

  def _compressed(self, payload: bytes) -> bytes:
    rng = self._rng
    packed = rng.choice((gzip.compress(payload, mtime=0), zlib.compress(payload)))
    frame = text_frame(packed)
    first = rng.choice((0x82, 0x81, 0xC1))
    return bytes((first,)) + frame[1:]

  def _hold(self) -> None:
    if not self._holding:
      self._holding = True
      self._hostility.later(self._rng.uniform(0.1, 4.0), self.release)

  def _put(self, frame: bytes) -> None:
    if self._holding:
      self._held.append(frame)
      return
    self._connection.write(frame)
    waiting, self._late = self._late, []
    for left, late in waiting:
      if left == 1:
        self._connection.write(late)
      else:
        self._late.append((left - 1, late))


class _Stream:
  """The body of an answer that goes on and on, such as lines of JSON: each part is a message, and a
  blank one a heartbeat."""

  def __init__(self, hostility: Hostility, parts: AsyncIterable[bytes], rng: random.Random) -> None:
    self._hostility = hostility
    self._parts: AsyncIterator[bytes] | None = aiter(parts)
    self._rng = rng
    self._ready: deque[bytes] = deque()
    self._late: bytes | None = None
    self._end: EpisodeKind | None = None

  @property
  def ended(self) -> bool:
    """Whether it has ended, or is about to."""
    return self._parts is None or (self._end is not None and self._end != "mute")

  def end(self, kind: EpisodeKind) -> None:
    """Ends it in this way, at the next part."""
    self._end = kind

  def __aiter__(self) -> "_Stream":
    return self

  async def __anext__(self) -> bytes:
    while not self._ready:
      if self._parts is None:
        raise Abort
      await self._next(await anext(self._parts))
    return self._ready.popleft()

  async def _next(self, part: bytes) -> None:
    data = bool(part.strip())
    if self._end is not None and (self._end != "mute" or data):
      await self._stop(self._end, part)
    elif data:
      await self._message(part)
    else:
      self._ready.append(part)

  async def _stop(self, kind: EpisodeKind, part: bytes) -> None:
    self._hostility.withheld.append(part)
    if kind == "mute":
      return
    # The venue no longer counts it as a connection.
    self._parts = None
    if kind == "half-open":
      await trio.sleep_forever()
    elif kind == "torn":
      self._ready.append(part[: self._rng.randrange(len(part))] or b"{")
    elif kind == "rst":
      raise Abort
    else:
      raise StopAsyncIteration

  async def _message(self, part: bytes) -> None:
    hostility, rng, line = self._hostility, self._rng, part.strip()
    for kind in hostility.strikes(*_ON_MESSAGES):
      hostility.strike(kind, _shown(part))
      if kind == "repeat":
        self._ready.extend([part] * rng.randint(1, 3))
      elif kind in ("noise", "error"):
        self._ready.append(rng.choice(_NOISE if kind == "noise" else _ERRORS) + b"\r\n")
      elif kind == "delay":
        await trio.sleep(rng.uniform(0.1, 4.0))
      elif kind == "reorder":
        self._late, part = part, self._late or b""
        break
      elif kind != "clock":
        hostility.withheld.append(part)
        part = {
          "cut": line[: rng.randrange(len(line))],
          "alter": alter(line, rng),
          "html": _HTML,
          "compress": gzip.compress(line, mtime=0),
        }.get(kind, b"")
        part = part and part + b"\r\n"
        break
    else:
      late, self._late = self._late, None
      self._ready.extend([part, late] if late else [part])
      return
    if part:
      self._ready.append(part)


def alter(payload: bytes, rng: random.Random) -> bytes:
  """A JSON message in which one value is of a kind that cannot be meant: what a schema can see. A
  message that is not JSON is cut."""
  try:
    value = msgspec.json.decode(payload)
  except msgspec.DecodeError:
    return payload[: len(payload) // 2]
  places = list(_places(value))
  if not places:
    return b"?"
  container, key = rng.choice(places)
  old = container[key]
  choices: list[Any] = [{}, [[]], None]
  if isinstance(old, bool):
    choices.append("x")
  elif key != _ANY_TEXT and (
    isinstance(old, int | float) or (isinstance(old, str) and _is_number(old))
  ):
    choices += ["x", "nan", "-1e999", {"value": old}]
  if isinstance(container, dict) and rng.random() < 0.2:
    del container[key]
  else:
    container[key] = rng.choice([choice for choice in choices if choice != old])
  return msgspec.json.encode(value)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
  """Each (container, key) in a JSON value."""
  keys = list(value) if isinstance(value, dict) else range(len(value))
  for key in keys:
    yield value, key
    if isinstance(value[key], dict | list):
      yield from _places(value[key])


def _is_number(text: str) -> bool:
  try:
    float(text)
  except ValueError:
    return False
  return True


def _frames(data: bytes) -> Iterator[tuple[bytes, bytes | None]]:
  """Each whole frame in these bytes, with its message; None for a control frame."""
  position = 0
  while position < len(data):
    length, start = data[position + 1] & 0x7F, position + 2
    if length == 126:
      length, start = int.from_bytes(data[start : start + 2], "big"), start + 2
    elif length == 127:
      length, start = int.from_bytes(data[start : start + 8], "big"), start + 8
    end = start + length
    control = data[position] & 0x08
    yield data[position:end], None if control else data[start:end]
    position = end


async def _torn(body: bytes, at: int) -> Any:
  yield body[:at]
  raise Abort


def _shown(data: bytes) -> str:
  text = data[:160].decode(errors="replace")
  return text if len(data) <= 160 else f"{text}… ({len(data)} bytes)"
