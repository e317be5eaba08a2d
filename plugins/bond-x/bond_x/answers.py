"""Requests to X, its answers, and what it means where one is no success."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from bond_core import Refused
from bond_core.feeds import said

_PROBLEM = ("title", "detail", "type", "errors")


class Call(NamedTuple):
  """A request with one answer; `body` is sent as JSON."""

  method: str
  path: str
  body: Any = None


class OpenStream(NamedTuple):
  """The request for the filtered stream, whose bytes follow the answer."""

  params: Mapping[str, str]


class Answer(NamedTuple):
  """An answer. The names in `headers` are in lower case; a stream has no `body`."""

  request: Call | OpenStream
  status: int
  headers: Mapping[str, str]
  body: bytes = b""

  @property
  def is_success(self) -> bool:
    """Whether the status is 2xx."""
    return 200 <= self.status < 300


class QueryRefused(Refused):
  """X does not take one query, or one rule; others of the app are not concerned."""


def refusal(status: int, request: str, body: bytes) -> Refused | None:
  """Returns why X will never answer `request`, such as "GET /2/…", as it stands; None where it may
  do so later: keys, access, credits and places change, and firewalls err."""
  if is_final(status, body):
    return QueryRefused(f"X answered {status} to {request}{said(body)}")
  return None


def is_final(status: int, body: bytes) -> bool:
  """Returns whether X itself says that a request is wrong. X describes each problem (title, detail,
  type, or a list of errors); another 400 comes from something before it."""
  found = read_object(body) if status in (400, 422) else None
  return found is not None and is_problem(found)


def is_problem(found: dict[str, Any]) -> bool:
  """Returns whether X describes a problem in an object."""
  return not found.keys().isdisjoint(_PROBLEM)


def explained(status: int, request: str, access: str, body: bytes) -> str:
  """Returns what X answered, in its own words, and what helps. `access` is what the app needs
  access to."""
  if status not in (401, 403):
    return f"X answered {status} to {request}{said(body)}"
  return (
    f"X answered {status}{said(body)}: the bearer token is not accepted or has no access to "
    f"{access}; look at the app in X's developer console"
  )


def read_object(body: bytes) -> dict[str, Any] | None:
  """Returns the JSON object of an answer, None for anything else."""
  try:
    found = msgspec.json.decode(body)
  except (ValueError, RecursionError):
    return None
  return found if isinstance(found, dict) else None


def rows_of(found: dict[str, Any], name: str) -> list[dict[str, Any]]:
  """Returns the objects in a list of an answer; what is none is left out."""
  rows = found.get(name)
  return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
