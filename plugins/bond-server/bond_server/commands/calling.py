"""What commands ask a running server over HTTP."""

from typing import Any

import click

from bond_core import AuthError, Disconnected, Refused

SERVER = "http://127.0.0.1:8000"

key_option = click.option(
  "--key", envvar="BOND_API_KEY", metavar="KEY", help="An API key of that server."
)


class NotThere(Refused):
  """The server has no such route."""


async def answer_of(
  server: str, path: str, key: str | None, body: dict[str, Any] | None = None
) -> dict[str, Any]:
  """What a GET of a route answers, or a POST with a body. Raises Refused with the server's sentence
  for what it does not do, AuthError where the key is not enough, and Disconnected."""
  import httpx

  headers = {} if key is None else {"X-API-Key": key}
  method = "GET" if body is None else "POST"
  try:
    async with httpx.AsyncClient(timeout=30) as http:
      answer = await http.request(method, f"{server}{path}", json=body, headers=headers)
  except (httpx.InvalidURL, httpx.UnsupportedProtocol) as exc:
    raise Refused(f"{server!r} is no URL of a server: {exc}") from exc
  except httpx.HTTPError as exc:
    reason = str(exc) or type(exc).__name__
    start = "start one with `bond serve`, or name one with --url"
    raise Disconnected(f"no server answers at {server}: {reason}; {start}") from exc
  try:
    found = answer.json()
  except ValueError:
    found = None
  if not isinstance(found, dict):
    found = {}
  elif answer.is_success:
    return found
  status = answer.status_code
  said = found.get("detail") or found.get("error") or f"{server} answered with HTTP {status}"
  problems = [f"  {one.get('path')}: {one.get('message')}" for one in found.get("problems") or ()]
  message = "\n".join([str(said), *problems])
  if status in (401, 403):
    raise AuthError(f"{message}; give --key, or BOND_API_KEY")
  if status in (404, 405):
    raise NotThere(message)
  raise Refused(message) if 400 <= status < 500 else Disconnected(message)
