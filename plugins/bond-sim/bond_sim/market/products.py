"""What generated markets trade, and how they behave."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Literal

import attrs

from bond_sim.market.indices import DAY_MS, Indices
from bond_sim.market.order_flow import LEVELS, MarketBehaviour
from bond_sim.market.trading import Trading, TradingListener

YEARLY_CARRY = 0.05

ProductKind = Literal["spot", "perp", "future"]
SPOT: ProductKind = "spot"
PERP: ProductKind = "perp"
FUTURE: ProductKind = "future"

QUIET = 0.05
"""Takers a second on a quiet market, which is there to be listed."""


@attrs.frozen(kw_only=True)
class Product:
  """What one market trades. A lot is `lot` units of the base, or of the quote where it is
  `inverse`; `expiry` is the day on which a dated contract is delivered, at 08:00 UTC. `id_jump` is
  the largest step between two update ids."""

  symbol: str
  kind: ProductKind
  base: str
  quote: str
  price_decimals: int
  lot: float
  takers_per_second: float
  inverse: bool = False
  expiry: date | None = None
  id_jump: int = 1

  @property
  def delivery_ms(self) -> int | None:
    """When a dated contract ends (epoch ms)."""
    if self.expiry is None:
      return None
    day = datetime(self.expiry.year, self.expiry.month, self.expiry.day, 8, tzinfo=UTC)
    return int(day.timestamp() * 1000)

  @property
  def scale(self) -> int:
    """Ticks in one unit of the quote."""
    scale: int = 10**self.price_decimals
    return scale

  def trade(
    self, indices: Indices, listener: TradingListener, *, seed: str, speed: float, now_ms: int
  ) -> Trading:
    """Begins to trade it. `speed` multiplies how often orders come."""
    if self.kind == PERP:
      indices.add_premium(self.symbol)

    def index() -> float:
      return indices.price(self.base, self.quote)

    price, dollars = index(), indices.dollars(self.quote)
    lot_in_dollars = self.lot * dollars * (1 if self.inverse else price)
    ticks = price * self.scale
    behaviour = MarketBehaviour(
      takers_per_second=self.takers_per_second * speed,
      taker_lots=max(1.5, 2_000 / lot_in_dollars),
      level_lots=max(2.0, 12_000 / lot_in_dollars),
      near=max(1.0, ticks * 0.00001),
      far=max(1000.0, ticks * 0.004),
      levels=LEVELS if self.takers_per_second > QUIET else 100,
      liquidations=0.0 if self.kind == SPOT else 0.01,
      id_jump=self.id_jump,
    )
    return Trading(
      behaviour,
      seed,
      now_ms,
      scale=self.scale,
      perpetual=self.kind == PERP,
      fair=self._fair(indices, index, now_ms),
      index=index,
      listener=listener,
    )

  def _fair(self, indices: Indices, index: Callable[[], float], now_ms: int) -> Callable[[], float]:
    delivery = self.delivery_ms
    if self.kind == PERP:
      return lambda: index() * (1 + indices.premium(self.symbol))
    if delivery is None:
      return index
    carry = 1 + YEARLY_CARRY * (delivery - now_ms) / (365 * DAY_MS)
    return lambda: index() * carry


def quiet_assets(count: int) -> list[str]:
  """Names of `count` assets without an index, for quiet markets against USDT."""
  return [f"M{number:03}" for number in range(1, count + 1)]


def quarter_ends(today: date) -> Iterator[date]:
  """The delivery days after `today`: the last Friday of each quarter, without end."""
  year, month = today.year, (today.month - 1) // 3 * 3 + 3
  while True:
    after = date(year + month // 12, month % 12 + 1, 1)
    friday = after - timedelta(days=(after.weekday() - 5) % 7 + 1)
    if friday > today:
      yield friday
    year, month = (year + 1, 3) if month == 12 else (year, month + 3)


def next_quarter(today: date) -> date:
  """The first delivery day that is more than two weeks away."""
  return next(quarter_ends(today + timedelta(days=14)))


def decimals(number: int, places: int) -> str:
  """A whole number of 10**-places as a decimal text without trailing zeros."""
  if places <= 0:
    return str(number * 10**-places)
  text = f"{number:0{places + 1}d}"
  return f"{text[:-places]}.{text[-places:]}".rstrip("0").rstrip(".")
