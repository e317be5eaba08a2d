"""Writes the package: the template of its kind, and what a capture adds."""

import re
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import attrs

from bond_core import BondError, Registry
from bond_core.packages import known_packages
from bond_new.capture import Capture
from bond_new.captured import captured_files

_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")


@attrs.frozen
class Kind:
  """What a kind of package needs besides Bond's core, to run and to be tested."""

  summary: str
  dependencies: tuple[str, ...] = ()
  test_dependencies: tuple[str, ...] = ()


KINDS = {
  "source": Kind("Prices of {name} for Bond, polled.", ("attrs", "httpx", "msgspec", "trio")),
  "venue": Kind(
    "{name} for Bond: trades, order books and tickers.",
    ("attrs", "bond-venuekit>=0.1,<0.2", "msgspec"),
    ("trio", "trio-websocket"),
  ),
  "transform": Kind("Large trades for Bond.", ("attrs",)),
  "sink": Kind("Events in SQLite for Bond.", ("attrs", "trio")),
  "service": Kind(
    "All events of a Bond server as server-sent events.",
    ("attrs", "bond-server>=0.1,<0.2", "h11", "trio"),
    ("httpx",),
  ),
}
CORE = "bond-core>=0.1,<0.2"
SUFFIX = ".tmpl"
"""Of the templates' files, so that no tool takes them for files of its own."""
_HIDDEN = re.compile(r"^(github/|gitignore$)")
TESTS = ("mypy", "pytest", "pytest-trio")


def write_package(kind: str, name: str, folder: Path, capture: Capture | None = None) -> Path:
  """Writes bond-NAME into a folder; where it is. BondError where the name cannot be used, or
  something is there already."""
  _check_name(name)
  target = folder / f"bond-{name}"
  files = _template("common") | _template(kind)
  if capture is not None:
    files |= captured_files(capture)
  if target.exists():
    raise BondError(f"{target} is there already; choose another name, or move it away")
  words = _words(KINDS[kind], name)
  for path, text in files.items():
    file = target / _filled(path, words)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(_filled(text, words), encoding="utf-8")
  module = target / f"bond_{name}"
  (target / "py.typed").rename(module / "py.typed")
  return target


def _check_name(name: str) -> None:
  if not _NAME.fullmatch(name):
    raise BondError(
      f"{name!r} is no name for a plugin; use lower case letters and digits, as in myvenue"
    )
  package = f"bond-{name}"
  taken = known_packages()
  if package in taken or package in ("bond-core", "bond-venues"):
    raise BondError(f"{package} is a package of Bond's own; choose another name")
  for plugin in Registry().plugins():
    if name in plugin.names:
      raise BondError(f"{name} is what {plugin.package} calls its components; choose another name")


def _words(kind: Kind, name: str) -> dict[str, str]:
  def listed(needed: tuple[str, ...]) -> str:
    return ", ".join(f'"{package}"' for package in sorted(needed))

  return {
    "name": name,
    "Name": "".join(part.capitalize() for part in name.split("_")),
    "module": f"bond_{name}",
    "package": f"bond-{name}",
    "summary": kind.summary.format(name=name),
    "dependencies": listed((CORE, *kind.dependencies)),
    "test_dependencies": listed((*TESTS, *kind.test_dependencies)),
  }


def _template(kind: str) -> dict[str, str]:
  """The files of a template, by their paths."""
  found: dict[str, str] = {}

  def walk(folder: Traversable, path: str) -> None:
    for entry in folder.iterdir():
      if entry.is_dir():
        walk(entry, f"{path}{entry.name}/")
      elif entry.name.endswith(SUFFIX):
        file = f"{path}{entry.name.removesuffix(SUFFIX)}"
        found[_HIDDEN.sub(r".\1", file)] = entry.read_text(encoding="utf-8")

  walk(resources.files("bond_new") / "templates" / kind, "")
  return found


def _filled(text: str, words: dict[str, str]) -> str:
  for word, value in words.items():
    text = text.replace(f"@{word}@", value)
  return text
