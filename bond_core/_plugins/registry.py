"""Finds plugins, loads them by name, and checks what they hand over.

The only file that touches pluggy's manager. A plugin's hooks are called when something it offers is
first named, and never again: nothing that moves events goes through here.
"""

import re
from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

import attrs
import pluggy

from bond_core._errors import PluginError, fault_of, sentence
from bond_core._plugins import hookspecs
from bond_core._plugins.known import (
  ComponentKind,
  how_to_install,
  known_packages,
  package_for,
)
from bond_core._suggest import did_you_mean
from bond_core._types.auth import AuthType
from bond_core._types.log import LogType
from bond_core._types.parser import Aliases, ParserType
from bond_core._types.program import CommandType, ServiceType, SimulatorType
from bond_core._types.sink import SinkType
from bond_core._types.source import SourceType
from bond_core._types.transform import TransformType

GROUP = "bond"
COMMANDS_GROUP = "bond.commands"
SIMULATORS_GROUP = "bond.simulators"

Component = (
  SourceType
  | TransformType
  | SinkType
  | AuthType
  | LogType
  | ParserType
  | SimulatorType
  | ServiceType
  | CommandType
)

HOOKS: dict[type[Any], tuple[str, ComponentKind]] = {
  SourceType: ("bond_register_sources", "source"),
  TransformType: ("bond_register_transforms", "transform"),
  SinkType: ("bond_register_sinks", "sink"),
  AuthType: ("bond_register_auth", "auth"),
  LogType: ("bond_register_logs", "log"),
  ParserType: ("bond_register_parsers", "parser"),
  SimulatorType: ("bond_register_simulators", "simulator"),
  ServiceType: ("bond_register_services", "service"),
  CommandType: ("bond_register_commands", "command"),
}
"""The hook that each kind of component comes from, and the word for that kind."""

# A simulator is named after its venue, a service and a command after what they do; everything else
# after its plugin.
_FREE_NAMES = (SimulatorType, ServiceType, CommandType)
_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")

C = TypeVar("C")
K = TypeVar("K", bound=Component)


@attrs.frozen
class Plugin:
  """An installed plugin and what it offers; `error` says why its hooks failed. Its components
  are called by its `names`: each begins with one, or is one that has a dot."""

  name: str
  package: str
  version: str
  components: tuple[Component, ...] = ()
  error: str | None = None
  names: tuple[str, ...] = ()

  def of(self, kind: type[C]) -> list[C]:
    """Its components of one kind."""
    return [component for component in self.components if isinstance(component, kind)]


