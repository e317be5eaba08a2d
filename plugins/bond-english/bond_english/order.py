"""What is to be built: wishes, interval and filters of a request, and the recipe so far."""

from collections.abc import Iterable
from typing import Any

from bond_english.binding import Wish
from bond_english.bounds import Bounded
from bond_english.draft import Draft
from bond_english.marks import FILTER, VENUE, Mark
from bond_english.offers import Offers
from bond_english.recipe import EACH, SAMPLE, WINDOW, Leg, Recipe
from bond_english.words import data

SAMPLED = frozenset(
  ("orderbook", "bbo", "funding", "open_interest", "mark_price", "index_price", "ohlc", "gas")
)
"""Kinds whose latest state is sent at an interval; of the others it is a window of events."""

_LISTS = frozenset(
  ("event_types", "authors", "query", "market", "mint", "address", "account", "chain", "metric")
)
"""Filters that may have several values."""


class Order:
  """A request that becomes a spec. `said` is its interval, None where it has none; `interval` is
  the one that it gets. A filter that nobody takes has no effect, which the user has to be told."""

  def __init__(
    self, draft: Draft, wishes: list[Wish], said: float | None, filters: dict[str, Any]
  ) -> None:
    self.draft = draft
    self.wishes = wishes
    self.said = said
    self.interval = usual_interval(wish.kind for wish in wishes) if said is None else said
    self.offers = Offers(draft.words)
    self.recipe = Recipe()
    self.without = [m.value for m in draft.marks if m.slot == VENUE and m.left_out]
    self._filters = {name: self._single(name, value) for name, value in filters.items()}
    self._taken: set[str] = set()
    self._bounds: list[tuple[str, frozenset[int], dict[str, Any], Mark]] = []
    for mark in draft.of(FILTER):
      if isinstance(mark.value, Bounded):
        for kind in mark.value.kinds:
          self._bound(kind, mark)

  def _single(self, name: str, value: Any) -> Any:
    """A filter's one value; buys and sells, longs and shorts together are all."""
    if not isinstance(value, list) or name in _LISTS or name.startswith(("min_", "max_")):
      return value
    if name in ("side", "position"):
      if any(wish.kind in data.WINDOWED for wish in self.wishes):
        self.recipe.lacks(
          "buys and sells apart from each other: one stream has one of them, or both"
        )
      return None
    self.draft.ask(f"Which {name.removesuffix('_sec')}: {' or '.join(map(str, value))}?")
    return value[0]

  def _bound(self, kind: str, mark: Mark) -> None:
    for slot, value, _ in mark.facts:
      if slot == "filter":
        for name in value:
          self._filters.pop(name, None)
        self._bounds.append((kind, mark.value.marks, value, mark))

  def take(self, name: str, default: Any = None) -> Any:
    """A filter's value, which then has had its effect."""
    if name not in self._filters:
      return default
    self._taken.add(name)
    return self._filters[name]

  def take_list(self, name: str) -> list[Any]:
    """The same as a list."""
    value = self.take(name, [])
    return list(value) if isinstance(value, list) else [value]

  def bounds(self, wish: Wish) -> dict[str, Any]:
    """The bounds on events of a wish: min_notional_usd, max_amount and so on. One beside its own
    words counts before one beside those of another wish of that kind."""
    own = [entry for entry in self._bounds if entry[0] == wish.kind]
    beside = [entry for entry in own if wish.mark is not None and wish.mark.first in entry[1]]
    found: dict[str, Any] = {}
    for _, _, value, mark in beside or [entry for entry in own if not self._is_elsewhere(entry[1])]:
      for name, amount in value.items():
        if found.setdefault(name, amount) != amount:
          self.draft.ask(f"Which bound: {self.draft.written(mark)!r}, or the other one?")
    return found

  def _is_elsewhere(self, places: frozenset[int]) -> bool:
    """Whether a bound stands beside a wish, and so is about no other."""
    return any(wish.mark is not None and wish.mark.first in places for wish in self.wishes)

  def says(self, name: str) -> bool:
    """Whether there is such a filter."""
    return name in self._filters

  def cannot(self, sentence: str) -> None:
    """Notes that nothing offers a part of the request; what its filters would do is not known."""
    self.recipe.lacks(sentence)
    self._taken.update(self._filters)

  def untaken(self) -> list[str]:
    """The filters that had no effect."""
    asked = {wish.kind for wish in self.wishes}
    unbound = [f"a bound on {kind}" for kind, _, _, _ in self._bounds if kind not in asked]
    return [name for name in self._filters if name not in self._taken] + unbound

  def leg(self, wish: Wish, source: str, symbols: Iterable[str], *, where: str = "") -> Leg:
    """Sends a source's events on: each, or as a window or a sample at the interval."""
    role = EACH if self.interval == 0 else SAMPLE if wish.kind in SAMPLED else WINDOW
    leg = Leg(source, role, self.interval, where, symbols=tuple(symbols))
    self.recipe.legs.append(leg)
    return leg


def usual_interval(kinds: Iterable[str]) -> float:
  """The interval that is meant where none is said; 0 for every event."""
  named = [data.KINDS[kind].interval for kind in kinds if kind in data.KINDS]
  return max(named, default=data.EVERY_EVENT)


def digits(value: float) -> str:
  """A number as the expression language reads it."""
  return f"{value:.12f}".rstrip("0").rstrip(".") or "0"
