"""What a contract is worth, so that all sizes are in the base currency.

Derivatives are counted in contracts, whole ones or parts of `lotSz`. A linear one is so many units
of the base, an inverse one so many dollars. Source: "Get instruments" (ctVal, ctMult, ctType).
"""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import NamedTuple, TypeAlias

import msgspec

MOST_PLACES = 15


class Contract(NamedTuple):
  """A contract is worth `worth`, in the base currency, or in the quote where it is `inverse`. Any
  size in the base is a decimal of `places` places."""

  worth: float
  places: int
  inverse: bool

  def base(self, contracts: float, price: float) -> float:
    """So many contracts in the base currency."""
    if self.inverse:
      return contracts * self.worth / price if price else 0.0
    # Without that a hundredth would show as 0.009999999999999998.
    return round(contracts * self.worth, self.places)


ContractOf: TypeAlias = Callable[[], Contract | None]
"""The contract of one instrument as it is listed now; None where sizes are in the base."""


class Listed(msgspec.Struct, gc=False):
  """An instrument as it is listed."""

  instId: str  # noqa: N815 - the venue's name
  ctVal: str = ""  # noqa: N815
  ctMult: str = ""  # noqa: N815
  ctType: str = ""  # noqa: N815
  lotSz: str = ""  # noqa: N815


class _Listing(msgspec.Struct):
  data: list[Listed]
  code: str = "0"
  msg: str = ""


_read = msgspec.json.Decoder(_Listing).decode


def read_contracts(body: bytes) -> dict[str, Contract]:
  """The contracts in an answer of "Get instruments", by instId; those without a worth are left out.
  Raises ValueError for an answer that is none."""
  listing = _read(body)
  if listing.code != "0":
    raise ValueError(f"the venue answers with code {listing.code}: {listing.msg}")
  contracts = ((listed.instId, _contract(listed)) for listed in listing.data)
  return {symbol: contract for symbol, contract in contracts if contract is not None}


def _contract(listed: Listed) -> Contract | None:
  try:
    worth = Decimal(listed.ctVal) * Decimal(listed.ctMult or "1")
    smallest = worth * Decimal(listed.lotSz or "1")
  except InvalidOperation:
    return None
  if not worth.is_finite() or not 0 < worth < 10**15:
    return None
  exponent = smallest.normalize().as_tuple().exponent
  places = max(0, -exponent) if isinstance(exponent, int) else MOST_PLACES
  return Contract(float(worth), min(places, MOST_PLACES), listed.ctType == "inverse")
