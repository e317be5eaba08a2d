"""core.print: a live table on a terminal, JSON lines elsewhere."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import TextIOWrapper
from typing import TYPE_CHECKING, Literal

import attrs
import trio
from bond_commandkit.live import LAST_WITHIN, live_picture

from bond_core import Batch, Clock, Sink, SinkContext, SinkType, encode

if TYPE_CHECKING:
  from rich.console import Console
  from rich.text import Text

REFRESH = 0.2


@attrs.frozen
class Screen:
  """`auto` is a table on a terminal and JSON lines everywhere else."""

  format: Literal["auto", "table", "json"] = "auto"


class _Lines:
  """One event a line on standard output, in the wire form."""

  async def write(self, batch: Batch) -> None:
    data = b"".join([encode(event) + b"\n" for event in batch])
    await trio.to_thread.run_sync(self._put, data)

  @staticmethod
  def _put(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


class _Table:
  """Notes what comes; drawing happens on its own beat."""

  def __init__(self, clock: Clock) -> None:
    from bond_builtin.sinks.rows import Rows

    self.rows = Rows()
    self._clock = clock

  async def write(self, batch: Batch) -> None:
    self.rows.take(batch, self._now())
    await trio.lowlevel.checkpoint()

  def lines(self, console: "Console") -> "list[Text]":
    """What to draw now."""
    return self.rows.lines(self._now(), *console.size)

  def _now(self) -> float:
    return self._clock.mono_ns() / 1e9


@asynccontextmanager
async def screen(config: Screen, ctx: SinkContext) -> AsyncIterator[Sink]:
  """The sink for where standard output goes."""
  table = config.format == "table" or (config.format == "auto" and sys.stdout.isatty())
  if not table:
    yield _Lines()
    return
  from rich.console import Console

  if isinstance(sys.stdout, TextIOWrapper):
    # A terminal that has no such character shows another, and the run goes on.
    sys.stdout.reconfigure(errors="replace")
  shown = _Table(ctx.clock)
  async with trio.open_nursery() as nursery:
    nursery.start_soon(_draw, shown, Console())
    yield shown
    nursery.cancel_scope.cancel()


async def _draw(shown: _Table, console: "Console") -> None:
  async with live_picture(console) as show:
    try:
      while True:
        await show(shown.lines(console))
        await trio.sleep(REFRESH)
    finally:
      with trio.move_on_after(LAST_WITHIN, shield=True):
        await show(shown.lines(console))


TYPE = SinkType(
  name="core.print",
  summary="A live table on a terminal, JSON lines on a pipe or in a file.",
  config=Screen,
  make=screen,
  example="{format: auto}",
)
