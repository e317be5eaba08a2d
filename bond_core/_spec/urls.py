"""Base URLs of services in specs, such as the `endpoint` of a simulator."""

from typing import Any
from urllib.parse import urlsplit


def check_endpoint(value: str, instead: str) -> None:
  """Raises ValueError for what is no base URL of a simulator; `instead` says what else may be
  written."""
  try:
    url = urlsplit(value)
    good = url.scheme in ("http", "https") and bool(url.hostname) and (url.port or 1) > 0
  except ValueError:
    good = False
  if not good or url.query or url.fragment or url.username:
    raise ValueError(f"{value!r} is no endpoint; write http://HOST:PORT of a simulator, {instead}")


def without_slash(value: Any) -> Any:
  """A URL without the slash at its end. Anything but a text is left for the type check to
  report."""
  return value.rstrip("/") if isinstance(value, str) else value


def websocket_scheme(url: str) -> str:
  """The same place as a WebSocket URL."""
  return f"ws{url.removeprefix('http')}"
