"""Asks several authenticators who a caller is, and says whether it may read what it asks for."""

import logging
from collections.abc import Iterable
from typing import Any, Final

import attrs
import trio

from bond_core.auth.tokens import MARKET
from bond_core.components import AuthContext, Authenticator, Credentials, Principal
from bond_core.errors import AuthError, AuthUnavailable, BondError
from bond_core.registry import Registry

logger = logging.getLogger("bond")

ANSWER_WITHIN: Final = 4.0
"""Seconds that all authenticators together may take: a handshake has five."""

LOCAL: Final = Principal("local")
"""Who a caller is that showed nothing, where nothing needs to be shown: on loopback."""

HOW_TO_SHOW: Final = (
  'show a token (?token=, Authorization: Bearer, or the first message {"type": "auth", '
  '"token": "…"}) or an API key (X-API-Key)'
)


@attrs.frozen
class Chain:
  """Authenticators by name, in the order in which they are asked."""

  members: tuple[tuple[str, Authenticator], ...]

  async def identify(self, credentials: Credentials) -> Principal | None:
    """Who the caller is, None for a caller that showed nothing. AuthError where what it showed is
    wrong or is nobody's kind, AuthUnavailable where an authenticator failed."""
    asked = ""
    with trio.move_on_after(ANSWER_WITHIN):
      for name, authenticator in self.members:
        asked = name
        principal = await _ask(name, authenticator, credentials)
        if principal is not None:
          return principal
      if credentials.shown:
        raise AuthError(f"these credentials are not accepted here; {HOW_TO_SHOW}")
      return None
    logger.error("%s took more than %g s to tell who a caller is", asked, ANSWER_WITHIN)
    raise AuthUnavailable("who you are could not be told in time; try again later")

  async def admit(
    self, credentials: Credentials, stream: str, *, now_ms: int, open_to_all: bool = False
  ) -> Principal:
    """The caller, if it may read the stream of that id (`market`: /stream and /raw). AuthError
    with the reason otherwise. `open_to_all` lets in whoever shows nothing (loopback)."""
    principal = await self.identify(credentials)
    if principal is None:
      if not open_to_all:
        raise AuthError(f"this needs credentials: {HOW_TO_SHOW}")
      principal = LOCAL
    principal.check(now_ms)
    if not principal.may_read(stream):
      here = "the market feed" if stream == MARKET else "this stream"
      raise AuthError(f"these credentials are not for {here}; ask for a token of {stream}")
    return principal


async def _ask(
  name: str, authenticator: Authenticator, credentials: Credentials
) -> Principal | None:
  try:
    return await authenticator(credentials)
  except AuthError:
    raise
  except Exception as exc:
    # Only its kind is told: the text of a foreign error may repeat what it was given.
    logger.error("%s failed with %s; the caller was not let in", name, type(exc).__name__)
    told = "who you are could not be told; try again later"
    raise AuthUnavailable(told) from None


DEFAULT: Final[tuple[dict[str, Any], ...]] = ({"use": "core.keys"}, {"use": "core.tokens"})


def make_chain(
  entries: Iterable[str | dict[str, Any]], registry: Registry, ctx: AuthContext
) -> Chain:
  """The chain of a server's configuration: a list of names, or of `{use: NAME, with: {…}}` as in a
  spec. BondError says what is wrong with an entry, PluginError what to install."""
  return Chain(tuple(_member(entry, registry, ctx) for entry in entries))


def _member(
  entry: str | dict[str, Any], registry: Registry, ctx: AuthContext
) -> tuple[str, Authenticator]:
  from bond_core.spec.structure import structure

  asked: Any = {"use": entry} if isinstance(entry, str) else entry
  name = asked.get("use") if isinstance(asked, dict) else None
  if not isinstance(name, str) or not asked.keys() <= {"use", "with"}:
    raise BondError("an entry of auth is a name, or {use: NAME, with: {…}} as in a spec")
  spec = registry.auth(name)
  config, faults = structure(asked.get("with") or {}, spec.config)
  wrong = [": ".join(filter(None, (".".join(map(str, f.path)), f.message))) for f in faults]
  if wrong:
    raise BondError(f"auth {name}: {'; '.join(wrong)}")
  return name, spec.make(config, ctx)
