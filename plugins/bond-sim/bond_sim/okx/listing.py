"""The instruments of the simulated OKX, and how OKX lists them ("Get instruments")."""

from datetime import date
from decimal import Decimal
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
X_PERP_DAY = date(2031, 4, 4)
"""The day in the names of X-Perps."""


@attrs.frozen(kw_only=True)
class OkxInstrument:
  """A product as OKX lists it. `contract_value` is the ctVal of a contract: in the base, or in
  dollars where it is inverse, "" on spot. Sizes have `places` decimals, and are in the base on
  spot, else in contracts. `code` is its number (instIdCode)."""

  product: Product
  contract_value: str = ""
  places: int
  code: int = 1

  @property
  def inst_type(self) -> OkxInstType:
    """OKX's instType; an X-Perp is a perpetual among the dated contracts."""
    return "FUTURES" if self.product.expiry is not None else INST_TYPES[self.product.kind]

  @property
  def linear_in_dollars(self) -> bool:
    """Whether it is one of the contracts in dollars that settle in dollars."""
    return self.product.quote == "USD" and not self.product.inverse

  def resized(self) -> "OkxInstrument":
    """The same with contracts that are worth ten times as much, a tenth of which is a lot."""
    worth = format(Decimal(self.contract_value) * 10, "f")
    return attrs.evolve(self, contract_value=worth, places=self.places + 1)

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
    x_perp = product.kind == PERP and product.expiry is not None
    settle = product.base if product.inverse else product.quote
    underlying = f"{product.base}-{product.quote}"
    most = "9999999999.0000000000000000" if spot else "100000000.0000000000000000"
    return {
      "alias": "quarter" if product.kind == FUTURE else "",
      "auctionEndTime": "",
      "baseCcy": product.base if spot else "",
      "category": "1",
      "contTdSwTime": str(LISTED_MS) if self.inst_type == "SWAP" else "",
      "ctMult": "" if spot else "1",
      "ctType": "" if spot else ("inverse" if product.inverse else "linear"),
      "ctVal": self.contract_value,
      "ctValCcy": "" if spot else ("USD" if product.inverse else product.base),
      "expTime": "" if product.delivery_ms is None else str(product.delivery_ms),
      "floatPxLmtPct": "0.005",
      "freq": "",
      "futureSettlement": product.kind == FUTURE and product.inverse,
      "groupId": "12" if spot else "4",
      "initPxLmtPct": "" if spot else "0.02",
      "instCategory": "1",
      "instFamily": "" if spot else underlying + ("_UM" if self.linear_in_dollars else ""),
      "instId": product.symbol,
      "instIdCode": self.code,
      "instType": self.inst_type,
      "lever": "10",
      "listTime": str(LISTED_MS),
      "longPosRemainingQuota": "",
      "lotSz": decimals(1, self.places),
      "maxIcebergSz": most,
      "maxLmtAmt": "20000000",
      "maxLmtSz": most.partition(".")[0],
      "maxMktAmt": "1000000" if spot else "",
      "maxMktSz": "1000000",
      "maxPlatOICoinLmt": "",
      "maxPlatOILmt": "",
      "maxPxLmtPct": "0.01",
      "maxStopSz": "1000000",
      "maxTriggerSz": most,
      "maxTwapSz": most,
      "method": "",
      "minSz": decimals(1, self.places),
      "openType": "fix_price" if spot else "",
      "optType": "",
      "posLmtAmt": "" if spot else "250000",
      "posLmtPct": "" if spot else "30",
      "preMktSwTime": "",
      "quoteCcy": product.quote if spot else "",
      "rpiMinLevel": "3",
      "rpiMinPxBand": "20",
      "ruleType": "xperp" if x_perp else "normal",
      "seriesId": "",
      "settleCcy": "" if spot else settle,
      "shortPosRemainingQuota": "",
      "state": "live",
      "stk": "",
      "tickSz": decimals(1, product.price_decimals),
      "tradeQuoteCcyList": [product.quote] if spot else [],
      "uly": "" if spot else underlying,
      "upcChg": [],
    }


def instruments(today: date, markets: int = 0) -> list[OkxInstrument]:
  """All generated instruments, with as many more quiet spot markets as `markets` says."""
  quarter = next_quarter(today)
  listed = [
    _spot("BTC", "USDT", 1, 8, 9.0),
    _spot("ETH", "USDT", 2, 6, 7.0),
    _spot("SOL", "USDT", 2, 6, 4.0),
    _spot("XRP", "USDT", 4, 6, 3.0),
    _spot("BTC", "USDC", 1, 8, 3.0),
    _spot("DOT", "USD", 3, 4, 1.0),
    _spot("BTC", "AED", 0, 8, 1.0),
    _contract("BTC", "USDT", 1, "0.01", 2, 9.0),
    _contract("ETH", "USDT", 2, "0.1", 2, 7.0),
    _contract("SOL", "USDT", 2, "1", 2, 4.0),
    _contract("BTC", "USD", 1, "100", 1, 4.0, inverse=True),
    _contract("BTC", "USD", 1, "0.01", 2, 3.0),
    _contract("BTC", "USD", 1, "100", 1, 1.0, quarter, inverse=True),
    _contract("BTC", "USD", 1, "0.01", 2, 1.0, quarter),
    _contract("BTC", "USD", 1, "0.0001", 0, 1.0, X_PERP_DAY, perpetual=True),
    *(_spot(base, "USDT", 4, 2, QUIET) for base in quiet_assets(markets)),
  ]
  return [attrs.evolve(one, code=code) for code, one in enumerate(listed, 3)]


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
  *,
  inverse: bool = False,
  perpetual: bool = False,
) -> OkxInstrument:
  """A contract. One in dollars that is not inverse is of the family _UM, and one with a day that is
  `perpetual` an X-Perp."""
  family = "_UM" if quote == "USD" and not inverse else ""
  family += "_XPERP" if perpetual else ""
  suffix = "SWAP" if expiry is None else f"{expiry:%y%m%d}"
  product = Product(
    symbol=f"{base}-{quote}{family}-{suffix}",
    kind=PERP if expiry is None or perpetual else FUTURE,
    base=base,
    quote=quote,
    price_decimals=price_decimals,
    lot=float(contract_value) * float(f"1e-{places}"),
    takers_per_second=takers,
    inverse=inverse,
    expiry=expiry,
  )
  return OkxInstrument(product=product, contract_value=contract_value, places=places)
