"""Ranges of blocks whose logs have to be requested, and how they shrink until a node gives them.

eth_getLogs is limited everywhere, with many messages: Infura answers -32005 "query returned more
than 10000 results" or -32602 "range N exceeds limit of N" (INFURA/infura issue 237), geth and
Arbitrum -32000 "logs matched by query exceeds limit of 10000" or "log query timed out", Erigon
"query block range exceeds server limit", Alchemy "Log response size exceeded", others "exceed
maximum block range". EIP-1474 has -32005 for any limit, of rates as well.
"""

import re
from collections import deque
from typing import NamedTuple

from bond_evm.messages import Error

SPAN = 200
"""Blocks of the first requests; free plans allow ten, most nodes thousands."""

WAITS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Seconds before each further try of the same range, while others wait; after the last one others
go first, and it is tried every so often."""

CHECKED = 128
"""So many of the last blocks of a range are requested by their hashes where its answer had no later
log: a node that is behind the others of its provider answers [] for blocks that it does not have,
but an error for a hash that it does not know."""

PRUNED = 4444
"""The code of EIP-4444 for history that a node no longer has."""

_GONE = re.compile(r"pruned|history|missing trie", re.IGNORECASE)
_MISSING = re.compile(r"receipts? not available", re.IGNORECASE)
"""What Nethermind says of history that it lacks, and of blocks that it has not worked off yet."""
_RATE = re.compile(
  r"rate|too many requests|429|capacity|compute unit|throttl|per second|daily", re.IGNORECASE
)
_PASSING = re.compile(_RATE.pattern + r"|time[d ]?-?\s?out", re.IGNORECASE)
_SIZE = re.compile(
  r"range|results|size|too (large|big|many|wide)|exceed|limit|time[d ]?-?\s?out|narrow",
  re.IGNORECASE,
)


class Range(NamedTuple):
  """The logs of one filter in the blocks `first` to `last`, requested `tries` times so far, and not
  again before `ready`. One block may be requested by its hash."""

  filter: int
  first: int
  last: int
  tries: int = 0
  by_hash: bool = False
  ready: float = 0.0

  @property
  def stuck(self) -> bool:
    """Whether it was refused so often that others go first."""
    return self.tries > len(WAITS)


class Backfill:
  """The ranges that are still to be read. One at a time is requested."""

  def __init__(self, filters: int) -> None:
    self._filters = filters
    self._waiting: deque[Range] = deque()
    self._open: Range | None = None
    self._ready_at = 0.0
    self._span = SPAN

  @property
  def empty(self) -> bool:
    """Whether there is nothing to read."""
    return self._open is None and not self._waiting

  @property
  def stuck(self) -> list[Range]:
    """The ranges that are refused again and again."""
    return [entry for entry in self._waiting if entry.stuck]

  @property
  def first(self) -> int | None:
    """The first block that is still to be read."""
    left = [entry.first for entry in self._waiting]
    return min([*left, self._open.first] if self._open else left, default=None)

  def add(self, first: int, last: int) -> None:
    """Adds the logs of blocks."""
    for number in range(self._filters):
      for waiting in self._waiting:
        touches = waiting.first <= last + 1 and first <= waiting.last + 1
        if waiting.filter == number and touches and not waiting.tries:
          self._waiting.remove(waiting)
          first_of, last_of = min(first, waiting.first), max(last, waiting.last)
          self._waiting.append(Range(number, first_of, last_of))
          break
      else:
        self._waiting.append(Range(number, first, last))

  def check(self, filter_number: int, first: int, last: int) -> None:
    """Adds the blocks whose logs are to be read by their hashes."""
    for number in range(last, first - 1, -1):
      self._waiting.appendleft(Range(filter_number, number, number, by_hash=True))

  def next(self, now: float) -> Range | None:
    """Returns a range to request now, None for none. `now` is in seconds of a steady clock."""
    if self._open is not None or now < self._ready_at:
      return None
    taken = next((entry for entry in self._waiting if entry.ready <= now), None)
    if taken is None:
      return None
    self._waiting.remove(taken)
    if taken.last - taken.first >= self._span:
      self._waiting.appendleft(taken._replace(first=taken.first + self._span))
      taken = taken._replace(last=taken.first + self._span - 1)
    self._open = taken
    return taken

  def done(self) -> None:
    """The logs of the open range have come."""
    self._open = None

  def refused(self, error: Error, now: float) -> Range | None:
    """The open range was refused: it is cut in two, or repeated later. Returns a range that is
    given up, None for none: what the node says that it has no more, or that is too large and is one
    block."""
    taken, self._open = self._open, None
    if taken is None:
      return None
    tried = taken.tries >= len(WAITS)
    if (is_gone(error) or (tried and _MISSING.search(error.message))) and not taken.by_hash:
      return self._gone(taken)
    size = bool(_SIZE.search(error.message)) or error.code == -32005
    if taken.first < taken.last and size and not _RATE.search(error.message):
      half = (taken.last - taken.first + 1) // 2
      self._span = min(self._span, half)
      middle = taken.first + half - 1
      self._waiting.appendleft(taken._replace(first=middle + 1, tries=0))
      self._waiting.appendleft(taken._replace(last=middle, tries=0))
      return None
    if tried and size and not _PASSING.search(error.message):
      return taken
    later = taken._replace(tries=min(taken.tries, len(WAITS)) + 1)
    if later.stuck:
      self._waiting.append(later._replace(ready=now + WAITS[-1]))
    else:
      self._ready_at = now + WAITS[taken.tries]
      self._waiting.appendleft(later)
    return None

  def expired(self, below: int) -> list[Range]:
    """Removes and returns the ranges that are refused again and again and end below this block."""
    old = [entry for entry in self._waiting if entry.stuck and entry.last < below]
    self._waiting = deque(entry for entry in self._waiting if entry not in old)
    return old

  def _gone(self, taken: Range) -> Range | None:
    """A node no longer has the logs of the oldest of these blocks: the newer half is tried first,
    and blocks that are older than one that is gone are gone, too."""
    if taken.first < taken.last:
      middle = (taken.first + taken.last) // 2
      self._waiting.appendleft(taken._replace(last=middle))
      self._waiting.appendleft(taken._replace(first=middle + 1))
      return None
    older = [r for r in self._waiting if r.filter == taken.filter and r.last < taken.first]
    self._waiting = deque(r for r in self._waiting if r not in older)
    return taken._replace(first=min((r.first for r in older), default=taken.first))

  def disconnected(self) -> None:
    """The open range is to be read again."""
    if self._open is not None:
      self._waiting.appendleft(self._open)
      self._open = None

  def give_up(self) -> list[Range]:
    """Removes and returns all ranges that have not been read."""
    self.disconnected()
    left = list(self._waiting)
    self._waiting.clear()
    return left


def is_gone(error: Error) -> bool:
  """Returns whether a node says that it no longer has that history."""
  return error.code == PRUNED or _GONE.search(error.message) is not None
