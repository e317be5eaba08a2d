"""Generated markets that are traded by the lot: what they are, and how they behave."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import attrs

from bond_sim.market.indices import DAY_MS, Indices
from bond_sim.market.orderflow import LEVELS, Temper
from bond_sim.market.trading import Listener, Trading

YEARLY_CARRY = 0.05

SPOT, PERP, FUTURE = "spot", "perp", "future"

QUIET = 0.05
"""Takers in a second on a market that is only there to be there."""


@attrs.frozen(kw_only=True)
class Product:
  """One market. A lot is `lot` units of the base, or of the quote where it is `inverse`; `expiry`
  is the day on which a dated contract is delivered, at 08:00 UTC."""

  symbol: str
  kind: str
  base: str
  quote: str
  price_decimals: int
  lot: float
  takers_per_second: float
  inverse: bool = False
  expiry: date | None = None

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
    self, indices: Indices, listener: Listener, *, seed: str, speed: float, now_ms: int
  ) -> Trading:
    """Begins to trade it."""
    if self.kind == PERP:
      indices.add_premium(self.symbol)

    def index() -> float:
      return indices.price(self.base, self.quote)

    price, dollars = index(), indices.dollars(self.quote)
    a_lot = self.lot * dollars * (1 if self.inverse else price)
    ticks = price * self.scale
    temper = Temper(
      takers_per_second=self.takers_per_second * speed,
      taker_lots=max(1.5, 2_000 / a_lot),
      level_lots=max(2.0, 12_000 / a_lot),
      near=max(1.0, ticks * 0.00001),
      far=max(1000.0, ticks * 0.004),
      levels=levels_of(self.takers_per_second),
      liquidations=0.0 if self.kind == SPOT else 0.01,
    )
    return Trading(
      temper,
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


def levels_of(takers_per_second: float) -> int:
  """How many levels a side a market has: few where little is traded."""
  return LEVELS if takers_per_second > QUIET else 100


def further(count: int) -> list[str]:
  """The names of so many assets without an index, each of which trades quietly against USDT."""
  return [f"M{number:03}" for number in range(1, count + 1)]


def next_quarter(today: date) -> date:
  """The next last Friday of a quarter that is at least two weeks away."""
  year, month = today.year, (today.month - 1) // 3 * 3 + 3
  while True:
    after = date(year + month // 12, month % 12 + 1, 1)
    friday = after - timedelta(days=(after.weekday() - 5) % 7 + 1)
    if friday > today + timedelta(days=14):
      return friday
    year, month = (year + 1, 3) if month == 12 else (year, month + 3)


def decimals(number: int, places: int) -> str:
  """A whole number of 10**-places as a decimal text without zeros at its end."""
  if places <= 0:
    return str(number * 10**-places)
  text = f"{number:0{places + 1}d}"
  return f"{text[:-places]}.{text[-places:]}".rstrip("0").rstrip(".")
