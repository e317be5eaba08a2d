"""Python functions that a spec names, such as mypackage.rules:enrich."""

import importlib
import inspect
import os
import sys
from collections.abc import Callable
from typing import Any

from bond_core._errors import Refused, fault_of, sentence


def load_function(reference: str, user: str = "core.map") -> Callable[..., Any]:
  """The function that package.module:function names, looked for also in the current folder. Refused
  says what is missing, and to whom (`user`)."""
  module, _, path = reference.partition(":")
  if os.getcwd() not in sys.path and "" not in sys.path:
    # A console script's path begins at the script, not where the user is.
    sys.path.append(os.getcwd())
  try:
    found: Any = importlib.import_module(module)
  except ModuleNotFoundError as error:
    if error.name is not None and (module == error.name or module.startswith(f"{error.name}.")):
      raise Refused(
        f"{user}: there is no module {error.name!r} for {reference}; "
        "install it, or run in the folder that holds it"
      ) from error
    raise Refused(f"{user}: {module} needs {error.name!r}, which is not installed") from error
  except BaseException as error:
    raise Refused(f"{user}: importing {module} raised {sentence(fault_of(error))}") from error
  for name in path.split("."):
    try:
      found = getattr(found, name)
    except AttributeError as error:
      raise Refused(f"{user}: {module} has no {path!r}; write module:function") from error
  if not callable(found):
    raise Refused(f"{user}: {reference} is a {type(found).__name__} and not a function")
  if inspect.iscoroutinefunction(found) or inspect.isasyncgenfunction(found):
    raise Refused(f"{user}: {reference} is async; a transform is a plain function")
  return found  # type: ignore[no-any-return]
