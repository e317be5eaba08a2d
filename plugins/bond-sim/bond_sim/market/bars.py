"""Bars of a generated market, computed from its trades in whole ticks and lots."""

import math
import random
from collections import deque
from collections.abc import Callable

import attrs

SECOND_MS, MINUTE_MS, DAY_MS, WEEK_MS = 1000, 60_000, 86_400_000, 604_800_000
MINUTES_A_DAY = 1440
MONDAY_MS = 4 * DAY_MS  # the first Monday of the epoch


@attrs.define
class Bar:
  """One interval. `first` and `last` are trade ids, -1 without trades; volumes in lots, quote
  volumes in ticks times lots, `taker_` ones of buying takers."""

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

  def add(self, other: "Bar") -> None:
    """Extends the bar by a later one."""
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


class Candles:
  """A thousand one-second bars and a day of minutes; longer intervals are folded from the minutes,
  so nothing is older than a day. `past` gives the minutes before the current one; it is asked once,
  when somebody wants them."""

  def __init__(self, past: Callable[[], list[Bar]], price: int, now_ms: int) -> None:
    self._price = price
    self._past: Callable[[], list[Bar]] | None = past
    self._bars = {
      SECOND_MS: deque([_flat(now_ms, SECOND_MS, price)], maxlen=1000),
      MINUTE_MS: deque([_flat(now_ms, MINUTE_MS, price)], maxlen=MINUTES_A_DAY + 1),
    }

  def trade(self, at_ms: int, trade_id: int, price: int, lots: int, *, taker_buys: bool) -> None:
    """Adds one trade."""
    self.roll(at_ms)
    quote = price * lots
    one = Bar(
      at_ms, price, price, price, price, trade_id, trade_id, 1, lots, quote,
      lots if taker_buys else 0, quote if taker_buys else 0,
    )  # fmt: skip
    self._price = price
    for bars in self._bars.values():
      bars[-1].add(one)

  def roll(self, now_ms: int) -> None:
    """Begins the bars that `now_ms` belongs to; intervals without trades stay flat."""
    for length, bars in self._bars.items():
      start = now_ms - now_ms % length
      missing = (start - bars[-1].start) // length
      for back in range(min(missing, bars.maxlen or 0) - 1, -1, -1):
        bars.append(_flat(start - back * length, length, self._price))

  def bars(self, length_ms: int, from_ms: int) -> list[Bar]:
    """Bars of an interval from the one that holds `from_ms` on, oldest first."""
    source = self._bars[SECOND_MS] if length_ms == SECOND_MS else self._minutes()
    since = bar_start(from_ms, length_ms)
    folded: list[Bar] = []
    for bar in _newest(source, since):
      start = bar_start(bar.start, length_ms)
      if not folded or folded[-1].start != start:
        folded.append(attrs.evolve(bar, start=start))
      else:
        folded[-1].add(bar)
    return folded

  def day(self, now_ms: int) -> Bar:
    """The last 24 hours as one bar."""
    self.roll(now_ms)
    minutes = _newest(self._minutes(), now_ms - DAY_MS)
    whole = attrs.evolve(minutes[0])
    for bar in minutes[1:]:
      whole.add(bar)
    return whole

  def _minutes(self) -> "deque[Bar]":
    minutes = self._bars[MINUTE_MS]
    if self._past is not None:
      minutes = deque([*self._past(), *minutes], maxlen=minutes.maxlen)
      self._bars[MINUTE_MS], self._past = minutes, None
    return minutes


def bar_start(at_ms: int, length_ms: int) -> int:
  """When the interval that holds `at_ms` began; weeks begin on Monday."""
  shift = MONDAY_MS if length_ms == WEEK_MS else 0
  return at_ms - (at_ms - shift) % length_ms


def past_day(
  rng: random.Random, price: int, now_ms: int, trades_a_minute: float, lots: float, next_id: int
) -> list[Bar]:
  """A day of minutes that ends at `price` and at the trade before `next_id`, as if the market had
  always been there; without the one that has just begun."""
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
      Bar(
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


def _flat(at_ms: int, length_ms: int, price: int) -> Bar:
  return Bar(at_ms - at_ms % length_ms, price, price, price, price)


def _newest(bars: "deque[Bar]", since_ms: int) -> list[Bar]:
  """The bars that start at or after `since_ms`, oldest first; at least the current one."""
  found = [bars[-1]]
  for bar in reversed(bars):
    if bar is bars[-1]:
      continue
    if bar.start < since_ms:
      break
    found.append(bar)
  found.reverse()
  return found
