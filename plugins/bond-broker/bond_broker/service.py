"""The broker as a service of `bond serve`."""

import msgspec
import trio
from bond_server.access.origins import is_loopback
from bond_server.access.tokens import MARKET
from bond_server.doors import Server
from bond_server.showing import Shown, guarded, showing

from bond_broker.config import BrokerConfig
from bond_broker.server.backing import Backing
from bond_broker.server.broker import open_broker
from bond_core.logs import DurableLog

PATHS = ("/stream", "/raw", "/ws/")
FIGURES = "/broker/metrics"
"""Where the control plane's port has the broker's figures."""


async def serve(
  config: BrokerConfig,
  server: Server,
  *,
  task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
) -> None:
  """Serves all events and every stream of the server until it stops."""

  def log_of(stream_id: str) -> DurableLog | None:
    stream = server.streams.get(stream_id)
    return None if stream is None else stream.log

  backing = Backing(
    clock=server.clock,
    access=server.access,
    log=server.log,
    stream=log_of,
    demand=server.demand,
    starting=lambda: server.streams.starting,
    follows=server.demand is None,
    sources=server.sources,
    stream_sources=lambda stream_id: server.sources(stream_id),
    notices=server.notices,
    open_to_all=is_loopback(config.host),
    reconnects=server.reconnects,
    figures=server.figures,
    player=server.player,
  )
  async with open_broker(config, backing) as broker:
    for path in PATHS:
      server.doors.open(path, broker.take_over)
    server.market = broker.market
    figures = showing(lambda: Shown(msgspec.json.encode(broker.snapshot()), "application/json"))
    server.doors.answer(FIGURES, guarded(figures, server.access, MARKET))
    task_status.started(broker.addresses)
    await server.stopping.wait()
    await broker.shut_down()
