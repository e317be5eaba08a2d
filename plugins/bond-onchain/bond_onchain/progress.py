"""How far a stream has come: what was seen already, what is missing, and where to go on.

Blocks name their parents, so that a missing block is told by its child, while slots without a block
are none. What was seen is kept for as many slots as a replay may repeat.
"""

from collections.abc import Hashable

OVERLAP = 12
"""Slots that a replay goes back from the last one that was seen: what a slot holds may come in
parts, and out of order."""

REMEMBERED = 40
"""Slots of which every update is known: more than a replay goes back."""

LINES = 300
"""Slots of which the parents are known: a block is final after 32 or more."""


class Progress:
  """What one stream has seen, over its reconnections."""

  def __init__(self) -> None:
    self.last: int | None = None
    """The highest slot of which something was seen."""
    self._seen: dict[int, set[Hashable]] = {}
    self._parents: dict[int, int] = {}
    self._undone: set[int] = set()
    self._begun = 0
    self._first: int | None = None
    self._settled = 0

  def is_new(self, slot: int, key: Hashable) -> bool:
    """Whether this was not seen before; it is, from now on."""
    seen = self._seen.get(slot)
    if seen is None:
      if self.last is not None and slot <= self.last - REMEMBERED:
        # No replay goes back so far, so this is late and not a second time.
        return True
      seen = self._seen[slot] = set()
      self._forget()
    if key in seen:
      return False
    seen.add(key)
    if self.last is None:
      self._begun = slot
    if self.last is None or slot > self.last:
      self.last = slot
    return True

  def block(self, slot: int, parent: int) -> tuple[int, int] | None:
    """A block is there. The slots (both included) whose blocks are missing before it, if any."""
    missing = None
    if self._first is None:
      self._first = slot
    elif parent not in self._parents and parent >= self._first:
      known = max((found for found in self._parents if found < parent), default=self._first)
      missing = known + 1, parent
      # Told once, whatever else grows on it.
      self._parents[parent] = known
    self._parents[slot] = parent
    return missing

  def dead(self, slot: int) -> bool:
    """A slot's block is not valid. Whether something was said of it that has to be taken back."""
    if slot in self._undone or (slot not in self._seen and slot not in self._parents):
      return False
    self._undone.add(slot)
    return True

  def final(self, slot: int) -> list[int]:
    """A block is final, and with it its ancestors. The slots of other blocks before it, of which
    something was said: they were abandoned."""
    if slot <= self._settled or slot not in self._parents:
      return []
    line, ancestor = set(), slot
    while ancestor > self._settled and ancestor in self._parents:
      line.add(ancestor)
      ancestor = self._parents[ancestor]
    begin = max(self._settled, ancestor)
    gone = [
      found
      for found in sorted(self._parents)
      if begin < found < slot and found not in line and self.dead(found)
    ]
    self._settled = slot
    return gone

  def resume(self) -> int | None:
    """The slot from which to ask again after a cut; None where nothing was seen."""
    return None if self.last is None else max(self._begun, self.last + 1 - OVERLAP)

  def leap(self, slot: int) -> None:
    """What comes next begins at `slot`, and is not joined to what was seen."""
    self._begun = slot
    self._parents.clear()
    self._first = None
    self._settled = self.last or 0

  def _forget(self) -> None:
    oldest = max(self._seen) - REMEMBERED
    for slot in [slot for slot in self._seen if slot <= oldest]:
      del self._seen[slot]
    oldest -= LINES
    for slot in [slot for slot in self._parents if slot <= oldest]:
      del self._parents[slot]
    self._undone = {slot for slot in self._undone if slot > oldest}
