"""What a contract is worth, so that all sizes are in the base currency.

Derivatives are counted in contracts. A linear one is so many units of the base, an inverse one so
many dollars. Source: "Get instruments" (ctVal, ctMult, ctValCcy, ctType).
"""

from fractions import Fraction
from typing import NamedTuple

import msgspec


class Contract(NamedTuple):
  """A contract's worth is `times` / `over`, in the base currency, or in the quote where it is
  `inverse`. Two whole numbers, since a tenth as a float would show in every product."""

  times: float
  over: float
  inverse: bool

  def base(self, contracts: float, price: float) -> float:
    """So many contracts in the base currency."""
    if self.inverse:
      return contracts * self.times / self.over / price if price else 0.0
    return contracts * self.times / self.over


class Listed(msgspec.Struct, gc=False):
  """An instrument as it is listed."""

  instId: str  # noqa: N815 - the venue's name
  ctVal: str = ""  # noqa: N815
  ctMult: str = ""  # noqa: N815
  ctType: str = ""  # noqa: N815


class _Listing(msgspec.Struct):
  data: list[Listed]
  code: str = "0"


_read = msgspec.json.Decoder(_Listing).decode


def read_contracts(body: bytes) -> dict[str, Contract]:
  """The contracts in an answer of "Get instruments", by instId; those without a worth are left out.
  Raises ValueError for an answer that is none."""
  listing = _read(body)
  if listing.code != "0":
    raise ValueError(f"the venue answers with code {listing.code}")
  return {one.instId: contract for one in listing.data if (contract := _contract(one)) is not None}


def _contract(listed: Listed) -> Contract | None:
  try:
    worth = Fraction(listed.ctVal) * Fraction(listed.ctMult or "1")
  except (ValueError, ZeroDivisionError):
    return None
  if worth <= 0 or worth.numerator > 10**15 or worth.denominator > 10**15:
    return None
  return Contract(float(worth.numerator), float(worth.denominator), listed.ctType == "inverse")
