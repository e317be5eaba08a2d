"""Options of `bond serve`: the attributes of a service's configuration."""

from collections.abc import Callable
from typing import Any

import attrs


def option(default: Any, name: str, help_text: str, env: str | None = None, **more: Any) -> Any:
  """An attribute that `bond serve` has as the option `name`, and reads from the variable `env`."""
  return attrs.field(
    default=default, metadata={"option": name, "help": help_text, "env": env}, **more
  )


def each(check: Callable[[str], object]) -> Callable[[Any, Any, list[str]], None]:
  """A validator that calls `check` with every value of a list."""

  def validate(config: Any, attribute: Any, values: list[str]) -> None:
    for value in values:
      check(value)

  return validate


def port(config: Any, attribute: Any, value: int) -> None:
  """A validator of ports. Raises ValueError for a number that no port has."""
  if not 0 <= value <= 65_535:
    raise ValueError(f"{value} is no port; give one from 1 to 65535, or 0 for any that is free")
