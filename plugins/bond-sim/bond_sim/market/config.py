"""How a simulated venue of generated or recorded markets is started."""

from collections.abc import Iterable

import attrs

from bond_sim.errors import SimulatorError
from bond_sim.faults import parse_fault

MOST_MARKETS, MOST_SETTLE = 900, 60


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

  @property
  def recorded(self) -> bool:
    """Whether recordings are played."""
    return False

  @speed.validator
  def _check_speed(self, attribute: object, speed: float) -> None:
    if speed < 0 or (speed == 0 and not self.recorded):
      raise SimulatorError(
        f"speed is {speed:g}; expected a number above 0, or 0 (as fast as the reader takes) "
        "together with a recording"
      )

  @faults.validator
  def _check_faults(self, attribute: object, faults: list[str]) -> None:
    for written in faults:
      parse_fault(written)


@attrs.frozen(kw_only=True)
class Recorded(Generated):
  """A generated market, or recordings where `capture` names some; `speed` is then how fast they
  play (0: as fast as the reader takes). They begin when nobody has subscribed to one more channel
  for `settle` seconds."""

  capture: list[str] = attrs.field(factory=list, converter=_listed)
  settle: float = attrs.field(default=0.5)

  @property
  def recorded(self) -> bool:
    return bool(self.capture)

  @settle.validator
  def _check_settle(self, attribute: object, settle: float) -> None:
    if not 0 <= settle <= MOST_SETTLE:
      raise SimulatorError(f"settle is {settle:g} seconds; expected 0 to {MOST_SETTLE}")
