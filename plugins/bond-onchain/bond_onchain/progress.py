"""How far a stream has come: what was seen already, what is missing, and where to resume.

Blocks name their parents, so that a child shows that a block is missing, while a slot without a
block is no loss. What was seen is stored for as many slots as a replay may repeat.
"""

from collections.abc import Hashable

OVERLAP = 12
"""Slots that a replay goes back from the last one that was seen: the updates of a slot may come in
parts, and out of order."""

REMEMBERED = 40
"""Slots of which every update is known: more than a replay goes back."""

MOST_SEEN = 100_000
"""Updates of one slot that are known again; a block has some thousands."""

PARENTS = 300
"""Slots of which the parents are known: a block is final after 32 or more."""


LEAP, NEVER = 1_000_000, 10**12
"""Slots, four days of them, that a single update cannot be ahead; and a slot that never comes."""


class Progress:
  """What one stream has seen, over all its connections."""

  def __init__(self) -> None:
    self.last: int | None = None
    """The highest slot of which something was seen."""
    self._seen: dict[int, set[Hashable]] = {}
    self._parents: dict[int, int] = {}
    self._undone: set[int] = set()
    self._begun = 0
    self._doubted: int | None = None
    self._first: int | None = None
    self._settled = 0

  def is_doubtful(self, slot: int) -> bool:
    """Returns whether a slot is not believed: it is a leap ahead of all others, and the update
    before it was not. What is seen in such a slot would make all others old."""
    doubted, self._doubted = self._doubted, None
    if slot >= NEVER:
      return True
    if self.last is None or slot - self.last <= LEAP:
      return False
    if doubted is not None and abs(slot - doubted) <= PARENTS:
      return False
    self._doubted = slot
    return True

  def is_new(self, slot: int, key: Hashable) -> bool:
    """Returns whether this was not seen before, and notes it."""
    seen = self._seen.get(slot)
    if seen is None:
      if self.last is not None and slot <= self.last - REMEMBERED:
        # No replay goes back so far, so this is late and not a second time.
        return True
      seen = self._seen[slot] = set()
      self._forget()
    if key in seen:
      return False
    if len(seen) < MOST_SEEN:
      seen.add(key)
    if self.last is None:
      self._begun = slot
    if self.last is None or slot > self.last:
      self.last = slot
    return True

  def block(self, slot: int, parent: int) -> tuple[int, int] | None:
    """Notes a block. Returns the slots (both included) before it whose blocks are missing."""
    missing = None
    if self._first is None:
      self._first = slot
    elif parent not in self._parents and parent >= self._first:
      known = max((found for found in self._parents if found < parent), default=self._first)
      missing = known + 1, parent
      # Reported once, whatever else grows on it.
      self._parents[parent] = known
    self._parents[slot] = parent
    return missing

  def dead(self, slot: int) -> bool:
    """Notes that a slot's block is not valid. Returns whether it had events, to be taken back."""
    if slot in self._undone or (slot not in self._seen and slot not in self._parents):
      return False
    self._undone.add(slot)
    return True

  def finalize(self, slot: int) -> list[int]:
    """Notes that a block and its ancestors are final. Returns the slots of other blocks before it
    that had events: they were abandoned."""
    if slot <= self._settled or slot not in self._parents:
      return []
    branch, ancestor = set(), slot
    while ancestor > self._settled and ancestor in self._parents:
      branch.add(ancestor)
      ancestor = self._parents[ancestor]
    begin = max(self._settled, ancestor)
    gone = [
      found
      for found in sorted(self._parents)
      if begin < found < slot and found not in branch and self.dead(found)
    ]
    self._settled = slot
    return gone

  def resume_slot(self) -> int | None:
    """Returns the slot from which to replay after an outage; None where nothing was seen."""
    return None if self.last is None else max(self._begun, self.last + 1 - OVERLAP)

  def unsettled(self) -> int | None:
    """Returns the first slot whose block may yet turn out not to be the chain's; None for none."""
    return min((found for found in self._parents if found > self._settled), default=None)

  def leap(self, slot: int) -> None:
    """Notes that what comes next begins at `slot`, and that slots before it are missing."""
    self._begun = slot
    self._parents.clear()
    self._first = None
    self._settled = self.last or 0

  def _forget(self) -> None:
    oldest = max(self._seen) - REMEMBERED
    for slot in [slot for slot in self._seen if slot <= oldest]:
      del self._seen[slot]
    oldest -= PARENTS
    for slot in [slot for slot in self._parents if slot <= oldest]:
      del self._parents[slot]
    self._undone = {slot for slot in self._undone if slot > oldest}
