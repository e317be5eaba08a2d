"""Plays a recording into logs: at a pace, or in locked time, which only `advance` moves."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import trio
from bond_recordkit.format import Header
from bond_recordkit.reader import header_of, runs_of

from bond_core import AnyEvent, Batch, BondError, DataClock, Window, decode
from bond_core.logs import DurableLog, MemoryLog
from bond_recordings.lines import Selection, beginning
from bond_recordings.moments import FORMS, read_moment
from bond_recordings.playing import Moment, moments
from bond_recordings.serving.ledger import Ledger

RING_BYTES = 1024**3
"""What of a recording a replay can go back to."""

END_MS = 1 << 60
"""The time after all that was recorded."""

_YIELD = 200
"""Moments that are played without a pause for others."""


class RecordingPlayer:
  """The time of a replay, and the logs that it fills.

  Everything in the logs was received at `now_ms` or before; what comes later is still in the file.
  So nothing that reads the logs, by any route, can look ahead. The time of receipt rules, not the
  venue's: at that time nobody here could have known.
  """

  def __init__(
    self,
    paths: Sequence[Path],
    wanted: Selection,
    *,
    speed: float = 1.0,
    locked: bool = False,
    ledger: Ledger | None = None,
  ) -> None:
    self.header: Header = header_of(paths[-1])
    self.clock = DataClock()
    # Where the recorder was started again, the same numbers are there once for each run.
    self._numbered = self.header.spec is not None and len(runs_of(paths)) == 1
    own = self.header.epoch if self._numbered else self.header.recording
    epoch = f"replay-{own or self.header.recording}"
    self.log = _log("market", self.clock, stamps=True, epoch=epoch)
    self.made = _log("stream", self.clock, stamps=False, epoch=None)
    """The windows of the recorded spec."""
    self.locked = locked
    self.speed = speed
    self.paused = False
    self.ended = False
    self.exchanges: set[str] = set()
    self.ledger = ledger or Ledger(None, self.header)
    self._source: Iterator[list[Moment]] = moments(paths, wanted)
    self._held: list[Moment] = []
    self._at = 0
    self._moving = trio.Lock()
    self._changed = trio.Event()
    begin = beginning(paths) if wanted.since is None else wanted.since
    self.clock.advance(max(0, begin - 1))

  def now_ms(self) -> int:
    """The time up to which everything was received."""
    return self.clock.now_ms()

  async def run(self) -> None:
    """Plays until the end; in locked time it waits to be advanced."""
    if self.locked:
      await trio.sleep_forever()
    while not self.ended:
      began, from_ms = trio.current_time(), self.now_ms()
      changed = self._changed
      played = 0
      while not changed.is_set():
        async with self._moving:
          moment = await self._next()
        if moment is None:
          self.ended = True
          break
        wait = 0.0
        if self.speed:
          wait = began + (moment.ms - from_ms) / 1000 / self.speed - trio.current_time()
        if self.paused or wait > 0:
          with trio.move_on_after(float("inf") if self.paused else wait):
            await changed.wait()
          if changed.is_set():
            break
        async with self._moving:
          # What was there may have been played by a seek meanwhile.
          if await self._next() is moment:
            self._play()
        played += 1
        if played % _YIELD == 0 or not self.speed:
          await trio.lowlevel.checkpoint()

  async def steer(self, message: dict[str, Any]) -> dict[str, Any]:
    """Does what a message says; the state after it."""
    kind = message["type"]
    before = self.log.head
    more: dict[str, Any] = {}
    if kind == "advance":
      await self._advance(message.get("to", "next"))
    elif kind in ("pause", "resume", "speed", "seek") and self.locked:
      raise BondError(f"in locked time only advance moves the clock; {kind} is for --speed")
    elif kind in ("pause", "resume"):
      self.paused = kind == "pause"
      self._change()
    elif kind == "speed":
      self._set_speed(message.get("speed"))
    elif kind == "seek":
      await self._until(self._time(message.get("to")))
      self._change()
    elif kind == "decide":
      more["entry"] = self._decide(message)
    return {**self.state(), "events": self.log.head - before, **more}

  def state(self) -> dict[str, Any]:
    """Where it stands."""
    now = self.now_ms()
    return {
      "replay": self.header.name or self.header.recording,
      "recording": self.header.recording,
      "now_ms": now,
      "now": datetime.fromtimestamp(now / 1000, UTC).isoformat(timespec="milliseconds"),
      "position": f"{self.log.epoch}:{self.log.head}",
      "stream_id": self.header.stream_id,
      "locked": self.locked,
      "paused": self.paused,
      "speed": self.speed or "max",
      "ended": self.ended,
      "decisions": self.ledger.count,
    }

  def _change(self) -> None:
    self._changed.set()
    self._changed = trio.Event()

  def _set_speed(self, value: Any) -> None:
    speed = 0.0 if value == "max" else value
    if isinstance(speed, bool) or not isinstance(speed, int | float) or not 0 <= speed <= 100_000:
      raise BondError('speed is a factor up to 100000, or "max"')
    self.speed = float(speed)
    self._change()

  def _decide(self, message: dict[str, Any]) -> dict[str, Any]:
    if "decision" not in message:
      raise BondError('say what was decided: {"type":"decide","decision":{"side":"buy"}}')
    return self.ledger.add(message["decision"], f"{self.log.epoch}:{self.log.head}", self.now_ms())

  async def _advance(self, to: Any) -> None:
    if not self.locked:
      raise BondError("advance is for locked time (bond replay --locked); seek goes ahead here")
    if to != "next":
      await self._until(self._time(to))
      return
    async with self._moving:
      if await self._next() is None:
        self.ended = True
      else:
        self._play()

  def _time(self, to: Any) -> int:
    """A time to go to: a duration from now on, or a moment."""
    if to == "end":
      return END_MS
    if isinstance(to, int | float) and not isinstance(to, bool):
      to = str(to)
    if not isinstance(to, str):
      raise BondError(f'to is "next", "end", +5s, or a time: {FORMS}')
    try:
      found = read_moment(to, self.now_ms())
    except ValueError as exc:
      raise BondError(str(exc)) from exc
    if found < self.now_ms():
      raise BondError(
        "a replay does not go back, or what was known would be forgotten; start another with --from"
      )
    return found

  async def _until(self, time_ms: int) -> None:
    """Plays everything that was received up to a time, this included."""
    played = 0
    async with self._moving:
      while (moment := await self._next()) is not None and moment.ms <= time_ms:
        self._play()
        played += 1
        if played % _YIELD == 0:
          await trio.lowlevel.checkpoint()
      self.ended = moment is None
      if time_ms < END_MS:
        self.clock.advance(time_ms)

  async def _next(self) -> Moment | None:
    """What comes next, which stays where it is. One task at a time looks."""
    while self._at >= len(self._held):
      found = await trio.to_thread.run_sync(next, self._source, None)
      if found is None:
        return None
      self._held, self._at = found, 0
    return self._held[self._at]

  def _play(self) -> None:
    moment = self._held[self._at]
    self._at += 1
    try:
      events = [decode(line) for line in moment.lines]
    except msgspec.DecodeError as exc:
      raise BondError(f"the recording is damaged: {exc}; bond verify says where") from exc
    self.clock.advance(moment.ms)
    batch: Batch = []
    for event in events:
      if isinstance(event, Window):
        self._append(batch)
        batch = []
        event.raw_data["replay"] = True
        event.seq = self.made.head + 1
        self.made.ring.append([event])
      else:
        batch.append(event)
    self._append(batch)

  def _append(self, batch: Batch) -> None:
    """Appends with the numbers of the recording, so that a position names the same event there."""
    start = 0
    for end in range(1, len(batch) + 1):
      if end == len(batch) or not self._follows(batch[end - 1], batch[end]):
        self._append_run(batch[start:end])
        start = end

  def _append_run(self, run: Batch) -> None:
    first = _number(run[0])
    numbered = self._numbered and first is not None and first > self.log.head
    self.exchanges.update(exchange for e in run if (exchange := getattr(e, "exchange", "*")) != "*")
    self.log.ring.append(run, first=first if numbered else None)

  def _follows(self, one: AnyEvent, other: AnyEvent) -> bool:
    first, second = _number(one), _number(other)
    return not self._numbered or (first is not None and second == first + 1)


def _log(name: str, clock: DataClock, *, stamps: bool, epoch: str | None) -> DurableLog:
  # A recording has the events of its spec, and those alone have numbers in it.
  ring = MemoryLog(
    name, seconds=1e9, max_bytes=RING_BYTES, clock=clock, stamps=stamps, epoch=epoch, sparse=True
  )
  return DurableLog(ring, None)


def _number(event: AnyEvent) -> int | None:
  return None if isinstance(event, Window) else event.seq_internal