def kind_of(component: Component) -> ComponentKind:
  """What a component is: source, transform, sink, …"""
  return HOOKS[type(component)][1]


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
    self._broken: dict[str, str] = {}
    self._manager = pluggy.PluginManager(hookspecs.PROJECT)
    self._manager.add_hookspecs(hookspecs)

  def source(self, name: str) -> SourceType:
    """Returns the source of that name. Raises PluginError, which says what to install, when there
    is none."""
    return self._find(SourceType, name)

  def transform(self, name: str) -> TransformType:
    """The transform of that name."""
    return self._find(TransformType, name)

  def sink(self, name: str) -> SinkType:
    """The sink of that name."""
    return self._find(SinkType, name)

  def log(self, name: str) -> LogType:
    """The log engine of that name."""
    return self._find(LogType, name)

  def auth(self, name: str) -> AuthType:
    """The auth of that name."""
    return self._find(AuthType, name)

  def simulator(self, venue: str) -> SimulatorType:
    """The simulator of a venue."""
    points = [p for p in entry_points(group=SIMULATORS_GROUP) if p.name == venue]
    for point in points:
      for found in self.of_entry_point(point).of(SimulatorType):
        if found.name == venue:
          return found
    for plugin in self._loaded.values():
      for found in plugin.of(SimulatorType):
        if found.name == venue:
          return found
    if points:
      raise PluginError(f"{_package(points[0])} names a simulator of {venue!r} but offers none")
    package = package_for("simulators", venue)
    if package is not None:
      raise PluginError(f"no simulator of {venue!r} is installed; pip install {package}")
    known = {p.name for p in entry_points(group=SIMULATORS_GROUP)}
    there = f"; there is {', '.join(sorted(known))}" if known else ""
    raise PluginError(f"no simulator of {venue!r}{did_you_mean(venue, known, there)}")

  def all(self, kind: type[C]) -> list[C]:
    """All components of one kind that are installed; every plugin is loaded for it."""
    return [component for plugin in self.plugins() for component in plugin.of(kind)]

  def aliases(self) -> Aliases:
    """Other names of sources, of known packages and of what is installed: the source, and the
    settings that the name implies."""
    found = {
      alias: (str(source), settings)
      for known in known_packages().values()
      for alias, (source, settings) in known.get("aliases", {}).items()
    }
    for source in self.all(SourceType):
      found.update({alias: (source.name, dict(given)) for alias, given in source.aliases.items()})
    return found

  def plugins(self) -> list[Plugin]:
    """All installed plugins, loaded; a broken one carries its error."""
    names = sorted(self._names, key=lambda name: (name != "core", name))
    found: dict[int, Plugin] = {}
    for name in names:
      try:
        plugin = self.plugin(name)
      except PluginError as exc:
        points = self._points.get(name, [])
        package = " and ".join(sorted(_package(point) for point in points)) or name
        plugin = Plugin(name, package, "", error=str(exc))
      found.setdefault(id(plugin), plugin)
    return list(found.values())

  def plugin(self, name: str) -> Plugin:
    """One plugin, loaded and checked."""
    if name in self._loaded:
      return self._loaded[name]
    if name in self._broken:
      raise PluginError(self._broken[name])
    points = self._points.get(name, [])
    if not points:
      raise PluginError(f"no plugin {name!r} is installed; {how_to_install(name, self._names)}")
    if len(points) > 1:
      packages = " and ".join(sorted(_package(point) for point in points))
      raise PluginError(f"plugin {name!r} is offered by {packages}; uninstall one of them")
    try:
      return self.of_entry_point(points[0])
    except PluginError as exc:
      self._broken[name] = str(exc)
      raise

  def of_entry_point(self, point: EntryPoint) -> Plugin:
    """The plugin that an entry point leads to; several points may lead to one."""
    names = tuple(
      sorted(
        (
          name
          for name, points in self._points.items()
          if any(p.value == point.value and _package(p) == _package(point) for p in points)
        ),
        key=lambda name: ("." in name, name),
      )
    ) or (point.name,)
    if (known := self._loaded.get(names[0])) is not None:
      return known
    module = _load(point)
    version = point.dist.version if point.dist is not None else ""
    return self.add(names[0], module, package=_package(point), version=version, also=names[1:])

  def command(self, point: EntryPoint) -> CommandType:
    """The command that an entry point of the group `bond.commands` names. Only that hook is called
    of its plugin, so that a command starts quickly."""
    module, who = _load(point), f"package {_package(point)}"
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(module)
    for command in _answers(manager.hook.bond_register_commands, "bond_register_commands", who):
      if type(command) is CommandType and command.name == point.name:
        return command
    raise PluginError(f"{who} names the command {point.name!r} but does not offer it")

  def add(
    self,
    name: str,
    module: object,
    *,
    package: str = "",
    version: str = "",
    also: tuple[str, ...] = (),
  ) -> Plugin:
    """Registers a plugin that is already imported, with other names that it goes by; calls its
    hooks and checks what they return."""
    names = (name, *also)
    who = f"plugin {name!r}" + (f" of package {package}" if package else "")
    try:
      self._manager.register(module, name)
    except (pluggy.PluginValidationError, ValueError) as exc:
      raise PluginError(f"{who} is not valid: {exc}") from exc
    try:
      components = self._ask(names, module, who)
    except PluginError:
      self._manager.unregister(module)
      raise
    plugin = Plugin(name, package or name, version, tuple(components), names=names)
    self._loaded.update(dict.fromkeys(names, plugin))
    return plugin

  def _ask(self, names: tuple[str, ...], module: object, who: str) -> list[Component]:
    hooks = {hook for hook, _ in HOOKS.values()}
    for attribute in dir(module):
      if attribute.startswith("bond_register_") and attribute not in hooks:
        there = f"; it has {', '.join(sorted(hooks))}"
        raise PluginError(
          f"{who} implements {attribute}, which is no hook of Bond"
          f"{did_you_mean(attribute, hooks, there)}"
        )
    others = [plugin for plugin in self._manager.get_plugins() if plugin is not module]
    components: list[Component] = []
    for kind, (hook, word) in HOOKS.items():
      for component in _answers(self._manager.subset_hook_caller(hook, others), hook, who):
        _check(component, kind, word, names, who)
        if any(type(c) is type(component) and c.name == component.name for c in components):
          raise PluginError(f"{who} offers the {word} {component.name!r} twice")
        components.append(component)
    if not components:
      raise PluginError(
        f"{who} offers nothing; mark a function such as bond_register_sources with @hookimpl"
      )
    return components

  def _find(self, kind: type[K], name: str) -> K:
    word = HOOKS[kind][1]
    plugin = self.plugin(self._owner(name))
    for component in plugin.of(kind):
      if component.name == name:
        return component
    for other in plugin.components:
      if other.name == name:
        raise PluginError(f"{name!r} is {_a(HOOKS[type(other)][1])}, not {_a(word)}")
    known = self._beside(kind, name)
    there = f"; it has {', '.join(known)}" if known else ""
    missing = package_for("plugins", name)
    if missing is not None:
      there = f"; pip install {missing}"
      known = []
    raise PluginError(f"{plugin.package} has no {word} {name!r}{did_you_mean(name, known, there)}")

  def _beside(self, kind: type[K], name: str) -> list[str]:
    """The components of a kind whose names begin with the same word, of any plugin."""
    first = name.split(".")[0]
    found: list[str] = []
    for owner in sorted(self._names):
      if owner.split(".")[0] == first:
        try:
          found += [component.name for component in self.plugin(owner).of(kind)]
        except PluginError:
          # It is about another one.
          continue
    return list(dict.fromkeys(found))

  @property
  def _names(self) -> set[str]:
    return {*self._points, *self._loaded}

  def _owner(self, name: str) -> str:
    """The plugin that a name begins with; the longest, where one stands within another's names, as
    `onchain.bitcoin` does."""
    parts = name.split(".")
    for length in range(len(parts), 1, -1):
      owner = ".".join(parts[:length])
      if owner in self._points or owner in self._loaded:
        return owner
    return parts[0]


