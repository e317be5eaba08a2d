"""Finding what a name may concern without asking everything."""

from collections.abc import Collection, Iterable, Iterator
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class Lookup(Generic[Thing]):
  """Things by their spellings (see protocol.spellings); some match every spelling."""

  __slots__ = ("_by_spelling", "_everywhere", "_things")

  def __init__(self) -> None:
    self._things: dict[Thing, Collection[str] | None] = {}
    self._by_spelling: dict[str, dict[Thing, None]] = {}
    self._everywhere: dict[Thing, None] = {}

  def __iter__(self) -> Iterator[Thing]:
    return iter(self._things)

  def add(self, thing: Thing, spellings: Collection[str] | None) -> None:
    """One more, with its spellings; None: it matches all."""
    self._things[thing] = spellings
    if spellings is None:
      self._everywhere[thing] = None
      return
    for spelling in spellings:
      self._by_spelling.setdefault(spelling, {})[thing] = None

  def remove(self, thing: Thing) -> None:
    """One less."""
    spellings = self._things.pop(thing)
    if spellings is None:
      del self._everywhere[thing]
      return
    for spelling in spellings:
      things = self._by_spelling[spelling]
      del things[thing]
      if not things:
        del self._by_spelling[spelling]

  def clear(self) -> None:
    """None is left."""
    self._things.clear()
    self._by_spelling.clear()
    self._everywhere.clear()

  def of(self, spellings: Collection[str] | None) -> Iterable[Thing]:
    """Those that share one of these spellings; None: all."""
    if spellings is None:
      return list(self._things)
    found = dict(self._everywhere)
    for spelling in spellings:
      found |= self._by_spelling.get(spelling, {})
    return found
