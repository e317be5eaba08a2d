"""The order flow of a generated market: random limit orders, cancels and market orders on one book.
Every trade takes from the book, and every change of a level gets an update id."""

import math
import random
from collections.abc import Callable

import attrs

from bond_sim.market.book import BUY, SELL, GeneratedBook

LEVELS = 1000
"""Levels a side of a busy market."""

ORDERS_PER_TAKER = 6
MAX_FOLLOWED = 4
"""Levels a side that are cancelled or taken at once when the fair price passes them."""


@attrs.frozen(kw_only=True)
class MarketBehaviour:
  """Parameters of a market's orders. Sizes in lots, distances in ticks."""

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
  """Levels a side that the orders maintain."""

  id_jump: int = 1
  """The largest step between two update ids. Above 1 they have holes, as on Binance's futures."""


@attrs.frozen
class Execution:
  """One market order: for each level that it took from, (price, [lots of each trade])."""

  side: int
  levels: list[tuple[int, list[int]]]
  forced: bool


class OrderFlow:
  """The orders on a market's book. `changed` is called for each level that changes, `executed` for
  each market order after it took from the book. `fair` is in ticks."""

  def __init__(
    self,
    behaviour: MarketBehaviour,
    rng: random.Random,
    fair: float,
    changed: Callable[[int, int], None],
    executed: Callable[[Execution], None],
  ) -> None:
    self.book = GeneratedBook()
    self.update_id = rng.randrange(10**9, 10**10)
    self._behaviour = behaviour
    self._rng = rng
    self._changed = changed
    self._executed = executed
    self._fill_book(fair)

  def wait_ms(self) -> float:
    """Time until the next order."""
    return self._rng.expovariate(self._behaviour.takers_per_second * ORDERS_PER_TAKER) * 1000

  def act(self, fair: float) -> None:
    """One order. Quotes that the fair price has passed are cancelled or taken first."""
    self._follow(fair)
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
    scale = self._behaviour.near if self._rng.random() < 0.7 else self._behaviour.far
    price = self._price(side, fair, 1 + int(self._rng.expovariate(1 / scale)))
    opposite = self.book.best(1 - side)
    price = min(price, opposite - 1) if side == BUY else max(price, opposite + 1)
    if price > 0:
      self._put(side, price, self.book.sizes[side].get(price, 0) + self._level_lots())
    if self.book.count(side) > self._behaviour.levels + self._behaviour.levels // 10:
      self._put(side, self.book.price_at(side, -1), 0)

  def _cancel(self) -> None:
    side = self._rng.randrange(2)
    rank = min(int(self._rng.expovariate(0.05)), self.book.count(side) - 1)
    price = self.book.price_at(side, rank)
    size = self.book.sizes[side][price]
    left = 0 if self._rng.random() < 0.6 else self._rng.randrange(size)
    if left or self.book.count(side) > self._behaviour.levels // 2:
      self._put(side, price, left)

  def _market_order(self, fair: float) -> None:
    cheap = fair - (self.book.best(BUY) + self.book.best(SELL)) / 2
    lean = 0.5 + max(-0.3, min(0.3, cheap / (4 * self._behaviour.near)))
    side = BUY if self._rng.random() < lean else SELL
    forced = self._rng.random() < self._behaviour.liquidations
    lots = self._lots(self._behaviour.taker_lots) * (10 if forced else 1)
    self._take(side, lots, forced=forced)

  def _follow(self, fair: float) -> None:
    for side in (BUY, SELL):
      for _ in range(MAX_FOLLOWED):
        price = self.book.best(side)
        passed = price > fair if side == BUY else price < fair
        if not passed or self.book.count(side) <= self._behaviour.levels // 2:
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
      available = self.book.sizes[resting][price]
      taken = min(lots, available)
      self._put(resting, price, available - taken)
      levels.append((price, self._split(taken)))
      lots -= taken
    if levels:
      self._executed(Execution(side, levels, forced))

  # Levels ----------------------------------------------------------------------------------------

  def _put(self, side: int, price: int, size: int) -> None:
    jump = self._behaviour.id_jump
    self.update_id += 1 if jump == 1 else self._rng.randint(1, jump)
    self.book.put(side, price, size)
    self._changed(side, price)

  def _fill_book(self, fair: float) -> None:
    for side in (BUY, SELL):
      distance = 1.0
      step = self._behaviour.far / self._behaviour.levels
      while self.book.count(side) < self._behaviour.levels:
        price = self._price(side, fair, int(distance))
        if price <= 0:
          break
        self.book.put(side, price, self._level_lots())
        distance += 1 + self._rng.expovariate(1 / (step * (0.2 + distance / self._behaviour.far)))

  def _price(self, side: int, fair: float, distance: int) -> int:
    return math.ceil(fair) - distance if side == BUY else math.floor(fair) + distance

  def _share_of_adds(self) -> float:
    levels = self.book.count(BUY) + self.book.count(SELL)
    missing = (2 * self._behaviour.levels - levels) / self._behaviour.levels
    return 0.5 + max(-0.4, min(0.4, missing))

  def _level_lots(self) -> int:
    return self._lots(self._behaviour.level_lots)

  def _lots(self, typical: float) -> int:
    return max(1, round(typical * math.exp(self._rng.gauss(-0.5, 1.0))))

  def _split(self, lots: int) -> list[int]:
    """The sizes of the resting orders that a level's `lots` are taken from."""
    parts = []
    while lots > 1 and self._rng.random() < 0.35:
      part = self._rng.randrange(1, lots)
      parts.append(part)
      lots -= part
    return [*parts, lots]
