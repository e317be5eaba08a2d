"""A spec that is being built: sources, and the branches from each to its window or sample."""

from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from bond_english.text.chunks import DEFAULT, Fact, Slot

Output: TypeAlias = Literal["window", "sample", "each", "consolidate"]

WINDOW: Final = "window"
SAMPLE: Final = "sample"
EACH: Final = "each"
CONSOLIDATE: Final = "consolidate"


@dataclass(slots=True)
class Branch:
  """The path of one source's events through the spec.

  They end in windows or samples of `every` seconds, in one book of all venues at most every `every`
  seconds with `depth` levels, or go out each by itself, bars those of `every` seconds. `where` is a
  condition on the events, `window_where` one on the windows; `fields` are computed from the events.
  `symbols` are what the source is about, `kind` the kind of data, `said` the filters that it has,
  in words. Windows of different `group` are apart from each other; one without a group is of every
  group.
  """

  source: str
  output: Output
  every: float = 0.0
  where: str = ""
  window_where: str = ""
  fields: dict[str, str] = field(default_factory=dict)
  symbols: tuple[str, ...] = ()
  group: str = ""
  kind: str = ""
  depth: int | None = None
  said: str = ""


@dataclass(slots=True)
class SpecDraft:
  """Sources by key and their branches.

  `missing` says what the request asks for and nothing installed offers, `packages` what to install
  for it; `unavailable` counts what no package is known for. `defaults` are facts that the request
  does not state, for the account.
  """

  sources: dict[str, dict[str, Any]] = field(default_factory=dict)
  branches: list[Branch] = field(default_factory=list)
  missing: list[str] = field(default_factory=list)
  packages: list[str] = field(default_factory=list)
  defaults: list[Fact] = field(default_factory=list)
  unavailable: int = 0
  _purposes: dict[str, str] = field(default_factory=dict)
  _touched: list[str] = field(default_factory=list)

  def add_source(self, label: str, use: str, settings: dict[str, Any], purpose: str = "") -> str:
    """Adds a source, or its symbols to an equal one; returns its key.

    Sources of one `purpose` are joined, those of several only where their symbols are the same:
    what is done to the events of one must not be done to those of another.
    """
    key = self._key_of_source(label, use, settings, purpose)
    self._touched.append(key)
    return key

  def take_touched(self) -> list[str]:
    """The keys of the sources that were added to since the last call."""
    touched, self._touched = self._touched, []
    return list(dict.fromkeys(touched))

  def _key_of_source(self, label: str, use: str, settings: dict[str, Any], purpose: str) -> str:
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
    self._note_missing(f"{what}: not installed; pip install {package}")

  def add_missing(self, sentence: str) -> None:
    """Notes what nothing offers."""
    self.unavailable += 1
    self._note_missing(sentence)

  def _note_missing(self, sentence: str) -> None:
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
    for output in (WINDOW, SAMPLE, CONSOLIDATE):
      members = [
        (branch, key)
        for branch, key in ends
        # Events that a window has unfiltered would count twice.
        if branch.output == output
        and not (output == WINDOW and key != branch.source and branch.source in raw)
      ]
      for group in _groups(members):
        _add_output(transforms, output, group)
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


def _groups(members: list[tuple[Branch, str]]) -> list[list[tuple[Branch, str]]]:
  """The branches that end in one node: of equal length, condition and group; those without a group
  are in every group of that length."""
  groups: dict[tuple[float, str, str], list[tuple[Branch, str]]] = {}
  for branch, key in members:
    if branch.group:
      groups.setdefault((branch.every, branch.window_where, branch.group), []).append((branch, key))
  for branch, key in members:
    if branch.group:
      continue
    joined = [
      group
      for (every, where, _), group in groups.items()
      if every == branch.every and not where and not branch.window_where
    ]
    for group in joined or [groups.setdefault((branch.every, branch.window_where, ""), [])]:
      group.append((branch, key))
  return list(groups.values())


def _add_output(
  transforms: dict[str, Any],
  output: Literal["window", "sample", "consolidate"],
  members: list[tuple[Branch, str]],
) -> None:
  """Adds the node that these branches end in, and the condition on its windows."""
  branch = members[0][0]
  settings: dict[str, Any] = {"every": branch.every}
  if output == CONSOLIDATE:
    settings = {"depth": branch.depth} if branch.depth is not None else {}
    if branch.every:
      settings["speed"] = branch.every
  elif output == WINDOW:
    symbols = list(dict.fromkeys(symbol for branch, _ in members for symbol in branch.symbols))
    pairs = [symbol for symbol in symbols if "/" in symbol]
    bases = {pair.partition("/")[0] for pair in pairs}
    # Only where every event belongs to one of the pairs: a transfer of USDC has its own row.
    if pairs and all("/" in symbol or symbol in bases for symbol in symbols):
      settings["symbols"] = pairs
  key = _free_key(output, transforms)
  inputs = list(dict.fromkeys(key for _, key in members))
  node: dict[str, Any] = {"use": f"core.{output}", "from": inputs}
  transforms[key] = {**node, "with": settings} if settings else node
  if branch.window_where:
    condition = {"use": "core.filter", "from": [key], "with": {"where": branch.window_where}}
    transforms[_free_key("condition", transforms)] = condition


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
