"""Bars (candles) of a generated market, computed from its trades in whole ticks and lots."""

import math
import random
from collections import deque
from collections.abc import Callable

import attrs

SECOND_MS, MINUTE_MS, DAY_MS, WEEK_MS = 1000, 60_000, 86_400_000, 604_800_000
MINUTES_A_DAY = 1440
MONDAY_MS = 4 * DAY_MS  # the first Monday of the epoch


@attrs.define
class GeneratedBar:
  """One interval from `start` (epoch ms). `first` and `last` are trade ids, -1 without trades.
  Volumes in lots, quote volumes in ticks times lots; `taker_` volumes are those of buying
  takers."""

  start: int
  open: int
  high: int
  low: int
  close: int
  first: int = -1
  last: int = -1
  count: int = 0
  volume: int = 0
  quote: int = 0
  taker_volume: int = 0
  taker_quote: int = 0

  def add(self, other: "GeneratedBar") -> None:
    """Extends this bar by a later bar."""
    self.close = other.close
    if not other.count:
      return
    if self.count:
      self.high, self.low = max(self.high, other.high), min(self.low, other.low)
    else:
      self.open, self.high, self.low, self.first = other.open, other.high, other.low, other.first
    self.last = other.last
    self.count += other.count
    self.volume += other.volume
    self.quote += other.quote
    self.taker_volume += other.taker_volume
    self.taker_quote += other.taker_quote


class BarHistory:
  """The latest 1,000 one-second bars and one day of minutes. Longer intervals are folded from the
  minutes, so no bar reaches back more than a day. `earlier` gives the minutes before the market was
  made; it is called once, when they are first needed."""

  def __init__(self, earlier: Callable[[], list[GeneratedBar]], price: int, now_ms: int) -> None:
    self._price = price
    self._earlier: Callable[[], list[GeneratedBar]] | None = earlier
    self._bars = {
      SECOND_MS: deque([_flat(now_ms, SECOND_MS, price)], maxlen=1000),
      MINUTE_MS: deque([_flat(now_ms, MINUTE_MS, price)], maxlen=MINUTES_A_DAY + 1),
    }

  def trade(self, at_ms: int, trade_id: int, price: int, lots: int, *, taker_buys: bool) -> None:
    """Adds one trade."""
    self.roll(at_ms)
    quote = price * lots
    bar = GeneratedBar(
      at_ms, price, price, price, price, trade_id, trade_id, 1, lots, quote,
      lots if taker_buys else 0, quote if taker_buys else 0,
    )  # fmt: skip
    self._price = price
    for bars in self._bars.values():
      bars[-1].add(bar)

  def roll(self, now_ms: int) -> None:
    """Begins the bars that `now_ms` is in; bars of intervals without trades are flat."""
    for length, bars in self._bars.items():
      start = now_ms - now_ms % length
      missing = (start - bars[-1].start) // length
      for back in range(min(missing, bars.maxlen or 0) - 1, -1, -1):
        bars.append(_flat(start - back * length, length, self._price))

  def bars(self, length_ms: int, from_ms: int) -> list[GeneratedBar]:
    """Bars of an interval, oldest first, from the bar that `from_ms` is in."""
    source = self._bars[SECOND_MS] if length_ms == SECOND_MS else self._minutes()
    since = bar_start(from_ms, length_ms)
    folded: list[GeneratedBar] = []
    for bar in _newest(source, since):
      start = bar_start(bar.start, length_ms)
      if not folded or folded[-1].start != start:
        folded.append(attrs.evolve(bar, start=start))
      else:
        folded[-1].add(bar)
    return folded

  def updates(self, length_ms: int, from_ms: int, now_ms: int) -> list[tuple[GeneratedBar, bool]]:
    """What a channel publishes at `now_ms` when it last published the bar that `from_ms` is in:
    that bar and those after it, each with whether it has closed."""
    self.roll(now_ms)
    return [(bar, bar.start + length_ms <= now_ms) for bar in self.bars(length_ms, from_ms)]

  def day(self, now_ms: int) -> GeneratedBar:
    """The last 24 hours as one bar."""
    self.roll(now_ms)
    minutes = _newest(self._minutes(), now_ms - DAY_MS)
    whole = attrs.evolve(minutes[0])
    for bar in minutes[1:]:
      whole.add(bar)
    return whole

  def _minutes(self) -> "deque[GeneratedBar]":
    minutes = self._bars[MINUTE_MS]
    if self._earlier is not None:
      minutes = deque([*self._earlier(), *minutes], maxlen=minutes.maxlen)
      self._bars[MINUTE_MS], self._earlier = minutes, None
    return minutes


def bar_start(at_ms: int, length_ms: int) -> int:
  """When the interval that `at_ms` is in began; weeks begin on Monday."""
  shift = MONDAY_MS if length_ms == WEEK_MS else 0
  return at_ms - (at_ms - shift) % length_ms


def earlier_day(
  rng: random.Random, price: int, now_ms: int, trades_a_minute: float, lots: float, next_id: int
) -> list[GeneratedBar]:
  """A day of minutes before the current one, as if the market had always traded. They end at
  `price` and at the trade before `next_id`."""
  bars = [_flat(now_ms, MINUTE_MS, price)]
  for back in range(1, MINUTES_A_DAY + 1):
    close = bars[-1].open
    before = max(1, round(close * math.exp(rng.gauss(0.0, 0.0006))))
    high = max(before, close) + int(abs(rng.gauss(0.0, 0.0002)) * close)
    low = max(1, min(before, close) - int(abs(rng.gauss(0.0, 0.0002)) * close))
    count = max(1, round(trades_a_minute * rng.uniform(0.5, 1.5)))
    volume = max(1, round(count * lots * rng.uniform(0.7, 1.3)))
    bought = round(volume * rng.uniform(0.4, 0.6))
    mean = (high + low + close) // 3
    next_id -= count
    bars.append(
      GeneratedBar(
        bars[0].start - back * MINUTE_MS,
        before,
        high,
        low,
        close,
        next_id,
        next_id + count - 1,
        count,
        volume,
        volume * mean,
        bought,
        bought * mean,
      )
    )
  return bars[:0:-1]


def _flat(at_ms: int, length_ms: int, price: int) -> GeneratedBar:
  return GeneratedBar(at_ms - at_ms % length_ms, price, price, price, price)


def _newest(bars: "deque[GeneratedBar]", since_ms: int) -> list[GeneratedBar]:
  """The bars that start at or after `since_ms`, oldest first; at least the current bar."""
  found = [bars[-1]]
  for bar in reversed(bars):
    if bar is bars[-1]:
      continue
    if bar.start < since_ms:
      break
    found.append(bar)
  found.reverse()
  return found
