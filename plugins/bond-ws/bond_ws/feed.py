"""Any websocket as a Feed: a spec says what is sent, and how messages are read."""

from collections import deque
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

import attrs
import msgspec

from bond_core import EVENT_TYPES, Batch, Event, Gap, Instrument, Refused, Secret
from bond_core.config import load_function as load
from bond_core.feeds import (
  Action,
  Fetch,
  Handshake,
  Limits,
  Moment,
  Pong,
  Reject,
  Reset,
  Response,
  Send,
  Subscription,
  own_words,
)
from bond_ws.config import Custom, allowance, as_text
from bond_ws.decoding import GZIP, as_text as as_message, decoder
from bond_ws.mapping import UNREADABLE, Mapping
from bond_ws.matching import UNDECODED, matcher
from bond_ws.numbers import Numbers
from bond_ws.paths import MISSING, MOST_ITEMS, Scope, parse_path
from bond_ws.rules import EVENTS, converted
from bond_ws.templates import filled

_EVENTS = frozenset(EVENT_TYPES.values())

MAX_REPLIES = 10

MOST_CHANNELS = 500
"""That one connection opens, each with a message of at most MOST_OPENING bytes that is kept."""
MOST_OPENING = 4096

_FORMS = {"text": "text", "msgpack": "MessagePack", "cbor": "CBOR"}


class Connection:
  """A configuration that is connected to; each has a connection of its own."""

  def __init__(self, config: Custom) -> None:
    self.config = config


@attrs.define
class _Open:
  """An open connection and what it carries."""

  subscriptions: list[Subscription]
  beaten_ns: int
  """When the last heartbeat was sent."""
  second: int = 0
  """When the last reply was sent (monotonic s)."""
  replies: int = 0
  """Replies in that second."""
  channels: dict[str | int, Any] = attrs.field(factory=dict)
  """The messages that opened its channels."""
  numbers: Numbers = attrs.field(factory=Numbers)


