"""core.window: what each symbol did in equal spans of event time."""

from datetime import UTC, datetime
from typing import Any

import attrs

from bond_core.components import TransformContext, TransformSpec
from bond_core.events import (
  Batch,
  ChainEvent,
  Custom,
  Gap,
  Heartbeat,
  Liquidation,
  MarketEvent,
  OrderBook,
  Post,
  Ticker,
  Trade,
  Window,
)
from bond_core.instruments import parse_market
from bond_core.spec.values import Duration
from bond_core.transforms.late import Late
from bond_core.transforms.tally import Tally
from bond_core.transforms.timeline import Timeline

# A source whose time leaps (a replay of another day) starts anew there instead of filling the
# leap with empty windows.
MAX_EMPTY = 1000

_EVERYWHERE = ("", "*")


def _check_every(instance: object, attribute: "attrs.Attribute[Duration]", value: float) -> None:
  if not 0.1 <= value <= 86_400:
    raise ValueError("every is between 100ms and 1d")


def _check_lateness(
  instance: object, attribute: "attrs.Attribute[Duration | None]", value: float | None
) -> None:
  if value is not None and not 0 <= value <= 3600:
    raise ValueError("lateness is between 0s and 1h")


def _check_symbols(
  instance: object, attribute: "attrs.Attribute[list[str]]", value: list[str]
) -> None:
  for text in value:
    parse_market(text)


@attrs.frozen
class Windows:
  """Windows of `every`, aligned to the epoch, closed `lateness` after their end (default: 1s, or
  `every` where that is less). `symbols` are always shown, others once they were seen; with `empty`
  also when nothing came."""

  every: Duration = attrs.field(validator=_check_every)
  lateness: Duration | None = attrs.field(default=None, validator=_check_lateness)
  symbols: list[str] = attrs.field(factory=list, validator=_check_symbols)
  empty: bool = True


