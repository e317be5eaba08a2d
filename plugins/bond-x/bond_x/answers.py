"""Requests to X, its answers, and what it means where one is no success."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from bond_core import AuthError, Refused


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


def refusal(status: int, request: str, access: str) -> Refused | None:
  """Returns why X will never answer `request`, such as "GET /2/…"; None where it may do so later.
  `access` is what the app needs access to."""
  if status in (401, 403):
    return AuthError(
      f"X answered {status}: the bearer token is not accepted or has no access to {access}; look "
      "at the app in X's developer console"
    )
  if 400 <= status < 500 and status != 429:
    return Refused(f"X answered {status} to {request}")
  return None


def read_object(body: bytes) -> dict[str, Any] | None:
  """Returns the JSON object of an answer, None for anything else."""
  try:
    found = msgspec.json.decode(body)
  except msgspec.DecodeError:
    return None
  return found if isinstance(found, dict) else None
