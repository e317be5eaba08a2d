"""Identifies a caller, and checks its page and its name for this server."""

from bond_server.access.chain import HOW_TO_SHOW, LOCAL
from bond_server.access.credentials import credentials_of
from bond_server.access.origins import host, is_loopback, origin, refuse_host, refuse_origin
from starlette.requests import HTTPConnection, Request

from bond_core import AuthError, AuthUnavailable, Credentials
from bond_core.services import Server
from bond_rest.config import RestConfig
from bond_rest.problems import ApiError


class Guard:
  """Admits callers. On loopback a caller without credentials is the machine's own user."""

  def __init__(self, server: Server, config: RestConfig) -> None:
    self._server = server
    self._open = is_loopback(config.host)
    self._origins = frozenset(map(origin, config.origins))
    self._hosts = frozenset(map(host, [*config.hosts, config.host]))

  def check_page(self, request: HTTPConnection) -> None:
    """Raises ApiError for a page of another origin, and for a name that this server does not have
    (DNS rebinding)."""
    reason = refuse_host(request.headers.getlist("host"), self._hosts)
    if reason is not None:
      raise ApiError(421, reason)
    reason = refuse_origin(request.headers.getlist("origin"), self._origins | self._own(request))
    if reason is not None:
      raise ApiError(403, reason)

  def _own(self, request: HTTPConnection) -> frozenset[str]:
    # A page of this very server, as its own Host header names it; that one was checked before.
    scheme = request.url.scheme.replace("ws", "http")
    return frozenset((origin(f"{scheme}://{request.headers['host']}"),))

  def check_shown(self, request: HTTPConnection) -> None:
    """Raises ApiError where a client needs credentials and sends none. The broker checks
    those that it sends."""
    if not self._open and not _credentials(request).shown:
      raise ApiError(401, f"this needs credentials: {HOW_TO_SHOW}")

  async def owner(self, request: Request) -> str:
    """The name of the caller, who owns streams. Raises ApiError 401 where it has to identify
    itself, 403 where it may only read a stream, 503 where that cannot be checked now."""
    try:
      principal = await self._server.access.identify(_credentials(request))
      if principal is None:
        if not self._open:
          raise AuthError(f"this needs credentials: {HOW_TO_SHOW}")
        principal = LOCAL
    except AuthUnavailable as exc:
      raise ApiError(503, str(exc), headers={"Retry-After": "5"}) from exc
    except AuthError as exc:
      raise ApiError(401, str(exc), headers={"WWW-Authenticate": "Bearer"}) from exc
    if principal.streams is not None:
      reason = "these credentials read streams and cannot change them; show an API key (X-API-Key)"
      raise ApiError(403, reason)
    return principal.name


def _credentials(request: HTTPConnection) -> Credentials:
  """The credentials of a request."""
  client = request.client
  target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
  address = None if client is None else client.host
  return credentials_of(target, request.headers.items(), address=address)
