"""A spec that is being built: sources, and the branches from each to its window or sample."""

from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from bond_english.text.chunks import DEFAULT, Fact, Slot

Output: TypeAlias = Literal["window", "sample", "each"]

WINDOW: Final = "window"
SAMPLE: Final = "sample"
EACH: Final = "each"


@dataclass(slots=True)
class Branch:
  """The path of one source's events through the spec.

  They end in windows or samples of `every` seconds, or go out each by itself. `where` is a
  condition on the events, `window_where` one on the windows; `fields` are computed from the events.
  `symbols` are what the source is about.
  """

  source: str
  output: Output
  every: float = 0.0
  where: str = ""
  window_where: str = ""
  fields: dict[str, str] = field(default_factory=dict)
  symbols: tuple[str, ...] = ()


@dataclass(slots=True)
class SpecDraft:
  """Sources by key and their branches.

  `missing` says what the request asks for and nothing installed offers, `packages` what to install
  for it. `defaults` are facts that the request does not state, for the account.
  """

  sources: dict[str, dict[str, Any]] = field(default_factory=dict)
  branches: list[Branch] = field(default_factory=list)
  missing: list[str] = field(default_factory=list)
  packages: list[str] = field(default_factory=list)
  defaults: list[Fact] = field(default_factory=list)
  _purposes: dict[str, str] = field(default_factory=dict)

  def add_source(self, label: str, use: str, settings: dict[str, Any], purpose: str = "") -> str:
    """Adds a source, or its symbols to an equal one; returns its key.

    Sources of one `purpose` are joined, those of several only where their symbols are the same:
    what is done to the events of one must not be done to those of another.
    """
    number = 1
    while True:
      key = label if number == 1 else f"{label}-{number}"
      existing = self.sources.get(key)
      if existing is None:
        self.sources[key] = {"use": use, "with": settings}
        self._purposes[key] = purpose
        return key
      compatible = self._purposes[key] == purpose or existing["with"] == settings
      if existing["use"] == use and compatible and _join_symbols(existing["with"], settings):
        return key
      number += 1

  def require_package(self, package: str, what: str) -> None:
    """Notes a package that has to be installed for `what`."""
    if package not in self.packages:
      self.packages.append(package)
    self.add_missing(f"{what}: not installed; pip install {package}")

  def add_missing(self, sentence: str) -> None:
    """Notes what nothing installed offers."""
    if sentence not in self.missing:
      self.missing.append(sentence)

  def add_default(self, slot: Slot, value: Any) -> None:
    """Notes a value that the request does not give."""
    fact: Fact = (slot, value, DEFAULT)
    if fact not in self.defaults:
      self.defaults.append(fact)

  def document(self) -> dict[str, Any] | None:
    """The spec in its normal form, None where there is no source."""
    if not self.sources:
      return None
    transforms: dict[str, Any] = {}
    ends: list[tuple[Branch, str]] = []
    for branch in self.branches:
      key = _add_condition(transforms, branch)
      ends.append((branch, _add_fields(transforms, branch, key)))
    raw = {
      branch.source for branch, key in ends if key == branch.source and branch.output == WINDOW
    }
    for output in (WINDOW, SAMPLE):
      groups: dict[tuple[float, str], list[tuple[Branch, str]]] = {}
      for branch, key in ends:
        # Events that a window has unfiltered would count twice.
        twice = output == WINDOW and key != branch.source and branch.source in raw
        if branch.output == output and not twice:
          groups.setdefault((branch.every, branch.window_where), []).append((branch, key))
      for (every, window_where), members in groups.items():
        _add_output(transforms, output, every, window_where, members)
    sources = dict(self.sources)
    read = {key for node in transforms.values() for key in node["from"]}
    for branch, key in ends:
      # What a transform reads goes nowhere else, so events that go out each by themselves need a
      # node of their own; equal sources share a connection.
      if branch.output == EACH and key in read:
        nodes = transforms if key in transforms else sources
        nodes[_free_key(key, {**sources, **transforms})] = nodes[key]
    spec: dict[str, Any] = {"sources": sources}
    if transforms:
      spec["transforms"] = transforms
    return spec


def _add_condition(transforms: dict[str, Any], branch: Branch) -> str:
  """The key of the branch's source, or of the filter with its condition."""
  if not branch.where:
    return branch.source
  for key, node in transforms.items():
    if node["use"] == "core.filter" and node["with"]["where"] == branch.where:
      if branch.source not in node["from"]:
        node["from"].append(branch.source)
      return key
  key = _free_key("filter", transforms)
  settings = {"where": branch.where}
  transforms[key] = {"use": "core.filter", "from": [branch.source], "with": settings}
  return key


def _add_fields(transforms: dict[str, Any], branch: Branch, source: str) -> str:
  """The key of the node that computes the branch's fields, `source` where it has none."""
  if not branch.fields:
    return source
  for key, node in transforms.items():
    if node["use"] == "core.project" and node["with"]["fields"] == branch.fields:
      if source not in node["from"]:
        node["from"].append(source)
      return key
  key = _free_key("fields", transforms)
  settings = {"fields": dict(branch.fields), "name": "quote"}
  transforms[key] = {"use": "core.project", "from": [source], "with": settings}
  return key


def _add_output(
  transforms: dict[str, Any],
  output: Literal["window", "sample"],
  every: float,
  window_where: str,
  members: list[tuple[Branch, str]],
) -> None:
  """Adds the window or sample that these branches share, and the condition on it."""
  settings: dict[str, Any] = {"every": every}
  if output == WINDOW:
    symbols = list(dict.fromkeys(symbol for branch, _ in members for symbol in branch.symbols))
    pairs = [symbol for symbol in symbols if "/" in symbol]
    bases = {pair.partition("/")[0] for pair in pairs}
    # Only where every event belongs to one of the pairs: a transfer of USDC has its own row.
    if pairs and all("/" in symbol or symbol in bases for symbol in symbols):
      settings["symbols"] = pairs
  key = _free_key(output, transforms)
  inputs = list(dict.fromkeys(key for _, key in members))
  transforms[key] = {"use": f"core.{output}", "from": inputs, "with": settings}
  if window_where:
    node = {"use": "core.filter", "from": [key], "with": {"where": window_where}}
    transforms[_free_key("condition", transforms)] = node


def _join_symbols(settings: dict[str, Any], more: dict[str, Any]) -> bool:
  """Adds the symbols of `more` to `settings` where all else is equal; returns whether it is."""
  others = {name: value for name, value in settings.items() if name != "symbols"}
  if others != {name: value for name, value in more.items() if name != "symbols"}:
    return False
  if ("symbols" in settings) != ("symbols" in more):
    return False
  if "symbols" in settings:
    settings["symbols"] += [
      symbol for symbol in more["symbols"] if symbol not in settings["symbols"]
    ]
  return True


def _free_key(name: str, taken: dict[str, Any]) -> str:
  number = 1
  while (key := name if number == 1 else f"{name}-{number}") in taken:
    number += 1
  return key
