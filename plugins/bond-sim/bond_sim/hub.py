"""Fan-out: who reads which stream. A frame is made once for all who want it alike, faults are
carried out here, and what a reader did not get is accounted for."""

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import trio

from bond_sim.faults import ENDING, MUTING, Fault, Faults
from bond_sim.websocket import Close, Connection, End, text_frame
from bond_sim.withheld import Withheld


class Wrap(NamedTuple):
  """What a venue puts around a stream's data for a reader."""

  prefix: bytes = b""
  suffix: bytes = b""


class Held(NamedTuple):
  """A frame that waits for its neighbour to overtake it."""

  connection: Connection
  stream: str
  frame: bytes
  data: bytes


class Hub:
  """The readers of a venue's streams. `span` tells the first and last of the venue's own numbers
  (trade or update ids) in a stream's data, None where it has none."""

  def __init__(self, span: Callable[[bytes], tuple[int, int] | None]) -> None:
    self.connections: dict[Connection, set[tuple[str, Wrap]]] = {}
    self.notices: dict[Connection, Callable[[], bytes | None]] = {}
    self.faults = Faults(self._strike, self._heal)
    self.sent: Counter[str] = Counter()
    self.missed = Withheld()
    self.unheard: Counter[str] = Counter()
    self._span = span
    self._readers: dict[str, dict[Wrap, dict[Connection, None]]] = {}
    self._orphans: dict[str, Fault | None] = {}
    self._causes: dict[Connection, Fault] = {}
    self._held: dict[Fault, Held] = {}
    self._joined = trio.lowlevel.ParkingLot()

  # Readers ---------------------------------------------------------------------------------------

  def open(self, connection: Connection, notice: Callable[[], bytes | None]) -> None:
    """A connection that may join streams; `notice` is what the venue says before it shuts down."""
    connection.delay = self.faults.delay
    self.connections[connection] = set()
    self.notices[connection] = notice

  def join(self, connection: Connection, stream: str, wrap: Wrap) -> None:
    """From now on `connection` gets `stream`, wrapped so."""
    self.connections[connection].add((stream, wrap))
    self._readers.setdefault(stream, {}).setdefault(wrap, {})[connection] = None
    self._orphans.pop(stream, None)
    self._joined.unpark_all()

  def leave(self, connection: Connection, stream: str, wrap: Wrap) -> None:
    """The reader does not want the stream any more."""
    self.connections[connection].discard((stream, wrap))
    members = self._readers[stream][wrap]
    members.pop(connection, None)
    if not members:
      del self._readers[stream][wrap]
      if not self._readers[stream]:
        del self._readers[stream]

  def close(self, connection: Connection) -> None:
    """The connection has ended. What is then published on streams that nobody else reads counts as
    missed, and as withheld by the fault that ended it."""
    cause = self._causes.pop(connection, None)
    if cause is not None and cause.kind in MUTING and cause not in self._causes.values():
      self.faults.end(cause)
    for stream, wrap in list(self.connections[connection]):
      self.leave(connection, stream, wrap)
      if stream not in self._readers:
        self._orphans[stream] = cause
    del self.connections[connection], self.notices[connection]
    for fault, held in list(self._held.items()):
      if held.connection is connection:
        fault.withheld.add(held.stream, self._span(held.data))
        del self._held[fault]

  def read(self, stream: str) -> bool:
    """Whether somebody reads the stream."""
    return stream in self._readers

  def wanted(self, stream: str) -> bool:
    """Whether somebody reads the stream or lost it without wanting to."""
    return stream in self._readers or stream in self._orphans

  def forget(self, stream: str) -> None:
    """Nobody comes back for a stream: what follows is not counted as missed."""
    self._orphans.pop(stream, None)

  @property
  def has_readers(self) -> bool:
    """Whether anybody reads anything."""
    return bool(self._readers)

  async def somebody(self) -> None:
    """Waits while nobody does."""
    while not self.has_readers:
      await self._joined.park()

  async def drained(self) -> None:
    """Waits until every reader has taken most of what it was sent."""
    for connection in list(self.connections):
      await connection.drained()

  # Frames ----------------------------------------------------------------------------------------

  def publish(self, stream: str, data: bytes) -> None:
    """Sends one message of a stream to its readers."""
    careful = self.faults.watches_frames
    groups = self._readers.get(stream)
    if careful and groups:
      self.faults.count_frame(stream, sum(map(len, groups.values())))
      groups = self._readers.get(stream)  # a fault may have cut readers off
    if not groups:
      self._miss(stream, data)
      return
    for wrap, members in tuple(groups.items()):
      message = wrap.prefix + data + wrap.suffix
      frame = text_frame(message)
      for connection in tuple(members):
        if not careful or self._intact(connection, stream, data, message, frame):
          connection.send(frame)
          self.sent[stream] += 1

  def _miss(self, stream: str, data: bytes) -> None:
    if stream not in self._orphans:
      self.unheard[stream] += 1
      return
    span = self._span(data)
    self.missed.add(stream, span)
    cause = self._orphans[stream]
    if cause is not None:
      cause.frames += 1
      cause.withheld.add(stream, span)

  def _intact(
    self, connection: Connection, stream: str, data: bytes, message: bytes, frame: bytes
  ) -> bool:
    """Carries out what is wrong with a frame; true when it goes out as it is."""
    cause = self._causes.get(connection)
    if cause is not None and cause.kind in MUTING:
      self._withhold(cause, stream, data)
      return False
    fault = self.faults.on_frame(stream)
    if fault is None:
      return True
    if fault.kind == "gap":
      self._withhold(fault, stream, data)
    elif fault.kind == "corrupt":
      connection.send(text_frame(_broken(message, flip=fault.frames % 2 == 1)))
      self._withhold(fault, stream, data)
    elif fault.kind == "duplicate":
      self._resend(fault, connection, stream, frame + frame)
    else:
      held = self._held.get(fault)
      if held is None:
        self._held[fault] = Held(connection, stream, frame, data)
        return False
      if (held.connection, held.stream) != (connection, stream):
        return True
      del self._held[fault]
      self._resend(fault, connection, stream, frame + held.frame)
    if fault.frames >= (fault.spec.amount or 0):
      self.faults.end(fault)
    return False

  def _resend(self, fault: Fault, connection: Connection, stream: str, frames: bytes) -> None:
    connection.send(frames)
    self.sent[stream] += 2
    fault.frames += 1

  def _withhold(self, fault: Fault, stream: str, data: bytes) -> None:
    fault.frames += 1
    fault.withheld.add(stream, self._span(data))

  # Faults on connections -------------------------------------------------------------------------

  def _strike(self, fault: Fault) -> None:
    for connection, joined in list(self.connections.items()):
      if fault.spec.text and not any(fault.matches(stream) for stream, _ in joined):
        continue
      if fault.kind in ENDING or fault.kind in MUTING:
        fault.connections += 1
        self._causes[connection] = fault
      if fault.kind in MUTING:
        connection.deaf = fault.kind == "half-open"
      elif fault.kind == "drop":
        connection.finish(End.FIN)
      elif fault.kind == "rst":
        connection.finish(End.RST)
      elif fault.kind == "close-24h" and (notice := self.notices[connection]()) is not None:
        connection.send_text(notice)

  def _heal(self, fault: Fault) -> None:
    for connection, cause in list(self._causes.items()):
      if cause is fault and fault.kind == "close-24h":
        connection.finish(Close(1001, "24-hour limit"))
      elif cause is fault:
        connection.deaf = False
        del self._causes[connection]
    if (held := self._held.pop(fault, None)) is not None:
      held.connection.send(held.frame)


def _broken(message: bytes, *, flip: bool) -> bytes:
  """A message that is no JSON any more: cut in half, or with one byte that is no UTF-8."""
  middle = len(message) // 2
  if not flip:
    return message[:middle]
  return message[:middle] + bytes((message[middle] | 0x80,)) + message[middle + 1 :]
