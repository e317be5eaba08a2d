"""The tip of the chain: each block once and in order, what a reorganisation replaced, and which
blocks have to be requested because they were not announced."""

from typing import NamedTuple

from bond_evm.messages import Block

DEPTH = 128
"""Blocks that are known below the tip. Ethereum finalises after 64 to 96."""

REQUESTS_AT_ONCE = 16


class BlockRequest(NamedTuple):
  """A block that has to be requested, by its number or by its hash."""

  number: int
  hash: str | None = None


class ChainUpdate(NamedTuple):
  """How the chain continued: `removed` newest first, then `added` in order. It is `deep` where more
  blocks may have been replaced than are known."""

  removed: list[Block]
  added: list[Block]
  deep: bool = False


class Tip:
  """The chain as far as it is known. A block that does not fit waits until those between are known;
  `missing` returns which those are."""

  def __init__(self) -> None:
    self._blocks: dict[int, Block] = {}
    self._below: int | None = None
    self._from_the_start = True
    self._target: Block | None = None
    self._fetched: dict[str, Block] = {}
    # What was requested, and whether the answer is there.
    self._requested: dict[BlockRequest, bool] = {}

  @property
  def number(self) -> int | None:
    """The number of the last block; where the chain begins above one, of that."""
    return max(self._blocks) if self._blocks else self._below

  @property
  def target(self) -> Block | None:
    """The block that waits for others before it."""
    return self._target

  def hash_at(self, number: int) -> str | None:
    """Returns the hash of the block of that number, None where it is not known."""
    block = self._blocks.get(number)
    return None if block is None else block.hash

  def begin(self, block: Block) -> None:
    """The chain is known from this block on."""
    self._blocks, self._below, self._from_the_start = {block.number: block}, None, True
    self._settle()

  def leap(self, below: int) -> list[Block]:
    """The chain is known again above this number only. Returns the blocks that were known above it,
    newest first."""
    gone = [self._blocks[number] for number in sorted(self._blocks, reverse=True) if number > below]
    self._blocks, self._below, self._from_the_start = {}, below, False
    self._settle()
    return gone

  def refuse(self) -> None:
    """The block that waits for others is none of the chain's."""
    self._settle()

  def _settle(self) -> None:
    self._target = None
    self._fetched.clear()
    self._requested.clear()

  # Blocks that come ------------------------------------------------------------------------------

  def head(self, block: Block) -> ChainUpdate | None:
    """Returns how the chain continues with a block that the node announced as its last; None where
    others have to be known first, and for one that is known, or older than all known ones."""
    if self.hash_at(block.number) == block.hash or block.number < min(self._blocks, default=0):
      return None
    if self.number is None:
      self._below = block.number - 1
    self._target = block
    return self.fetched(block)

  def fetched(self, block: Block) -> ChainUpdate | None:
    """Returns the same for a block that was requested."""
    self._fetched[block.hash] = block
    path, fits = self._path()
    if not fits:
      return None
    fork = path[-1].number
    bottom = min(self._blocks, default=fork)
    numbers = [number for number in sorted(self._blocks, reverse=True) if number >= fork]
    removed = [self._blocks.pop(number) for number in numbers]
    added = path[::-1]
    self._blocks |= {new.number: new for new in added}
    deep = fork <= bottom and bool(removed) and not self._from_the_start
    self._settle()
    self._below = None
    for number in sorted(self._blocks)[:-DEPTH]:
      del self._blocks[number]
      self._from_the_start = False
    return ChainUpdate(removed, added, deep)

  def _path(self) -> tuple[list[Block], bool]:
    """Returns the blocks from the target down, as far as they are there, and whether the last one
    fits to the known chain."""
    path: list[Block] = []
    block = self._target
    bottom = min(self._blocks) if self._blocks else (self._below or 0) + 1
    while block is not None:
      path.append(block)
      if block.number <= bottom or self.hash_at(block.number - 1) == block.parent:
        return path, True
      parent = self._fetched.get(block.parent)
      block = parent if parent is not None and parent.number == block.number - 1 else None
    return path, False

  # Blocks that have to be requested --------------------------------------------------------------

  def missing(self) -> list[BlockRequest]:
    """Returns what to request now; each once, unless the connection is lost."""
    path, fits = self._path()
    if not path or fits:
      return []
    number, base = path[-1].number - 1, self.number or 0
    requests = [BlockRequest(number, path[-1].parent)]
    # By number several at once; what then still does not fit is of another branch.
    if number > base and not self._requested.get(BlockRequest(number)):
      first = max(base + 1, number - REQUESTS_AT_ONCE + 1)
      requests = [BlockRequest(n) for n in range(first, number + 1)]
    new = [request for request in requests if request not in self._requested]
    self._requested |= dict.fromkeys(new, False)
    return new

  def answered(self, request: BlockRequest) -> None:
    """The answer to a request is there."""
    self._requested[request] = True

  def disconnected(self) -> None:
    """Open requests will not be answered."""
    self._requested = {request: True for request, answered in self._requested.items() if answered}
