"""core.window: what each symbol did in equal spans of event time."""

import sys
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, NamedTuple

import attrs

from bond_builtin.transforms.late import Late
from bond_builtin.transforms.tally import FOLD, Tally, Traded, joined
from bond_builtin.transforms.timeline import HOLD_MS, Timeline
from bond_core import (
  AnyEvent,
  Batch,
  Candle,
  ChainEvent,
  Custom,
  DataClock,
  Duration,
  Event,
  Funding,
  Gap,
  Heartbeat,
  Liquidation,
  MarketEvent,
  OpenInterest,
  OrderBook,
  Post,
  Ticker,
  Trade,
  TransformContext,
  TransformType,
  Window,
  parse_symbol,
)

_COUNTED = (Trade, Ticker, OrderBook, Post, ChainEvent, Custom, Liquidation)
# These only show how far their source has come.
_PACING = (Funding, OpenInterest, Candle)
_COUNTED_TYPES = frozenset(_COUNTED)
_CHANNELS = {"*", *(kind.channel for kind in _COUNTED)}

MAX_EMPTY = 1_000
"""No more empty windows than this fill a leap of time or a pause in a recording."""

MAX_EMPTY_ROWS = 5_000
"""Of all symbols together, where there are more than five: it is written at once."""

MAX_SYMBOLS = 10_000
MAX_OPEN = 2 * MAX_SYMBOLS
"""Symbols of all open windows together, unless more are named."""
MAX_OUTAGES = 1_000

AT_ONCE = 256
"""Rows that are made at once of windows of a live stream, so that others have their turn between
them; a row takes up to 0.1 ms until it is at its readers."""

MAX_OWED = 5 * MAX_SYMBOLS
"""Rows of closed windows that may wait for that."""

_ALL = "*"
_NEVER = 1 << 62
_NONE: Mapping[str, Tally] = {}


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
  if len(value) > MAX_SYMBOLS:
    raise ValueError(f"give at most {MAX_SYMBOLS} symbols")
  for text in value:
    parse_symbol(text)


@attrs.frozen
class Windows:
  """Windows of `every`, aligned to the epoch, closed `lateness` after their end (default: 1s, or
  `every` where that is less). With `symbols` only these are shown, else all that are seen; with
  `empty` also when nothing came."""

  every: Duration = attrs.field(validator=_check_every)
  lateness: Duration | None = attrs.field(default=None, validator=_check_lateness)
  symbols: list[str] = attrs.field(
    factory=list, validator=_check_symbols, metadata={"public": True}
  )
  empty: bool = True

  @property
  def waits_ms(self) -> int:
    """How long a window is open after its end."""
    return round(1000 * (min(1.0, self.every) if self.lateness is None else self.lateness))

  @property
  def most(self) -> int:
    """How many symbols all open windows have together at most."""
    named = len(self.symbols)
    if not named:
      return MAX_OPEN
    # A source that is behind holds windows open, too; each symbol may also come without its quote.
    windows = 2 + (self.waits_ms + HOLD_MS) // round(1000 * self.every)
    return min(MAX_OPEN + 4 * named, 2 * (named + 1) * windows)


@attrs.define
class _Rows:
  """The rows of a closed window that were not made yet, `most` at most."""

  windows: Iterator[Window]
  most: int


class _Outage(NamedTuple):
  """A time of an exchange that is missing, in event time, both ends included."""

  exchange: str
  symbol: str
  streams: tuple[str, ...]
  begin: int
  end: int

  def misses(self, symbol: str) -> bool:
    if self.streams:
      return any(f" {symbol}" in stream for stream in self.streams)
    return self.symbol in ("", _ALL, symbol, _base(symbol))


class _Closed(NamedTuple):
  """A window that closed, with all that its rows say."""

  start: int
  tallies: dict[str, Tally]
  rows: Sequence[str]
  late: dict[str, int]
  outages: Collection[_Outage]
  astray: Collection[str]


