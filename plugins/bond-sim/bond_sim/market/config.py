"""How a simulated venue of generated markets is started."""

from collections.abc import Iterable

import attrs

from bond_sim.errors import SimulatorError
from bond_sim.faults import parse_fault

MOST_MARKETS = 900


def _listed(values: Iterable[str]) -> list[str]:
  return list(values)


def check_markets(config: object, attribute: object, markets: int) -> None:
  """An attrs validator of how many markets there are more."""
  if not 0 <= markets <= MOST_MARKETS:
    raise SimulatorError(f"{markets} more markets are too many; expected 0 to {MOST_MARKETS}")


@attrs.frozen(kw_only=True)
class Generated:
  """`speed` is how often orders come, `symbols` limits the markets, all where empty; `markets` are
  so many quiet spot markets more. `start` is the venue's clock at the beginning, epoch ms, now
  where it is None."""

  host: str = "127.0.0.1"
  port: int
  speed: float = attrs.field(default=1.0)
  seed: int = 1
  faults: list[str] = attrs.field(factory=list, converter=_listed)
  symbols: list[str] = attrs.field(factory=list, converter=_listed)
  markets: int = attrs.field(default=0, validator=check_markets)
  start: int | None = None

  @speed.validator
  def _check_speed(self, attribute: object, speed: float) -> None:
    if speed <= 0:
      raise SimulatorError(f"speed is {speed:g}; expected a number above 0")

  @faults.validator
  def _check_faults(self, attribute: object, faults: list[str]) -> None:
    for written in faults:
      parse_fault(written)
