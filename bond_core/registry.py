"""Finds plugins, loads them by name, and checks what they hand over.

The only file that touches pluggy's manager. A plugin is asked when something it offers is first
named, and never again: nothing that moves events goes through here.
"""

import difflib
import re
from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

import attrs
import pluggy

from bond_core import hookspecs
from bond_core.components import (
  AuthSpec,
  CommandSpec,
  Component,
  LogSpec,
  ParserSpec,
  ServiceSpec,
  SimulatorSpec,
  SinkSpec,
  SourceSpec,
  TransformSpec,
)
from bond_core.errors import PluginError

GROUP = "bond"
COMMANDS_GROUP = "bond.commands"

HOOKS: dict[type[Any], tuple[str, str]] = {
  SourceSpec: ("bond_register_sources", "source"),
  TransformSpec: ("bond_register_transforms", "transform"),
  SinkSpec: ("bond_register_sinks", "sink"),
  AuthSpec: ("bond_register_auth", "auth"),
  LogSpec: ("bond_register_logs", "log"),
  ParserSpec: ("bond_register_parsers", "parser"),
  SimulatorSpec: ("bond_register_simulators", "simulator"),
  ServiceSpec: ("bond_register_services", "service"),
  CommandSpec: ("bond_register_commands", "command"),
}
"""The hook that each kind of component comes from, and what it is called."""

# A simulator is named after its venue, a service and a command after what they do; everything else
# after its plugin.
_FREE_NAMES = (SimulatorSpec, ServiceSpec, CommandSpec)
_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")

C = TypeVar("C", bound=Component)


@attrs.frozen
class Plugin:
  """An installed plugin and what it offers; `error` says why it could not be asked."""

  name: str
  package: str
  version: str
  components: tuple[Component, ...] = ()
  error: str | None = None

  def of(self, kind: type[C]) -> list[C]:
    """Its components of one kind."""
    return [component for component in self.components if isinstance(component, kind)]