class Windower:
  """Folds events into windows by event time and emits a window when the watermark has passed its
  end. Later events are counted and declared, never folded in. Gaps and heartbeats pass, and gaps
  mark the windows that they overlap as incomplete.

  An event of a bare asset (BTC) counts to every market of it, one without a symbol to all. What
  was seen of a symbol before a window's end decides whether it has a row, so each window is the
  same for every order of arrival within the lateness. Rows of one span stand in the order of
  `symbols`, without them in that of the alphabet. Where several exchanges traded, `by_venue` in
  `raw_data` has the share of each.
  """

  def __init__(self, config: Windows, ctx: TransformContext) -> None:
    self._clock = ctx.clock
    self._every = round(config.every * 1000)
    self._trace = ctx.trace
    self._line = Timeline(ctx.clock, config.waits_ms)
    self._empty = config.empty
    markets = [parse_symbol(text) for text in config.symbols]
    self._rows = list(dict.fromkeys(market.name or market.symbol for market in markets))
    # What a symbol may say besides, and the row that it then takes: names in one word are those of
    # the first symbol that is so without its slash, and contracts may say what they settle in.
    self._names = {market.name.upper(): market.name for market in markets if market.name}
    self._names |= {f"{m.symbol}:{m.settle}": m.symbol for m in markets if m.settle is not None}
    self._wanted = {
      *(name for row in self._rows for name in (row, _base(row))),
      *(("", _ALL) if self._rows else ()),
    }
    # The start of each symbol's first window.
    self._first: dict[str, int] = {}
    self._open: dict[int, dict[str, Tally]] = {}
    self._most, self._tallies = config.most, 0
    self._next = _NEVER
    self._gate = _NEVER
    self._late = Late()
    self._late_by_symbol: dict[str, int] = {}
    self._surplus = Late()
    self._outages: list[_Outage] = []
    # A pause of a live stream gives empty windows for as long as it lasts. That of a recording
    # may be a year, and passes in no time.
    self._recorded = isinstance(ctx.clock, DataClock)
    self._idle = 0
    # What is to go out, in order, and since when it is due.
    self._owed: deque[AnyEvent | _Rows] = deque()
    self._owed_rows = 0
    self._owed_at = 0

  @property
  def late(self) -> int:
    """How many events came too late so far."""
    return self._late.total

  def __call__(self, batch: Batch) -> Batch:
    """Gaps at their place, and the windows that are complete now."""
    line = self._line
    line.arrival.begin()
    for event in batch:
      if not isinstance(event, Event):
        if line.ceiling >= self._gate:
          self._close()
        if isinstance(event, Gap):
          self._note_outage(event)
        self._owed.append(event)
        continue
      arrived = line.arrive(event)
      if line.ready:
        self._count_ready()
      # Before the event is placed: it is late where time alone has closed its window.
      if line.ceiling >= self._gate:
        self._close()
      when = line.place(event, arrived)
      if line.ready:
        self._count_ready()
      if when is not None:
        self._count(event, when)
    if line.ceiling >= self._gate:
      self._close()
    return self._given(self._clock.now_ms())

  def next_timer(self) -> int | None:
    """When time alone closes the next window that has something to report, or rows are owed."""
    if self._owed:
      return self._owed_at
    line = self._line
    waiting = self._open or self._late.count or self._surplus.count or line.waits
    reports = self._next != _NEVER and self._empty and self._idle < MAX_EMPTY
    if not (waiting or reports):
      return None
    due = line.due(self._gate)
    return None if due is None else line.arrival.wall(due)

  def on_timer(self, now_ms: int) -> Batch:
    """The windows that are complete by now."""
    self._line.tick(now_ms)
    self._count_ready()
    self._close()
    return self._given(now_ms)

  def finish(self) -> Batch:
    """All windows up to the last that holds something."""
    self._line.hurry()
    self._count_ready()
    self._close_until(max(self._open, default=-self._every) + self._every)
    self._declare()
    return self._given(0, sys.maxsize)

  def cut(self, rest: Batch) -> Batch:
    """What was left out and is not declared yet; half a window is no window."""
    self._owed += [event for event in rest if type(event) not in _COUNTED_TYPES]
    self._declare()
    return self._given(0, sys.maxsize)

  def _given(self, now_ms: int, most: int = AT_ONCE) -> Batch:
    """What goes out now. A recording has nobody that waits."""
    out: Batch = []
    owed, most = self._owed, sys.maxsize if self._recorded else most
    waited = bool(owed) and self._owed_at > 0
    while owed and len(out) < most:
      head = owed[0]
      if isinstance(head, _Rows):
        rows = list(islice(head.windows, most - len(out)))
        out += rows
        head.most -= len(rows)
        self._owed_rows -= len(rows)
        if len(out) == most:
          break
        self._owed_rows -= head.most
      else:
        out.append(head)
      owed.popleft()
    # It moves on from timer to timer, and shows how late the rest is.
    self._owed_at = (self._owed_at + 1 if waited else now_ms) if owed else 0
    return out

  def _count_ready(self) -> None:
    ready = self._line.ready
    while ready:
      when, event = ready.popleft()
      self._count(event, when)

  def _count(self, event: MarketEvent, when: int) -> None:
    if type(event) not in _COUNTED_TYPES or (
      type(event) is OrderBook and event.update_type != "snapshot"
    ):
      return
    symbol = event.symbol
    if self._wanted and symbol not in self._wanted and not self._is_named(symbol):
      return
    every = self._every
    start = when - when % every
    if self._next == _NEVER:
      # Nothing was emitted yet, so the first event is not late, unless it is old news.
      mark = self._line.watermark()
      if mark - when <= HOLD_MS:
        mark = min(mark, when)
      self._next = mark - mark % every
      self._gate = self._next + every
    if start < self._next:
      self._late.add(event)
      symbol = symbol or _ALL
      if symbol in self._late_by_symbol or len(self._late_by_symbol) < MAX_SYMBOLS:
        self._late_by_symbol[symbol] = self._late_by_symbol.get(symbol, 0) + 1
      return
    tallies = self._open.get(start, _NONE)
    tally = tallies.get(symbol)
    if tally is None:
      symbol = symbol or _ALL
      new = symbol not in self._first
      if self._tallies >= self._most or (new and len(self._first) >= MAX_SYMBOLS):
        self._surplus.add(event)
        return
      self._tallies += symbol not in tallies
      self._first[symbol] = min(start, self._first.get(symbol, start))
      tally = self._open.setdefault(start, {}).setdefault(symbol, Tally())
      if self._trace is not None and tally.kept is None:
        tally.kept = []
    rows = tally.rows
    rows.append((when, event))
    if len(rows) >= FOLD:
      tally.fold()

  def _is_named(self, symbol: str) -> bool:
    """Whether a symbol is one of the names, whose row is then its own. An asset alone is its market
    against USDT."""
    upper = symbol.upper()
    for name in (upper, upper.replace("/", ""), upper.removesuffix("/USDT")):
      if (taken := self._names.pop(name, None)) is not None:
        self._rows = [symbol if row == taken else row for row in self._rows]
        self._wanted = (self._wanted - {taken}) | {symbol, _base(symbol)}
        return True
    return False

  def _note_outage(self, gap: Gap) -> None:
    if gap.reason != "upstream" or gap.channel not in _CHANNELS:
      return
    line = self._line
    reached = line.reached(gap.exchange)
    begin = end = reached
    if gap.ts_from is not None:
      begin = line.at_receive(gap.exchange, gap.market_type, gap.ts_from)
      end = max(begin, reached)
    if gap.ts_to is not None:
      end = line.at_receive(gap.exchange, gap.market_type, gap.ts_to)
      begin = min(begin, end)
    streams = tuple(gap.streams or ())
    self._outages.append(_Outage(gap.exchange, gap.symbol, streams, begin, end))
    if len(self._outages) > MAX_OUTAGES:
      del self._outages[0]

  def _close(self) -> None:
    """Closes what the watermark has passed."""
    mark = self._line.watermark()
    if mark >= self._gate:
      self._close_until(mark)

  def _declare(self) -> None:
    self._owed += self._late.declare("their windows were closed already")
    self._owed += self._surplus.declare(
      f"core.window keeps {MAX_SYMBOLS} symbols, and {self._most} of all open windows together; "
      "name the ones you want under symbols",
      reason="failed",
    )

  def _close_until(self, mark: int) -> None:
    """Closes the windows that end at `mark` or before."""
    if self._next == _NEVER:
      return
    every = self._every
    after = mark - mark % every
    rows = max(1, len(self._rows) or len(self._first))
    most = min(MAX_EMPTY, max(1, MAX_EMPTY_ROWS // rows))
    starts = range(self._next, min(after, self._next + most * every), every)
    if starts.stop < after:
      filled = (start for start in self._open if starts.stop <= start < after)
      due = [*starts, *sorted(filled)]
    else:
      due = list(starts)
    for start in due:
      self._close_one(start, rows)
      # Here and not after the last, so that it does not matter how many windows one timer closes.
      self._declare()
    self._next = max(self._next, after)
    self._gate = self._next + every
    self._outages = [outage for outage in self._outages if outage.end >= self._next]
    if self._owed_rows > MAX_OWED and not self._recorded:
      self._drop()

  def _close_one(self, start: int, rows: int) -> None:
    tallies = self._open.pop(start, {})
    self._tallies -= len(tallies)
    self._idle = self._idle + 1 if self._recorded and not tallies else 0
    if tallies or self._empty:
      self._owed.append(_Rows(self._windows(self._closed(start, tallies)), rows))
      self._owed_rows += rows

  def _drop(self) -> None:
    """Leaves the oldest rows out where they are made faster than they can go out."""
    dropped, passing = 0, list[AnyEvent]()
    while self._owed_rows > MAX_OWED // 2:
      head = self._owed.popleft()
      if isinstance(head, _Rows):
        dropped += head.most
        self._owed_rows -= head.most
      else:
        passing.append(head)
    gap = Gap(
      exchange="*",
      symbol="*",
      channel="window",
      reason="slow",
      ts_event=self._clock.now_ms(),
      missed=dropped,
      cause="windows close faster than their rows can be made; take longer ones, or fewer symbols",
    )
    self._owed.extendleft(reversed([*passing, gap]))

  def _closed(self, start: int, tallies: dict[str, Tally]) -> _Closed:
    """A window as it is now: its rows may be made later."""
    end = start + self._every
    late: dict[str, int] = {}
    if self._late_by_symbol:
      reported: set[str] = set()
      for row in self._rows_at(start):
        names = dict.fromkeys((row, _base(row), _ALL))
        found = [name for name in names if name in self._late_by_symbol]
        if found and (self._empty or not tallies.keys().isdisjoint(names)):
          reported.update(found)
          late[row] = sum(self._late_by_symbol[name] for name in found)
      for name in reported:
        del self._late_by_symbol[name]
    return _Closed(
      start,
      tallies,
      self._rows,
      late,
      [outage for outage in self._outages if outage.begin < end and outage.end >= start],
      list(self._line.astray),
    )

  def _windows(self, closed: _Closed) -> Iterator[Window]:
    """The rows of a closed window."""
    tallies = closed.tallies
    for row in self._rows_at(closed.start, closed.rows):
      parts = [tallies[name] for name in dict.fromkeys((row, _base(row), _ALL)) if name in tallies]
      if not (parts or self._empty):
        continue
      if len(parts) == 1:
        parts[0].fold()
      window = self._window(closed, row, parts[0] if len(parts) == 1 else joined(parts))
      if self._trace is not None:
        self._trace(window, [event for part in parts for event in part.kept or ()])
      yield window

  def _rows_at(self, start: int, named: Sequence[str] | None = None) -> Sequence[str]:
    """The symbols that have a window at `start`; `named` are those of the configuration then."""
    named = self._rows if named is None else named
    seen = sorted(symbol for symbol, first in self._first.items() if first <= start)
    if named:
      return named if seen else []
    bases = {_base(symbol) for symbol in seen if "/" in symbol}
    rows = [symbol for symbol in seen if symbol not in bases and symbol != _ALL]
    return rows or seen

  def _window(self, closed: _Closed, symbol: str, tally: Tally) -> Window:
    start, end = closed.start, closed.start + self._every
    traded = tally.traded()
    prices = traded.prices if traded.count else tally.quoted
    raw: dict[str, Any] = {"trades": traded.count, "sources": sorted(tally.exchanges)}
    if len(tally.venues) > 1:
      raw["by_venue"] = {name: _of_venue(part) for name, part in sorted(tally.venues.items())}
    if prices is tally.quoted and prices.sum.count:
      raw["price_from"] = "ticker"
    if late := closed.late.get(symbol):
      raw["late"] = late
    if tally.invalid:
      raw["invalid"] = tally.invalid
    if tally.removed:
      raw["removed"] = tally.removed
    if closed.astray and (astray := tally.exchanges & set(closed.astray)):
      raw["skewed"] = sorted(astray)
    if tally.simulated:
      raw["simulated"] = sorted(tally.simulated)
    if incomplete := {outage.exchange for outage in closed.outages if outage.misses(symbol)}:
      raw["incomplete"] = sorted(incomplete)
    return Window(
      ts=rfc3339(end),
      window_start=rfc3339(start),
      window_end=rfc3339(end),
      symbol=symbol,
      price_avg=prices.sum.mean(),
      price_open=prices.open,
      price_high=prices.high,
      price_low=prices.low,
      price_close=prices.close,
      vwap=traded.vwap,
      volume_sum=traded.volume.shown(),
      bid_avg=(tally.bids if tally.bids.count else tally.book_bids).mean(),
      ask_avg=(tally.asks if tally.asks.count else tally.book_asks).mean(),
      tweets=tally.posts,
      onchain_count=tally.chain,
      onchain_value_sum=tally.chain_values.shown() if tally.chain_values.count else None,
      custom_count=tally.custom,
      raw_data=raw,
    )


def _of_venue(traded: Traded) -> dict[str, float | int | None]:
  return {
    "price_avg": traded.prices.sum.mean(),
    "vwap": traded.vwap,
    "volume_sum": traded.volume.shown(),
    "trades": traded.count,
  }


def _base(symbol: str) -> str:
  return symbol.partition("/")[0]


def rfc3339(time_ms: int) -> str:
  """2025-10-21T13:30:05Z, with milliseconds where there are any."""
  seconds, ms = divmod(time_ms, 1000)
  text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
  return f"{text}.{ms:03}Z" if ms else f"{text}Z"


def make(config: Windows, ctx: TransformContext) -> Windower:
  """A windower that has seen nothing."""
  return Windower(config, ctx)


TYPE = TransformType(
  name="core.window",
  summary="Aggregates each symbol over equal spans of event time: price, volume, quotes, counts.",
  config=Windows,
  accepts=(*_COUNTED, *_PACING, Gap, Heartbeat),
  emits=(Window, Gap, Heartbeat),
  make=make,
  held=lambda config: config.most,
  public=True,
  example="{every: 5s}",
)
