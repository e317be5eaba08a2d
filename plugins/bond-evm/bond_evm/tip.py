"""The chain's tip: each block once and in order, what a reorganisation replaced, and what has to be
asked for because it was not announced."""

from typing import NamedTuple

from bond_evm.messages import Block

KEPT = 128
"""Blocks that are known below the tip. Ethereum finalises after 64 to 96."""

AT_ONCE = 16
"""Blocks that are asked for at a time."""


class Wanted(NamedTuple):
  """A block that has to be asked for, by its number or by its hash."""

  number: int
  hash: str | None = None


class Moved(NamedTuple):
  """How the chain went on: `removed` newest first, then `added` in order. It is `deep` where more
  may have been replaced than is known."""

  removed: list[Block]
  added: list[Block]
  deep: bool = False


class Tip:
  """The chain as far as it is known. A block that does not fit waits until those between are known;
  `wanted` says which."""

  def __init__(self) -> None:
    self._blocks: dict[int, Block] = {}
    self._below: int | None = None
    self._whole = True
    self._target: Block | None = None
    self._found: dict[str, Block] = {}
    # What was asked for, and whether it has come.
    self._asked: dict[Wanted, bool] = {}

  @property
  def number(self) -> int | None:
    """The number of the last block; where the chain begins above one, of that."""
    return max(self._blocks) if self._blocks else self._below

  @property
  def target(self) -> Block | None:
    """The block that waits for others before it."""
    return self._target

  def hash_at(self, number: int) -> str | None:
    """The hash of the block of that number, where it is known."""
    block = self._blocks.get(number)
    return None if block is None else block.hash

  def begin(self, block: Block) -> None:
    """The chain is known from this block on."""
    self._blocks, self._below, self._whole = {block.number: block}, None, True
    self._settle()

  def leap(self, below: int) -> list[Block]:
    """The chain is known again above this number only; what was known above it, newest first."""
    gone = [self._blocks[number] for number in sorted(self._blocks, reverse=True) if number > below]
    self._blocks, self._below, self._whole = {}, below, False
    self._settle()
    return gone

  def _settle(self) -> None:
    self._target = None
    self._found.clear()
    self._asked.clear()

  # Blocks that come ------------------------------------------------------------------------------

  def head(self, block: Block) -> Moved | None:
    """How the chain goes on with a block that the node says is its last; None where others have to
    be known first, and for one that is known, or from before all that is."""
    if self.hash_at(block.number) == block.hash or block.number < min(self._blocks, default=0):
      return None
    if self.number is None:
      self._below = block.number - 1
    self._target = block
    return self.found(block)

  def found(self, block: Block) -> Moved | None:
    """The same with a block that was asked for."""
    self._found[block.hash] = block
    path, fits = self._path()
    if not fits:
      return None
    fork = path[-1].number
    bottom = min(self._blocks, default=fork)
    numbers = [number for number in sorted(self._blocks, reverse=True) if number >= fork]
    removed = [self._blocks.pop(number) for number in numbers]
    added = path[::-1]
    self._blocks |= {new.number: new for new in added}
    deep = fork <= bottom and bool(removed) and not self._whole
    self._settle()
    self._below = None
    for number in sorted(self._blocks)[:-KEPT]:
      del self._blocks[number]
      self._whole = False
    return Moved(removed, added, deep)

  def _path(self) -> tuple[list[Block], bool]:
    """The blocks from the target down, as far as they are there, and whether the last one fits to
    what is known."""
    path: list[Block] = []
    block = self._target
    bottom = min(self._blocks) if self._blocks else (self._below or 0) + 1
    while block is not None:
      path.append(block)
      if block.number <= bottom or self.hash_at(block.number - 1) == block.parent:
        return path, True
      parent = self._found.get(block.parent)
      block = parent if parent is not None and parent.number == block.number - 1 else None
    return path, False

  # Blocks that have to be asked for --------------------------------------------------------------

  def wanted(self) -> list[Wanted]:
    """What to ask for now. Each is told once, until it is missed."""
    path, fits = self._path()
    if not path or fits:
      return []
    number, base = path[-1].number - 1, self.number or 0
    asks = [Wanted(number, path[-1].parent)]
    # By number several at once; what then still does not fit is of another branch.
    if number > base and not self._asked.get(Wanted(number)):
      asks = [Wanted(n) for n in range(max(base + 1, number - AT_ONCE + 1), number + 1)]
    new = [ask for ask in asks if ask not in self._asked]
    self._asked |= dict.fromkeys(new, False)
    return new

  def came(self, wanted: Wanted) -> None:
    """A block that was asked for has come."""
    self._asked[wanted] = True

  def lost(self) -> None:
    """What was asked for will not be answered: the connection is gone."""
    self._asked = {wanted: True for wanted, came in self._asked.items() if came}
