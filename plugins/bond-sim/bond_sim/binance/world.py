"""The generated venue: spot and futures markets around shared index prices. A market moves from the
moment somebody asks for it, and rests again when nobody has for five minutes."""

import math
import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import attrs
import trio

from bond_sim.binance.frames import span
from bond_sim.binance.listing import Listing, exchange_info
from bond_sim.binance.market import Market
from bond_sim.binance.orderflow import Temper
from bond_sim.binance.paths import COINM, SPOT, USDM
from bond_sim.binance.source import Query
from bond_sim.binance.streams import Stream, parse_stream
from bond_sim.clock import Clock
from bond_sim.hub import Hub

STEP_MS = 100
PULSE_SECONDS = 0.01
TIDY_MS = 1000
REST_AFTER_MS = 300_000
DAY_MS = 86_400_000
YEARLY_CARRY = 0.05


@attrs.frozen
class Asset:
  """An index: its price in dollars to begin with, and the standard deviation of a day's return."""

  price: float
  daily: float


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


ASSETS = {
  "BTC": Asset(97_000.0, 0.02),
  "ETH": Asset(3_400.0, 0.028),
  "SOL": Asset(190.0, 0.035),
  "BNB": Asset(890.0, 0.022),
  "XRP": Asset(2.2, 0.033),
  "DOGE": Asset(0.19, 0.036),
  "USDT": Asset(1.0, 0.0),
  "USDC": Asset(1.0, 0.0001),
}
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


def models(today: date) -> list[Model]:
  """All generated markets; the two dated contracts are those of the quarters that `today` is in
  or before."""
  spot = [_model(SPOT, row) for row in _SPOT]
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

  def __init__(self, *, seed: int, speed: float, symbols: list[str], clock: Clock) -> None:
    self.hub = Hub(span)
    self._clock = clock
    self._seed = seed
    self._speed = speed
    today = datetime.fromtimestamp(self._clock.now_ms() / 1000, UTC).date()
    self._models = {
      (model.market, model.listing.symbol): model
      for model in models(today)
      if not symbols or model.listing.symbol in symbols
    }
    self._walks = {name: random.Random(f"{seed} index {name}") for name in ASSETS}
    self._index = {name: asset.price for name, asset in ASSETS.items()}
    self._premiums: dict[tuple[str, str], tuple[random.Random, float]] = {}
    self._markets: dict[tuple[str, str], Market] = {}
    self._streams: dict[str, tuple[tuple[str, str], Stream]] = {}
    self._awake: dict[tuple[str, str], int] = {}
    """Markets that move, and when somebody last asked for them."""
    self._next_step_ms = self._next_tidy_ms = 0

  def now_ms(self) -> int:
    return self._clock.now_ms()

  async def run(self) -> None:
    while True:
      await trio.sleep(PULSE_SECONDS)
      self.advance(self._clock.now_ms())

  def advance(self, now_ms: int) -> None:
    """Lets all awake markets move up to `now_ms`. The index steps on a grid of 100 ms, so that the
    result does not depend on how often this is called."""
    while self._next_step_ms <= now_ms and self._awake:
      for asked in self._awake:
        self._markets[asked].advance(self._next_step_ms)
      self._step()
      self._next_step_ms += STEP_MS
    for asked in self._awake:
      self._markets[asked].advance(now_ms)
    if now_ms >= self._next_tidy_ms:
      self._next_tidy_ms = now_ms + TIDY_MS
      self._tidy(now_ms)

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
    self._wake(asked).open(stream, canonical)
    self._streams[canonical] = (asked, stream)
    return canonical

  def exchange_info(self, market: str) -> dict[str, Any]:
    listings = [model.listing for (place, _), model in self._models.items() if place == market]
    return exchange_info(COINM if market == COINM else market, listings, self.now_ms())

  def symbols(self, market: str) -> list[str]:
    return [symbol for place, symbol in self._models if place == market]

  def has(self, market: str, symbol: str) -> bool:
    return (market, symbol) in self._models

  def answer(self, market: str, endpoint: str, symbol: str, query: Query) -> Any:
    awake = self._wake((market, symbol))
    self.advance(self.now_ms())
    return awake.answer(endpoint, query)

  def progress(self) -> dict[str, Any]:
    return {"finished": False, "awake": sorted(f"{m} {symbol}" for m, symbol in self._awake)}

  # Markets ---------------------------------------------------------------------------------------

  def _wake(self, asked: tuple[str, str]) -> Market:
    now = self.now_ms()
    if not self._awake:
      self._next_step_ms = now + STEP_MS
    if asked not in self._markets:
      self._markets[asked] = self._make(asked, now)
    elif asked not in self._awake:
      self._markets[asked].rest_until(now)
    self._awake[asked] = now
    return self._markets[asked]

  def _make(self, asked: tuple[str, str], now_ms: int) -> Market:
    model = self._models[asked]
    base, quote = model.base, model.quote
    listing = model.listing
    if model.contract == "PERPETUAL":
      self._premiums[asked] = (random.Random(f"{self._seed} premium {asked}"), 0.0)

    def index() -> float:
      return self._index[base] / self._index[quote]

    def fair() -> float:
      if model.contract == "PERPETUAL":
        return index() * (1 + self._premiums[asked][1])
      if model.contract:
        return index() * (1 + YEARLY_CARRY * (listing.delivery_ms - now_ms) / (365 * DAY_MS))
      return index()

    price, dollars = index(), self._index[quote]
    a_lot = price * dollars / 10**model.size_decimals
    ticks = price * 10**model.price_decimals
    temper = Temper(
      takers_per_second=model.takers_per_second * self._speed,
      taker_lots=max(1.5, 2_000 / a_lot),
      level_lots=max(2.0, 12_000 / a_lot),
      near=max(1.0, ticks * 0.00001),
      far=max(1000.0, ticks * 0.004),
      liquidations=0.01 if model.market == USDM else 0.0,
      id_jump=1 if model.market == SPOT else 40,
    )
    seed = f"{self._seed} {model.market} {listing.symbol}"
    return Market(listing, temper, seed, now_ms, fair, index, self.hub.publish)

  def _step(self) -> None:
    for name, asset in ASSETS.items():
      deviation = asset.daily * math.sqrt(STEP_MS / DAY_MS)
      pull = 0.00001 * math.log(asset.price / self._index[name])
      self._index[name] *= math.exp(pull + deviation * self._walks[name].gauss(0.0, 1.0))
    for asked, (rng, premium) in self._premiums.items():
      self._premiums[asked] = (rng, 0.99 * premium + rng.gauss(0.0, 0.00003))

  def _tidy(self, now_ms: int) -> None:
    """Streams nobody wants are closed; a stream lost with its connection stays open for a while,
    because what is missed on it has to be known."""
    for name, (asked, stream) in list(self._streams.items()):
      if self.hub.read(name):
        self._awake[asked] = now_ms
      elif not self.hub.wanted(name) or now_ms - self._awake[asked] > REST_AFTER_MS:
        self.hub.forget(name)
        self._markets[asked].close(stream)
        del self._streams[name]
    for asked, asked_ms in list(self._awake.items()):
      if now_ms - asked_ms > REST_AFTER_MS:
        del self._awake[asked]


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
