"""Auth: who a caller of a server is."""

from collections.abc import Callable
from typing import Any, Protocol

import attrs

from bond_core._clock import Clock
from bond_core._errors import AuthError, Expired
from bond_core._types.config import NoConfig


@attrs.frozen
class Credentials:
  """The credentials of one request. Their values never reach a log.

  `token` came as ?token=, as `Authorization: Bearer` or in a first message, `key` as `X-API-Key`
  or ?key=; a plugin checks whether a token is its kind. Names in `headers` are lower case.
  """

  token: str | None = attrs.field(default=None, repr=False)
  key: str | None = attrs.field(default=None, repr=False)
  headers: dict[str, str] = attrs.field(factory=dict, repr=False)
  path: str = "/"
  address: str | None = None

  @property
  def shown(self) -> bool:
    """Whether there are any credentials at all."""
    return self.token is not None or self.key is not None


def _always() -> bool:
  return True


@attrs.frozen
class Bounds:
  """The part of the log of all events that a caller may read; None in place of a set is all."""

  symbols: frozenset[str] | None = None
  exchanges: frozenset[str] | None = None
  channels: frozenset[str] | None = None


@attrs.frozen
class Principal:
  """Who a caller is, what it may read, and until when (epoch ms, None for no end).

  `streams` are ids of streams, and `market` for /stream and /raw; None is all of them. Limits are
  counted by `name`, so it begins with the kind: `key:alice`. `holds` says whether the credentials
  still count; a server calls it once a second for every connection, so it never waits. `bounds` are
  for one that may not read `market`, and may ask questions about a part of it.
  `reads_only` is for one that changes nothing, whatever it reads.
  """

  name: str
  streams: frozenset[str] | None = None
  expires_at: int | None = None
  holds: Callable[[], bool] = attrs.field(default=_always, eq=False, repr=False)
  bounds: Bounds | None = None
  reads_only: bool = False

  def may_read(self, stream: str) -> bool:
    """Returns whether it may read the stream of this id, or `market`."""
    return self.streams is None or stream in self.streams

  def check(self, now_ms: int) -> None:
    """Raises Expired or AuthError when its access has ended: its time is over, or its credentials
    were withdrawn."""
    if self.expires_at is not None and now_ms >= self.expires_at:
      raise Expired("access has expired; request a new token and connect again")
    if not self.holds():
      raise AuthError("access was withdrawn: the stream was deleted, or the key is no longer valid")


class StreamTokens(Protocol):
  """The signed tokens of a server: each reads one stream until it expires."""

  def principal(self, token: str) -> Principal | None:
    """Returns the principal of a token, None where the text is no such token. Raises AuthError or
    Expired for one that is not valid."""


@attrs.frozen
class AuthContext:
  """What a server hands to an authenticator when it is made: its clock, and the tokens it
  signed."""

  clock: Clock
  tokens: StreamTokens


class Authenticator(Protocol):
  """Decides who a caller is."""

  async def __call__(self, credentials: Credentials) -> Principal | None:
    """Returns the principal, or None where these credentials are not this plugin's kind. Raises
    AuthError for credentials that are its kind and wrong, Expired where new ones would help. No
    error repeats any of them."""


@attrs.frozen(kw_only=True)
class AuthType:
  """A way to say who a caller of a server is; `make(config, ctx)` returns the authenticator."""

  name: str
  summary: str
  config: type = NoConfig
  make: Callable[[Any, AuthContext], Authenticator]
  example: str = ""