def _load(point: EntryPoint) -> Any:
  """The module of an entry point. Raises PluginError where it cannot be imported."""
  try:
    return point.load()
  except BaseException as exc:
    raise PluginError(
      f"plugin {point.name!r} of package {_package(point)} cannot be loaded: "
      f"{sentence(fault_of(exc))}; reinstall it or report it to its author"
    ) from exc


def _answers(hook_call: Callable[[], Any], hook: str, who: str) -> list[Any]:
  """What a plugin hands over. Raises PluginError where its hook fails."""
  try:
    return [component for answer in hook_call() for component in answer]
  except BaseException as exc:
    raise PluginError(f"{who}: {hook} failed with {sentence(fault_of(exc))}") from exc


def _a(word: str) -> str:
  return f"an {word}" if word[0] in "aeiou" else f"a {word}"


def _check(component: Any, kind: type[Any], word: str, plugins: tuple[str, ...], who: str) -> None:
  """Raises PluginError when a component does not keep what its kind promises."""
  if type(component) is not kind:
    raise PluginError(f"{who} gave {component!r} as a {word}; give a {kind.__name__}")
  if not isinstance(component.name, str) or not _NAME.fullmatch(component.name):
    raise PluginError(
      f"{who}: {component.name!r} is not a name; use lower case, as in venue.trades"
    )
  own = any(
    component.name.startswith(f"{plugin}.") or ("." in plugin and component.name == plugin)
    for plugin in plugins
  )
  if kind not in _FREE_NAMES and not own:
    raise PluginError(
      f"{who}: the {word} {component.name!r} must be named {plugins[0]}.…, so that it is found by "
      "name"
    )
  config = getattr(component, "config", None)
  if config is not None and not attrs.has(config):
    raise PluginError(f"{who}: the config of {component.name!r} is not an attrs class")
  if isinstance(component, SourceType):
    _check_source(component, who)


def _check_source(source: SourceType, who: str) -> None:
  ways = {"run": source.run, "feed": source.feed, "session": source.session}
  given = [way for way, value in ways.items() if value is not None]
  if len(given) != 1:
    raise PluginError(f"{who}: the source {source.name!r} needs one of run, feed and session")
  needed: dict[str, Callable[..., Any] | None] = {}
  if given[0] == "feed":
    needed |= {"connection": source.connection, "subscriptions": source.subscriptions}
  if given[0] == "session":
    needed["transport"] = source.transport
  missing = [field for field, value in needed.items() if value is None]
  if missing:
    raise PluginError(
      f"{who}: the source {source.name!r} has a {given[0]} and needs {missing[0]} too"
    )


def _package(point: EntryPoint) -> str:
  return point.dist.name if point.dist is not None else point.value
