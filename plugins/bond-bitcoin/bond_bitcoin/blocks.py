"""The chain's tip: each block once, in order, and the blocks that a reorganisation removed."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bond_bitcoin.messages import Block

MAX_BLOCKS = 100

MOST_MISSED, SECONDS_EACH = 1_000, 60
"""A height is wrong that leaves out more blocks than this, and than one in so many seconds of the
times that miners wrote."""


class Step(NamedTuple):
  """What happened to the chain: a block came, or one is no longer part of it. `missed` blocks
  before it were never seen."""

  block: Block
  removed: bool = False
  missed: int = 0


def far_off(blocks: list[Block]) -> list[Block]:
  """Those of the latest blocks whose heights are none of the others' neighbours."""
  heights = sorted(block.height for block in blocks)
  return [block for block in blocks if abs(block.height - heights[len(heights) // 2]) > MAX_BLOCKS]


class Tip:
  """The latest blocks, by height."""

  def __init__(self) -> None:
    self._blocks: dict[int, Block] = {}

  def latest(self, blocks: Iterable[Block]) -> Iterator[Step]:
    """The steps in a list of the latest blocks: none at first, later the missed blocks."""
    listed = sorted(blocks, key=lambda block: block.height)
    if not self._blocks:
      for block in listed:
        self._add(block)
      return
    for block in listed:
      if block.height >= min(self._blocks):
        yield from self.new(block)

  def new(self, block: Block) -> Iterator[Step]:
    """The steps that a block brings. Raises ValueError for a height that cannot be."""
    known = self._blocks.get(block.height)
    if known is not None and known.id == block.id:
      return
    last = max(self._blocks, default=None)
    if last is not None:
      passed = max(0, block.timestamp - self._blocks[last].timestamp)
      if block.height - last > MOST_MISSED + passed // SECONDS_EACH:
        raise ValueError(f"block {block.height} is {block.height - last} blocks after the last one")
    for height in sorted((h for h in self._blocks if h >= block.height), reverse=True):
      yield Step(self._blocks.pop(height), removed=True)
    missed = 0 if last is None else max(0, block.height - last - 1)
    parent = self._blocks.get(block.height - 1)
    if parent is not None and block.previousblockhash not in (None, parent.id):
      # It follows another block than the one before it, which did not come.
      yield Step(self._blocks.pop(parent.height), removed=True)
      missed = 1
    self._add(block)
    yield Step(block, missed=missed)

  def _add(self, block: Block) -> None:
    self._blocks[block.height] = block
    if len(self._blocks) > MAX_BLOCKS:
      del self._blocks[min(self._blocks)]