class Registry:
  """The installed plugins. Looking something up loads only the plugin that its name begins with."""

  def __init__(self, points: Iterable[EntryPoint] | None = None) -> None:
    found = entry_points(group=GROUP) if points is None else points
    self._points: dict[str, list[EntryPoint]] = {}
    for point in found:
      known = self._points.setdefault(point.name, [])
      if all(_package(point) != _package(other) for other in known):
        known.append(point)
    self._loaded: dict[str, Plugin] = {}
    self._manager = pluggy.PluginManager(hookspecs.PROJECT)
    self._manager.add_hookspecs(hookspecs)

  def source(self, name: str) -> SourceSpec:
    """The source of that name; PluginError says what to install when there is none."""
    return self._find(SourceSpec, name)

  def transform(self, name: str) -> TransformSpec:
    """The transform of that name."""
    return self._find(TransformSpec, name)

  def sink(self, name: str) -> SinkSpec:
    """The sink of that name."""
    return self._find(SinkSpec, name)

  def log(self, name: str) -> LogSpec:
    """The log engine of that name."""
    return self._find(LogSpec, name)

  def auth(self, name: str) -> AuthSpec:
    """The auth of that name."""
    return self._find(AuthSpec, name)

  def simulator(self, name: str) -> SimulatorSpec:
    """The simulator of a venue, from bond-sim or from the venue's own plugin."""
    for owner in ("sim", name):
      if owner in self._points or owner in self._loaded:
        for spec in self.plugin(owner).of(SimulatorSpec):
          if spec.name == name:
            return spec
    if "sim" in self._points or "sim" in self._loaded:
      known = [spec.name for spec in self.plugin("sim").of(SimulatorSpec)]
      raise PluginError(f"no simulator of {name!r}{_meant(name, known)}")
    raise PluginError(f"no simulator of {name!r} is installed; pip install bond-sim")

  def parsers(self) -> list[ParserSpec]:
    """All readers of plain text that are installed."""
    return [spec for plugin in self.plugins() for spec in plugin.of(ParserSpec)]

  def services(self) -> list[ServiceSpec]:
    """All servers that are installed."""
    return [spec for plugin in self.plugins() for spec in plugin.of(ServiceSpec)]

  def plugins(self) -> list[Plugin]:
    """All installed plugins, loaded; a broken one carries its error."""
    names = sorted({*self._points, *self._loaded}, key=lambda name: (name != "core", name))
    found = []
    for name in names:
      try:
        found.append(self.plugin(name))
      except PluginError as exc:
        points = self._points.get(name, [])
        package = " and ".join(sorted(_package(point) for point in points)) or name
        found.append(Plugin(name, package, "", error=str(exc)))
    return found

  def plugin(self, name: str) -> Plugin:
    """One plugin, loaded and checked."""
    if name in self._loaded:
      return self._loaded[name]
    points = self._points.get(name, [])
    if not points:
      known = difflib.get_close_matches(name, self._points, 1, 0.75)
      hint = f" (or did you mean {known[0]!r}?)" if known else ""
      raise PluginError(f"no plugin {name!r} is installed; pip install bond-{name}{hint}")
    if len(points) > 1:
      packages = " and ".join(sorted(_package(point) for point in points))
      raise PluginError(f"plugin {name!r} is offered by {packages}; uninstall one of them")
    point = points[0]
    try:
      module = point.load()
    except Exception as exc:
      raise PluginError(
        f"plugin {name!r} of package {_package(point)} cannot be loaded: "
        f"{type(exc).__name__}: {exc}; reinstall it or report it to its author"
      ) from exc
    version = point.dist.version if point.dist is not None else ""
    return self.add(name, module, package=_package(point), version=version)

  def add(self, name: str, module: object, *, package: str = "", version: str = "") -> Plugin:
    """Registers a plugin that is already there; asks and checks it."""
    who = f"plugin {name!r}" + (f" of package {package}" if package else "")
    try:
      self._manager.register(module, name)
    except (pluggy.PluginValidationError, ValueError) as exc:
      raise PluginError(f"{who} is not valid: {exc}") from exc
    try:
      components = self._ask(name, module, who)
    except PluginError:
      self._manager.unregister(module)
      raise
    plugin = Plugin(name, package or name, version, tuple(components))
    self._loaded[name] = plugin
    return plugin

  def _ask(self, name: str, module: object, who: str) -> list[Component]:
    hooks = {hook for hook, _ in HOOKS.values()}
    for attribute in dir(module):
      if attribute.startswith("bond_register_") and attribute not in hooks:
        raise PluginError(
          f"{who} implements {attribute}, which is no hook of Bond{_meant(attribute, hooks)}"
        )
    others = [plugin for plugin in self._manager.get_plugins() if plugin is not module]
    components: list[Component] = []
    for kind, (hook, word) in HOOKS.items():
      try:
        answers = self._manager.subset_hook_caller(hook, others)()
        handed = [component for answer in answers for component in answer]
      except Exception as exc:
        raise PluginError(f"{who}: {hook} failed with {type(exc).__name__}: {exc}") from exc
      for component in handed:
        _check(component, kind, word, name, who)
        if any(type(c) is type(component) and c.name == component.name for c in components):
          raise PluginError(f"{who} offers the {word} {component.name!r} twice")
        components.append(component)
    if not components:
      raise PluginError(
        f"{who} offers nothing; mark a function such as bond_register_sources with @hookimpl"
      )
    return components

  def _find(self, kind: type[C], name: str) -> C:
    word = HOOKS[kind][1]
    plugin = self.plugin(self._owner(name))
    for component in plugin.of(kind):
      if component.name == name:
        return component
    for other in plugin.components:
      if other.name == name:
        raise PluginError(f"{name!r} is a {HOOKS[type(other)][1]}, not a {word}")
    known = [component.name for component in plugin.of(kind)]
    raise PluginError(f"{plugin.package} has no {word} {name!r}{_meant(name, known)}")

  def _owner(self, name: str) -> str:
    """The plugin that a name begins with; the longest, where one stands within another's names, as
    `onchain.bitcoin` does."""
    parts = name.split(".")
    for length in range(len(parts), 1, -1):
      owner = ".".join(parts[:length])
      if owner in self._points or owner in self._loaded:
        return owner
    return parts[0]


def _check(component: Any, kind: type[Any], word: str, plugin: str, who: str) -> None:
  """Raises PluginError when a component does not keep what its kind promises."""
  if type(component) is not kind:
    raise PluginError(f"{who} gave {component!r} as a {word}; give a {kind.__name__}")
  if not isinstance(component.name, str) or not _NAME.fullmatch(component.name):
    raise PluginError(
      f"{who}: {component.name!r} is not a name; use lower case, as in venue.trades"
    )
  own = component.name.startswith(f"{plugin}.") or ("." in plugin and component.name == plugin)
  if kind not in _FREE_NAMES and not own:
    raise PluginError(
      f"{who}: the {word} {component.name!r} must be named {plugin}.…, so that it is found by name"
    )
  config = getattr(component, "config", None)
  if config is not None and not attrs.has(config):
    raise PluginError(f"{who}: the config of {component.name!r} is not an attrs class")
  if isinstance(component, SourceSpec):
    _check_source(component, who)


def _check_source(spec: SourceSpec, who: str) -> None:
  if (spec.run is None) == (spec.feed is None):
    raise PluginError(f"{who}: the source {spec.name!r} needs either run or feed")
  needed: dict[str, Callable[..., Any] | None] = {
    "connection": spec.connection,
    "subscriptions": spec.subscriptions,
  }
  missing = [field for field, value in needed.items() if value is None]
  if spec.feed is not None and missing:
    raise PluginError(f"{who}: the source {spec.name!r} has a feed and needs {missing[0]} too")


def _package(point: EntryPoint) -> str:
  return point.dist.name if point.dist is not None else point.value


def _meant(name: str, known: Iterable[str]) -> str:
  known = list(known)
  close = difflib.get_close_matches(name, known, 1, 0.6)
  if close:
    return f"; did you mean {close[0]!r}?"
  return f"; it has {', '.join(known)}" if known else ""
