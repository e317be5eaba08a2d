"""The sink that writes a recording: gathers lines, and hands them to the writer in a thread."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache, partial
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import attrs
import msgspec
import trio

from bond_core import AnyEvent, Batch, Gap, SinkContext, Window
from bond_recordkit.format import FRAME_BYTES, NOT_RECORDED, Header
from bond_recordkit.kept import KeptFrames
from bond_recordkit.signing import Signer
from bond_recordkit.writer import RecordingWriter, Rotation

FLUSH_EVERY = 1.0
"""Seconds that an event waits at most until it is written."""

_encode_lines = msgspec.json.Encoder().encode_lines
_SAMPLES = 1000
_AT_ONCE = 1000
"""Events between two looks at the size of a frame: readers refuse one that is too large."""


@attrs.define
class Progress:
  """What a recorder has done so far. `newest_ms` is the receive time of its newest event."""

  events: int = 0
  gaps: int = 0
  bytes: int = 0
  newest_ms: int = 0


@attrs.frozen
class Described:
  """What the header says of what is recorded."""

  name: str = ""
  spec: Any = None
  stream_id: str = ""


class RecordingSink:
  """Writes events in the order in which they come. With `once`, an event that has a number of the
  market's log is written once, by its number, however many branches of a spec bring it. The venues'
  own messages in `kept` are written in front of what comes next."""

  def __init__(
    self,
    writer: RecordingWriter,
    ctx: SinkContext,
    progress: Progress,
    once: bool,
    kept: KeptFrames | None = None,
  ) -> None:
    self._writer = writer
    self._ctx = ctx
    self._progress = progress
    self._once = once
    self._kept = kept
    self.skews: dict[str, int] = {}
    """Receive time minus venue time, the least of the first events, by exchange."""
    self._left = _SAMPLES
    self._last = 0
    self._lines: list[bytes] = []
    self._bytes = 0
    self._seq: list[int] = []
    self._ts: list[int] = []
    self._writing = trio.Lock()
    if writer.resumed_from is not None:
      now = ctx.clock.now_ms()
      gap = Gap(exchange="*", symbol="*", channel="*", reason="upstream", ts_event=now)
      gap.ts_from, gap.ts_to = writer.resumed_from, now
      gap.cause = NOT_RECORDED
      self._take([gap])

  async def write(self, batch: Batch) -> None:
    """Takes a batch; waits for the disk where a frame is full."""
    self._take_kept()
    new = self._new(batch) if self._once else batch
    for first in range(0, len(new), _AT_ONCE):
      self._take(new[first : first + _AT_ONCE])
      if self._bytes >= FRAME_BYTES:
        await self.flush()

  def _take_kept(self) -> None:
    if self._kept is None:
      return
    lines = self._kept.taken()
    self._lines += lines
    self._bytes += sum(map(len, lines))

  def _new(self, batch: Batch) -> Batch:
    """The events that were not written yet, each with those made of it behind it. Branches of equal
    batches follow each other in a batch, so they are sorted by their number."""
    reached = last = self._last
    placed: dict[tuple[int, int], AnyEvent] = {}
    for position, event in enumerate(batch):
      number = None if type(event) is Window else getattr(event, "seq_internal", None)
      if number is None:
        placed[reached, position + 1] = event
      elif number > last:
        reached = max(reached, number)
        placed.setdefault((number, 0), event)
    self._last = reached
    return [placed[key] for key in sorted(placed)]

  def _take(self, batch: Batch) -> None:
    if not batch:
      return
    if self._left:
      self._sample(batch)
    lines = self._encoded(batch)
    self._lines += lines
    self._bytes += sum(map(len, lines))
    progress = self._progress
    progress.events += len(lines)
    progress.gaps += sum(type(event) is Gap for event in batch)
    # The first and the last are enough for the span of a frame: numbers and times of receipt grow.
    for event in (batch[0], batch[-1]):
      if (number := getattr(event, "seq_internal", None)) is not None:
        self._seq.append(number)
      if received := getattr(event, "ts_event", 0):
        self._ts.append(received)
        progress.newest_ms = max(progress.newest_ms, received)

  def _encoded(self, batch: Batch) -> list[bytes]:
    try:
      return _encode_lines(batch).splitlines()
    except Exception:
      return [self._line(event) for event in batch]

  def _line(self, event: AnyEvent) -> bytes:
    try:
      return _encode_lines([event]).rstrip()
    except Exception as exc:
      self._ctx.log.error("%s: an event cannot be recorded: %s", self._ctx.name, exc)
      gap = Gap(exchange="*", symbol="*", channel="*", reason="failed", missed=1)
      gap.ts_event, gap.cause = self._ctx.clock.now_ms(), f"an event has no wire form: {exc}"
      self._progress.gaps += 1
      return _encode_lines([gap]).rstrip()

  async def flush(self) -> None:
    """Writes what is held as one frame."""
    async with self._writing:
      self._take_kept()
      if not self._lines:
        return
      lines, self._lines, size, self._bytes = self._lines, [], self._bytes, 0
      seq, self._seq = self._seq, []
      ts, self._ts = self._ts, []
      try:
        await trio.to_thread.run_sync(self._writer.write, lines, seq, ts)
      except BaseException:
        # Nothing may be written behind what was not: the gap for it begins at the last that was.
        self._lines, self._bytes = lines + self._lines, size + self._bytes
        self._seq, self._ts = seq + self._seq, ts + self._ts
        raise
      self._progress.bytes = self._writer.bytes

  async def keep_flushing(self) -> None:
    """Flushes what has waited long enough."""
    while True:
      await trio.sleep(FLUSH_EVERY)
      await self.flush()

  def _sample(self, batch: Batch) -> None:
    """Measures the clocks of the first events, for the header."""
    for event in batch[: self._left]:
      if happened := getattr(event, "ts_exchange", None):
        skew = event.ts_event - happened  # type: ignore[union-attr]
        name = event.exchange  # type: ignore[union-attr]
        self.skews[name] = min(skew, self.skews.get(name, skew))
    self._left = max(0, self._left - len(batch))


@asynccontextmanager
async def open_recording_sink(
  path: Path,
  ctx: SinkContext,
  *,
  rotation: Rotation | None = None,
  signer: Signer | None = None,
  described: Described | None = None,
  progress: Progress | None = None,
  once: bool = False,
  kept: KeptFrames | None = None,
) -> AsyncIterator[RecordingSink]:
  """A sink into the recording at a path, until the block ends."""
  described = described or Described()
  progress = progress or Progress()
  sink: RecordingSink

  def describe() -> Header:
    return _header(described, ctx, sink.skews, raw=kept is not None)

  make = partial(RecordingWriter, path, describe, rotation=rotation, signer=signer)
  writer = await trio.to_thread.run_sync(make)
  sink = RecordingSink(writer, ctx, progress, once, kept)
  try:
    async with trio.open_nursery() as nursery:
      nursery.start_soon(sink.keep_flushing)
      yield sink
      nursery.cancel_scope.cancel()
  finally:
    with trio.CancelScope(shield=True):
      try:
        await sink.flush()
      finally:
        await trio.to_thread.run_sync(writer.close)
        progress.bytes = writer.bytes


def _header(described: Described, ctx: SinkContext, skews: dict[str, int], *, raw: bool) -> Header:
  now = ctx.clock.now_ms()
  return Header(
    recording="",
    started_at=datetime.fromtimestamp(now / 1000, UTC).isoformat(timespec="milliseconds"),
    ts_event=now,
    name=described.name,
    stream_id=described.stream_id or ctx.stream_id,
    epoch=ctx.epoch,
    spec=described.spec,
    versions=versions(),
    skews=dict(skews),
    raw=raw,
  )


@cache
def versions() -> dict[str, str]:
  """The installed packages of Bond, with their versions."""
  found = ((one.name, one.version) for one in distributions())
  return {name: version for name, version in sorted(found) if name.startswith("bond-")}
