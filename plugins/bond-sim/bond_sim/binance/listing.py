"""exchangeInfo: how Binance lists its markets."""

from datetime import UTC, datetime
from typing import Any, Literal

import attrs

from bond_sim.binance.limits import WEIGHT_LIMIT
from bond_sim.binance.paths import COINM, SPOT, USDM, BinanceMarketName

BinanceContract = Literal["", "PERPETUAL", "CURRENT_QUARTER", "NEXT_QUARTER"]

NO_DELIVERY_MS = 4_133_404_800_000
"""The deliveryDate of a perpetual."""

ONBOARD_MS = 1_569_398_400_000
DELIVERY_HOUR_MS = 8 * 3_600_000


@attrs.frozen(kw_only=True)
class BinanceListing:
  """A symbol as it is listed: assets, and the decimals of prices and sizes. `contract` is for
  futures; `worth` is the dollars of a contract where sizes are contracts (COIN-M), else 0."""

  market: BinanceMarketName
  symbol: str
  base: str
  quote: str
  price_decimals: int
  size_decimals: int
  contract: BinanceContract = ""
  worth: int = 0

  @property
  def pair(self) -> str:
    """The assets in one word, without what kind of a contract it is."""
    return self.base + self.quote

  @property
  def delivery_ms(self) -> int:
    """When a contract is delivered: 08:00 UTC of the day in its name."""
    _, dated, day = self.symbol.removesuffix("_PERP").partition("_")
    if not dated:
      return NO_DELIVERY_MS
    midnight = datetime.strptime(day, "%y%m%d").replace(tzinfo=UTC)
    return int(midnight.timestamp() * 1000) + DELIVERY_HOUR_MS


def worth_on(market: BinanceMarketName, base: str) -> int:
  """The dollars that a contract of an asset is worth, 0 where sizes are in the base."""
  return (100 if base == "BTC" else 10) if market == COINM else 0


def exchange_info(
  market: BinanceMarketName, listings: list[BinanceListing], now_ms: int
) -> dict[str, Any]:
  """The body of exchangeInfo."""
  row = {SPOT: _spot_row, USDM: _usdm_row, COINM: _coinm_row}[market]
  common: dict[str, Any] = {
    "timezone": "UTC",
    "serverTime": now_ms,
    "rateLimits": [
      {
        "rateLimitType": "REQUEST_WEIGHT",
        "interval": "MINUTE",
        "intervalNum": 1,
        "limit": WEIGHT_LIMIT[market],
      }
    ],
    "exchangeFilters": [],
    "symbols": [row(listing) for listing in listings],
  }
  if market == USDM:
    assets = sorted({listing.quote for listing in listings})
    common["futuresType"] = "U_MARGINED"
    common["assets"] = [
      {"asset": asset, "marginAvailable": True, "autoAssetExchange": "-10000"} for asset in assets
    ]
  return common


def _spot_row(listing: BinanceListing) -> dict[str, Any]:
  return {
    "symbol": listing.symbol,
    "status": "TRADING",
    "baseAsset": listing.base,
    "baseAssetPrecision": 8,
    "quoteAsset": listing.quote,
    "quotePrecision": 8,
    "quoteAssetPrecision": 8,
    "baseCommissionPrecision": 8,
    "quoteCommissionPrecision": 8,
    "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"],
    "icebergAllowed": True,
    "ocoAllowed": True,
    "otoAllowed": True,
    "quoteOrderQtyMarketAllowed": True,
    "allowTrailingStop": True,
    "cancelReplaceAllowed": True,
    "amendAllowed": True,
    "pegInstructionsAllowed": True,
    "isSpotTradingAllowed": True,
    "isMarginTradingAllowed": False,
    "filters": _filters(listing, pad=8),
    "permissions": [],
    "permissionSets": [["SPOT"]],
    "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
    "allowedSelfTradePreventionModes": ["EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT"],
  }


def _usdm_row(listing: BinanceListing) -> dict[str, Any]:
  return {
    "symbol": listing.symbol,
    "pair": listing.pair,
    "contractType": listing.contract,
    "deliveryDate": listing.delivery_ms,
    "onboardDate": ONBOARD_MS,
    "status": "TRADING",
    "maintMarginPercent": "2.5000",
    "requiredMarginPercent": "5.0000",
    "baseAsset": listing.base,
    "quoteAsset": listing.quote,
    "marginAsset": listing.quote,
    "pricePrecision": listing.price_decimals,
    "quantityPrecision": listing.size_decimals,
    "baseAssetPrecision": 8,
    "quotePrecision": 8,
    "underlyingType": "COIN",
    "underlyingSubType": ["PoW"] if listing.base == "BTC" else ["Layer-1"],
    "triggerProtect": "0.0500",
    "liquidationFee": "0.012500",
    "marketTakeBound": "0.05",
    "filters": [*_filters(listing, pad=0), {"filterType": "MIN_NOTIONAL", "notional": "5"}],
    "orderTypes": ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET"],
    "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
  }


def _coinm_row(listing: BinanceListing) -> dict[str, Any]:
  row = _usdm_row(listing)
  del row["status"]
  return row | {
    "contractStatus": "TRADING",
    "contractSize": listing.worth,
    "marginAsset": listing.base,
    "equalQtyPrecision": 4,
  }


def _filters(listing: BinanceListing, pad: int) -> list[dict[str, Any]]:
  tick = f"{10**-listing.price_decimals:.{max(pad, listing.price_decimals)}f}"
  step = f"{10**-listing.size_decimals:.{max(pad, listing.size_decimals)}f}"
  most = f"{1_000_000:.{pad}f}"
  return [
    {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": most, "tickSize": tick},
    {"filterType": "LOT_SIZE", "minQty": step, "maxQty": most, "stepSize": step},
    {"filterType": "MARKET_LOT_SIZE", "minQty": step, "maxQty": most, "stepSize": step},
  ]
