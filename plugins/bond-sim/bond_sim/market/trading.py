"""The trading of one generated market, in ticks and lots: orders, trades, bars, mark price."""

import random
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, Protocol

from bond_sim.market.bars import BarHistory, earlier_day
from bond_sim.market.book import BUY, SELL
from bond_sim.market.history import FUNDING_MS, ContractHistory, rate_of
from bond_sim.market.order_flow import Execution, MarketBehaviour, OrderFlow

RECENT = 1000


class Fill(NamedTuple):
  """One trade, in ticks and lots."""

  trade_id: int
  price: int
  lots: int
  buyer_is_maker: bool
  at_ms: int


class ForcedOrder(NamedTuple):
  """A liquidation, filled at once. `limit` and `average` are prices in ticks."""

  side: int
  lots: int
  limit: int
  average: float
  at_ms: int


class MarkPrice(NamedTuple):
  """A contract's mark and index price in quote units, its funding rate ("" for dated contracts) and
  the next funding time (epoch ms)."""

  mark: float
  average: float
  index_price: float
  rate: str
  next_ms: int


class TradingListener(Protocol):
  """Publishes what happens in a market."""

  def level_changed(self, side: int, price: int) -> None:
    """The size at a price has changed."""

  def filled(self, fills: list[Fill]) -> None:
    """An order has taken these trades at one price."""

  def forced(self, order: ForcedOrder) -> None:
    """A liquidation has been filled."""

  def ordered(self) -> None:
    """An order has been carried out, whatever it changed."""

  def due(self) -> float:
    """When `publish_due` has to be called next (epoch ms)."""

  def publish_due(self, at_ms: float) -> None:
    """Publishes what is due by time."""


class Trading:
  """A market that moves when `advance` is called. Equal seeds and calls give equal markets.

  `scale` is ticks in one unit of the quote. `fair` and `index` give the price that the market is
  drawn to and the index price, in quote units.
  """

  def __init__(
    self,
    behaviour: MarketBehaviour,
    seed: str,
    now_ms: int,
    *,
    scale: int,
    perpetual: bool,
    fair: Callable[[], float],
    index: Callable[[], float],
    listener: TradingListener,
  ) -> None:
    self._scale = scale
    self._perpetual = perpetual
    self._fair = fair
    self._index = index
    self._listener = listener
    self._rng = random.Random(seed)
    self._now = float(now_ms)
    self.trade_id = self._rng.randrange(10**8, 10**9)
    self.trades: deque[Fill] = deque(maxlen=RECENT)
    self._mark_average = fair()
    self.interest = round(behaviour.level_lots * 20_000 * self._rng.uniform(0.8, 1.2))
    """Open interest in lots."""
    self.history = ContractHistory(seed, now_ms, self.interest)
    self.flow = OrderFlow(
      behaviour, self._rng, fair() * self._scale, listener.level_changed, self._executed
    )
    self._next_order = self._now + self.flow.wait_ms()
    price = round(fair() * self._scale)
    trades_a_minute, lots = behaviour.takers_per_second * 90, behaviour.taker_lots * 0.6
    rng, next_id = random.Random(f"{seed} past"), self.trade_id + 1
    earlier = partial(earlier_day, rng, price, now_ms, trades_a_minute, lots, next_id)
    self.bars = BarHistory(earlier, price, now_ms)
    self.last_lots = round(behaviour.taker_lots)
    self.last_price = price

  @property
  def now(self) -> float:
    """The market's clock, epoch ms."""
    return self._now

  @property
  def now_ms(self) -> int:
    """The market's clock, whole epoch ms."""
    return int(self._now)

  def rest_until(self, now_ms: int) -> None:
    """The market has rested: nothing has happened up to `now_ms`."""
    self._now = float(now_ms)
    self._next_order = self._now + self.flow.wait_ms()

  def advance(self, to_ms: float) -> None:
    """Lets everything happen up to `to_ms`, in order of time."""
    while True:
      due = self._listener.due()
      at = min(self._next_order, due)
      if at > to_ms:
        break
      self._now = at
      if at == due:
        self._listener.publish_due(due)
      else:
        self.flow.act(self._fair() * self._scale)
        self._listener.ordered()
        self._next_order = at + self.flow.wait_ms()
    self._now = to_ms

  def mark(self) -> MarkPrice:
    """Mark price from the index and the book's premium over it; the funding rate from that premium
    and the fixed interest rate. Dated contracts have no funding."""
    index, book = self._index(), self.flow.book
    middle = (book.best(BUY) + book.best(SELL)) / 2 / self._scale
    mark = index + 0.9 * (self._fair() - index) + 0.1 * (middle - index)
    self._mark_average += 0.05 * (mark - self._mark_average)
    if not self._perpetual:
      return MarkPrice(mark, self._mark_average, index, "", 0)
    premium = (mark - index) / index
    rate = rate_of(premium)
    next_ms = (self.now_ms // FUNDING_MS + 1) * FUNDING_MS
    self.history.add_rate(rate, next_ms)
    return MarkPrice(mark, self._mark_average, index, rate, next_ms)

  def _executed(self, order: Execution) -> None:
    maker, at = order.side == SELL, self.now_ms
    for price, parts in order.levels:
      fills = []
      for lots in parts:
        self.trade_id += 1
        fill = Fill(self.trade_id, price, lots, maker, at)
        fills.append(fill)
        self.trades.append(fill)
        self.bars.trade(at, fill.trade_id, price, lots, taker_buys=not maker)
        self.last_lots, self.last_price = lots, price
      self._listener.filled(fills)
    lots = sum(sum(parts) for _, parts in order.levels)
    self.interest = max(1, self.interest + self._rng.randint(-lots, lots))
    self.history.add_interest(self.interest, at)
    if order.forced:
      quote = sum(price * sum(parts) for price, parts in order.levels)
      self._listener.forced(ForcedOrder(order.side, lots, order.levels[-1][0], quote / lots, at))
