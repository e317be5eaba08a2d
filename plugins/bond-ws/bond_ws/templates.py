"""Messages to send, with "${PATH}" for a value of a message and "${secret:NAME}" for a secret."""

import re
from collections.abc import Callable
from typing import Any

_TEMPLATE = re.compile(r"\$\{(?P<name>[^{}]*)\}")
_SECRET = "secret:"


def filled(
  template: Any, secret: Callable[[str], str], value: Callable[[str], Any] | None = None
) -> Any:
  """The message that a template makes with these secrets, and with values where there are any."""
  if isinstance(template, str):
    found = _TEMPLATE.fullmatch(template)
    if found is not None and found["name"].startswith(_SECRET):
      return secret(found["name"].removeprefix(_SECRET))
    return template if found is None or value is None else value(found["name"])
  if isinstance(template, dict):
    return {name: filled(inner, secret, value) for name, inner in template.items()}
  if isinstance(template, list):
    return [filled(inner, secret, value) for inner in template]
  return template


def secret_names(template: Any) -> list[str]:
  """The secrets that a template names."""
  named: list[str] = []

  def note(name: str) -> str:
    named.append(name)
    return name

  filled(template, note)
  return named
