"""What a contract is worth, so that all sizes are in the base currency.

Derivatives are counted in contracts, whole ones or parts of `lotSz`. A linear one is so many units
of the base, an inverse one so many dollars. Source: "Get instruments" (ctVal, ctMult, ctType).
"""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import NamedTuple, TypeAlias

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


def contract_of(worth: str, multiplier: str, smallest: str, *, inverse: bool) -> Contract | None:
  """The contract of ctVal, ctMult and lotSz; None where they are no numbers."""
  try:
    value = Decimal(worth) * Decimal(multiplier or "1")
    least = value * Decimal(smallest or "1")
  except InvalidOperation:
    return None
  if not value.is_finite() or not 0 < value < 10**15:
    return None
  exponent = least.normalize().as_tuple().exponent
  places = max(0, -exponent) if isinstance(exponent, int) else MOST_PLACES
  return Contract(float(value), min(places, MOST_PLACES), inverse)
