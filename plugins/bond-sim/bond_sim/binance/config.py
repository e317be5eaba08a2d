"""How the simulated Binance is started."""

from collections.abc import Iterable

import attrs
import trio

from bond_sim.errors import SimulatorError
from bond_sim.faults import parse_fault
from bond_sim.market.config import check_markets


def _listed(values: Iterable[str]) -> list[str]:
  return list(values)


@attrs.frozen(kw_only=True)
class BinanceConfig:
  """A generated market, or recordings where `capture` names some.

  `speed` is how often orders come (generated, above 0) or how fast recordings play (0: as fast as
  the reader takes). `symbols` limits the generated markets, all where empty; `markets` are so many
  quiet spot markets more. `start` is the venue's clock at the beginning, epoch ms, now where it is
  None.
  """

  host: str = "127.0.0.1"
  port: int = 9001
  capture: list[str] = attrs.field(factory=list, converter=_listed)
  speed: float = attrs.field(default=1.0)
  seed: int = 1
  faults: list[str] = attrs.field(factory=list, converter=_listed)
  symbols: list[str] = attrs.field(factory=list, converter=_listed)
  markets: int = attrs.field(default=0, validator=check_markets)
  start: int | None = None

  @speed.validator
  def _check_speed(self, attribute: object, speed: float) -> None:
    if speed < 0 or (speed == 0 and not self.capture):
      raise SimulatorError(
        f"speed is {speed:g}; expected a number above 0, or 0 (as fast as the reader takes) "
        "together with a recording"
      )

  @faults.validator
  def _check_faults(self, attribute: object, faults: list[str]) -> None:
    for written in faults:
      parse_fault(written)


async def serve_binance(
  config: BinanceConfig, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
) -> None:
  """Serves until cancelled and reports the base URL. Raises SimulatorError for a recording that
  cannot be played."""
  from bond_sim.binance.dialect import BinanceDialect
  from bond_sim.binance.playback import Playback
  from bond_sim.binance.source import Source
  from bond_sim.binance.world import World
  from bond_sim.clock import VenueClock
  from bond_sim.venue import run_venue

  source: Source
  clock = VenueClock(config.start)
  if config.capture:
    source = await Playback.load(config.capture, config.speed, clock)
  else:
    source = World(
      seed=config.seed,
      speed=config.speed,
      symbols=config.symbols,
      clock=clock,
      markets=config.markets,
    )
  faults = [parse_fault(written) for written in config.faults]
  await run_venue(BinanceDialect(source), faults, config.host, config.port, task_status=task_status)
