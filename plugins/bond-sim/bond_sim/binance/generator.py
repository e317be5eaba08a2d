"""The generated venue: spot and futures markets around shared index prices. A market moves from the
moment somebody asks for it, and rests again when nobody has for five minutes."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import attrs

from bond_sim.binance.frames import span
from bond_sim.binance.listing import Listing, exchange_info
from bond_sim.binance.market import Market
from bond_sim.binance.paths import COINM, SPOT, USDM
from bond_sim.binance.source import Query
from bond_sim.binance.streams import parse_stream
from bond_sim.clock import Clock
from bond_sim.hub import Hub
from bond_sim.market.floor import Floor
from bond_sim.market.indices import DAY_MS, Indices
from bond_sim.market.orderflow import Temper
from bond_sim.market.products import QUIET, further, levels_of

YEARLY_CARRY = 0.05


@attrs.frozen(kw_only=True)
class Model:
  """A market of the generated venue; sizes in dollars, distances as shares of the price."""

  market: str
  base: str
  quote: str
  price_decimals: int
  size_decimals: int
  takers_per_second: float
  contract: str = ""
  expiry: str = ""

  @property
  def listing(self) -> Listing:
    return Listing(
      market=self.market,
      symbol=self.base + self.quote + (f"_{self.expiry}" if self.expiry else ""),
      base=self.base,
      quote=self.quote,
      price_decimals=self.price_decimals,
      size_decimals=self.size_decimals,
      contract=self.contract,
    )


_SPOT = (
  ("BTC", "USDT", 2, 5, 9.0),
  ("ETH", "USDT", 2, 4, 7.0),
  ("SOL", "USDT", 2, 3, 4.0),
  ("BNB", "USDT", 2, 3, 3.0),
  ("XRP", "USDT", 4, 1, 4.0),
  ("DOGE", "USDT", 5, 0, 3.0),
  ("BTC", "USDC", 2, 5, 5.0),
  ("ETH", "BTC", 5, 4, 1.0),
)
_PERPETUAL = (
  ("BTC", "USDT", 1, 3, 10.0),
  ("ETH", "USDT", 2, 3, 8.0),
  ("SOL", "USDT", 2, 2, 5.0),
  ("BNB", "USDT", 2, 2, 3.0),
  ("XRP", "USDT", 4, 1, 5.0),
  ("DOGE", "USDT", 5, 0, 4.0),
)


def models(today: date, markets: int = 0) -> list[Model]:
  """All generated markets, with so many quiet spot markets more; the two dated contracts are those
  of the quarters that `today` is in or before."""
  spot = [_model(SPOT, row) for row in _SPOT]
  spot += [_model(SPOT, (base, "USDT", 4, 2, QUIET)) for base in further(markets)]
  perpetual = [_model(USDM, row, "PERPETUAL") for row in _PERPETUAL]
  names = ("CURRENT_QUARTER", "NEXT_QUARTER")
  dated = [
    _model(USDM, ("BTC", "USDT", 1, 3, 1.0), name, f"{day:%y%m%d}")
    for name, day in zip(names, deliveries(today), strict=True)
  ]
  return [*spot, *perpetual, *dated]


def deliveries(today: date) -> tuple[date, date]:
  """The next two delivery days: last Fridays of a quarter."""
  found: list[date] = []
  year, month = today.year, (today.month - 1) // 3 * 3 + 3
  while len(found) < 2:
    after = date(year + month // 12, month % 12 + 1, 1)
    friday = after - timedelta(days=(after.weekday() - 4 - 1) % 7 + 1)
    if friday > today:
      found.append(friday)
    year, month = (year + 1, 3) if month == 12 else (year, month + 3)
  return found[0], found[1]


class World:
  """A source of generated markets. `speed` multiplies how often orders come, not the clock."""

  def __init__(
    self, *, seed: int, speed: float, symbols: list[str], clock: Clock, markets: int = 0
  ) -> None:
    self.hub = Hub(span)
    self._clock = clock
    self._seed = seed
    self._speed = speed
    today = datetime.fromtimestamp(self._clock.now_ms() / 1000, UTC).date()
    self._models = {
      (model.market, model.listing.symbol): model
      for model in models(today, markets)
      if not symbols or model.listing.symbol in symbols
    }
    self._indices = Indices(seed)
    self._floor: Floor[tuple[str, str], Market] = Floor(self.hub, self._indices, clock, self._make)

  def now_ms(self) -> int:
    return self._clock.now_ms()

  async def run(self) -> None:
    await self._floor.run()

  def advance(self, now_ms: int) -> None:
    """Lets all markets that somebody asked for move up to `now_ms`."""
    self._floor.advance(now_ms)

  # Source ----------------------------------------------------------------------------------------

  def resolve(self, market: str, name: str) -> str | None:
    stream = parse_stream(market, name)
    if stream is None or not self.has(market, stream.symbol):
      return None
    asked = (market, stream.symbol)
    # The speed is part of the name, so that spellings of one stream share it.
    detail = f"{stream.kind.replace('partial', 'depth')}{stream.levels or ''}"
    detail += f"_{stream.interval}" if stream.interval else ""
    timed = f"@{stream.every}ms" if stream.kind in ("depth", "partial", "markPrice") else ""
    canonical = f"{market} {stream.symbol.lower()}@{detail}{timed}"
    self._floor.wake(asked).open(stream, canonical)
    self._floor.opened(canonical, asked, stream)
    return canonical

  def exchange_info(self, market: str) -> dict[str, Any]:
    listings = [model.listing for (place, _), model in self._models.items() if place == market]
    return exchange_info(COINM if market == COINM else market, listings, self.now_ms())

  def symbols(self, market: str) -> list[str]:
    return [symbol for place, symbol in self._models if place == market]

  def has(self, market: str, symbol: str) -> bool:
    return (market, symbol) in self._models

  def answer(self, market: str, endpoint: str, symbol: str, query: Query) -> Any:
    return self._floor.up_to_date((market, symbol)).answer(endpoint, query)

  def progress(self) -> dict[str, Any]:
    return {"finished": False, "awake": sorted(f"{m} {symbol}" for m, symbol in self._floor.awake)}

  # Markets ---------------------------------------------------------------------------------------

  def _make(self, asked: tuple[str, str], now_ms: int) -> Market:
    model = self._models[asked]
    base, quote = model.base, model.quote
    listing = model.listing
    if model.contract == "PERPETUAL":
      self._indices.add_premium(asked)

    def index() -> float:
      return self._indices.price(base, quote)

    def fair() -> float:
      if model.contract == "PERPETUAL":
        return index() * (1 + self._indices.premium(asked))
      if model.contract:
        return index() * (1 + YEARLY_CARRY * (listing.delivery_ms - now_ms) / (365 * DAY_MS))
      return index()

    price, dollars = index(), self._indices.dollars(quote)
    a_lot = price * dollars / 10**model.size_decimals
    ticks = price * 10**model.price_decimals
    temper = Temper(
      takers_per_second=model.takers_per_second * self._speed,
      taker_lots=max(1.5, 2_000 / a_lot),
      level_lots=max(2.0, 12_000 / a_lot),
      near=max(1.0, ticks * 0.00001),
      far=max(1000.0, ticks * 0.004),
      levels=levels_of(model.takers_per_second),
      liquidations=0.01 if model.market == USDM else 0.0,
      id_jump=1 if model.market == SPOT else 40,
    )
    seed = f"{self._seed} {model.market} {listing.symbol}"
    return Market(listing, temper, seed, now_ms, fair, index, self.hub.publish)


def _model(
  market: str, row: tuple[str, str, int, int, float], contract: str = "", expiry: str = ""
) -> Model:
  base, quote, price_decimals, size_decimals, takers = row
  return Model(
    market=market,
    base=base,
    quote=quote,
    price_decimals=price_decimals,
    size_decimals=size_decimals,
    takers_per_second=takers,
    contract=contract,
    expiry=expiry,
  )
