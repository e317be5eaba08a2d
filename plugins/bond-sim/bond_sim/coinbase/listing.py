"""The products of the simulated Coinbase, and how Coinbase lists them ("List Public Products")."""

from typing import Any

import attrs

from bond_sim.market.products import QUIET, SPOT, Product, decimals, quiet_assets


@attrs.frozen(kw_only=True)
class CoinbaseProduct:
  """A product as Coinbase lists it. Sizes have `places` decimals; `alias` is the product whose data
  it has, "" for its own."""

  product: Product
  places: int
  alias: str = ""
  aliases: tuple[str, ...] = ()

  @property
  def product_id(self) -> str:
    """Its name at the venue."""
    return self.product.symbol

  def size(self, lots: int) -> str:
    """A size in lots as the venue writes it."""
    return decimals(lots, self.places)

  def price(self, ticks: int) -> str:
    """A price in ticks as the venue writes it."""
    return decimals(ticks, self.product.price_decimals)

  def row(self) -> dict[str, Any]:
    """Its row of the list."""
    product = self.product
    tick, lot = decimals(1, product.price_decimals), decimals(1, self.places)
    return {
      "product_id": self.product_id,
      "price": "",
      "volume_24h": "",
      "base_increment": lot,
      "quote_increment": tick,
      "quote_min_size": "1",
      "quote_max_size": "150000000",
      "base_min_size": lot,
      "base_max_size": "3400",
      "base_name": product.base,
      "quote_name": product.quote,
      "is_disabled": False,
      "new": False,
      "status": "online",
      "cancel_only": False,
      "limit_only": False,
      "post_only": False,
      "trading_disabled": False,
      "auction_mode": False,
      "product_type": "SPOT",
      "quote_currency_id": product.quote,
      "base_currency_id": product.base,
      "fcm_trading_session_details": None,
      "alias": self.alias,
      "alias_to": list(self.aliases),
      "base_display_symbol": product.base,
      "quote_display_symbol": product.quote,
      "view_only": False,
      "price_increment": tick,
      "display_name": self.product_id,
      "product_venue": "CBE",
    }


def products(more: int = 0) -> list[CoinbaseProduct]:
  """All generated products, with as many more quiet ones as `more` says."""
  return [
    _product("BTC", "USD", 2, 8, 9.0, aliases=("BTC-USDC",)),
    _product("ETH", "USD", 2, 8, 7.0, aliases=("ETH-USDC",)),
    _product("SOL", "USD", 2, 8, 4.0),
    _product("XRP", "USD", 4, 6, 3.0),
    _product("DOT", "USD", 3, 8, 1.0),
    _product("BTC", "USDT", 2, 8, 1.0),
    _product("USDT", "USDC", 4, 2, 1.0),
    _product("BTC", "USDC", 2, 8, 1.0, alias="BTC-USD"),
    _product("ETH", "USDC", 2, 8, 1.0, alias="ETH-USD"),
    *(_product(base, "USD", 4, 2, QUIET) for base in quiet_assets(more)),
  ]


def _product(
  base: str,
  quote: str,
  price_decimals: int,
  places: int,
  takers: float,
  *,
  alias: str = "",
  aliases: tuple[str, ...] = (),
) -> CoinbaseProduct:
  product = Product(
    symbol=f"{base}-{quote}",
    kind=SPOT,
    base=base,
    quote=quote,
    price_decimals=price_decimals,
    lot=10.0**-places,
    takers_per_second=takers,
  )
  return CoinbaseProduct(product=product, places=places, alias=alias, aliases=aliases)
