"""What an event or window of a running server was made of, as far as its logs reach."""

from functools import partial

import trio

from bond_core import Batch, Window
from bond_core.logs import DurableLog
from bond_core.services import Stream
from bond_recordkit.errors import RecordingError
from bond_recordkit.sink import versions
from bond_recordkit.why import MARGINS_MS, MOST_READ, Why, epoch_of, why_event, why_window

_AT_ONCE = 8192
_one_at_a_time = trio.CapacityLimiter(1)


async def why_in_market(log: DurableLog, seq: int) -> Why:
  """The event of a number in the log of all events. Raises RecordingError where it is not there."""
  records = await log.records(seq, 1) if 0 < seq <= log.head else []
  if not records or records[0].first != seq or isinstance(records[0].events[0], Window):
    raise RecordingError(
      f"there is no event {seq}: this log has {log.oldest} to {log.head}, of epoch {log.epoch}"
    )
  return why_event(None, records[0].events[0], f"{log.epoch}:{seq}", versions())


async def why_of_stream(market: DurableLog, stream: Stream, seq: int) -> Why:
  """What a window of a stream was made of. Raises RecordingError where it is not in the stream's
  log any more, or where the events that it was made of are in no log."""
  log = stream.log
  records = await log.records(seq, 1) if 0 < seq <= log.head else []
  if not records or records[0].first != seq:
    raise RecordingError(
      f"stream {stream.id} has no event {seq}: its log has {log.oldest} to {log.head}"
    )
  row, came_ms = records[0].events[0], records[0].ts_ms
  position = f"{stream.id}:{seq}"
  if not isinstance(row, Window):
    return why_event(stream.spec, row, position, versions())
  span = epoch_of(row.window_end) - epoch_of(row.window_start)
  found: Why | None = None
  for margin in MARGINS_MS:
    events = await _received(market, came_ms - span - margin, came_ms)
    work = partial(_again, stream, row, position, events)
    found = await trio.to_thread.run_sync(work, limiter=_one_at_a_time) or found
    if found is not None and found.equal:
      return found
  if found is None or not found.events:
    raise RecordingError(
      f"what {position} was made of is not in the log of all events any more, or never was: "
      "sources of a caller's own are in no log"
    )
  return found


def _again(stream: Stream, row: Window, position: str, events: Batch) -> Why | None:
  return why_window(stream.spec, row, position, lambda _: events, versions(), margins=(None,))


async def _received(log: DurableLog, since_ms: int, until_ms: int) -> Batch:
  """The newest of the events that were received between two times."""
  events: Batch = []
  at = max(log.oldest, await log.find(since_ms))
  while at <= log.head:
    records = await log.records(at, _AT_ONCE)
    if not records:
      break
    for record in records:
      if record.ts_ms > until_ms:
        return events
      events += record.events
    at = records[-1].last + 1
    del events[:-MOST_READ]
  return events
