"""What the sources of a spec are built from."""

from collections.abc import Iterable
from dataclasses import dataclass

from bond_english.building.catalogue import SourceCatalogue
from bond_english.building.filters import Filters
from bond_english.building.spec_draft import EACH, SAMPLE, WINDOW, Branch, Output, SpecDraft
from bond_english.meaning.binding import Selection
from bond_english.meaning.findings import Findings
from bond_english.meaning.request import Request
from bond_english.words import data


@dataclass(frozen=True, slots=True)
class BuildContext:
  """A request whose spec is built, and the spec so far.

  `requested_interval` is the interval of the request in seconds, None where it has none; `interval`
  is the one that the stream gets, 0 for every update. `excluded_venues` are left out by the
  request.
  """

  request: Request
  findings: Findings
  selections: list[Selection]
  filters: Filters
  catalogue: SourceCatalogue
  spec: SpecDraft
  requested_interval: float | None
  interval: float
  excluded_venues: list[str]

  def add_unavailable(self, sentence: str) -> None:
    """Notes that nothing offers a part of the request; what its filters would do is not known."""
    self.spec.add_missing(sentence)
    self.filters.use_all()

  def add_branch(
    self, selection: Selection, source: str, symbols: Iterable[str], *, where: str = ""
  ) -> Branch:
    """Sends the events of a source on: each, or as windows or samples at the interval."""
    sampled = selection.kind in data.SAMPLED
    output: Output = EACH if self.interval == 0 else SAMPLE if sampled else WINDOW
    branch = Branch(source, output, self.interval, where, symbols=tuple(symbols))
    self.spec.branches.append(branch)
    return branch


def default_interval(kinds: Iterable[str]) -> float:
  """The interval in seconds where a request names none; 0 for every event."""
  intervals = [data.KINDS[kind].default_interval for kind in kinds if kind in data.KINDS]
  return max(intervals, default=data.EVERY_EVENT)
