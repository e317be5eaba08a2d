"""The log of one stream on its way to clients: every client receives everything."""

import math
from collections.abc import Sequence

from bond_broker.books.replay import ReplayBooks
from bond_broker.delivery.groups import Group
from bond_broker.delivery.router import Selected
from bond_broker.protocol.filters import Filter
from bond_broker.protocol.frames import of_stream
from bond_broker.protocol.gaps import lost_gap
from bond_broker.protocol.messages import gap_message
from bond_broker.protocol.selection import Selection
from bond_broker.protocol.subscription import Subscription, Subscriptions
from bond_core import CHANNELS, Batch
from bond_core.logs import Record
from bond_core.websockets import text_frame

EVERYTHING = Filter(frozenset(CHANNELS))
MAX_FRAMES_BYTES = 64 * 1024
"""What a client that follows alone is handed at once."""


class StreamRouter:
  """Hands the events of a stream to its clients; windows without their type."""

  def __init__(self) -> None:
    self.round = 0
    self._groups: dict[Group, None] = {}

  def add(self, group: Group) -> None:
    self._groups[group] = None

  def remove(self, group: Group) -> None:
    del self._groups[group]

  def sort(self, record: Record) -> list[Group]:
    return self._to_all([text_frame(of_stream(event)) for event in record.events])

  def next_due(self) -> float:
    return math.inf

  def sort_due(self) -> list[Group]:
    return []

  def sort_lost(self, first: int, last: int, now_ms: int) -> list[Group]:
    gap = lost_gap(first, last, now_ms, "slow", "the server could not keep up")
    return self._to_all([gap_message(gap)])

  def checkpoints(self, torn_at: int) -> Batch:
    return []

  def select(
    self, subscriptions: Subscriptions, position: int, records: Sequence[Record], until: int
  ) -> Selected:
    frames: list[bytes] = []
    size = 0
    for record in records:
      if record.first > position:
        break
      for number, event in enumerate(record.events, record.first):
        if number >= until or size > MAX_FRAMES_BYTES:
          return Selected(frames, number)
        frames.append(text_frame(of_stream(event)))
        size += len(frames[-1])
      position = record.last + 1
    return Selected(frames, min(position, until))

  def select_replayed(
    self,
    subscriptions: Subscriptions,
    position: int,
    records: Sequence[Record],
    until: int,
    books: ReplayBooks,
  ) -> Selected:
    return self.select(subscriptions, position, records, until)

  def replay_from(self, subscription: Subscription) -> int:
    return subscription.start

  def first_frames(
    self, subscription: Subscription, books: ReplayBooks | None = None
  ) -> list[bytes]:
    return []

  def missed_states(self, selection: Selection, first: int, end: int) -> list[bytes]:
    return []

  def _to_all(self, frames: list[bytes]) -> list[Group]:
    for group in self._groups:
      group.pending += frames
    return list(self._groups) if frames else []
