"""Fields that the configurations of simulators have in common.

A configuration is an attrs class with `host` and `port`. `bond sim` has an option for each of these
that it has: capture, speed, settle, seed, markets, ahead, faults.
"""

from collections.abc import Iterable
from typing import Any

import attrs

from bond_simkit.errors import SimulatorError
from bond_simkit.injection import VENUE_FAULTS
from bond_simkit.notation import FaultNotation


def _as_list(values: Iterable[str]) -> list[str]:
  return list(values)


def list_field() -> Any:
  """A field of several texts, none by default."""
  return attrs.field(factory=list, converter=_as_list)


def faults_field(notation: FaultNotation = VENUE_FAULTS) -> Any:
  """The field of faults as they are written, checked when the configuration is made."""

  def check(config: object, attribute: object, faults: list[str]) -> None:
    for written in faults:
      notation.parse(written)

  return attrs.field(factory=list, converter=_as_list, validator=check)


def speed_field(most: float) -> Any:
  """The field of a speed: 1 by default, above 0 and at most `most`."""

  def check(config: object, attribute: object, speed: float) -> None:
    if not 0 < speed <= most:
      raise SimulatorError(f"speed is {speed:g}; expected more than 0 and at most {most:g}")

  return attrs.field(default=1.0, validator=check)
