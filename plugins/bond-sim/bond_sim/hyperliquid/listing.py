"""The markets of the simulated Hyperliquid, and how Hyperliquid lists them ("Info endpoint": meta,
allPerpMetas, spotMeta, perpDexs)."""

from collections.abc import Iterable
from typing import Any

import attrs

from bond_sim.market.products import PERP, QUIET, SPOT, Product, decimals, quiet_assets

TOKENS = {"USDC": 0, "PURR": 1, "HYPE": 150, "USDH": 360, "UBTC": 197}
"""Numbers of tokens; they have holes."""

DEXES = {"": "USDC", "xyz": "USDC", "flx": "USDH"}
"""What each dex counts in. The first one is the venue's own."""


@attrs.frozen(kw_only=True)
class HyperliquidMarket:
  """A product as Hyperliquid calls it. Sizes have `places` decimals."""

  product: Product
  coin: str
  places: int

  @property
  def dex(self) -> str:
    """The dex of a perpetual."""
    return self.coin.partition(":")[0] if ":" in self.coin else ""

  def size(self, lots: int) -> str:
    """A size in lots as the venue writes it."""
    return with_point(decimals(lots, self.places))

  def price(self, ticks: int) -> str:
    """A price in ticks as the venue writes it."""
    return with_point(decimals(ticks, self.product.price_decimals))


def with_point(text: str) -> str:
  """A decimal text as the venue writes it: 84143.0."""
  return text if "." in text else f"{text}.0"


def markets(more: int = 0) -> list[HyperliquidMarket]:
  """All generated markets, with as many more quiet perpetuals as `more` says."""
  return [
    _market("BTC", "BTC", "USDC", PERP, 0, 5, 10.0),
    _market("ETH", "ETH", "USDC", PERP, 1, 4, 7.0),
    _market("SOL", "SOL", "USDC", PERP, 3, 2, 4.0),
    _market("HYPE", "HYPE", "USDC", PERP, 3, 2, 4.0),
    _market("kPEPE", "kPEPE", "USDC", PERP, 6, 0, 1.0),
    _market("xyz:TSLA", "TSLA", "USDC", PERP, 2, 3, 2.0),
    _market("xyz:NVDA", "NVDA", "USDC", PERP, 2, 3, 1.0),
    _market("flx:TSLA", "TSLA", "USDH", PERP, 2, 3, 1.0),
    _market("PURR/USDC", "PURR", "USDC", SPOT, 5, 0, 1.0),
    _market("@107", "HYPE", "USDC", SPOT, 3, 2, 4.0),
    *(_market(base, base, "USDC", PERP, 4, 2, QUIET) for base in quiet_assets(more)),
  ]


def _market(
  coin: str, base: str, quote: str, kind: Any, price_decimals: int, places: int, takers: float
) -> HyperliquidMarket:
  product = Product(
    symbol=coin,
    kind=kind,
    base=base,
    quote=quote,
    price_decimals=price_decimals,
    lot=10.0**-places,
    takers_per_second=takers,
  )
  return HyperliquidMarket(product=product, coin=coin, places=places)


def dex_meta(dex: str, listed: Iterable[HyperliquidMarket]) -> dict[str, Any]:
  """The answer to `meta` of a dex."""
  universe = [
    {"szDecimals": market.places, "name": market.coin, "maxLeverage": 20, "marginTableId": 51}
    for market in listed
    if market.product.kind == PERP and market.dex == dex
  ]
  collateral = TOKENS[DEXES.get(dex, "USDC")]
  return {"universe": universe, "marginTables": [], "collateralToken": collateral}


def perp_dexs() -> list[Any]:
  """The answer to `perpDexs`; the first one has no row."""
  return [
    None,
    *(
      {"name": dex, "fullName": dex.upper(), "deployer": f"0x{0:040x}", "oracleUpdater": None}
      for dex in DEXES
      if dex
    ),
  ]


def spot_meta(listed: Iterable[HyperliquidMarket]) -> dict[str, Any]:
  """The answer to `spotMeta`."""
  universe = [
    {
      "tokens": [TOKENS[market.product.base], TOKENS[market.product.quote]],
      "name": market.coin,
      "index": int(market.coin[1:]) if market.coin.startswith("@") else 0,
      "isCanonical": not market.coin.startswith("@"),
    }
    for market in listed
    if market.product.kind == SPOT
  ]
  tokens = [
    {
      "name": name,
      "szDecimals": 2,
      "weiDecimals": 8,
      "index": index,
      "tokenId": f"0x{index:032x}",
      "isCanonical": index < 2,
      "evmContract": None,
      "fullName": None,
      "deployerTradingFeeShare": "0.0",
    }
    for name, index in TOKENS.items()
  ]
  return {"universe": universe, "tokens": tokens}
