"""Sizes in the base currency: inverse contracts are counted in dollars, everything else in the base
already (source: "Enums", and "Get Instruments Info": an inverse contract is worth one dollar)."""

from collections.abc import Callable
from typing import TypeAlias

from bond_bybit.symbols import INVERSE, category
from bond_core import Instrument

InBase: TypeAlias = Callable[[float, float], float]
"""(size as the venue has it, price) → size in the base."""


def in_base(instrument: Instrument) -> InBase | None:
  """What makes an instrument's sizes sizes in the base, None where they are."""
  return _from_dollars if category(instrument) == INVERSE else None


def _from_dollars(size: float, price: float) -> float:
  return size / price if price else 0.0
