"""What the sources of a spec are built from."""

from collections.abc import Iterable
from dataclasses import dataclass

from bond_english.building.catalogue import SourceCatalogue
from bond_english.building.spec_draft import Branch, Output, SpecDraft
from bond_english.meaning.findings import Findings
from bond_english.meaning.request import Request
from bond_english.meaning.sharing import Selection


@dataclass(frozen=True, slots=True)
class BuildContext:
  """A request whose spec is built, and the spec so far. `excluded_venues` are left out by the
  request."""

  request: Request
  findings: Findings
  selections: list[Selection]
  catalogue: SourceCatalogue
  spec: SpecDraft
  excluded_venues: list[str]

  def add_unavailable(self, selection: Selection, sentence: str) -> None:
    """Notes that nothing offers a part of the request; what its filters would do is not known."""
    self.spec.add_missing(sentence)
    selection.settings.use_all()

  def add_branch(
    self,
    selection: Selection,
    source: str,
    output: Output,
    *,
    every: float = 0.0,
    where: str = "",
    window_where: str = "",
    symbols: Iterable[str] = (),
    group: str = "",
  ) -> Branch:
    """Sends the events of a source on: each, or as windows or samples of `every` seconds."""
    branch = Branch(
      source,
      output,
      every,
      where,
      window_where,
      symbols=tuple(symbols),
      group=group,
      kind=selection.kind,
    )
    self.spec.branches.append(branch)
    return branch
