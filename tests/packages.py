"""The packages of this repository and what pip needs to install them, read from their folders.

python -m tests.packages            # the lines of a requirements file: every package, for all tests
python -m tests.packages bond-ws    # one package alone with the core, and what its own tests need
python -m tests.packages demo       # what `make demo` runs, without what tests need

A package is a folder of plugins/ or sdk/ with a pyproject.toml. What its tests need beside its
dependencies stands there too, in the dependency group `test`.
"""

import re
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
CORE = "bond-core"
DEMO = ("bond-binance", "bond-sim")
"""What the example of `make demo` names."""


def packages(root: Path = ROOT) -> dict[str, Path]:
  """Returns the folder of each package by the package's name, the core first."""
  found = [*root.glob("plugins/*/pyproject.toml"), *root.glob("sdk/*/pyproject.toml")]
  files = [root / "pyproject.toml", *sorted(found)]
  return {_read(file.parent)["project"]["name"]: file.parent for file in files}


def together(root: Path = ROOT) -> list[str]:
  """Returns the lines of a requirements file: every package with all of its extras, editable, and
  what the tests of each need. The core's own groups are left to whoever installs them."""
  folders = packages(root)
  projects = {name: _read(folder) for name, folder in folders.items()}
  lines = [_test_group(projects[name]) for name in folders if name != CORE]
  extras = {name: set(_extras(project)) for name, project in projects.items()}
  return _lines(folders, extras, (line for group in lines for line in group), root)


def alone(name: str, root: Path = ROOT) -> list[str]:
  """Returns the lines of a requirements file: the core, the package, what its tests need, and those
  packages of this repository that any of these depend on.

  Raises KeyError where no folder has a package of that name.
  """
  folders = packages(root)
  needed = _test_group(_read(folders[name]))
  extras = _with_dependencies([(name, set()), *_ours(needed, folders)], folders)
  return _lines(folders, extras, needed, root)


def demo(root: Path = ROOT) -> list[str]:
  """Returns the lines of a requirements file: what `make demo` runs, and nothing for tests."""
  folders = packages(root)
  return _lines(folders, _with_dependencies([(name, set()) for name in DEMO], folders), [], root)


def _with_dependencies(
  wanted: Iterable[tuple[str, set[str]]], folders: Mapping[str, Path]
) -> dict[str, set[str]]:
  """Returns the core, these packages, and all of this repository that they depend on, each with its
  extras."""
  extras: dict[str, set[str]] = {}
  open_ = [(CORE, set[str]()), *wanted]
  while open_:
    package, more = open_.pop()
    known = extras.get(package)
    if known is not None and more <= known:
      continue
    extras[package] = more | (known or set())
    project = _read(folders[package])
    required = list(project["project"].get("dependencies", ()))
    for extra in extras[package]:
      required += _extras(project)[extra]
    open_ += _ours(required, folders)
  return extras


def _read(folder: Path) -> dict[str, Any]:
  return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))


def _extras(project: Mapping[str, Any]) -> dict[str, list[str]]:
  found: dict[str, list[str]] = project["project"].get("optional-dependencies", {})
  return found


def _test_group(project: Mapping[str, Any]) -> list[str]:
  found: list[str] = project.get("dependency-groups", {}).get("test", [])
  return found


def _split(requirement: str) -> tuple[str, set[str]]:
  """Returns the name and the extras of a requirement such as `bond-sim[geyser]>=0.1`."""
  found = re.match(r"([\w.-]+)\s*(?:\[([^\]]*)\])?", requirement)
  assert found, requirement
  extras = {extra.strip() for extra in (found[2] or "").split(",")}
  return found[1], extras - {""}


def _ours(requirements: Iterable[str], folders: Mapping[str, Path]) -> list[tuple[str, set[str]]]:
  split = [_split(requirement) for requirement in requirements]
  return [(name, extras) for name, extras in split if name in folders]


def _lines(
  folders: Mapping[str, Path],
  extras: Mapping[str, set[str]],
  others: Iterable[str],
  root: Path,
) -> list[str]:
  editable = []
  for name, folder in folders.items():
    if name in extras:
      path = folder.relative_to(root).as_posix()
      # pip takes a path with a slash in it for a folder.
      suffix = f"[{','.join(sorted(extras[name]))}]" if extras[name] else ""
      editable.append(f"-e ./{path}{suffix}" if path != "." else f"-e .{suffix}")
  return editable + sorted({line for line in others if _split(line)[0] not in folders})


if __name__ == "__main__":
  match sys.argv[1:]:
    case []:
      print("\n".join(together()))
    case ["demo"]:
      print("\n".join(demo()))
    case [name]:
      print("\n".join(alone(name)))
