"""The filters of a request, and which of them had an effect."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from bond_commandkit.text_to_spec import summary_of

from bond_core import Reading
from bond_english.meaning.binding import Selection
from bond_english.meaning.bounds import BoundKinds
from bond_english.meaning.facts import facts_of
from bond_english.meaning.findings import Findings
from bond_english.meaning.request import Request
from bond_english.quantities.durations import duration_text
from bond_english.text.chunks import FILTER, Chunk, Fact

_LISTS = frozenset(
  (
    *("event_types", "authors", "query", "market", "mint", "address", "account", "chain"),
    *("metric", "universe"),
  )
)
"""Filters that may have several values."""

_LABELS = {
  "bar_sec": "bar length",
  "for_sec": "duration",
  "lang": "language",
  "min_move_pct": "price move",
  "replay_sec": "replay",
  "venue_type": "type of venue",
  "window_sec": "window",
}
"""Names of filters in questions, where their own is none for people."""

_OPPOSITES = ("side", "position")
"""Filters whose values together are everything: buys and sells, longs and shorts."""


class _KindBound(NamedTuple):
  """Bounds on one kind of data, as {"min_notional_usd": 100000}."""

  kind: str
  positions: frozenset[int]
  bounds: dict[str, Any]
  chunk: Chunk


class Filters:
  """Filters by name, such as depth or side, and bounds by kind of data.

  A filter that is never used has no effect on the stream, which the user is then asked about.
  `opposites` says that the request has both buys and sells, or longs and shorts.
  """

  def __init__(self, request: Request, findings: Findings, selections: list[Selection]) -> None:
    self._request = request
    self._findings = findings
    self._positions = frozenset(
      selection.chunk.first for selection in selections if selection.chunk is not None
    )
    self._bounds = list(_bounds(request))
    self.opposites = False
    bounds = {name for bound in self._bounds for name in bound.bounds}
    self._values = {
      name: self._single(name, value)
      for name, value in _requested(request).items()
      if name not in bounds
    }
    self._used: set[str] = set()

  def _single(self, name: str, value: Any) -> Any:
    """The one value of a filter; where several are no list, the first, with a question."""
    if not isinstance(value, list) or name in _LISTS:
      return value
    if name in _OPPOSITES:
      self.opposites = True
      return None
    choices = " or ".join(_choice(name, choice) for choice in value)
    self._findings.ask(f"Which {_LABELS.get(name, name)}: {choices}?")
    return value[0]

  def has(self, name: str) -> bool:
    """Whether the request has this filter."""
    return name in self._values

  def use(self, name: str, default: Any = None) -> Any:
    """The value of a filter, which then has had its effect; `default` where there is none."""
    if name not in self._values:
      return default
    self._used.add(name)
    return self._values[name]

  def use_list(self, name: str) -> list[Any]:
    """The same as a list."""
    value = self.use(name, [])
    return list(value) if isinstance(value, list) else [value]

  def use_all(self) -> None:
    """Takes every filter for used, where it is not known what they would do."""
    self._used.update(self._values)

  def bounds_on(self, selection: Selection) -> dict[str, Any]:
    """The bounds on the events of a selection: min_notional_usd, max_amount and so on.

    Bounds beside the chunk of the selection come first, then those that are beside no other one.
    """
    of_kind = [bound for bound in self._bounds if bound.kind == selection.kind]
    chunk = selection.chunk
    beside = [bound for bound in of_kind if chunk is not None and chunk.first in bound.positions]
    free = [bound for bound in of_kind if self._positions.isdisjoint(bound.positions)]
    found: dict[str, Any] = {}
    for bound in beside or free:
      for name, amount in bound.bounds.items():
        if found.setdefault(name, amount) != amount:
          written = self._request.text_of(bound.chunk)
          self._findings.ask(f"Which bound: {written!r}, or the other one?")
    return found

  def unused(self, kinds: Iterable[str]) -> list[str]:
    """The filters without effect, and bounds on kinds of data other than these."""
    known = set(kinds)
    unbound = [f"a bound on {bound.kind}" for bound in self._bounds if bound.kind not in known]
    return [name for name in self._values if name not in self._used] + unbound


def _choice(name: str, value: Any) -> str:
  """One value of a filter as a question shows it."""
  if name.endswith("_sec"):
    return duration_text(value)
  return f"{value:g}%" if name == "min_move_pct" else str(value)


def _requested(request: Request) -> dict[str, Any]:
  """The filters that the chunks state, added up as the account is."""
  facts: list[Fact] = [fact for chunk in request.chunks for fact in facts_of(chunk)]
  account = [{"slot": slot, "value": value, "how": how} for slot, value, how in facts]
  filters: dict[str, Any] = summary_of(Reading(outcome="ok", account=account))["filters"]
  return filters


def _bounds(request: Request) -> Iterable[_KindBound]:
  for chunk in request.having(FILTER):
    if not isinstance(chunk.value, BoundKinds):
      continue
    for kind in chunk.value.kinds:
      for slot, value, _ in chunk.facts:
        if slot == "filter":
          yield _KindBound(kind, chunk.value.positions, value, chunk)
