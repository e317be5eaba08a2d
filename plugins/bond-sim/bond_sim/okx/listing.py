"""The instruments of the simulated OKX, and how OKX lists them ("Get instruments")."""

from datetime import date
from typing import Any, Literal

import attrs

from bond_sim.market.products import (
  FUTURE,
  PERP,
  QUIET,
  SPOT,
  Product,
  ProductKind,
  decimals,
  next_quarter,
  quiet_assets,
)

OkxInstType = Literal["SPOT", "SWAP", "FUTURES"]

INST_TYPES: dict[ProductKind, OkxInstType] = {SPOT: "SPOT", PERP: "SWAP", FUTURE: "FUTURES"}
LISTED_MS = 1_606_468_572_000


@attrs.frozen(kw_only=True)
class OkxInstrument:
  """A product as OKX lists it. `contract_value` is the ctVal of a contract: in the base, or in
  dollars where it is inverse, "" on spot. Sizes have `places` decimals, and are in the base on
  spot, else in contracts."""

  product: Product
  contract_value: str = ""
  places: int

  @property
  def inst_type(self) -> OkxInstType:
    """OKX's instType."""
    return INST_TYPES[self.product.kind]

  def size(self, lots: int) -> str:
    """A size in lots as the venue writes it."""
    return decimals(lots, self.places)

  def base(self, lots: float, price: float) -> float:
    """A size in lots in the base currency."""
    size = lots * self.product.lot
    if not self.product.inverse:
      return size
    return size / price if size else 0.0

  def row(self) -> dict[str, Any]:
    """Its row of the list."""
    product = self.product
    spot = product.kind == SPOT
    settle = product.base if product.inverse else product.quote
    underlying = f"{product.base}-{product.quote}"
    return {
      "alias": "quarter" if product.kind == FUTURE else "",
      "baseCcy": product.base if spot else "",
      "category": "1",
      "ctMult": "" if spot else "1",
      "ctType": "" if spot else ("inverse" if product.inverse else "linear"),
      "ctVal": self.contract_value,
      "ctValCcy": "" if spot else ("USD" if product.inverse else product.base),
      "expTime": "" if product.delivery_ms is None else str(product.delivery_ms),
      "instFamily": "" if spot else underlying,
      "instId": product.symbol,
      "instType": self.inst_type,
      "lever": "10",
      "listTime": str(LISTED_MS),
      "lotSz": decimals(1, self.places),
      "maxLmtSz": "100000000",
      "maxMktSz": "1000000",
      "minSz": decimals(1, self.places),
      "optType": "",
      "quoteCcy": product.quote if spot else "",
      "ruleType": "normal",
      "settleCcy": "" if spot else settle,
      "state": "live",
      "stk": "",
      "tickSz": decimals(1, product.price_decimals),
      "uly": "" if spot else underlying,
    }


def instruments(today: date, markets: int = 0) -> list[OkxInstrument]:
  """All generated instruments, with as many more quiet spot markets as `markets` says."""
  quarter = next_quarter(today)
  return [
    _spot("BTC", "USDT", 1, 8, 9.0),
    _spot("ETH", "USDT", 2, 6, 7.0),
    _spot("SOL", "USDT", 2, 6, 4.0),
    _spot("XRP", "USDT", 4, 6, 3.0),
    _spot("BTC", "USDC", 1, 8, 3.0),
    _contract("BTC", "USDT", 1, "0.01", 2, 9.0),
    _contract("ETH", "USDT", 2, "0.1", 2, 7.0),
    _contract("SOL", "USDT", 2, "1", 2, 4.0),
    _contract("BTC", "USD", 1, "100", 0, 4.0),
    _contract("BTC", "USD", 1, "100", 0, 1.0, quarter),
    _contract("BTC", "USDT", 1, "0.01", 2, 1.0, quarter),
    *(_spot(base, "USDT", 4, 2, QUIET) for base in quiet_assets(markets)),
  ]


def _spot(base: str, quote: str, price_decimals: int, places: int, takers: float) -> OkxInstrument:
  product = Product(
    symbol=f"{base}-{quote}",
    kind=SPOT,
    base=base,
    quote=quote,
    price_decimals=price_decimals,
    lot=float(f"1e-{places}"),
    takers_per_second=takers,
  )
  return OkxInstrument(product=product, places=places)


def _contract(
  base: str,
  quote: str,
  price_decimals: int,
  contract_value: str,
  places: int,
  takers: float,
  expiry: date | None = None,
) -> OkxInstrument:
  suffix = "SWAP" if expiry is None else f"{expiry:%y%m%d}"
  product = Product(
    symbol=f"{base}-{quote}-{suffix}",
    kind=PERP if expiry is None else FUTURE,
    base=base,
    quote=quote,
    price_decimals=price_decimals,
    lot=float(contract_value) * float(f"1e-{places}"),
    takers_per_second=takers,
    inverse=quote == "USD",
    expiry=expiry,
  )
  return OkxInstrument(product=product, contract_value=contract_value, places=places)
