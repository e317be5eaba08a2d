"""Binance's dialect as a Feed: spot and USD-M futures over combined streams."""

from collections import deque
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

import attrs
import msgspec

from bond_binance.books import SNAPSHOT, BookState
from bond_binance.config import FUTURES_INTERVALS
from bond_binance.endpoints import (
  LIMITS,
  LISTING_WEIGHT,
  MARKET,
  MAX_STREAMS_IN_URL,
  PUBLIC,
  SNAPSHOT_WEIGHT,
  Connection,
)
from bond_binance.latest import (
  QuotesState,
  read_candle_event,
  read_funding_event,
  read_liquidation_event,
  read_stats_event,
)
from bond_binance.listing import refusals
from bond_binance.messages import UNREADABLE, Other, read_listing, read_other, read_snapshot
from bond_binance.names import stream_name
from bond_binance.refusals import INVALID_SYMBOL, explain, read_error
from bond_binance.symbols import EXCHANGE, SPOT, USDM, market_of, spelling, venue_symbol
from bond_binance.trades import TradesState
from bond_core import Batch, Refused
from bond_core.feeds import (
  Action,
  Expire,
  Fetch,
  Handshake,
  Limits,
  Moment,
  Reject,
  Reset,
  Response,
  Send,
  Subscription,
)
from bond_core.venues import LatestFromMessage, ReadLatest, SubscriptionState, undecodable_gap

SECOND = 1_000_000_000

STEADY = 10.0
"""Seconds of silence that markPrice@1s never has."""

ANSWER_WITHIN_NS = 30 * SECOND
"""A control message is answered at once; its own place in the queue of 5 a second included."""

SNAPSHOT_TRIES = 3

_OPENING = b'{"stream":"'
_NOTHING = b"\0"

_CHANNELS = ("trades", "orderbook", "ticker", "candle", "funding", "liquidation")
_FUTURES_ONLY = ("funding", "liquidation")
# USD-M "Important WebSocket Change Notice". `trade` is not documented; it is served on /public.
_ON_PUBLIC = ("@trade", "@bookTicker", "@depth@100ms")

_READERS: dict[str, ReadLatest] = {
  "ticker": read_stats_event,
  "funding": read_funding_event,
  "liquidation": read_liquidation_event,
  "candle": read_candle_event,
}

# The stream that a payload without its envelope belongs to, by its event type.
_PLAIN = {
  "trade": "trade",
  "aggTrade": "aggTrade",
  "depthUpdate": "depth@100ms",
  "bookTicker": "bookTicker",
  "24hrTicker": "ticker",
  "markPriceUpdate": "markPrice@1s",
  "forceOrder": "forceOrder",
}


@attrs.define
class _Line:
  """An open connection: the streams of its market by name, and what it was asked."""

  number: int
  group: str
  streams: dict[bytes, SubscriptionState]
  asked: dict[int, "_Asked"] = attrs.field(factory=dict)


@attrs.frozen
class _Asked:
  """A control message without an answer yet."""

  method: str
  names: tuple[str, ...]
  at_ns: int


