"""The chain's tip: each block once, in order, and what a reorganisation took back."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bond_bitcoin.messages import Block

KEPT = 100


class Step(NamedTuple):
  """What happened to the chain: a block came, or one is no longer part of it. `missed` blocks
  before it were never seen."""

  block: Block
  removed: bool = False
  missed: int = 0


class Tip:
  """The blocks that were told, by height."""

  def __init__(self) -> None:
    self._blocks: dict[int, Block] = {}

  def known(self, blocks: Iterable[Block]) -> Iterator[Step]:
    """What a list of the latest blocks adds: nothing at first, what was missed later."""
    listed = sorted(blocks, key=lambda block: block.height)
    if not self._blocks:
      for block in listed:
        self._keep(block)
      return
    for block in listed:
      if block.height >= min(self._blocks):
        yield from self.new(block)

  def new(self, block: Block) -> Iterator[Step]:
    """What one block changes."""
    there = self._blocks.get(block.height)
    if there is not None and there.id == block.id:
      return
    last = max(self._blocks, default=None)
    for height in sorted((h for h in self._blocks if h >= block.height), reverse=True):
      yield Step(self._blocks.pop(height), removed=True)
    missed = 0 if last is None else max(0, block.height - last - 1)
    self._keep(block)
    yield Step(block, missed=missed)

  def _keep(self, block: Block) -> None:
    self._blocks[block.height] = block
    if len(self._blocks) > KEPT:
      del self._blocks[min(self._blocks)]
