"""What the packages of this repository offer, as bond_core/_plugins/known.json has it.

python -m tests.known            # writes the file
"""

import json
import tomllib
from pathlib import Path

from bond_core import CommandType, LogType, ParserType, Registry, SimulatorType, SourceType
from bond_core._plugins.registry import HOOKS

ROOT = Path(__file__).parent.parent
FILE = ROOT / "bond_core" / "_plugins" / "known.json"


def packages():
  """The folders of all packages beside the core."""
  return sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))


def known():
  """What each package offers, for the file."""
  by_package = {plugin.package: plugin for plugin in Registry().plugins()}
  found = {}
  for folder in packages():
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    points = project.get("entry-points", {})
    names = sorted(points.get("bond", {}))
    plugin = by_package.get(project["name"])
    if plugin is None:
      continue
    assert plugin.error is None, plugin.error
    found[project["name"]] = without_empty(
      plugins=names,
      kinds=kinds_of(plugin),
      aliases={
        alias: [source.name, dict(settings)]
        for source in plugin.of(SourceType)
        for alias, settings in source.aliases.items()
      },
      environment=sorted(v for source in plugin.of(SourceType) for v in source.environment),
      log_environment=sorted(v for log in plugin.of(LogType) for v in log.environment),
      simulators=sorted(simulator.name for simulator in plugin.of(SimulatorType)),
      commands={command.name: command.summary for command in plugin.of(CommandType)},
      venues=venues_of(project["name"]),
    )
  return found


def kinds_of(plugin):
  kinds = {HOOKS[type(component)][1] for component in plugin.components}
  parsers = plugin.of(ParserType)
  if parsers and all(parser.parse is None for parser in parsers):
    kinds = kinds - {"parser"} | {"rewriter"}
  return sorted(kinds)


def venues_of(package):
  if package != "bond-ccxt":
    return []
  import ccxt

  return sorted(ccxt.exchanges)


def without_empty(**parts):
  return {name: part for name, part in parts.items() if part}


def text():
  """The file as it should be: a line a package."""
  lines = [f"{json.dumps(name)}: {json.dumps(parts)}" for name, parts in known().items()]
  return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
  FILE.write_text(text(), encoding="utf-8")
