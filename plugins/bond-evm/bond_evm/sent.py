"""The transfers that were sent and may still be retracted."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

from bond_core import ChainEvent
from bond_evm.messages import Log

Key: TypeAlias = tuple[str, int]
"""A log's transaction and its index in the block."""

MAX_SENT = 200_000


class SentTransfers:
  """Transfers of the last blocks, by their blocks."""

  def __init__(self) -> None:
    self._blocks: dict[str, tuple[int, dict[Key, ChainEvent]]] = {}
    self._count = 0

  def __contains__(self, log: Log) -> bool:
    entry = self._blocks.get(log.block)
    return entry is not None and (log.txid, log.log_index) in entry[1]

  def add(self, log: Log, event: ChainEvent) -> None:
    """Notes a transfer that is sent."""
    _, events = self._blocks.setdefault(log.block, (log.number, {}))
    events[log.txid, log.log_index] = event
    self._count += 1
    while self._count > MAX_SENT and len(self._blocks) > 1:
      self._drop(min(self._blocks, key=lambda block: self._blocks[block][0]))

  def pop(self, log: Log) -> ChainEvent | None:
    """Removes and returns the transfer of a log, None where there is none."""
    entry = self._blocks.get(log.block)
    event = entry[1].pop((log.txid, log.log_index), None) if entry else None
    self._count -= event is not None
    return event

  def pop_orphans(self, hash_at: Callable[[int], str | None]) -> Iterator[ChainEvent]:
    """Removes and returns the transfers of blocks that are not part of the chain, latest first."""
    gone = [
      (number, block)
      for block, (number, _) in self._blocks.items()
      if hash_at(number) not in (None, block)
    ]
    for _, block in sorted(gone, reverse=True):
      events = self._blocks[block][1]
      yield from [events[key] for key in reversed(events)]
      self._drop(block)

  def forget(self, below: int) -> None:
    """Forgets blocks below this number: their transfers cannot be retracted any more."""
    for block in [block for block, (number, _) in self._blocks.items() if number < below]:
      self._drop(block)

  def _drop(self, block: str) -> None:
    self._count -= len(self._blocks.pop(block)[1])
