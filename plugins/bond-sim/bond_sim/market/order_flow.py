"""One market's orders: limit orders, cancels and market orders that a seeded stream of chance sends
into one book. Every trade takes from the book, every change gets an update id."""

import math
import random
from collections.abc import Callable

import attrs

from bond_sim.market.book import BUY, SELL, Book

LEVELS = 1000
"""Levels a side, where much is traded."""

ORDERS_PER_TAKER = 6
CHASES = 4


@attrs.frozen(kw_only=True)
class Temper:
  """How a market behaves. Sizes in lots, distances in ticks."""

  takers_per_second: float
  taker_lots: float
  level_lots: float
  near: float
  """Typical distance of a new order from the fair price."""

  far: float
  """Typical distance of the book's outer levels."""

  liquidations: float = 0.0
  """Share of market orders that are forced."""

  levels: int = LEVELS
  """Levels a side that are kept up."""

  id_jump: int = 1
  """Update ids grow by 1 to `id_jump`: by 1 on spot; on futures they leave holes."""


@attrs.frozen
class Execution:
  """One market order: what it took from each level, as (price, [lots of each trade])."""

  side: int
  levels: list[tuple[int, list[int]]]
  forced: bool


class OrderFlow:
  """The book of a market and what happens to it. `changed` is called for each level that changed,
  `executed` for each market order after it took from the book."""

  def __init__(
    self,
    temper: Temper,
    rng: random.Random,
    fair: float,
    changed: Callable[[int, int], None],
    executed: Callable[[Execution], None],
  ) -> None:
    self.book = Book()
    self.update_id = rng.randrange(10**9, 10**10)
    self._temper = temper
    self._rng = rng
    self._changed = changed
    self._executed = executed
    self._fill_book(fair)

  def wait_ms(self) -> float:
    """Time until the next order."""
    return self._rng.expovariate(self._temper.takers_per_second * ORDERS_PER_TAKER) * 1000

  def act(self, fair: float) -> None:
    """One order; quotes that the fair price has passed are pulled or taken first."""
    self._chase(fair)
    chance = self._rng.random() * ORDERS_PER_TAKER
    if chance < 1:
      self._market_order(fair)
    elif chance < 1 + (ORDERS_PER_TAKER - 1) * self._share_of_adds():
      self._limit_order(fair)
    else:
      self._cancel()

  # Orders ----------------------------------------------------------------------------------------

  def _limit_order(self, fair: float) -> None:
    side = self._rng.randrange(2)
    scale = self._temper.near if self._rng.random() < 0.7 else self._temper.far
    price = self._price(side, fair, 1 + int(self._rng.expovariate(1 / scale)))
    opposite = self.book.best(1 - side)
    price = min(price, opposite - 1) if side == BUY else max(price, opposite + 1)
    if price > 0:
      self._put(side, price, self.book.sizes[side].get(price, 0) + self._level_lots())
    if self.book.count(side) > self._temper.levels + self._temper.levels // 10:
      self._put(side, self.book.price_at(side, -1), 0)

  def _cancel(self) -> None:
    side = self._rng.randrange(2)
    rank = min(int(self._rng.expovariate(0.05)), self.book.count(side) - 1)
    price = self.book.price_at(side, rank)
    size = self.book.sizes[side][price]
    left = 0 if self._rng.random() < 0.6 else self._rng.randrange(size)
    if left or self.book.count(side) > self._temper.levels // 2:
      self._put(side, price, left)

  def _market_order(self, fair: float) -> None:
    cheap = fair - (self.book.best(BUY) + self.book.best(SELL)) / 2
    lean = 0.5 + max(-0.3, min(0.3, cheap / (4 * self._temper.near)))
    side = BUY if self._rng.random() < lean else SELL
    forced = self._rng.random() < self._temper.liquidations
    lots = self._lots(self._temper.taker_lots) * (10 if forced else 1)
    self._take(side, lots, forced=forced)

  def _chase(self, fair: float) -> None:
    for side in (BUY, SELL):
      for _ in range(CHASES):
        price = self.book.best(side)
        passed = price > fair if side == BUY else price < fair
        if not passed or self.book.count(side) <= self._temper.levels // 2:
          break
        if self._rng.random() < 0.8:
          self._put(side, price, 0)
        else:
          self._take(1 - side, self.book.sizes[side][price], forced=False)

  def _take(self, side: int, lots: int, *, forced: bool) -> None:
    resting = 1 - side
    levels = []
    while lots and self.book.count(resting) > 1:
      price = self.book.best(resting)
      there = self.book.sizes[resting][price]
      taken = min(lots, there)
      self._put(resting, price, there - taken)
      levels.append((price, self._split(taken)))
      lots -= taken
    if levels:
      self._executed(Execution(side, levels, forced))

  # Levels ----------------------------------------------------------------------------------------

  def _put(self, side: int, price: int, size: int) -> None:
    jump = self._temper.id_jump
    self.update_id += 1 if jump == 1 else self._rng.randint(1, jump)
    self.book.put(side, price, size)
    self._changed(side, price)

  def _fill_book(self, fair: float) -> None:
    for side in (BUY, SELL):
      distance = 1.0
      step = self._temper.far / self._temper.levels
      while self.book.count(side) < self._temper.levels:
        price = self._price(side, fair, int(distance))
        if price <= 0:
          break
        self.book.put(side, price, self._level_lots())
        distance += 1 + self._rng.expovariate(1 / (step * (0.2 + distance / self._temper.far)))

  def _price(self, side: int, fair: float, distance: int) -> int:
    return math.ceil(fair) - distance if side == BUY else math.floor(fair) + distance

  def _share_of_adds(self) -> float:
    there = self.book.count(BUY) + self.book.count(SELL)
    return 0.5 + max(-0.4, min(0.4, (2 * self._temper.levels - there) / self._temper.levels))

  def _level_lots(self) -> int:
    return self._lots(self._temper.level_lots)

  def _lots(self, typical: float) -> int:
    return max(1, round(typical * math.exp(self._rng.gauss(-0.5, 1.0))))

  def _split(self, lots: int) -> list[int]:
    """The resting orders that a level's `lots` are taken from: one or a few."""
    parts = []
    while lots > 1 and self._rng.random() < 0.35:
      part = self._rng.randrange(1, lots)
      parts.append(part)
      lots -= part
    return [*parts, lots]
