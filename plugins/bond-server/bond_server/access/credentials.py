"""Credentials, from the request of a handshake or from a first message."""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

import attrs
import msgspec

from bond_core import AuthError, Credentials

MAX_CHARACTERS: Final = 8192
"""Of one token or key: more than any signed URL or API key, enough for a JWT."""

MAX_PARAMETERS: Final = 200

TOKEN_PARAMETER: Final = "token"
KEY_PARAMETER: Final = "key"


class _Auth(msgspec.Struct, tag_field="type", tag="auth"):
  token: str


def credentials_of(
  target: str, headers: Iterable[tuple[str, str]] = (), *, address: str | None = None
) -> Credentials:
  """The credentials in a request. `target` is its path and query, or a whole URL. Raises AuthError
  for two that differ, tokens or keys: which of them counts would be a guess."""
  path, _, query = target.partition("#")[0].partition("?")
  named = [(name.lower(), value.strip()) for name, value in headers]
  try:
    parameters = parse_qsl(query, max_num_fields=MAX_PARAMETERS)
  except ValueError:
    raise AuthError(f"the URL has more than {MAX_PARAMETERS} parameters") from None
  tokens = [value for name, value in parameters if name == TOKEN_PARAMETER]
  keys = [value for name, value in parameters if name == KEY_PARAMETER]
  for name, value in named:
    if name == "authorization":
      scheme, _, shown = value.partition(" ")
      if scheme.lower() == "bearer":
        tokens.append(shown.strip())
    elif name == "x-api-key":
      keys.append(value)
  token = _only(tokens, "tokens", "?token= or Authorization")
  key = _only(keys, "keys", "?key= or X-API-Key")
  if token is not None and key is not None and token != key:
    raise AuthError("a token and another key were shown; show one of them")
  return Credentials(
    token=token,
    key=key,
    headers=dict(named),
    path=_path(path),
    address=address,
  )


def credentials_in(scope: Mapping[str, Any]) -> Credentials:
  """The credentials in a request as ASGI has it. Raises AuthError."""
  client = scope.get("client")
  return credentials_of(
    f"{scope['path']}?{scope['query_string'].decode('latin-1')}",
    [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]],
    address=None if client is None else client[0],
  )


def with_first_message(credentials: Credentials, message: str | bytes) -> Credentials | None:
  """The same caller with the token of a first message `{"type":"auth","token":…}`; None where the
  message is another one. Raises AuthError where it is one and its token cannot be read."""
  try:
    kind = msgspec.json.decode(message, type=_Kind).type
  except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
    return None
  if kind != "auth":
    return None
  try:
    token = msgspec.json.decode(message, type=_Auth).token
  except (msgspec.DecodeError, RecursionError):
    # The decoder's own error could repeat a part of the message.
    raise AuthError(_FIRST) from None
  if credentials.token not in (None, token) or credentials.key not in (None, token):
    raise AuthError("two different tokens were shown; show one of them")
  return attrs.evolve(credentials, token=_only([token], "tokens", "the first message"))


_FIRST = 'the first message carries no token; send {"type": "auth", "token": "…"}'


class _Kind(msgspec.Struct):
  type: str


def _path(text: str) -> str:
  """The path of a request target; a whole URL loses scheme and host."""
  scheme, separator, rest = text.partition("://")
  if separator and scheme.isalpha():
    text = "/" + rest.partition("/")[2]
  return text or "/"


def _only(values: list[str], what: str, where: str) -> str | None:
  """The one value there is; an empty one is none, so that a client may leave it blank."""
  found = {value for value in values if value}
  if len(found) > 1:
    raise AuthError(f"two different {what} were shown; show one, as {where}")
  value = next(iter(found), None)
  if value is not None and (len(value) > MAX_CHARACTERS or not value.isascii()):
    raise AuthError(f"this is no token or key of this server: see what {where} carries")
  return value
