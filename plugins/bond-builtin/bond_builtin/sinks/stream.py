"""core.stream: events that a server's clients read, as a stream of their own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bond_core import Batch, BondError, NoConfig, Sink, SinkContext, SinkType


class _Published:
  """Hands batches to the server that runs the spec."""

  def __init__(self, context: SinkContext) -> None:
    if context.publish is None:
      raise BondError(
        "core.stream shows events to the clients of a server; run the spec with `bond serve`"
      )
    self._publish = context.publish

  async def write(self, batch: Batch) -> None:
    self._publish(batch)


@asynccontextmanager
async def stream(config: NoConfig, context: SinkContext) -> AsyncIterator[Sink]:
  """The sink."""
  yield _Published(context)


TYPE = SinkType(
  name="core.stream",
  summary="Events for the clients of a server, with replay and resume: /ws/STREAM_ID.",
  make=stream,
  publishes=True,
  public=True,
  example="{}",
)
