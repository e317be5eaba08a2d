"""Access to a server: its authenticators, and the tokens it signs."""

from pathlib import Path

import attrs

from bond_core import AuthContext, AuthError, Clock, Credentials, Principal, SystemClock
from bond_server.access.chain import Chain
from bond_server.access.generations import FILE, FileGenerations, Generations, MemoryGenerations
from bond_server.access.narrow import KEY, is_narrow, narrowed, take_apart
from bond_server.access.secret import ServerSecret, server_secret
from bond_server.access.tokens import (
  Keyring,
  counted_as,
  holder_of,
  is_token,
  message_of,
  mint,
  verify,
)


@attrs.frozen
class SignedTokens:
  """The tokens of a server (bond_core.StreamTokens)."""

  clock: Clock
  keyring: Keyring
  generations: Generations

  def principal(self, token: str) -> Principal | None:
    """Returns the principal of a token, None where the text is no such token."""
    if is_narrow(token):
      return self._narrowed(token)
    if not is_token(token):
      return None
    keyring, generations = self.keyring, self.generations
    grant = verify(token, keyring=keyring, generations=generations, now_ms=self.clock.now_ms())
    return Principal(
      f"stream:{grant.stream}",
      streams=frozenset((grant.stream,)),
      expires_at=grant.expires_at,
      holds=lambda: grant.holds(keyring, generations),
    )

  def _narrowed(self, token: str) -> Principal | None:
    """As `principal`, for what was narrowed from one of these tokens."""
    found, now_ms = take_apart(token), self.clock.now_ms()
    if found.base == KEY:
      return None
    keyring, generations = self.keyring, self.generations
    message = message_of(found.stream, found.holder, found.expiry, generations)
    for _, signature in keyring.signatures(message):
      if found.signed_by(signature):
        parent = self.principal(f"{found.stream}.{found.expiry}.{found.holder}{signature}")
        return None if parent is None else narrowed(parent, found, now_ms)
    raise AuthError(
      "this narrow token is not valid: it was changed, or what it was made of no longer counts"
    )


@attrs.frozen
class ServerAccess:
  """Who a caller is, what it may read, and tokens for streams (bond_core.services.Access)."""

  tokens: SignedTokens
  chain: Chain

  async def identify(self, credentials: Credentials) -> Principal | None:
    """Returns who the caller is, None without credentials. Raises AuthError for
    credentials that are not accepted."""
    principal = await self.chain.identify(credentials)
    if principal is not None:
      principal.check(self.tokens.clock.now_ms())
    return principal

  async def admit(
    self, credentials: Credentials, stream: str, *, open_to_all: bool = False
  ) -> Principal:
    """The caller, if it may read the stream of that id."""
    now_ms = self.tokens.clock.now_ms()
    return await self.chain.admit(credentials, stream, now_ms=now_ms, open_to_all=open_to_all)

  def token(self, stream: str, seconds: float, holder: str = "") -> str:
    """Returns a token that reads a stream for `seconds`; it names its holder where there is one."""
    tokens = self.tokens
    expiry = tokens.clock.now_ms() // 1000 + int(seconds)
    holder = holder and holder_of(stream, holder)
    keyring, generations = tokens.keyring, tokens.generations
    return mint(stream, expiry, keyring=keyring, generations=generations, holder=holder)

  def withdraw(self, stream: str, holder: str = "") -> None:
    """Ends every token of a stream that names this holder (none by default), once that is stored.
    May wait for a disk."""
    self.tokens.generations.advance(counted_as(stream, holder and holder_of(stream, holder)))


def signed_tokens(folder: Path | None, *, loopback: bool) -> tuple[SignedTokens, ServerSecret]:
  """The tokens of the server in a folder, of one that keeps nothing where there is none. Raises
  AuthError where the outside could reach a weak secret."""
  secret = server_secret(folder, loopback=loopback)
  generations = MemoryGenerations() if folder is None else FileGenerations(folder / FILE)
  tokens = SignedTokens(SystemClock(), secret.keyring, generations)
  return tokens, secret


def context_of(tokens: SignedTokens) -> AuthContext:
  """What authenticators are handed when they are made."""
  return AuthContext(tokens.clock, tokens)


@attrs.frozen
class OpenAccess:
  """Access without credentials, as for one stream on this machine
  (bond_core.services.Access). It signs no tokens, and none counts."""

  clock: Clock

  async def identify(self, credentials: Credentials) -> Principal | None:
    """Returns None; raises AuthError for credentials, which are not accepted here."""
    return await Chain(()).identify(credentials)

  async def admit(
    self, credentials: Credentials, stream: str, *, open_to_all: bool = True
  ) -> Principal:
    """The local caller, where no credentials are shown."""
    now_ms = self.clock.now_ms()
    return await Chain(()).admit(credentials, stream, now_ms=now_ms, open_to_all=open_to_all)

  def token(self, stream: str, seconds: float, holder: str = "") -> str:
    """There are none here."""
    raise AuthError("this server signs no tokens; use bond serve")

  def withdraw(self, stream: str, holder: str = "") -> None:
    """There is nothing to withdraw."""
