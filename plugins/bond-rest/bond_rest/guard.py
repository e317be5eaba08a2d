"""Identifies a caller, and checks its page and its name for this server."""

from bond_server.access.chain import HOW_TO_SHOW, LOCAL
from bond_server.access.credentials import credentials_in
from bond_server.access.port import PortRules
from starlette.datastructures import Headers
from starlette.requests import Request

from bond_core import AuthError, AuthUnavailable, Principal
from bond_core.services import Server
from bond_rest.problems import ApiError


class Guard:
  """Admits callers. On loopback a caller without credentials is the machine's own user."""

  def __init__(self, server: Server, rules: PortRules) -> None:
    self._server = server
    self._rules = rules

  def check_page(self, headers: Headers) -> None:
    """Raises ApiError for a page of another origin, and for a name that this server does not have
    (DNS rebinding)."""
    refused = self._rules.refuse(headers.getlist("host"), headers.getlist("origin"))
    if refused is not None:
      raise ApiError(*refused)

  @property
  def rules(self) -> PortRules:
    """The rules of the control plane's port."""
    return self._rules

  async def caller(self, request: Request) -> Principal:
    """Who calls. Raises ApiError 401 where it has to identify itself, 503 where that cannot be
    checked now."""
    try:
      principal = await self._server.access.identify(credentials_in(request.scope))
      if principal is None:
        if not self._rules.open_to_all:
          raise AuthError(f"this needs credentials: {HOW_TO_SHOW}")
        principal = LOCAL
    except AuthUnavailable as exc:
      raise ApiError(503, str(exc), headers={"Retry-After": "5"}) from exc
    except AuthError as exc:
      raise ApiError(401, str(exc), headers={"WWW-Authenticate": "Bearer"}) from exc
    return principal

  async def owner(self, request: Request) -> str:
    """The name of the caller, who owns streams. Raises ApiError as `caller`, and 403 where it may
    only read a stream."""
    principal = await self.caller(request)
    if principal.streams is not None or principal.reads_only:
      reason = "these credentials read streams and cannot change them; show an API key (X-API-Key)"
      raise ApiError(403, reason)
    return principal.name
