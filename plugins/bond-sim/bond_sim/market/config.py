"""The configuration of a simulated venue of generated or recorded markets."""

import attrs
from bond_simkit import SimulatorError, faults_field, list_field

MAX_MARKETS, MAX_SETTLE = 900, 60


def _check_markets(config: object, attribute: object, markets: int) -> None:
  if not 0 <= markets <= MAX_MARKETS:
    raise SimulatorError(f"{markets} more markets are too many; expected 0 to {MAX_MARKETS}")


@attrs.frozen(kw_only=True)
class MarketConfig:
  """`speed` multiplies how often orders come. `symbols` restricts the markets (all where empty),
  `markets` adds that many quiet spot markets. `start` is the venue's clock at the beginning, epoch
  ms; None: now, and `ahead` seconds more."""

  host: str = "127.0.0.1"
  port: int
  speed: float = attrs.field(default=1.0)
  seed: int = 1
  faults: list[str] = faults_field()
  symbols: list[str] = list_field()
  markets: int = attrs.field(default=0, validator=_check_markets)
  start: int | None = None
  ahead: float = 0.0

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


@attrs.frozen(kw_only=True)
class RecordedMarketConfig(MarketConfig):
  """A generated market, or the recordings that `capture` names; `speed` is then how fast they play
  (0: as fast as the reader takes). Playback begins when there was no new subscription for `settle`
  seconds."""

  capture: list[str] = list_field()
  settle: float = attrs.field(default=0.5)

  @property
  def recorded(self) -> bool:
    return bool(self.capture)

  @settle.validator
  def _check_settle(self, attribute: object, settle: float) -> None:
    if not 0 <= settle <= MAX_SETTLE:
      raise SimulatorError(f"settle is {settle:g} seconds; expected 0 to {MAX_SETTLE}")
