"""Identifies a caller by several authenticators, and decides whether it may read what it
requests."""

import logging
from collections.abc import Iterable
from typing import Any, Final

import attrs
import trio

from bond_core import (
  AuthContext,
  Authenticator,
  AuthError,
  AuthType,
  AuthUnavailable,
  BondError,
  Credentials,
  PluginError,
  Principal,
  Registry,
  SecretMissing,
)
from bond_core.packages import fault_of
from bond_core.specs import Fault, Path, path_text, read_document, structure
from bond_server.access.tokens import MARKET

logger = logging.getLogger("bond")

ANSWER_WITHIN: Final = 4.0
"""Seconds that all authenticators together may take: a handshake has five."""

LOCAL: Final = Principal("local")
"""The principal of a caller without credentials, where none are needed: on loopback."""

HOW_TO_SHOW: Final = (
  'show a token (?token=, Authorization: Bearer, or the first message {"type": "auth", '
  '"token": "…"}) or an API key (X-API-Key)'
)


@attrs.frozen
class Chain:
  """Authenticators by name, in the order in which they are tried."""

  members: tuple[tuple[str, Authenticator], ...]

  async def identify(self, credentials: Credentials) -> Principal | None:
    """Who the caller is, None for a caller without credentials. Raises AuthError where they are
    wrong or no authenticator knows their kind, AuthUnavailable where an authenticator failed."""
    current = ""
    with trio.move_on_after(ANSWER_WITHIN):
      for name, authenticator in self.members:
        current = name
        principal = await _identify(name, authenticator, credentials)
        if principal is not None:
          return principal
      if credentials.shown:
        raise AuthError(f"these credentials are not accepted here; {HOW_TO_SHOW}")
      return None
    logger.error("%s took more than %g s to identify a caller", current, ANSWER_WITHIN)
    raise AuthUnavailable("your credentials could not be checked in time; try again later")

  async def admit(
    self, credentials: Credentials, stream: str, *, now_ms: int, open_to_all: bool = False
  ) -> Principal:
    """The caller, if it may read the stream of that id (`market`: /stream and /raw). Raises
    AuthError with the reason otherwise. `open_to_all` admits callers without credentials
    (loopback)."""
    principal = await self.identify(credentials)
    if principal is None:
      if not open_to_all:
        raise AuthError(f"this needs credentials: {HOW_TO_SHOW}")
      principal = LOCAL
    principal.check(now_ms)
    if not principal.may_read(stream):
      here = "the market feed" if stream == MARKET else "this stream"
      raise AuthError(f"these credentials are not for {here}; request a token of {stream}")
    return principal


async def _identify(
  name: str, authenticator: Authenticator, credentials: Credentials
) -> Principal | None:
  try:
    return await authenticator(credentials)
  except SecretMissing as exc:
    # Its sentence is for this machine's operator.
    logger.error("%s could not identify a caller: %s", name, exc)
    raise AuthUnavailable("your credentials could not be checked; try again later") from None
  except AuthError:
    raise
  except BaseException as exc:
    error = fault_of(exc)
    # Only its kind is logged: the text of a foreign error may repeat the credentials.
    logger.error("%s failed with %s; the caller was not let in", name, type(error).__name__)
    reason = "your credentials could not be checked; try again later"
    raise AuthUnavailable(reason) from None


DEFAULT: Final[tuple[dict[str, Any], ...]] = ({"use": "core.keys"}, {"use": "core.tokens"})


def make_chain(
  entries: Iterable[str | dict[str, Any]], registry: Registry, ctx: AuthContext
) -> Chain:
  """The chain of a list of names, or of `{use: NAME, with: {…}}` as in a spec. Raises
  BondError for a wrong entry, PluginError for one that is not installed."""
  members = []
  for entry in entries:
    spec, config, faults = read_entry(entry, registry)
    if spec is None or faults:
      problems = [": ".join(filter(None, (path_text(f.path), f.message))) for f in faults]
      raise BondError(f"auth {'; '.join(problems)}")
    members.append((spec.name, spec.make(config, ctx)))
  return Chain(tuple(members))


def read_chain(text: str, file: str, registry: Registry, ctx: AuthContext) -> Chain:
  """The chain of a file: a list under the key `auth`, in the order in which they are tried.
  Raises SpecError with every problem and where it is."""
  document = read_document(text, file)
  for key in document.data:
    if key != "auth":
      document.refuse(f"unknown key {key!r}; there is 'auth', a list", (key,), "key")
  entries = document.data.get("auth")
  if not isinstance(entries, list) or not entries:
    document.refuse("expected auth, a list as in auth: [{use: core.tokens}]", ("auth",))
    document.fail()
  members = []
  for number, entry in enumerate(entries):
    path: Path = ("auth", number)
    spec, config, faults = read_entry(entry, registry)
    for fault in faults:
      if fault.hides:
        document.mask((*path, *fault.path))
      document.refuse(fault.message, (*path, *fault.path), fault.at)
    if spec is not None and not faults:
      try:
        members.append((spec.name, spec.make(config, ctx)))
      except AuthError as exc:
        document.refuse(str(exc), path)
  document.check()
  return Chain(tuple(members))


def read_entry(entry: object, registry: Registry) -> tuple[AuthType | None, Any, list[Fault]]:
  """The component that an entry names, its configuration, and what is wrong with the entry."""
  mapping = {"use": entry} if isinstance(entry, str) else entry
  if not isinstance(mapping, dict) or not isinstance(mapping.get("use"), str):
    message = "expected the name of an auth, or {use: NAME, with: {…}}"
    return None, None, [Fault((), message)]
  faults = [
    Fault((str(key),), f"unknown key {key!r}; there is 'use' and 'with'", "key")
    for key in mapping
    if key not in ("use", "with")
  ]
  try:
    spec = registry.auth(mapping["use"])
  except PluginError as exc:
    return None, None, [*faults, Fault(("use",), str(exc))]
  given = mapping.get("with")
  config, found = structure({} if given is None else given, spec.config)
  below = [fault._replace(path=("with", *fault.path)) for fault in found]
  return spec, config, faults + below
