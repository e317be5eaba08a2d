"""broker.websocket: the sink that shows a stream on a WebSocket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bond_server.access.access import OpenAccess
from bond_server.access.origins import is_loopback
from bond_server.streams import publish

from bond_broker.config import BrokerConfig
from bond_broker.server.backing import Backing
from bond_broker.server.broker import open_broker
from bond_core import Batch, BondError, Sink, SinkContext
from bond_core.logs import DurableLog, MemoryLog


class LogWriter:
  """Puts batches into a stream's log, which clients read."""

  def __init__(self, log: DurableLog) -> None:
    self._log = log

  async def write(self, batch: Batch) -> None:
    publish(self._log, batch)


class Publisher:
  """Hands batches to the server that runs the spec."""

  def __init__(self, context: SinkContext) -> None:
    self._publish = context.publish

  async def write(self, batch: Batch) -> None:
    if self._publish is not None:
      self._publish(batch)


@asynccontextmanager
async def websocket(config: BrokerConfig, context: SinkContext) -> AsyncIterator[Sink]:
  """Under `bond serve` its broker serves the stream, as for core.stream; under `bond run` the sink
  opens one of its own, which has that stream only."""
  if context.publish is not None:
    if config != BrokerConfig():
      context.log.warning("%s: bond serve's own options count, not these", context.name)
    yield Publisher(context)
    return
  if not is_loopback(config.host):
    raise BondError(
      f"{config.host} can be reached from other machines and a sink knows no tokens; use bond serve"
    )
  log = DurableLog(MemoryLog(f"stream:{context.stream_id}", clock=context.clock), None)
  backing = Backing(
    clock=context.clock,
    access=OpenAccess(context.clock),
    stream=lambda stream: log if stream == context.stream_id else None,
  )
  async with open_broker(config, backing) as broker:
    for address in broker.addresses:
      context.log.warning("%s: %s/ws/%s", context.name, address, context.stream_id)
    yield LogWriter(log)
    await broker.shut_down()
