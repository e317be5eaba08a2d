"""The configuration of the simulated Bybit, and its server."""

import attrs
import trio

from bond_sim.market.config import MarketConfig


@attrs.frozen(kw_only=True)
class BybitConfig(MarketConfig):
  """A generated market."""

  port: int = 9003


async def serve_bybit(
  config: BybitConfig, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
) -> None:
  """Serves until cancelled and reports the base URL."""
  from bond_simkit import VenueClock, serve_venue

  from bond_sim.bybit.dialect import BybitDialect
  from bond_sim.bybit.generator import BybitGenerator

  dialect = BybitDialect(BybitGenerator(config, VenueClock(config.start, ahead=config.ahead)))
  await serve_venue(
    dialect, config, refusal=dialect.refusal, stats=dialect.stats, task_status=task_status
  )
