"""Checks a spec against the components that it names; every problem at once, each at its place."""

import pathlib
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import attrs

from bond_core._errors import PluginError
from bond_core._plugins.known import packages_with
from bond_core._spec.document import (
  MAX_COPIES,
  MAX_HELD,
  MAX_SPEC_NODES,
  Document,
  Path,
  kind_of,
  path_text,
  read_document,
  shown,
)
from bond_core._spec.model import (
  LogNode,
  Position,
  SinkNode,
  SourceNode,
  Spec,
  TransformNode,
  held_by,
)
from bond_core._spec.reads import check_types, in_order
from bond_core._spec.structure import closed_keys, structure
from bond_core._suggest import closest, did_you_mean, one_of
from bond_core._types.components import Components
from bond_core._types.parser import ParserType

DEFAULT_LOG = "core.memory"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_COMPONENT = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")

_ONE = {"sources": "source", "transforms": "transform", "sinks": "sink", "log": "log"}
_SECTIONS = ("sources", "transforms", "sinks")
_TOP = ("name", *_SECTIONS, "log")
_KEYS = {
  "sources": ("use", "with"),
  "transforms": ("use", "from", "with"),
  "sinks": ("use", "from", "with"),
  "log": ("use", "with"),
}


def load_spec(
  text: str | bytes, *, file: str = "spec.yaml", registry: Components, trusted: bool = True
) -> Spec:
  """The checked spec that a text describes: YAML or JSON, in the normal form or in one that an
  installed parser rewrites.

  Raises SpecError with every problem in the order of the file. `file` is what errors call the text,
  and its stem is the name of a spec that has none. A spec that is not `trusted` comes from outside:
  it may use neither the machine's secrets and files, nor components and keys that are not public.
  """
  document = read_document(text, file)
  if isinstance(document.data.get("sources"), list):
    _rewrite(document, registry)
  return _Loader(document, registry, trusted).load()


def _rewrite(document: Document, registry: Components) -> None:
  """Brings a document of another form into the normal one, by the first parser that knows it."""
  rewriters = [parser.rewrite for parser in registry.all(ParserType) if parser.rewrite is not None]
  for rewrite in rewriters:
    found = rewrite(document.data, registry.aliases())
    if found is None:
      continue
    for problem in found.problems:
      document.refuse(problem.message, problem.path, problem.at)
    if found.data is None:
      document.fail()
    document.data = found.data
    document.origin = dict(found.origin)
    return
  hint = "" if rewriters else f", or pip install {packages_with('rewriter')} for the earlier form"
  message = "a list of sources is another form of spec; name each: my-source: {use: …, with: …}"
  document.refuse(f"{message}{hint}", ("sources",))
  document.fail()


class _Checked(NamedTuple):
  """A node whose component was found and whose configuration is right."""

  use: str
  type: Any
  config: Any
  inputs: tuple[str, ...]
  at: Position | None


