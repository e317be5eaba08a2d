"""core.keys: an API key reads everything.

Keys come from the references of the configuration, or from BOND_API_KEYS: `name:key` or `key`,
separated by commas. Only hashes of them stay in memory. References are read again while connections
are open, so a key whose file is emptied or removed no longer counts a second later. (A file that is
rewritten should be put in place whole, with mv, or its key is gone for that moment.)
"""

import hmac
import logging
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from hashlib import blake2b
from typing import Final

import attrs

from bond_core import (
  AuthContext,
  Authenticator,
  AuthError,
  AuthType,
  Clock,
  Credentials,
  Principal,
  Secret,
)
from bond_server.access.narrow import (
  KEY,
  Narrow,
  is_narrow,
  key_signature,
  narrowed,
  take_apart,
)

logger = logging.getLogger("bond")

MIN_CHARACTERS: Final = 16
MIN_DIFFERENT: Final = 5
READ_AGAIN_MS: Final = 500

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
# What base64, base64url and hex write; a comma or a colon would be read as the end of a key.
_KEY = re.compile(rf"[A-Za-z0-9._~+/=-]{{{MIN_CHARACTERS},512}}")
_HOW = "make one with `openssl rand -hex 32`"


@attrs.frozen
class ApiKeys:
  """Names and the references to their keys; without any, BOND_API_KEYS counts."""

  keys: dict[str, Secret] = attrs.field(factory=dict)

  @keys.validator
  def _check(self, _: object, keys: dict[str, Secret]) -> None:
    for name in keys:
      if not _NAME.fullmatch(name):
        raise ValueError(f"{name[:40]!r} is no name of a key; use letters, digits, . _ and -")


class KeyTable:
  """Hashes of keys, with the name of each. A hash says nothing outside of this process."""

  def __init__(self, keys: Mapping[str, str]) -> None:
    """Raises AuthError for a key that is no key, or is given twice."""
    self._salt = secrets.token_bytes(32)
    self._names: dict[bytes, str] = {}
    self._narrow: dict[bytes, str] = {}
    for name, key in keys.items():
      _check(name, key)
      digest = self._digest(key)
      if digest in self._names:
        raise AuthError(f"{self._names[digest]} and {name} have the same API key; {_HOW}")
      self._names[digest] = name
      self._narrow[digest] = key_signature(key)

  def find_narrowed(self, token: Narrow) -> bytes | None:
    """The hash of the key that was narrowed to a token, None where it was none of these."""
    found = None
    for digest, signature in self._narrow.items():
      if token.signed_by(signature):
        found = digest
    return found

  def find(self, key: str) -> bytes | None:
    """The hash of a key that is in the table, None where it is not. Takes as long for either."""
    given = self._digest(key)
    found = None
    for digest in self._names:
      if hmac.compare_digest(digest, given):
        found = digest
    return found

  def name(self, digest: bytes) -> str | None:
    """Returns the name of a key, None where it was withdrawn."""
    return self._names.get(digest)

  def replace(self, keys: Mapping[str, str]) -> None:
    """Puts other keys in the place of these."""
    self._names = {self._digest(key): name for name, key in keys.items()}
    self._narrow = {self._digest(key): key_signature(key) for key in keys.values()}

  def _digest(self, key: str) -> bytes:
    return blake2b(key.encode(), key=self._salt, digest_size=32).digest()


def _check(name: str, key: str) -> None:
  if not _KEY.fullmatch(key):
    raise AuthError(
      f"the API key {name} is too short or has other characters than letters, digits and "
      f"._~+/=-; it needs at least {MIN_CHARACTERS}; {_HOW}"
    )
  if is_narrow(key):
    raise AuthError(
      f"the API key {name} begins as a narrow token does, and would be read as one; {_HOW}"
    )
  if len(set(key)) < MIN_DIFFERENT:
    raise AuthError(f"the API key {name} repeats a few characters and can be guessed; {_HOW}")


def keys_of_environment(text: str) -> dict[str, str]:
  """The keys of BOND_API_KEYS by name; those without a name are key1, key2 and so on. AuthError
  names the place of what is wrong, never the key."""
  keys: dict[str, str] = {}
  for number, entry in enumerate(filter(None, map(str.strip, text.split(","))), 1):
    name, colon, key = entry.partition(":")
    if not colon:
      name, key = f"key{number}", entry
    if not _NAME.fullmatch(name) or ":" in key:
      # What stands before the colon may be a part of a key.
      raise AuthError(
        f"entry {number} of BOND_API_KEYS is not NAME:KEY or KEY; a name has letters, digits, . _ "
        "and -"
      )
    if name in keys:
      raise AuthError(f"entry {number} of BOND_API_KEYS has the name of another one")
    keys[name] = key
  return keys


class KeyReferences:
  """The table of the keys that references lead to, at most READ_AGAIN_MS old."""

  def __init__(self, references: Mapping[str, Secret], clock: Clock) -> None:
    """Raises AuthError where a key cannot be read or is no key."""
    self._references = references
    self._clock = clock
    self._kept = KeyTable({name: secret.reveal() for name, secret in references.items()})
    self._known = set(references)
    self._due_ns = clock.mono_ns() + READ_AGAIN_MS * 10**6

  def table(self) -> KeyTable:
    """The table as it is now. A key that cannot be read any more, or is no key, does not count."""
    now = self._clock.mono_ns()
    if now >= self._due_ns:
      self._due_ns = now + READ_AGAIN_MS * 10**6
      self._kept.replace(dict(self._readable()))
    return self._kept

  def _readable(self) -> Iterator[tuple[str, str]]:
    for name, secret in self._references.items():
      try:
        key = secret.reveal()
        _check(name, key)
      except AuthError as exc:
        if name in self._known:
          logger.warning("the API key %s no longer counts: %s", name, exc)
        self._known.discard(name)
      else:
        self._known.add(name)
        yield name, key


def api_keys(config: ApiKeys, ctx: AuthContext) -> Authenticator:
  """An authenticator for API keys, sent as X-API-Key, ?key=, Authorization: Bearer or ?token=."""
  if config.keys:
    table = KeyReferences(config.keys, ctx.clock).table
  else:
    # A process's environment does not change from outside, so this is read once.
    fixed = KeyTable(keys_of_environment(os.environ.get("BOND_API_KEYS", "")))

    def table() -> KeyTable:
      return fixed

  async def who(credentials: Credentials) -> Principal | None:
    shown = credentials.token if credentials.key is None else credentials.key
    known = table()
    if shown is not None and is_narrow(shown) and (made := take_apart(shown)).base == KEY:
      parent = known.find_narrowed(made)
      owner = None if parent is None else known.name(parent)
      if parent is None or owner is None:
        raise AuthError("this narrow token is not valid: it was changed, or its key was withdrawn")
      holds = partial(_counts, table, parent, owner)
      return narrowed(Principal(f"key:{owner}", holds=holds), made, ctx.clock.now_ms())
    digest = None if shown is None else known.find(shown)
    if digest is not None:
      name = known.name(digest)
      return Principal(f"key:{name}", holds=lambda: table().name(digest) == name)
    if credentials.key is not None:
      raise AuthError("this API key is not known here, or was withdrawn; request a new one")
    return None

  return who


def _counts(table: Callable[[], KeyTable], digest: bytes, name: str) -> bool:
  return table().name(digest) == name


TYPE = AuthType(
  name="core.keys",
  summary="API keys: each reads everything.",
  config=ApiKeys,
  make=api_keys,
  example="{keys: {alice: {secret: ALICE_KEY}, bob: {secret: {file: /run/secrets/bob}}}}",
)
