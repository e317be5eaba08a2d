"""Publishes topics to the connections that read them. A frame is encoded once for all readers who
want it alike; faults are carried out here, and what a reader did not get is accounted for."""

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import trio

from bond_core.websockets import text_frame
from bond_simkit.injection import ENDING, MUTING, FaultInjector, InjectedFault
from bond_simkit.websocket import ClientConnection, CloseFrame, TcpClose
from bond_simkit.withheld import Withheld


class Envelope(NamedTuple):
  """What a venue puts around a topic's data for a reader."""

  prefix: bytes = b""
  suffix: bytes = b""


BARE = Envelope()
"""Data as it was published."""


class DelayedFrame(NamedTuple):
  """A frame that waits until its neighbour has been sent (the fault `disorder`)."""

  connection: ClientConnection
  topic: str
  frame: bytes
  data: bytes


def unnumbered(data: bytes) -> tuple[int, int] | None:
  """The span of messages without numbers: None."""
  return None


def no_notice() -> bytes | None:
  """The notice of a venue that sends none: None."""
  return None


class Fanout:
  """The readers of a venue's topics. `span` gives the first and last of the venue's own numbers
  (trade or update ids) in a topic's data, None where it has none."""

  def __init__(self, span: Callable[[bytes], tuple[int, int] | None] = unnumbered) -> None:
    self.subscriptions: dict[ClientConnection, set[tuple[str, Envelope]]] = {}
    self.faults = FaultInjector(self._strike, self._heal)
    self.sent: Counter[str] = Counter()
    """Frames sent, by topic."""
    self.missed = Withheld()
    """What was published while the connection that had read the topic was gone."""
    self.unheard: Counter[str] = Counter()
    """Messages published to nobody, by topic."""
    self._span = span
    self._notices: dict[ClientConnection, Callable[[], bytes | None]] = {}
    self._stamps: dict[ClientConnection, Callable[[bytes], bytes]] = {}
    self._readers: dict[str, dict[Envelope, dict[ClientConnection, None]]] = {}
    self._orphans: dict[str, InjectedFault | None] = {}
    self._causes: dict[ClientConnection, InjectedFault] = {}
    self._delayed: dict[InjectedFault, DelayedFrame] = {}
    self._joined = trio.lowlevel.ParkingLot()

  # Readers ---------------------------------------------------------------------------------------

  def open(
    self,
    connection: ClientConnection,
    notice: Callable[[], bytes | None] = no_notice,
    stamp: Callable[[bytes], bytes] | None = None,
  ) -> None:
    """Adds a connection, which may then subscribe. `notice` gives the message that the venue sends
    before it shuts down, None for none. `stamp` makes of each message what this connection gets,
    for a venue that numbers the messages of a connection; those that a fault withholds have it too.
    """
    connection.delay = self.faults.delay
    self.subscriptions[connection] = set()
    self._notices[connection] = notice
    if stamp is not None:
      self._stamps[connection] = stamp

  def subscribe(self, connection: ClientConnection, topic: str, envelope: Envelope = BARE) -> None:
    """Sends `topic` to `connection` from now on."""
    self.subscriptions[connection].add((topic, envelope))
    self._readers.setdefault(topic, {}).setdefault(envelope, {})[connection] = None
    self._orphans.pop(topic, None)
    if (cut := self.faults.active("cut")) is not None and cut.matches(topic):
      self._end(connection, cut)
    self._joined.unpark_all()

  def unsubscribe(
    self, connection: ClientConnection, topic: str, envelope: Envelope = BARE
  ) -> None:
    """Ends a subscription on the reader's request."""
    self.subscriptions[connection].discard((topic, envelope))
    members = self._readers[topic][envelope]
    members.pop(connection, None)
    if not members:
      del self._readers[topic][envelope]
      if not self._readers[topic]:
        del self._readers[topic]

  def close(self, connection: ClientConnection) -> None:
    """Removes a connection that has ended. What is published from then on to topics that it alone
    read counts as missed, and as withheld by the fault that ended it."""
    cause = self._causes.pop(connection, None)
    if cause is not None and cause.kind in MUTING and cause not in self._causes.values():
      self.faults.end(cause)
    for topic, envelope in list(self.subscriptions[connection]):
      self.unsubscribe(connection, topic, envelope)
      if topic not in self._readers:
        self._orphans[topic] = cause
    del self.subscriptions[connection], self._notices[connection]
    self._stamps.pop(connection, None)
    for fault, delayed in list(self._delayed.items()):
      if delayed.connection is connection:
        fault.withheld.add(delayed.topic, self._span(delayed.data))
        del self._delayed[fault]

  def is_read(self, topic: str) -> bool:
    """Whether a connection reads the topic."""
    return topic in self._readers

  def is_accounted(self, topic: str) -> bool:
    """Whether a connection reads the topic, or has lost it by its own end."""
    return topic in self._readers or topic in self._orphans

  def forget(self, topic: str) -> None:
    """No longer counts what is published to a lost topic as missed."""
    self._orphans.pop(topic, None)

  @property
  def has_readers(self) -> bool:
    """Whether any topic is read."""
    return bool(self._readers)

  async def wait_for_reader(self) -> None:
    """Returns when any topic is read."""
    while not self.has_readers:
      await self._joined.park()

  async def drained(self) -> None:
    """Returns when every client has received most of what it was sent."""
    for connection in list(self.subscriptions):
      await connection.drained()

  # Frames ----------------------------------------------------------------------------------------

  def publish(self, topic: str, data: bytes) -> None:
    """Sends one message of a topic to its readers."""
    careful = self.faults.watches_frames
    groups = self._readers.get(topic)
    if careful and groups:
      self.faults.count_frame(topic, sum(map(len, groups.values())))
      groups = self._readers.get(topic)  # a fault may have cut readers off
    if not groups:
      self._miss(topic, data)
      return
    for envelope, members in tuple(groups.items()):
      whole = envelope.prefix + data + envelope.suffix
      plain = text_frame(whole)
      for connection in tuple(members):
        message, frame = whole, plain
        if self._stamps and (stamp := self._stamps.get(connection)) is not None:
          message = stamp(whole)
          frame = text_frame(message)
        if not careful or self._intact(connection, topic, data, message, frame):
          connection.send(frame)
          self.sent[topic] += 1

  def _miss(self, topic: str, data: bytes) -> None:
    if topic not in self._orphans:
      self.unheard[topic] += 1
      return
    span = self._span(data)
    self.missed.add(topic, span)
    cause = self._orphans[topic]
    if cause is not None:
      cause.frames += 1
      cause.withheld.add(topic, span)

  def _intact(
    self, connection: ClientConnection, topic: str, data: bytes, message: bytes, frame: bytes
  ) -> bool:
    """Does to a frame what the faults say; true when it is to be sent as it is."""
    cause = self._causes.get(connection)
    if cause is not None and _mutes(cause, topic):
      self._withhold(cause, topic, data)
      return False
    fault = self.faults.on_frame(topic)
    if fault is None:
      return True
    if fault.kind == "gap":
      self._withhold(fault, topic, data)
    elif fault.kind == "corrupt":
      connection.send(text_frame(_broken(message, flip=fault.frames % 2 == 1)))
      self._withhold(fault, topic, data)
    elif fault.kind == "duplicate":
      self._send_two(fault, connection, topic, frame + frame)
    else:
      delayed = self._delayed.get(fault)
      if delayed is None:
        self._delayed[fault] = DelayedFrame(connection, topic, frame, data)
        return False
      if (delayed.connection, delayed.topic) != (connection, topic):
        return True
      del self._delayed[fault]
      self._send_two(fault, connection, topic, frame + delayed.frame)
    if fault.frames >= (fault.fault.amount or 0):
      self.faults.end(fault)
    return False

  def _send_two(
    self, fault: InjectedFault, connection: ClientConnection, topic: str, frames: bytes
  ) -> None:
    connection.send(frames)
    self.sent[topic] += 2
    fault.frames += 1

  def _withhold(self, fault: InjectedFault, topic: str, data: bytes) -> None:
    fault.frames += 1
    fault.withheld.add(topic, self._span(data))

  # Faults on connections -------------------------------------------------------------------------

  def _strike(self, fault: InjectedFault) -> None:
    for connection, subscriptions in list(self.subscriptions.items()):
      if fault.fault.text and not any(fault.matches(topic) for topic, _ in subscriptions):
        continue
      if fault.kind in ("drop", "cut"):
        self._end(connection, fault)
        continue
      if fault.kind in ENDING or fault.kind in MUTING:
        fault.connections += 1
        self._causes[connection] = fault
      if fault.kind in MUTING:
        connection.half_open = fault.kind == "half-open"
      elif fault.kind == "rst":
        connection.finish(TcpClose.RST)
      elif fault.kind == "close-24h" and (notice := self._notices[connection]()) is not None:
        connection.send_text(notice)

  def _end(self, connection: ClientConnection, fault: InjectedFault) -> None:
    if self._causes.get(connection) is not fault:
      fault.connections += 1
      self._causes[connection] = fault
    connection.finish(TcpClose.FIN)

  def _heal(self, fault: InjectedFault) -> None:
    for connection, cause in list(self._causes.items()):
      if cause is fault and fault.kind == "close-24h":
        connection.finish(CloseFrame(1001, "24-hour limit"))
      elif cause is fault:
        connection.half_open = False
        del self._causes[connection]
    if (delayed := self._delayed.pop(fault, None)) is not None:
      delayed.connection.send(delayed.frame)


def _mutes(cause: InjectedFault, topic: str) -> bool:
  return cause.kind in MUTING and (cause.kind != "hush" or cause.matches(topic))


def _broken(message: bytes, *, flip: bool) -> bytes:
  """A message that is no longer JSON: cut in half, or with a byte that is not UTF-8."""
  middle = len(message) // 2
  if not flip:
    return message[:middle]
  return message[:middle] + bytes((message[middle] | 0x80,)) + message[middle + 1 :]