class BinanceFeed:
  """One connection's worth of Binance. `unknown` counts messages of streams that nobody asked for,
  such as those still under way after an UNSUBSCRIBE, `unreadable` messages that do not even name
  their stream."""

  exchange = EXCHANGE

  def __init__(self, connection: Connection) -> None:
    self.actions: deque[Action] = deque()
    self.unknown = 0
    self.unreadable = 0
    self._endpoint = connection
    self._streams: dict[str, dict[bytes, SubscriptionState]] = {SPOT: {}, USDM: {}}
    self._lines: dict[int, _Line] = {}
    self._next_id = 1
    self._listed: dict[str, set[str]] = {SPOT: set(), USDM: set()}
    self._retired = (0, 0, 0)
    self._now_ns = 0

  @property
  def duplicates(self) -> int:
    """Messages left out because they were not new."""
    return self._retired[0] + sum(stream.duplicates for stream in self._all())

  @property
  def missed(self) -> int:
    """Messages that are known to be lost, in declared gaps and outages."""
    return self._retired[1] + sum(stream.missed for stream in self._all())

  @property
  def skipped(self) -> int:
    """Futures trades that were not made on the book."""
    return self._retired[2] + sum(stream.skipped for stream in self._all())

  # What it would take --------------------------------------------------------------------------

  def group(self, subscription: Subscription) -> str:
    market = market_of(subscription.instrument)
    self._endpoint.check(market)
    channel = subscription.channel
    if channel not in _CHANNELS:
      raise Refused(f"Binance has no stream of {channel}; it has {', '.join(_CHANNELS)}")
    if market == SPOT:
      if channel in _FUTURES_ONLY:
        meant = spelling(subscription.instrument._replace(market_type="perp"))
        raise Refused(f"{subscription}: spot has no {channel}; the perpetual is written {meant}")
      return SPOT
    interval = dict(subscription.options).get("interval", "1m")
    if channel == "candle" and interval not in FUTURES_INTERVALS:
      raise Refused(f"{subscription}: futures have no candles of {interval}")
    return PUBLIC if self._name(subscription).endswith(_ON_PUBLIC) else MARKET

  def limits(self, group: str) -> Limits:
    return LIMITS[group]

  def silence(self, subscription: Subscription) -> float | None:
    if subscription.channel != "funding":
      return None
    stream = self._find(subscription)
    # A stream that was just asked for has not broken its promise yet.
    if stream is None or self._now_ns - stream.since < STEADY * SECOND:
      return None
    return STEADY

  def last_received(self, subscription: Subscription) -> int | None:
    stream = self._find(subscription)
    return None if stream is None else stream.heard

  def snapshot_weight(self, subscription: Subscription) -> int:
    if subscription.channel != "orderbook":
      return 0
    return SNAPSHOT_WEIGHT[market_of(subscription.instrument)]

  def opening_messages(self, group: str, subscriptions: list[Subscription]) -> list[bytes]:
    _, rest = self._split(subscriptions)
    batches = _batches(rest, LIMITS[group].subscriptions_per_message)
    return [_control("SUBSCRIBE", names, number) for number, names in enumerate(batches, 1)]

  def handshake(self, group: str, subscriptions: list[Subscription]) -> Handshake:
    names, _ = self._split(subscriptions)
    # The venue reads stream names as they are; nothing is escaped.
    return Handshake(self._endpoint.websocket(group) + "/".join(names))

  # Connections ---------------------------------------------------------------------------------

  def on_open(
    self, connection: int, subscriptions: list[Subscription], *, overlap: bool, now: Moment
  ) -> None:
    if not subscriptions:
      return  # All were refused while it opened.
    group = self.group(subscriptions[0])
    market = _market(group)
    self._lines[connection] = line = _Line(connection, group, self._streams[market])
    for subscription in subscriptions:
      self._stream(subscription).opened(connection, overlap=overlap, now=now)
    _, rest = self._split(subscriptions)
    self._ask(line, "SUBSCRIBE", rest, now.mono_ns)
    self._check_listed(market, subscriptions)

  def on_change(
    self,
    connection: int,
    added: list[Subscription],
    removed: list[Subscription],
    now: Moment,
  ) -> None:
    line = self._lines.get(connection)
    if line is None:
      return
    for subscription in removed:
      self._retire(subscription)
    for subscription in added:
      stream = self._stream(subscription)
      stream.opened(connection, overlap=bool(stream.carriers), now=now)
    self._ask(line, "UNSUBSCRIBE", [self._name(s) for s in removed], now.mono_ns)
    self._ask(line, "SUBSCRIBE", [self._name(s) for s in added], now.mono_ns)
    self._check_listed(_market(line.group), added)

  def on_close(self, connection: int) -> None:
    self._lines.pop(connection, None)
    for stream in self._all():
      stream.carriers.discard(connection)

  def on_timer(self, now: Moment) -> Batch:
    self._now_ns = now.mono_ns
    out: Batch = []
    for stream in self._all():
      stream.due(now, out)
    for line in self._lines.values():
      for asked in line.asked.values():
        if now.mono_ns - asked.at_ns > ANSWER_WITHIN_NS:
          reason = f"Binance did not answer {asked.method} within {ANSWER_WITHIN_NS // SECOND} s"
          self.actions.append(Reset(line.number, reason))
          line.asked.clear()
          break
    return out

  def explain(self, status: int, body: bytes) -> str | None:
    return explain(status, body)

  # Messages ------------------------------------------------------------------------------------

  def on_frames(self, connection: int, frames: list[bytes], received: Moment) -> Batch:
    out: Batch = []
    line = self._lines.get(connection)
    if line is None:
      return out
    ts_ms, mono_ns = received
    streams = line.streams
    # Messages of one stream come in runs: the last one's beginning is tried first.
    prefix, stream = _NOTHING, None
    lost = 0
    for frame in frames:
      if stream is None or not frame.startswith(prefix):
        stream = None
        if frame.startswith(_OPENING):
          stream = streams.get(frame[11 : frame.find(b'"', 11)])
        if stream is None:
          lost += not self._other(line, frame, received, out)
          continue
        prefix = stream.prefix
      try:
        stream.take(frame, ts_ms, mono_ns, out)
      except UNREADABLE as exc:
        stream.unreadable(str(exc), ts_ms, mono_ns, out)
    if lost:
      self._lost(line, lost, received, out)
    return out

  def _other(self, line: _Line, frame: bytes, received: Moment, out: Batch) -> bool:
    """Anything that does not begin with the name of a stream that is read here; false where it
    cannot be read at all."""
    try:
      other = read_other(frame)
    except UNREADABLE:
      return False
    notice = other.event or (other.stream or "").removeprefix("!")
    if notice == "serverShutdown":
      self.actions.append(Expire(line.number, "Binance is about to shut this server down"))
    elif other.stream is not None:
      self._take(line, other.stream, bytes(other.data), received, out)
    elif other.id is not None or other.code is not None or other.error is not None:
      self._answered(line, other, received.mono_ns)
    elif (name := _plain_stream(other)) is not None:
      self._take(line, name, frame, received, out)
    else:
      self.unknown += 1
    return True

  def _take(self, line: _Line, name: str, data: bytes, received: Moment, out: Batch) -> None:
    """A payload whose stream is known, whatever its envelope was."""
    stream = line.streams.get(name.encode(errors="replace"))
    if stream is None:
      self.unknown += 1
      return
    try:
      stream.take(b'{"data":%b}' % data, received.ts_ms, received.mono_ns, out)
    except UNREADABLE as exc:
      stream.unreadable(str(exc), received.ts_ms, received.mono_ns, out)

  def _lost(self, line: _Line, lost: int, received: Moment, out: Batch) -> None:
    """Messages without a readable name. Trades and books show by their numbers what they lost; for
    the other streams of the connection it is declared here."""
    self.unreadable += lost
    carried = [s for s in line.streams.values() if line.number in s.carriers]
    if (gap := undecodable_gap(lost, carried, received)) is not None:
      out.append(gap)

  # Control messages ----------------------------------------------------------------------------

  def _ask(self, line: _Line, method: str, names: list[str], now_ns: int) -> None:
    for batch in _batches(names, LIMITS[line.group].subscriptions_per_message):
      number, self._next_id = self._next_id, self._next_id + 1
      line.asked[number] = _Asked(method, tuple(batch), now_ns)
      self.actions.append(Send(line.number, _control(method, batch, number)))

  def _answered(self, line: _Line, answer: Other, now_ns: int) -> None:
    number = answer.id if type(answer.id) is int else None
    failed = answer.code is not None or answer.error is not None
    if failed and number is None:
      # Most errors do not say which message they are about; answers come in order.
      number = next(iter(line.asked), None)
    asked = None if number is None else line.asked.pop(number, None)
    if not failed:
      return
    said = answer.error.msg if answer.error is not None else answer.msg
    what = f"Binance refused {'a message' if asked is None else asked.method}: {said[:200]}"
    if asked is None or asked.method != "SUBSCRIBE":
      self.actions.append(Reset(line.number, what))
    elif len(asked.names) > 1:
      # One name may spoil it for all: halves tell which.
      middle = len(asked.names) // 2
      self._ask(line, "SUBSCRIBE", list(asked.names[:middle]), now_ns)
      self._ask(line, "SUBSCRIBE", list(asked.names[middle:]), now_ns)
    elif (stream := line.streams.get(asked.names[0].encode())) is not None:
      self._reject(stream.subscription, f"{stream.subscription}: {what}", now_ns)

  def _reject(self, subscription: Subscription, reason: str, now_ns: int) -> None:
    """Gives a subscription up. The driver forgets it without telling, so it is left here too."""
    stream = self._find(subscription)
    if stream is None:
      return
    for number in sorted(stream.carriers):
      if number in self._lines:
        self._ask(self._lines[number], "UNSUBSCRIBE", [stream.name], now_ns)
    self._retire(subscription)
    self.actions.append(Reject(subscription, reason))

  # REST ----------------------------------------------------------------------------------------

  def on_response(self, fetch: Fetch, response: Response, received: Moment) -> Batch:
    out: Batch = []
    if fetch.purpose.startswith(SNAPSHOT):
      self._on_depth(fetch, response, received, out)
    else:
      self._on_listing(fetch, response, received)
    return out

  def _on_depth(self, fetch: Fetch, response: Response, received: Moment, out: Batch) -> None:
    if fetch.instrument is None:
      return
    subscription = Subscription("orderbook", fetch.instrument)
    stream = self._find(subscription)
    if not isinstance(stream, BookState):
      return  # Nobody reads it any more.
    told = self.explain(response.status, response.body)
    if response.status == 200:
      try:
        snapshot = read_snapshot(response.body)
      except UNREADABLE as exc:
        told = f"Binance's snapshot could not be read: {exc}"
      else:
        stream.on_snapshot(snapshot, received, out)
        return
    fault = read_error(response.body)
    hopeless = response.status == 451 or (fault is not None and fault.code == INVALID_SYMBOL)
    tries = stream.failed()
    if tries >= SNAPSHOT_TRIES or (tries and hopeless):
      why = told or f"HTTP {response.status} {'' if fault is None else fault.msg}".rstrip()
      reason = f"{spelling(fetch.instrument)}: no book without a snapshot. {why}"
      self._reject(subscription, reason, received.mono_ns)

  def _check_listed(self, market: str, subscriptions: Iterable[Subscription]) -> None:
    """Asks whether the venue has these symbols, once; nothing waits for the answer, since a stream
    of a symbol that does not exist is accepted and stays silent."""
    known = self._listed[market]
    symbols = dict.fromkeys(venue_symbol(s.instrument) for s in subscriptions)
    new = [symbol for symbol in symbols if symbol not in known]
    if new:
      known.update(new)
      self._fetch_listing(market, new)

  def _fetch_listing(self, market: str, symbols: list[str] | None) -> None:
    url = self._endpoint.listing(market, symbols)
    self.actions.append(Fetch(url, "the list of markets", market, LISTING_WEIGHT[market]))

  def _on_listing(self, fetch: Fetch, response: Response, received: Moment) -> None:
    market = fetch.group
    complete = not urlsplit(fetch.url).query
    if response.status == 400 and not complete:
      # One of the symbols is wrong; the whole list tells which, and what was meant.
      self._fetch_listing(market, None)
      return
    if response.status != 200:
      return  # The streams themselves will show what there is.
    try:
      rows = read_listing(response.body).symbols
    except UNREADABLE:
      return
    if complete and not rows:
      return
    wanted = [stream.subscription for stream in self._streams[market].values()]
    refused = refusals(market, {s.instrument for s in wanted}, rows, complete=complete)
    for subscription in wanted:
      if (reason := refused.get(subscription.instrument)) is not None:
        self._reject(subscription, reason, received.mono_ns)

  # The streams ---------------------------------------------------------------------------------

  def _all(self) -> Iterator[SubscriptionState]:
    for streams in self._streams.values():
      yield from streams.values()

  def _name(self, subscription: Subscription) -> str:
    return stream_name(subscription, aggregate=self._endpoint.aggregate)

  def _split(self, subscriptions: list[Subscription]) -> tuple[list[str], list[str]]:
    """The names that go into the URL, and the rest."""
    names = [self._name(subscription) for subscription in subscriptions]
    length = 0
    for position, name in enumerate(names):
      length += len(name) + 1
      if length > MAX_STREAMS_IN_URL:
        return names[:position], names[position:]
    return names, []

  def _find(self, subscription: Subscription) -> SubscriptionState | None:
    name = self._name(subscription).encode()
    return self._streams[market_of(subscription.instrument)].get(name)

  def _stream(self, subscription: Subscription) -> SubscriptionState:
    """The stream of a subscription, made where there is none."""
    market = market_of(subscription.instrument)
    name = self._name(subscription)
    streams = self._streams[market]
    stream = streams.get(name.encode())
    if stream is None:
      stream = streams[name.encode()] = self._make(subscription, name, market)
      stream.prefix = b'%b%b",' % (_OPENING, name.encode())
    return stream

  def _make(self, subscription: Subscription, name: str, market: str) -> SubscriptionState:
    if subscription.channel == "trades":
      return TradesState(subscription, name)
    if subscription.channel == "orderbook":
      url = self._endpoint.snapshot(market, venue_symbol(subscription.instrument))
      return BookState(subscription, name, market, url, self.actions)
    if name.endswith("@bookTicker"):
      return QuotesState(subscription, name)
    return LatestFromMessage(subscription, name, _READERS[subscription.channel])

  def _retire(self, subscription: Subscription) -> None:
    """Forgets a stream, but not what it counted."""
    market = market_of(subscription.instrument)
    stream = self._streams[market].pop(self._name(subscription).encode(), None)
    if stream is not None:
      duplicates, missed, skipped = self._retired
      self._retired = (
        duplicates + stream.duplicates,
        missed + stream.missed,
        skipped + stream.skipped,
      )


def _market(group: str) -> str:
  return SPOT if group == SPOT else USDM


def _batches(names: list[str], size: int) -> list[list[str]]:
  return [names[start : start + size] for start in range(0, len(names), size)]


def _control(method: str, names: Iterable[str], number: int) -> bytes:
  return msgspec.json.encode({"method": method, "params": list(names), "id": number})


def _plain_stream(other: Other) -> str | None:
  """The stream that a payload without its envelope is of; spot's bookTicker has no event type."""
  if other.event == "kline" and other.bar is not None:
    return f"{other.symbol.lower()}@kline_{other.bar.interval}"
  if other.event == "forceOrder" and isinstance(other.order, dict):
    return f"{str(other.order.get('s', '')).lower()}@forceOrder"
  kind = _PLAIN.get(other.event)
  if kind is None and not other.event and other.symbol and other.number is not None:
    kind = "bookTicker"
  return None if kind is None else f"{other.symbol.lower()}@{kind}"
