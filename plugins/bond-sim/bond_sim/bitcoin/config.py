"""The configuration of the simulated Bitcoin, and its server."""

import attrs
import trio
from bond_simkit import faults_field, speed_field


@attrs.frozen(kw_only=True)
class BitcoinConfig:
  """At speed 1 the mempool changes every two seconds and a block comes about every 30. After every
  fourth block, another block takes its place."""

  host: str = "127.0.0.1"
  port: int = 9006
  speed: float = speed_field(100)
  seed: int = 1
  ahead: float = 0.0
  faults: list[str] = faults_field()


async def serve_bitcoin(
  config: BitcoinConfig, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
) -> None:
  """Serves until cancelled and reports the base URL."""
  from bond_simkit import VenueClock, serve_venue

  from bond_sim.bitcoin.dialect import BitcoinDialect
  from bond_sim.bitcoin.generator import BitcoinGenerator

  dialect = BitcoinDialect(
    BitcoinGenerator(VenueClock(ahead=config.ahead), seed=config.seed, speed=config.speed)
  )
  await serve_venue(dialect, config, stats=dialect.stats, task_status=task_status)