class Windower:
  """Folds events into windows by event time and lets a window out when the watermark has passed its
  end. Late events are counted and declared, never folded in. Gaps pass, and mark the windows that
  they overlap as incomplete."""

  def __init__(self, config: Windows, ctx: TransformContext) -> None:
    every_ms = round(config.every * 1000)
    lateness = min(1.0, config.every) if config.lateness is None else config.lateness
    self._every = every_ms
    self._empty = config.empty
    self._simulated = ctx.simulated
    self._timeline = Timeline(ctx.clock, round(lateness * 1000))
    self._open: dict[int, dict[str, Tally]] = {}
    self._symbols = dict.fromkeys(parse_market(text).symbol for text in config.symbols)
    self._next: int | None = None
    self._closed = False
    self._late = Late(ctx.clock)
    self._late_by_symbol: dict[str, int] = {}
    self._outages: list[tuple[str, int, int]] = []

  @property
  def late(self) -> int:
    """How many events came too late so far."""
    return self._late.total

  def __call__(self, batch: Batch) -> Batch:
    """Gaps at once, and the windows that are complete now."""
    out: Batch = []
    timeline = self._timeline
    timeline.begin()
    for event in batch:
      if isinstance(event, Gap):
        self._note_outage(event)
        out.append(event)
      elif isinstance(event, (Heartbeat, Window)):
        out.append(event)
      else:
        self._fold(event, timeline.event_time(event))
    return out + self._close(timeline.watermark())

  def next_timer(self) -> int | None:
    """When the clock alone closes the next window."""
    return None if self._next is None else self._timeline.when(self._next + self._every)

  def on_timer(self, now_ms: int) -> Batch:
    """The windows that are complete by now."""
    return self._close(self._timeline.watermark())

  def finish(self) -> Batch:
    """All windows that hold something, also those that still wait."""
    return self._close(max(self._open, default=-self._every) + self._every)

  def _fold(self, event: MarketEvent, when: int) -> None:
    start = when - when % self._every
    if self._next is None:
      self._next = start
    if start < self._next:
      # Before anything was let out an earlier window may still open.
      if self._closed:
        self._late.add(event)
        for symbol in self._targets(event.symbol):
          self._late_by_symbol[symbol] = self._late_by_symbol.get(symbol, 0) + 1
        return
      self._next = start
    tallies = self._open.setdefault(start, {})
    for symbol in self._targets(event.symbol):
      tally = tallies.get(symbol)
      if tally is None:
        tally = tallies[symbol] = Tally()
      _add(tally, event, when)

  def _targets(self, symbol: str) -> list[str]:
    """The rows an event counts to: its own market, every market of a bare asset, or all."""
    if symbol in self._symbols:
      return [symbol]
    if symbol in _EVERYWHERE:
      found = list(self._symbols)
    elif "/" not in symbol:
      found = [known for known in self._symbols if known.startswith(f"{symbol}/")]
    else:
      found = []
    if not found:
      self._symbols[symbol] = None
      found = [symbol]
    return found

  def _note_outage(self, gap: Gap) -> None:
    reached = self._timeline.progress(gap.exchange)
    if reached is None or gap.reason == "late":
      return
    length = 0
    if gap.ts_from is not None and gap.ts_to is not None:
      length = max(0, gap.ts_to - gap.ts_from)
    names = self._timeline.exchanges() if gap.exchange == "*" else [gap.exchange]
    # Event time goes on from where the venue had come by as much as it was away.
    self._outages += [(name, reached, reached + length) for name in names]

  def _close(self, watermark: int) -> Batch:
    out: Batch = self._late.declare("their windows were closed")
    if self._next is None:
      return out
    if watermark - self._next > MAX_EMPTY * self._every:
      self._next = min(self._open, default=watermark - watermark % self._every)
    while self._next + self._every <= watermark:
      start = self._next
      tallies = self._open.pop(start, {})
      for symbol in self._symbols:
        if symbol in tallies or self._empty:
          out.append(self._window(start, symbol, tallies.get(symbol) or Tally()))
      self._next = start + self._every
      self._closed = True
      if self._open and min(self._open) - self._next > MAX_EMPTY * self._every:
        self._next = min(self._open)
    self._outages = [o for o in self._outages if o[2] >= self._next]
    return out

  def _window(self, start: int, symbol: str, tally: Tally) -> Window:
    end = start + self._every
    raw: dict[str, Any] = {"trades": tally.trades, "sources": sorted(tally.sources)}
    if tally.price_from is not None:
      raw["price_from"] = tally.price_from
    if late := self._late_by_symbol.pop(symbol, 0):
      raw["late"] = late
    if simulated := sorted(tally.sources & self._simulated):
      raw["simulated"] = simulated
    incomplete = {name for name, first, last in self._outages if first < end and last >= start}
    if incomplete:
      raw["incomplete"] = sorted(incomplete)
    price = tally.price()
    return Window(
      ts=rfc3339(end),
      window_start=rfc3339(start),
      window_end=rfc3339(end),
      symbol=symbol,
      price_avg=price.average,
      price_open=price.open,
      price_high=price.high,
      price_low=price.low,
      price_close=price.close,
      vwap=price.vwap,
      volume_sum=price.volume,
      bid_avg=tally.bids.mean(),
      ask_avg=tally.asks.mean(),
      tweets=tally.posts,
      onchain_count=tally.chain,
      onchain_value_sum=tally.chain_values.total() if tally.chain_values.count else None,
      custom_count=tally.custom,
      raw_data=raw,
    )


def _add(tally: Tally, event: MarketEvent, when: int) -> None:
  tally.sources.add(event.exchange)
  if isinstance(event, Trade):
    tally.add_trade(when, event.trade_id, event.price, event.size)
  elif isinstance(event, Ticker):
    tally.add_quote(when, event.bid, event.ask, event.last)
  elif isinstance(event, OrderBook):
    if event.update_type == "snapshot":
      tally.add_top(
        event.bids[0][0] if event.bids else None, event.asks[0][0] if event.asks else None
      )
  elif isinstance(event, Post):
    tally.posts += 1
  elif isinstance(event, ChainEvent):
    tally.chain += 1
    if event.value is not None:
      tally.chain_values.add(event.value)
  elif isinstance(event, (Custom, Liquidation)):
    tally.custom += 1


def rfc3339(time_ms: int) -> str:
  """2025-10-21T13:30:05Z, with milliseconds where there are any."""
  seconds, ms = divmod(time_ms, 1000)
  text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
  return f"{text}.{ms:03}Z" if ms else f"{text}Z"


def make(config: Windows, ctx: TransformContext) -> Windower:
  """A windower that has seen nothing."""
  return Windower(config, ctx)


SPEC = TransformSpec(
  name="core.window",
  summary="Aggregates each symbol over equal spans of event time: price, volume, quotes, counts.",
  config=Windows,
  emits=(Window, Gap, Heartbeat),
  make=make,
  example="{every: 5s}",
)
