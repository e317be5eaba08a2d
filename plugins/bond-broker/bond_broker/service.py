"""The broker as a service of `bond serve`."""

import trio

from bond_broker.config import BrokerConfig
from bond_broker.server import Backing, open_broker
from bond_core.auth.origins import is_loopback
from bond_core.log.kept import KeptLog
from bond_core.serving.runtime import Runtime


async def serve(
  config: BrokerConfig,
  runtime: Runtime,
  *,
  task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
) -> None:
  """Serves the market and every stream of the runtime until it stops."""

  def log_of(stream_id: str) -> KeptLog | None:
    stream = runtime.streams.get(stream_id)
    return None if stream is None else stream.log

  backing = Backing(
    clock=runtime.clock,
    market=runtime.market,
    stream=log_of,
    demand=None if runtime.follows else runtime.demand,
    starting=lambda: runtime.starting,
    follows=runtime.follows,
    sources=runtime.sources,
    chain=runtime.chain,
    open_to_all=is_loopback(config.host),
    reconnects=lambda: sum(feed.driver.reconnects for feed in runtime.hub.feeds),
    figures=lambda: runtime.hub.figures,
  )
  async with open_broker(config, backing) as broker:
    runtime.take_over = broker.take
    task_status.started(broker.addresses)
    await runtime.stopping.wait()
    await broker.shut_down()