class _Loader:
  """The parts of one spec while they are checked."""

  def __init__(self, document: Document, registry: Components, trusted: bool) -> None:
    self.document = document
    self.trusted = trusted
    self.find: dict[str, Callable[[str], Any]] = {
      "sources": registry.source,
      "transforms": registry.transform,
      "sinks": registry.sink,
      "log": registry.log,
    }
    # The section of every name, and what every node reads, whether the rest of it is right or not.
    self.sections: dict[str, str] = {}
    self.inputs: dict[str, tuple[str, ...]] = {}
    # A section could not be read, so an unknown name may well be in it.
    self.incomplete = False

  def load(self) -> Spec:
    document, data = self.document, self.document.data
    intended = self._known_keys((), data, _TOP, "a spec", None)
    self.incomplete = not intended.isdisjoint(_SECTIONS)
    entries = {section: self._section(section, intended) for section in _SECTIONS}
    if sum(map(len, entries.values())) > MAX_SPEC_NODES:
      message = (
        f"more than {MAX_SPEC_NODES} sources, transforms and sinks; make several specs of it"
      )
      document.refuse(message, (), "owner")
      document.fail()
    for section, nodes in entries.items():
      for key in nodes:
        self._name(section, key)
    checked = {
      section: {key: self._node((section, key), node) for key, node in nodes.items()}
      for section, nodes in entries.items()
    }
    sources = {
      key: SourceNode(key=key, use=n.use, type=n.type, config=n.config, at=n.at)
      for key, n in checked["sources"].items()
      if n is not None
    }
    transforms = {
      key: TransformNode(key=key, **node._asdict())
      for key, node in checked["transforms"].items()
      if node is not None
    }
    sinks = {
      key: SinkNode(key=key, **node._asdict())
      for key, node in checked["sinks"].items()
      if node is not None
    }
    order = in_order(document, self.inputs)
    transforms = {key: transforms[key] for key in order if key in transforms}
    warnings = check_types(document, sources, transforms, sinks)
    name, named = self._spec_name()
    if not self.trusted and data.get("log") is not None:
      message = "a spec from outside cannot say how logs are kept; leave log out"
      document.refuse(message, ("log",), "key")
    log = self._node(("log",), {"use": DEFAULT_LOG} if data.get("log") is None else data["log"])
    if not self.trusted:
      self._check_held(held_by(transforms.values()))
      self._check_copies(transforms)
    document.check()
    if log is None:
      document.fail()
    return Spec(
      name=name,
      named=named,
      sources=sources,
      transforms=transforms,
      sinks=sinks,
      log=LogNode(use=log.use, type=log.type, config=log.config, at=log.at),
      warnings=(*warnings, *self._unread()),
      document=data,
    )

  def _check_held(self, held: int) -> None:
    """Refuses what would keep too much of a server's memory."""
    if held > MAX_HELD:
      message = (
        f"these transforms may hold {held} events and keys together; a spec from outside may hold "
        f"{MAX_HELD}, so write smaller numbers (keep, max_events), or name the symbols of windows"
      )
      self.document.refuse(message, ("transforms",), "key")

  def _check_copies(self, transforms: Mapping[str, TransformNode]) -> None:
    """Refuses a graph in which one event arrives too often: each way from a source to a transform
    is a copy, and their number may double from one transform to the next."""
    ways: dict[str, int] = {}
    for key, node in transforms.items():
      ways[key] = sum(ways.get(name, 1) for name in node.inputs)
      if ways[key] > MAX_COPIES:
        message = (
          f"each event would come here {ways[key]} times, by that many ways through the transforms "
          f"before it; a spec from outside may have {MAX_COPIES}"
        )
        self.document.refuse(message, ("transforms", key), "key")
        return

  # The parts of a spec -----------------------------------------------------------------------

  def _section(self, section: str, intended: set[str]) -> Mapping[str, Any]:
    entries = self.document.data.get(section)
    if isinstance(entries, dict) and (entries or section != "sources"):
      return entries
    if section == "sources":
      self.incomplete = True
    if section == "sources" and section not in self.document.data:
      if section not in intended:
        message = "the key 'sources' is missing; it names where events come from"
        self.document.refuse(message, (), "owner")
    elif section == "sources" and not entries:
      self.document.refuse("a spec needs at least one source", (section,), "key")
    elif entries is not None:
      self.incomplete = True
      form = ", ".join(f"{key}: …" for key in _KEYS[section][:2])
      message = f"expected names and what they stand for, as in my-{_ONE[section]}: {{{form}}}"
      self.document.refuse(f"{message}, got {kind_of(entries)}", (section,))
    return {}

  def _name(self, section: str, key: str) -> None:
    path = (section, key)
    if not _NAME.fullmatch(key):
      message = f"{shown(key)} is not a name; use up to 64 letters, digits, _ and -"
      self.document.refuse(message, path, "key")
    if key in self.sections:
      other = self.sections[key]
      line = self.document.key_span((other, key)).line
      message = f"{shown(key)} is already the name of a {_ONE[other]} (line {line})"
      self.document.refuse(f"{message}; a name is given once in a spec", path, "key")
    else:
      self.sections[key] = section

  def _spec_name(self) -> tuple[str, bool]:
    name = self.document.data.get("name")
    if name is None:
      return pathlib.PurePath(self.document.file).stem.strip("<>") or "spec", False
    if not isinstance(name, str) or not 0 < len(name) <= 128 or not name.isprintable():
      message = f"a name is text of up to 128 characters in one line, not {kind_of(name)}"
      self.document.refuse(message, ("name",))
    return str(name), True

  # The parts of a node -----------------------------------------------------------------------

  def _node(self, path: Path, entry: Any) -> _Checked | None:
    """The node at a path, or None where it is wrong."""
    section = str(path[0])
    keys, what = _KEYS[section], f"a {_ONE[section]}"
    if not isinstance(entry, dict):
      form = ", ".join(f"{key}: …" for key in keys)
      self.document.refuse(f"expected {what}, written {{{form}}}, got {kind_of(entry)}", path)
      return None
    found = self._component(path, entry)
    intended = self._known_keys(path, entry, keys, what, None if found is None else found.config)
    if entry.get("use") is None and "use" not in intended:
      message = "the key 'use' is missing; it names a component, as in `use: core.print`"
      self.document.refuse(message, path, "owner")
    inputs = self._from(path, entry, intended) if "from" in keys else ()
    if found is None:
      return None
    config = self._config(path, entry, found, intended)
    if config is None:
      return None
    written = section in self.document.data
    at = Position(*self.document.key_span(path)[:2]) if written else None
    return _Checked(found.name, found, config, inputs, at)

  def _component(self, path: Path, entry: dict[str, Any]) -> Any:
    use, at, section = entry.get("use"), (*path, "use"), str(path[0])
    if use is None:
      return None
    if not isinstance(use, str) or not _COMPONENT.fullmatch(use):
      message = f"expected the name of a component, such as core.print, got {kind_of(use)}"
      self.document.refuse(message, at)
      return None
    try:
      found = self.find[section](use)
    except PluginError as exc:
      self.document.refuse(str(exc), at)
      return None
    if not self.trusted and section != "log" and not found.public:
      message = f"{use} is for specs of this machine's own user; a spec from outside cannot use it"
      self.document.refuse(message, at)
      return None
    return found

  def _known_keys(
    self,
    path: Path,
    entry: Mapping[str, Any],
    known: tuple[str, ...],
    what: str,
    config: type | None,
  ) -> set[str]:
    """Refuses the keys of `entry` that are not known; returns those that are there or were
    intended, here or in the component's configuration, so that they are not missed as well."""
    below = set() if config is None else {f.alias or f.name for f in attrs.fields(config)}
    intended: set[str] = set()
    for key in entry:
      if key in known:
        continue
      if key == "from":
        message = "a source reads nothing, so it has no `from`; transforms and sinks have one"
        self.document.refuse(message, (*path, key), "key")
        continue
      word = closest(key, known)
      if key in below:
        word = key
        message = f"it belongs under `with`, as in with: {{{key}: …}}"
      elif word is not None:
        message = f"did you mean {word!r}?"
      else:
        message = f"{what} has {one_of(known, 'and')}"
        message += ", and the component's own keys stand under `with`" * ("with" in known)
      intended.update([word] if word is not None else [])
      self.document.refuse(f"unknown key {shown(key)}; {message}", (*path, key), "key")
    return intended

  def _config(self, path: Path, entry: dict[str, Any], component: Any, intended: set[str]) -> Any:
    below = (*path, "with")
    data = {} if entry.get("with") is None else entry["with"]
    if not isinstance(data, dict):
      message = f"expected the keys of {component.name} and their values, got {kind_of(data)}"
      self.document.refuse(message, below)
      return None
    closed = frozenset() if self.trusted else closed_keys(component.config) & data.keys()
    for key in sorted(closed):
      message = f"a spec from outside cannot set {key!r}, which is for this machine's own user"
      self.document.refuse(message, (*below, key), "key")
      self.document.mask((*below, key))
    data = {key: value for key, value in data.items() if key not in closed}
    try:
      config, faults = structure(data, component.config, trusted=self.trusted)
    except TypeError as exc:
      message = f"{component.name} cannot be configured: {exc}; tell its author"
      self.document.refuse(message, (*path, "use"))
      return None
    for fault in faults:
      if closed and not fault.path:
        continue  # Something of what was refused may be missing.
      if fault.missing is not None and not fault.path and {fault.missing, "with"} & intended:
        continue
      if fault.hides:
        self.document.mask((*below, *fault.path))
      self.document.refuse(fault.message, (*below, *fault.path), fault.at)
    return config

  def _from(self, path: Path, entry: dict[str, Any], intended: set[str]) -> tuple[str, ...]:
    at, key = (*path, "from"), str(path[-1])
    written = entry.get("from")
    own = self.sections.get(key) == path[0]
    known = [
      name
      for name, section in self.sections.items()
      if section != "sinks" and not (own and name == key)
    ]
    if written is None:
      if "from" not in intended:
        names = one_of(known[:8]) or "a source"
        message = f"the key 'from' is missing; it names what this reads, here {names}"
        self.document.refuse(message, path, "owner")
      return ()
    listed = written if isinstance(written, list) else [written]
    if not listed:
      self.document.refuse("this reads nothing; name a source or a transform", at)
    inputs: list[str] = []
    for index, name in enumerate(listed):
      place = (*at, index) if isinstance(written, list) else at
      why = self._unreadable(name, key if own else None, known, inputs)
      if why is not None:
        self.document.refuse(why, place)
      elif name in self.sections:
        inputs.append(name)
    if own:
      self.inputs[key] = tuple(inputs)
    return tuple(inputs)

  def _unreadable(
    self, name: Any, reader: str | None, known: list[str], inputs: list[str]
  ) -> str | None:
    """Why nothing can be read from what is called `name`."""
    if not isinstance(name, str):
      return f"expected the name of a source or transform, got {kind_of(name)}"
    if name == reader:
      return f"{shown(name)} cannot read itself"
    if name in inputs:
      return f"{shown(name)} is named twice"
    if self.sections.get(name) == "sinks":
      return f"{shown(name)} is a sink, from which nothing can be read"
    if name not in self.sections and not self.incomplete:
      hint = did_you_mean(name, known) or f"; there is {one_of(known[:8], 'and')}"
      return f"there is no source or transform {shown(name)}{hint}"
    return None

  def _unread(self) -> list[str]:
    """Warnings about what is fetched or made and not read. Without sinks it goes out as it is."""
    if "sinks" not in self.sections.values():
      return []
    read = {name for inputs in self.inputs.values() for name in inputs}
    return [
      f"line {self.document.key_span((section, key)).line}: "
      f"{path_text((section, key))}: no transform or sink reads it"
      for key, section in self.sections.items()
      if key not in read and section != "sinks"
    ]
