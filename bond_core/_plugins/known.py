"""Packages that are known to offer something: what to install for a name that nothing here has.

known.json is made from the packages of this repository (`python -m tests.known`). Nothing else is
ever suggested: a name that a user misspelt must not become the name of a package to install.
"""

import functools
import json
from collections.abc import Collection
from importlib import resources
from typing import Any, Literal, TypeAlias, TypedDict

from bond_core._suggest import closest

ComponentKind: TypeAlias = Literal[
  "source", "transform", "sink", "auth", "log", "parser", "simulator", "service", "command"
]
"""The word for a component's type."""

Offer: TypeAlias = Literal["plugins", "simulators", "commands", "environment", "log_environment"]
"""What a package can be looked up by."""


class KnownPackage(TypedDict, total=False):
  """What one package offers. `plugins` are the names that its components begin with, `aliases`
  other names of its sources with the settings they imply, `venues` those that a source can be set
  to use, `commands` its commands with a summary each, `kinds` the kinds of its components,
  `environment` and `log_environment` the variables that its sources and logs read."""

  plugins: list[str]
  kinds: list[ComponentKind | Literal["rewriter"]]
  aliases: dict[str, tuple[str, dict[str, Any]]]
  environment: list[str]
  log_environment: list[str]
  simulators: list[str]
  commands: dict[str, str]
  venues: list[str]


@functools.cache
def known_packages() -> dict[str, KnownPackage]:
  """All known packages by name."""
  text = resources.files("bond_core._plugins").joinpath("known.json").read_text("utf-8")
  packages: dict[str, KnownPackage] = json.loads(text)
  return packages


def package_of(plugin: str) -> str | None:
  """The known package with components that begin with this name."""
  return next(
    (name for name, known in known_packages().items() if plugin in known.get("plugins", ())), None
  )


def how_to_install(plugin: str, installed: Collection[str] = ()) -> str:
  """What to do about a plugin that is not among the `installed` ones, as the end of a sentence."""
  if (package := package_of(plugin)) is not None:
    return f"pip install {package}"
  for name, known in known_packages().items():
    if plugin in known.get("venues", ()):
      owner = known["plugins"][0]
      install = "" if owner in installed else f"pip install {name} and "
      return f"{install}write {owner}.trades with exchange: {plugin}"
  names, commands = set(installed), set[str]()
  for known in known_packages().values():
    (commands if known.get("kinds") == ["command"] else names).update(known.get("plugins", ()))
  # What has only commands is nothing that a spec can use.
  if (near := closest(plugin, names - commands, 0.75)) is not None:
    install = "" if near in installed else f" (pip install {package_of(near)})"
    return f"did you mean {near!r}?{install}"
  return "no known package has it; `bond plugins` lists what is installed"


def packages_with(kind: ComponentKind | Literal["rewriter"]) -> str:
  """The known packages that offer a kind of component, as in `bond-broker or bond-rest`. A
  `rewriter` is a parser that rewrites another form of spec."""
  return " or ".join(
    name for name, known in known_packages().items() if kind in known.get("kinds", ())
  )


def package_for(offer: Offer, name: str) -> str | None:
  """Returns the known package that offers a plugin, simulator, command or variable of that name,
  None where none does."""
  return next(
    (package for package, known in known_packages().items() if name in known.get(offer, ())), None
  )
