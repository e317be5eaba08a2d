"""core.print: a live table on a terminal, JSON lines elsewhere."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Literal

import attrs
import trio
from bond_commandkit.plain_text import one_line

from bond_core import (
  AnyEvent,
  Batch,
  Candle,
  Custom,
  Funding,
  Gap,
  Heartbeat,
  OrderBook,
  Sink,
  SinkContext,
  SinkType,
  Ticker,
  Trade,
  Window,
  encode,
)

if TYPE_CHECKING:
  from rich.console import Console
  from rich.table import Table

REFRESH = 0.2
ROWS = 40


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


class _Rows:
  """The latest of each stream, newest streams last; the oldest rows make room."""

  def __init__(self) -> None:
    self._rows: dict[tuple[str, ...], tuple[str, int]] = {}
    self.changed = True

  async def write(self, batch: Batch) -> None:
    """Notes the batch; drawing happens on its own beat."""
    for event in batch:
      key, text = _row(event)
      count = self._rows.get(key, ("", 0))[1]
      self._rows[key] = (text, count + 1)
      if len(self._rows) > ROWS:
        del self._rows[next(iter(self._rows))]
    self.changed = True
    await trio.lowlevel.checkpoint()

  def table(self) -> "Table":
    """What to draw now."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for place, title in enumerate(("venue", "market", "symbol", "channel")):
      # Which stream a row is about is never cut short; what it says may be.
      width = max((len(key[place]) for key in self._rows), default=0)
      table.add_column(title, no_wrap=True, min_width=max(width, len(title)))
    table.add_column("latest", overflow="ellipsis", no_wrap=True)
    table.add_column("events", justify="right", no_wrap=True, min_width=len("events"))
    for key, (text, count) in self._rows.items():
      # What comes from venues is neither markup nor control.
      cells = (Text(one_line(part)) for part in (*key, text))
      table.add_row(*cells, f"{count:,}")
    return table


def _row(event: AnyEvent) -> tuple[tuple[str, ...], str]:
  """The stream an event belongs to (venue, market, symbol, channel) and a line about it."""
  if isinstance(event, Window):
    clock = f"{event.window_start[11:19]}-{event.window_end[11:19]}"
    text = f"{clock} avg {_number(event.price_avg)} vwap {_number(event.vwap)}"
    text += f" volume {_number(event.volume_sum)} trades {event.raw_data.get('trades', 0)}"
    extra = ("tweets", "onchain_count", "custom_count")
    text += "".join(f" {name} {n}" for name in extra if (n := getattr(event, name)))
    return ("", "", event.symbol, "window"), text
  if isinstance(event, Gap):
    return (event.exchange, event.market_type or "", event.symbol, "gap"), (
      f"{event.reason}: {event.cause}"
    )
  parts = (event.market_type, getattr(event, "expiry", None))
  market = " ".join(part for part in parts if part)
  return (event.exchange, market, event.symbol, event.channel), _latest(event)


def _latest(event: AnyEvent) -> str:
  if isinstance(event, Trade):
    return f"{event.side:7} {_number(event.size)} at {_number(event.price)}"
  if isinstance(event, OrderBook):
    bid = f"{_number(event.bids[0][1])} at {_number(event.bids[0][0])}" if event.bids else "none"
    ask = f"{_number(event.asks[0][1])} at {_number(event.asks[0][0])}" if event.asks else "none"
    return f"bid {bid}  ask {ask}"
  if isinstance(event, Ticker):
    names = ("bid", "ask", "last", "mark", "index", "volume")
    parts = [f"{name} {_number(v)}" for name in names if (v := getattr(event, name)) is not None]
    return "  ".join(parts)
  if isinstance(event, Funding):
    return f"rate {_number(event.rate)}  mark {_number(event.mark)}"
  if isinstance(event, Candle):
    return f"{event.interval} open {_number(event.open)} close {_number(event.close)}"
  if isinstance(event, Heartbeat):
    return "ok"
  if isinstance(event, Custom):
    return f"{event.event_type} {event.data}"
  return encode(event).decode()[:120]


def _number(value: float | None) -> str:
  return "-" if value is None else f"{value:,.10g}"


@asynccontextmanager
async def screen(config: Screen, ctx: SinkContext) -> AsyncIterator[Sink]:
  """The sink for where standard output goes."""
  table = config.format == "table" or (config.format == "auto" and sys.stdout.isatty())
  if not table:
    yield _Lines()
    return
  from rich.console import Console

  rows = _Rows()
  async with trio.open_nursery() as nursery:
    nursery.start_soon(_draw, rows, Console())
    yield rows
    nursery.cancel_scope.cancel()


async def _draw(rows: _Rows, console: "Console") -> None:
  from rich.live import Live

  # rich refreshes from a thread of its own unless it is called for each refresh.
  with Live(console=console, auto_refresh=False) as live:
    try:
      while True:
        if rows.changed:
          rows.changed = False
          live.update(rows.table(), refresh=True)
        await trio.sleep(REFRESH)
    finally:
      live.update(rows.table(), refresh=True)


TYPE = SinkType(
  name="core.print",
  summary="A live table on a terminal, JSON lines on a pipe or in a file.",
  config=Screen,
  make=screen,
  example="{format: auto}",
)