class WsFeed:
  """One websocket. `mapped` counts messages that became events or that a rule left out, `ignored`
  those that no rule is for, `unmapped` those that should have been read and could not."""

  def __init__(self, connection: Connection) -> None:
    config = connection.config
    self.exchange = config.venue
    self.actions: deque[Action] = deque()
    self.mapped = 0
    self.ignored = 0
    self.unmapped = 0
    self._config = config
    self._mappings = [
      Mapping(rule, self.exchange, config.market_type, config.symbols, config.quotes)
      for rule in config.map
    ]
    self._replies = [(matcher(reply.when), reply.send) for reply in config.replies]
    self._failures = [
      (matcher(f.when), parse_path(f.text), parse_path(f.symbol) if f.symbol else None)
      for f in config.failures
    ]
    self._sequence = parse_path(config.sequence) if config.sequence else None
    channels = config.channels
    self._opens = None if channels is None else matcher(channels.opened)
    self._id = parse_path(channels.id if channels else "")
    self._of = parse_path(channels.of if channels else "")
    beat = config.heartbeat
    self._is_pong = None if beat is None or beat.answer is None else matcher(beat.answer)
    # A ping whose answer is not known is only sent; the WebSocket's own ping shows whether the
    # venue lives.
    self._beat = None if beat is None or self._is_pong is not None else beat.send
    self._decode = decoder(config.decode, int(config.max_message))
    self._function: Callable[..., Any] | None = None
    self._connections: dict[int, _Open] = {}
    self._received_ns: int | None = None

  # What it takes ------------------------------------------------------------------------------

  def group(self, subscription: Subscription) -> str:
    channels = {EVENTS[rule.emit].channel for rule in self._config.map}
    own = subscription.instrument == Instrument(self.exchange, self._config.market_type, "*")
    if not own or (channels and subscription.channel not in channels):
      raise Refused(f"there is no {subscription} here; there is what the mapping of a spec gives")
    # A missing secret or function ends the source with a sentence, before it connects.
    self._headers()
    self._url()
    for secret in self._config.secrets.values():
      secret.reveal()
    if self._config.function and self._function is None:
      self._function = load(self._config.function, "ws.custom")
    return self.exchange

  def limits(self, group: str) -> Limits:
    return _limits(self._config, self._text)

  def silence(self, subscription: Subscription) -> float | None:
    return self._config.silence

  def last_received(self, subscription: Subscription) -> int | None:
    return self._received_ns

  def snapshot_weight(self, subscription: Subscription) -> int:
    return 0

  def opening_messages(self, group: str, subscriptions: list[Subscription]) -> list[bytes]:
    return [self._text(message) for message in self._config.send]

  def handshake(self, group: str, subscriptions: list[Subscription]) -> Handshake:
    return Handshake(
      self._url(),
      self._headers(),
      tuple(self._config.subprotocols),
      allowance=None if self._config.private else allowance(),
    )

  def _headers(self) -> tuple[tuple[str, str], ...]:
    return tuple((name, _revealed(value)) for name, value in self._config.headers.items())

  def _text(self, template: Any) -> bytes:
    return as_text(filled(template, self._secret))

  def _secret(self, name: str) -> str:
    return self._config.secrets[name].reveal()

  def _url(self) -> str:
    if not self._config.query:
      return self._config.url
    url = urlsplit(self._config.url)
    query = urlencode({name: _revealed(value) for name, value in self._config.query.items()})
    return url._replace(
      path=url.path or "/", query="&".join(filter(None, (url.query, query)))
    ).geturl()

  # Connections ---------------------------------------------------------------------------------

  def on_open(
    self, connection: int, subscriptions: list[Subscription], *, overlap: bool, now: Moment
  ) -> None:
    self._connections[connection] = _Open(list(subscriptions), now.mono_ns)
    self._received_ns = now.mono_ns
    for message in self._config.send:
      self.actions.append(Send(connection, self._text(message)))

  def on_change(
    self,
    connection: int,
    added: list[Subscription],
    removed: list[Subscription],
    now: Moment,
  ) -> None:
    # What is sent is the spec's; readers come and go on our side only.
    if (opened := self._connections.get(connection)) is not None:
      opened.subscriptions = [s for s in opened.subscriptions if s not in removed] + added

  def on_close(self, connection: int) -> None:
    self._connections.pop(connection, None)

  def on_timer(self, now: Moment) -> Batch:
    beat = self._config.heartbeat
    if beat is not None and self._beat is not None:
      for number, opened in self._connections.items():
        if now.mono_ns - opened.beaten_ns >= beat.every * 1e9:
          opened.beaten_ns = now.mono_ns
          self.actions.append(Send(number, self._text(self._beat)))
    return []

  def on_response(self, fetch: Fetch, response: Response, received: Moment) -> Batch:
    return []  # Nothing is ever fetched.

  def explain(self, status: int, body: bytes) -> str | None:
    if status in (301, 302, 303, 307, 308):
      return f"{self.exchange} answered with a redirect, which is not followed; write its new URL"
    return None

  # Messages ------------------------------------------------------------------------------------

  def on_frames(self, connection: int, frames: list[bytes], received: Moment) -> Batch:
    out: Batch = []
    opened = self._connections.get(connection)
    if opened is None or not opened.subscriptions:
      return out
    faults: list[Exception] = []
    for frame in frames:
      before = len(out)
      try:
        self._take(connection, opened, frame, received, out, faults)
      except UNREADABLE as exc:
        # None of a message's events goes on where it cannot be read; what is missing before it is.
        out[before:] = [event for event in out[before:] if type(event) is Gap]
        faults.append(exc)
    if faults:
      self.unmapped += len(faults)
      count = "a message" if len(faults) == 1 else f"{len(faults)} messages"
      cause = f"{count} could not be mapped: {_reason(faults[-1])}"
      out.append(self._gap(len(faults), cause, opened, received))
    return out

  def _take(
    self,
    connection: int,
    opened: _Open,
    frame: bytes,
    received: Moment,
    out: Batch,
    faults: list[Exception],
  ) -> None:
    frame, message = self._decode(frame)
    scope = (message, self._opening(opened, message))
    replied = self._reply_to(connection, opened, frame, scope, received)
    self._count(opened, scope, received, out)
    if replied:
      return
    if message is UNDECODED:
      if self._function is None:
        hint = "; it looks like gzip, so write decode: gzip" if frame[:2] == GZIP else ""
        raise ValueError(f"it is not {_FORMS.get(self._config.decode, 'JSON')}{hint}")
      message = as_message(frame)
    self._received_ns = received.mono_ns
    for fits, text, symbol in self._failures:
      if fits(frame, scope):
        refused = None if symbol is None else symbol.read(scope)
        self._fail(opened, text.read(scope), refused, received, out)
        return
    if self._opens is not None and self._opens(frame, scope):
      self._open_channel(opened, frame, scope)
      return
    if self._function is not None:
      self._call(self._function, message, received, out)
      return
    left, looks = MOST_ITEMS, []
    for mapping in self._mappings:
      looks.append((mapping, mapping.scopes(scope, left)))
      left -= len(looks[-1][1])
    taken = [
      mapping.take(frame, scopes, received, opened.numbers, out, faults)
      for mapping, scopes in looks
    ]
    if any(taken):
      self.mapped += 1
    else:
      self.ignored += 1

  def _opening(self, opened: _Open, message: Any) -> Any:
    """The message that opened a message's channel."""
    if not opened.channels:
      return MISSING
    name = self._of.read((message, MISSING))
    return opened.channels.get(name, MISSING) if isinstance(name, str | int) else MISSING

  def _open_channel(self, opened: _Open, frame: bytes, scope: Scope) -> None:
    name = self._id.read(scope)
    if not isinstance(name, str | int) or isinstance(name, bool):
      raise ValueError("it opens a channel without a number or name")
    full = len(opened.channels) >= MOST_CHANNELS and name not in opened.channels
    if full or len(frame) > MOST_OPENING:
      raise ValueError(
        f"it opens more than {MOST_CHANNELS} channels, or with more than {MOST_OPENING} bytes"
      )
    opened.channels[name] = scope[0]

  def _count(self, opened: _Open, scope: Scope, received: Moment, out: Batch) -> None:
    """Declares messages that are missing by the numbers of a connection."""
    if self._sequence is None:
      return
    try:
      number = converted(self._sequence.read(scope), int, self._config.sequence)
    except ValueError:
      return  # A message of another form, such as a greeting, is not numbered.
    if skipped := opened.numbers.skipped("", number):
      cause = f"numbers at {self._config.sequence} are missing"
      gap = self._gap(len(skipped), cause, opened, received)
      gap.venue_from, gap.venue_to = skipped[0], skipped[-1]
      out.append(gap)

  def _reply_to(
    self, connection: int, opened: _Open, frame: bytes, scope: Scope, received: Moment
  ) -> bool:
    """Whether a message is the answer to a ping, or gets a reply. It proves that the socket lives,
    not that its data does."""
    if self._is_pong is not None and self._is_pong(frame, scope):
      self.actions.append(Pong(connection))
      return True
    for fits, send in self._replies:
      if fits(frame, scope):
        if send is not None:
          reply = filled(send, self._secret, lambda path: parse_path(path).read(scope))
          self._reply(connection, opened, as_text(reply), received)
        return True
    return False

  def _reply(self, connection: int, opened: _Open, data: bytes, received: Moment) -> None:
    """Sends a reply. A venue that requires more of them than are sent in a second would fill
    memory, so its connection is reset."""
    second = received.mono_ns // 1_000_000_000
    if second != opened.second:
      opened.second, opened.replies = second, 0
    opened.replies += 1
    if opened.replies <= MAX_REPLIES:
      self.actions.append(Send(connection, data))
    elif opened.replies == MAX_REPLIES + 1:
      reason = f"{self.exchange} required more than {MAX_REPLIES} replies within a second"
      self.actions.append(Reset(connection, reason))

  def _call(self, function: Callable[..., Any], message: Any, received: Moment, out: Batch) -> None:
    try:
      made = function(message, received)
    except Exception as exc:
      raise ValueError(f"{self._config.function} raised {type(exc).__name__}: {exc}") from exc
    events = made if isinstance(made, list) else [] if made is None else [made]
    for event in events:
      if type(event) not in _EVENTS:
        raise ValueError(f"{self._config.function} gave a {type(event).__name__} and no event")
      if isinstance(event, Event) and not event.ts_event:
        event.ts_event, event.ts_internal = received
    out += events
    if events:
      self.mapped += 1
    else:
      self.ignored += 1

  def _fail(self, opened: _Open, said: Any, symbol: Any, received: Moment, out: Batch) -> None:
    if symbol is not None:
      cause = f"{self.exchange} refused {self._words(symbol)}: {self._words(said)}"
      out.append(self._gap(None, cause, opened, received))
      return
    reason = f"{self.exchange} refused: {self._words(said)}"
    for subscription in opened.subscriptions:
      self.actions.append(Reject(subscription, reason))

  def _words(self, said: Any) -> str:
    """What the venue says, without the secrets that it was sent."""
    text = said if isinstance(said, str) else msgspec.json.encode(said).decode()
    given = (self._config.secrets, self._config.headers, self._config.query)
    secrets = [value.reveal() for of in given for value in of.values() if isinstance(value, Secret)]
    return own_words(text, hidden=secrets)

  def _gap(self, lost: int | None, cause: str, opened: _Open, received: Moment) -> Gap:
    channels = {subscription.channel for subscription in opened.subscriptions}
    return Gap(
      channel=channels.pop() if len(channels) == 1 else "*",
      exchange=self.exchange,
      symbol="*",
      market_type=self._config.market_type,
      ts_event=received.ts_ms,
      ts_from=received.ts_ms,
      ts_to=received.ts_ms,
      missed=lost,
      cause=cause,
      streams=[str(subscription) for subscription in opened.subscriptions],
    )


def _limits(config: Custom, text: Callable[[Any], bytes]) -> Limits:
  beat = config.heartbeat
  answered = beat is not None and beat.answer is not None
  return Limits(
    messages=(2 * MAX_REPLIES, 1.0),
    connects=(60, 300.0),
    ping_every=beat.every if beat is not None and (answered or beat.send is None) else None,
    ping_text=text(beat.send) if beat is not None and answered else None,
    max_message_bytes=int(config.max_message),
    # Nothing shows that two connections said the same.
    overlaps=False,
  )


def _revealed(value: str | Secret) -> str:
  return value.reveal() if isinstance(value, Secret) else value


def _reason(exc: Exception) -> str:
  if isinstance(exc, RecursionError):
    return "it is nested too deeply"
  return str(exc)[:200] or type(exc).__name__
