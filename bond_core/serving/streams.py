"""One spec at work in a server, with the log of what it gives."""

import time
from collections.abc import Mapping

import attrs
import msgspec
import trio

from bond_core.events import AnyEvent, Batch, Window
from bond_core.hub import Hub
from bond_core.log.kept import KeptLog
from bond_core.pipeline.pipeline import Pipeline
from bond_core.spec import Spec


@attrs.define(eq=False)
class Stream:
  """A running spec. What its `broker.websocket` sinks get is in `log`, from where any number of
  clients read it; `published` counts it."""

  id: str
  spec: Spec
  log: KeptLog
  pipeline: Pipeline
  published: int = 0
  created_at: float = attrs.field(factory=time.time)
  scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
  ended: trio.Event = attrs.field(factory=trio.Event)

  @classmethod
  def make(cls, spec: Spec, hub: Hub, log: KeptLog, simulated: Mapping[str, str]) -> "Stream":
    """A stream that is not running yet."""
    stream: Stream

    def take(batch: Batch) -> None:
      stream.published += len(batch)
      publish(log, batch)

    pipeline = Pipeline(spec, hub, simulated, take)
    stream = cls(pipeline.id, spec, log, pipeline)
    return stream

  async def end(self) -> None:
    """Ends it; returns when nothing of it runs any more."""
    self.scope.cancel()
    await self.ended.wait()


def publish(log: KeptLog, batch: Batch) -> None:
  """Appends to a stream's log. The stream numbers its events itself, so that a reader can come back
  to a place in it; the events are shared with other readers, so they are copied."""
  log.ring.append(
    [
      copied(event, "seq" if type(event) is Window else "seq_internal", number)
      for number, event in enumerate(batch, log.head + 1)
    ]
  )


def copied(event: AnyEvent, field: str, number: int) -> AnyEvent:
  """The same event with another number."""
  copy: AnyEvent = msgspec.structs.replace(event, **{field: number})
  return copy
