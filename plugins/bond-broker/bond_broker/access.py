"""Who may read what."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from websockets.http11 import Request

from bond_broker.query import Query
from bond_core.components import Authenticator, Credentials, Principal
from bond_core.errors import AuthError

LOOPBACK = ("127.0.0.1", "::1", "localhost")
MARKET = "market"
"""What a token for /stream and /raw is made for."""


async def identify(
  authenticators: Sequence[Authenticator], credentials: Credentials
) -> Principal | None:
  """Who these credentials belong to, None where there are none that anybody knows. Raises
  AuthError for credentials that are wrong."""
  for authenticator in authenticators:
    principal = await authenticator(credentials)
    if principal is not None:
      return principal
  return None


def credentials_of(request: Request, query: Query, address: str) -> Credentials:
  """What a request shows."""
  headers = {name.lower(): value for name, value in request.headers.raw_items()}
  token = query.token
  bearer = headers.get("authorization", "")
  if token is None and bearer[:7].lower() == "bearer ":
    token = bearer[7:].strip()
  return Credentials(token=token, headers=headers, path=query.path, address=address)


def check_may_read(principal: Principal, stream: str) -> None:
  """Raises AuthError where this principal may not read that stream."""
  if principal.streams is not None and stream not in principal.streams:
    raise AuthError(f"this token is not for {stream}; ask for one with bond token {stream}")


def origin_allowed(origin: str | None, allowed: Sequence[str]) -> bool:
  """Whether a page of this origin may connect. Programs that are no browsers send none."""
  return origin is None or (origin != "null" and origin in allowed)


def host_allowed(host: str, allowed: Sequence[str], bound: str) -> bool:
  """Whether a Host header names this server: a page that had a foreign name resolve to us (DNS
  rebinding) shows that name."""
  try:
    name = urlsplit(f"//{host}").hostname
  except ValueError:
    return False
  if name is None:
    return False
  return name in LOOPBACK or name == bound or name in allowed
