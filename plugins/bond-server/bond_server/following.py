"""A log that another process writes, followed here: the same events under the same numbers."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import trio

from bond_core import BondError, Clock, LogType, SystemClock
from bond_core.logs import DurableLog, MemoryLog, RingSize, SharedEngine

# How long the block is held back until the ring has what the engine has.
CATCH_UP = 5.0


@asynccontextmanager
async def follow_log(
  spec: LogType, config: Any, name: str, *, clock: Clock | None = None
) -> AsyncIterator[DurableLog]:
  """The log of a name that another process writes, to be read like one's own for as long as the
  block lasts. Its ring begins as far back as a ring reaches, and has caught up when the block
  begins; what is older is read from the engine.

  Outages of the engine are waited out: the ring then stands still. When the log lost its continuity
  the block is cancelled and ends with EngineError (in a group, as from any nursery); readers then
  have to begin again with a log that is opened again.
  """
  clock = clock or SystemClock()
  held = RingSize() if spec.ring is None else spec.ring(config)
  if spec.open is None:
    raise BondError(f"{spec.name} stays in one process; name a log that others can read too")
  async with spec.open(config, name) as engine, trio.open_nursery() as nursery:
    if not isinstance(engine, SharedEngine):
      raise BondError(
        f"{spec.name} is written and read by one process; name a log that others can read too"
      )
    start = await engine.find(clock.now_ms() - round(held.keep * 1000))
    ring = MemoryLog(
      name,
      seconds=held.keep,
      max_bytes=int(held.size),
      clock=clock,
      epoch=engine.epoch,
      head=start - 1,
    )
    # What is missing before this place is not known without reading all of it.
    log = DurableLog(ring, engine, broken_at=start)
    nursery.start_soon(_follow, engine, log)
    with trio.move_on_after(CATCH_UP):
      await ring.reached(engine.head)
    yield log
    nursery.cancel_scope.cancel()


async def _follow(engine: SharedEngine, log: DurableLog) -> None:
  async with aclosing(engine.follow(log.head)) as news:
    async for records in news:
      log.receive(records)
