"""The instruments of the simulated Bybit, and how Bybit lists them ("Get Instruments Info")."""

from datetime import date
from typing import Any, Literal

import attrs

from bond_sim.market.products import (
  FUTURE,
  PERP,
  QUIET,
  SPOT,
  Product,
  decimals,
  next_quarter,
  quiet_assets,
)

BybitCategory = Literal["spot", "linear", "inverse"]
SPOT_CATEGORY: BybitCategory = "spot"
LINEAR: BybitCategory = "linear"
INVERSE: BybitCategory = "inverse"
CATEGORIES: tuple[BybitCategory, ...] = (SPOT_CATEGORY, LINEAR, INVERSE)
LISTED_MS = 1_585_526_400_000

_LETTERS = {3: "H", 6: "M", 9: "U", 12: "Z"}
"""Letters of delivery months."""


@attrs.frozen(kw_only=True)
class BybitInstrument:
  """A product as Bybit lists it. Sizes have `places` decimals, and are in the base, or in dollars
  on inverse contracts."""

  product: Product
  category: BybitCategory
  places: int

  @property
  def key(self) -> str:
    """Its name among all categories, since BTCUSDT is listed in two."""
    return f"{self.category} {self.product.symbol}"

  def size(self, lots: int) -> str:
    """A size in lots as the venue writes it."""
    return decimals(lots, self.places)

  def row(self) -> dict[str, Any]:
    """Its row of the list."""
    product = self.product
    tick, lot = decimals(1, product.price_decimals), decimals(1, self.places)
    common: dict[str, Any] = {
      "symbol": product.symbol,
      "baseCoin": product.base,
      "quoteCoin": product.quote,
      "status": "Trading",
    }
    if self.category == SPOT:
      return common | {
        "innovation": "0",
        "marginTrading": "both",
        "lotSizeFilter": {
          "basePrecision": lot,
          "quotePrecision": "0.00000001",
          "minOrderQty": lot,
          "maxOrderQty": "1000000",
          "minOrderAmt": "1",
          "maxOrderAmt": "4000000",
        },
        "priceFilter": {"tickSize": tick},
      }
    kind = "Futures" if product.kind == FUTURE else "Perpetual"
    return common | {
      "contractType": f"{self.category.capitalize()}{kind}",
      "launchTime": str(LISTED_MS),
      "deliveryTime": str(product.delivery_ms or 0),
      "deliveryFeeRate": "",
      "priceScale": str(product.price_decimals),
      "leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"},
      "priceFilter": {"minPrice": tick, "maxPrice": "1999999.80", "tickSize": tick},
      "lotSizeFilter": {
        "maxOrderQty": "1190.000",
        "minOrderQty": lot,
        "qtyStep": lot,
        "minNotionalValue": "5",
      },
      "unifiedMarginTrade": True,
      "fundingInterval": 0 if product.kind == FUTURE else 480,
      "settleCoin": product.base if product.inverse else product.quote,
    }


def instruments(today: date, markets: int = 0) -> list[BybitInstrument]:
  """All generated instruments, with as many more quiet spot markets as `markets` says."""
  quarter = next_quarter(today)
  letter = _LETTERS[quarter.month]
  day = f"{quarter:%d%b%y}".upper()
  return [
    _instrument(SPOT_CATEGORY, "BTCUSDT", "BTC", "USDT", 2, 6, 9.0),
    _instrument(SPOT_CATEGORY, "ETHUSDT", "ETH", "USDT", 2, 5, 7.0),
    _instrument(SPOT_CATEGORY, "SOLUSDT", "SOL", "USDT", 2, 3, 4.0),
    _instrument(SPOT_CATEGORY, "XRPUSDT", "XRP", "USDT", 4, 2, 3.0),
    _instrument(SPOT_CATEGORY, "USDTUSD", "USDT", "USD", 4, 2, 1.0),
    _instrument(SPOT_CATEGORY, "WBTCUSDT", "WBTC", "USDT", 2, 6, 1.0),
    _instrument(LINEAR, "BTCUSDT", "BTC", "USDT", 1, 3, 10.0),
    _instrument(LINEAR, "ETHUSDT", "ETH", "USDT", 2, 2, 7.0),
    _instrument(LINEAR, "SOLUSDT", "SOL", "USDT", 3, 1, 4.0),
    _instrument(LINEAR, "BTCPERP", "BTC", "USDC", 1, 3, 2.0),
    _instrument(LINEAR, f"BTCUSDT-{day}", "BTC", "USDT", 1, 3, 1.0, quarter),
    _instrument(INVERSE, "BTCUSD", "BTC", "USD", 1, 0, 4.0),
    _instrument(INVERSE, f"BTCUSD{letter}{quarter:%y}", "BTC", "USD", 1, 0, 1.0, quarter),
    *(
      _instrument(SPOT_CATEGORY, f"{base}USDT", base, "USDT", 4, 2, QUIET)
      for base in quiet_assets(markets)
    ),
  ]


def _instrument(
  category: BybitCategory,
  symbol: str,
  base: str,
  quote: str,
  price_decimals: int,
  places: int,
  takers: float,
  expiry: date | None = None,
) -> BybitInstrument:
  contract = PERP if expiry is None else FUTURE
  product = Product(
    symbol=symbol,
    kind=SPOT if category == SPOT else contract,
    base=base,
    quote=quote,
    price_decimals=price_decimals,
    lot=float(f"1e-{places}"),
    takers_per_second=takers,
    inverse=category == INVERSE,
    expiry=expiry,
  )
  return BybitInstrument(product=product, category=category, places=places)
