"""A spec in the making: sources, what filters them, and the windows and samples they end in."""

from dataclasses import dataclass, field
from typing import Any

from bond_english.marks import DEFAULT, Fact

WINDOW = "window"
SAMPLE = "sample"
EACH = "each"


@dataclass(slots=True)
class Leg:
  """The way of one source through the spec. `role` says whether it ends in windows, samples or as
  it is; `where` filters its events, `after` the windows; `fields` are computed from its events;
  `symbols` are what it is about."""

  source: str
  role: str
  every: float = 0.0
  where: str = ""
  after: str = ""
  fields: dict[str, str] = field(default_factory=dict)
  symbols: tuple[str, ...] = ()


@dataclass(slots=True)
class Recipe:
  """`missing` says what is understood and offered by nothing installed, `packages` what to install
  for it; `defaults` are what was not said and is needed, for the account."""

  sources: dict[str, dict[str, Any]] = field(default_factory=dict)
  legs: list[Leg] = field(default_factory=list)
  missing: list[str] = field(default_factory=list)
  packages: list[str] = field(default_factory=list)
  defaults: list[Fact] = field(default_factory=list)
  _purposes: dict[str, str] = field(default_factory=dict)

  def source(self, label: str, use: str, settings: dict[str, Any], purpose: str = "") -> str:
    """The key of a source, which another part of the request may have asked for already. Sources of
    one `purpose` are joined, those of several only where their symbols are the same: what is done
    to the events of one must not be done to those of another."""
    number = 1
    while True:
      key = label if number == 1 else f"{label}-{number}"
      there = self.sources.get(key)
      if there is None:
        self.sources[key] = {"use": use, "with": settings}
        self._purposes[key] = purpose
        return key
      alike = self._purposes[key] == purpose or there["with"] == settings
      if there["use"] == use and alike and _joins(there["with"], settings):
        return key
      number += 1

  def needs(self, package: str, what: str) -> None:
    """Notes a package that has to be installed."""
    if package not in self.packages:
      self.packages.append(package)
    self.lacks(f"{what}: not installed; pip install {package}")

  def lacks(self, sentence: str) -> None:
    """Notes what nothing offers."""
    if sentence not in self.missing:
      self.missing.append(sentence)

  def default(self, slot: str, value: Any) -> None:
    """Notes what was not said and is taken all the same."""
    fact: Fact = (slot, value, DEFAULT)
    if fact not in self.defaults:
      self.defaults.append(fact)

  def spec(self) -> dict[str, Any] | None:
    """The spec in its normal form, None where there is no source for anything."""
    if not self.sources:
      return None
    transforms: dict[str, Any] = {}
    ends = []
    for leg in self.legs:
      filtered = self._filtered(leg, transforms)
      ends.append((leg, self._computed(leg, filtered, transforms)))
    raw = {leg.source for leg, key in ends if key == leg.source and leg.role == WINDOW}
    for role, use in ((WINDOW, "core.window"), (SAMPLE, "core.sample")):
      groups: dict[tuple[float, str], list[tuple[Leg, str]]] = {}
      for leg, key in ends:
        # Events that a window holds already would count twice.
        doubled = role == WINDOW and key != leg.source and leg.source in raw
        if leg.role == role and not doubled:
          groups.setdefault((leg.every, leg.after), []).append((leg, key))
      for (every, after), members in groups.items():
        self._gather(transforms, role, use, every, after, members)
    sources = dict(self.sources)
    read = {key for node in transforms.values() for key in node["from"]}
    for leg, key in ends:
      # What others read is no end, so what is wanted by itself stands there once more; equal
      # sources have one connection all the same.
      if leg.role == EACH and key in read:
        nodes = transforms if key in transforms else sources
        nodes[_free(key, {**sources, **transforms})] = nodes[key]
    spec: dict[str, Any] = {"sources": sources}
    if transforms:
      spec["transforms"] = transforms
    return spec

  def _filtered(self, leg: Leg, transforms: dict[str, Any]) -> str:
    """The key that a leg goes on from: its source, or the filter behind it."""
    if not leg.where:
      return leg.source
    for key, node in transforms.items():
      if node["use"] == "core.filter" and node["with"]["where"] == leg.where:
        if leg.source not in node["from"]:
          node["from"].append(leg.source)
        return key
    key = _free("filter", transforms)
    transforms[key] = {"use": "core.filter", "from": [leg.source], "with": {"where": leg.where}}
    return key

  def _computed(self, leg: Leg, source: str, transforms: dict[str, Any]) -> str:
    """The key that a leg goes on from behind its computed fields."""
    if not leg.fields:
      return source
    for key, node in transforms.items():
      if node["use"] == "core.project" and node["with"]["fields"] == leg.fields:
        if source not in node["from"]:
          node["from"].append(source)
        return key
    key = _free("fields", transforms)
    settings = {"fields": dict(leg.fields), "name": "quote"}
    transforms[key] = {"use": "core.project", "from": [source], "with": settings}
    return key

  def _gather(
    self,
    transforms: dict[str, Any],
    role: str,
    use: str,
    every: float,
    after: str,
    members: list[tuple[Leg, str]],
  ) -> None:
    settings: dict[str, Any] = {"every": every}
    if role == WINDOW:
      symbols = list(dict.fromkeys(symbol for leg, _ in members for symbol in leg.symbols))
      pairs = [symbol for symbol in symbols if "/" in symbol]
      bases = {pair.partition("/")[0] for pair in pairs}
      # Only where every event belongs to one of the pairs: a transfer of USDC has its own row.
      if pairs and all("/" in symbol or symbol in bases for symbol in symbols):
        settings["symbols"] = pairs
    key = _free(role, transforms)
    inputs = list(dict.fromkeys(key for _, key in members))
    transforms[key] = {"use": use, "from": inputs, "with": settings}
    if after:
      node = {"use": "core.filter", "from": [key], "with": {"where": after}}
      transforms[_free("condition", transforms)] = node


def _joins(there: dict[str, Any], more: dict[str, Any]) -> bool:
  """Joins the symbols of two sources' settings where all else is equal."""
  others = {name: value for name, value in there.items() if name != "symbols"}
  if others != {name: value for name, value in more.items() if name != "symbols"}:
    return False
  if ("symbols" in there) != ("symbols" in more):
    return False
  if "symbols" in there:
    there["symbols"] += [symbol for symbol in more["symbols"] if symbol not in there["symbols"]]
  return True


def _free(name: str, taken: dict[str, Any]) -> str:
  number = 1
  while (key := name if number == 1 else f"{name}-{number}") in taken:
    number += 1
  return key
