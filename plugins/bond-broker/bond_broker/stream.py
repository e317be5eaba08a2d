"""A stream's own log on its way to clients: everybody gets everything."""

import math
from collections.abc import Sequence

from bond_broker.client import Client, Subscription
from bond_broker.filters import Filter
from bond_broker.gaps import lost_gap
from bond_broker.groups import Group
from bond_broker.messages import gap_message
from bond_broker.variants import of_stream
from bond_core import CHANNELS, Batch
from bond_core.logs import Record
from bond_core.websockets import text_frame

EVERYTHING = Filter(frozenset(CHANNELS))
HANDED_BYTES = 64 * 1024


class StreamRouter:
  """Hands the events of a stream to its clients; windows without their type."""

  def __init__(self) -> None:
    self._groups: dict[Group, None] = {}

  def add(self, group: Group) -> None:
    self._groups[group] = None

  def remove(self, group: Group) -> None:
    del self._groups[group]

  def sort(self, record: Record) -> list[Group]:
    return self._to_all([text_frame(of_stream(event)) for event in record.events])

  def due(self) -> float:
    return math.inf

  def sort_due(self) -> list[Group]:
    return []

  def lost(self, first: int, last: int, now_ms: int) -> list[Group]:
    told = "the server could not keep up"
    return self._to_all([gap_message(lost_gap(first, last, now_ms, "slow", told))])

  def select(
    self, client: Client, records: Sequence[Record], until: int
  ) -> tuple[list[bytes], int]:
    frames: list[bytes] = []
    size, position = 0, client.position
    for record in records:
      if record.first > position:
        break
      for number, event in enumerate(record.events, record.first):
        if number >= until or size > HANDED_BYTES:
          return frames, number
        frames.append(text_frame(of_stream(event)))
        size += len(frames[-1])
      position = record.last + 1
    return frames, min(position, until)

  def checkpoints(self) -> Batch:
    return []

  def prime(self, subscription: Subscription) -> int:
    return subscription.start

  def joining(self, client: Client, subscription: Subscription) -> list[bytes]:
    return []

  def states(self, client: Client) -> list[bytes]:
    return []

  def _to_all(self, frames: list[bytes]) -> list[Group]:
    for group in self._groups:
      group.pending += frames
    return list(self._groups) if frames else []
