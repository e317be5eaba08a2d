"""OKX's dialect: REST and sockets over its markets."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import attrs
from bond_simkit import (
  ClientConnection,
  ClientHandler,
  ConnectionPolicy,
  HttpRequest,
  HttpResponse,
  RateMeter,
  json_response,
)

from bond_sim.market.paths import without_host
from bond_sim.okx.markets import BUSINESS, PUBLIC, OkxEndpoint, OkxMarkets
from bond_sim.okx.rest import OkxRest
from bond_sim.okx.sockets import OkxClientHandler

CONNECTS, CONNECT_SECONDS = 3, 1.0

_PATHS = {f"/ws/v5/{name}": name for name in (PUBLIC, BUSINESS)}


class OkxDialect:
  """REST and both public WebSockets on one port."""

  def __init__(self, markets: OkxMarkets, endpoints: Mapping[str, OkxEndpoint]) -> None:
    self.fanout = markets.fanout
    self._markets = markets
    self._violations: Counter[str] = Counter()
    self._rest = OkxRest(endpoints, self._violations)
    self._connects = RateMeter(CONNECTS, CONNECT_SECONDS)

  async def run(self) -> None:
    await self._markets.run()

  async def http(self, request: HttpRequest) -> HttpResponse:
    return self._rest.respond(attrs.evolve(request, path=without_host(request.path)))

  def refusal(self, status: int, retry_after: float) -> HttpResponse:
    """The venue's response with a status, and seconds until it serves again."""
    body: dict[str, Any] = {
      "code": "50011" if status == 429 else "50001",
      "msg": "Too Many Requests",
      "data": [],
    }
    return json_response(body, status, (("retry-after", f"{retry_after:.0f}"),))

  def upgrade(self, request: HttpRequest) -> ConnectionPolicy | HttpResponse:
    if without_host(request.path) not in _PATHS:
      return json_response({"error": f"the simulator has no websocket at {request.path}"}, 404)
    if not self._connects.admit(request.peer):
      self._violations["connects a second"] += 1
      return self.refusal(429, CONNECT_SECONDS)
    return ConnectionPolicy()

  def opened(self, connection: ClientConnection) -> ClientHandler:
    path = _PATHS[without_host(connection.request.path)]
    return OkxClientHandler(self._markets, connection, path, self._violations)

  def stats(self) -> dict[str, Any]:
    """The venue's rows of GET /_sim/stats."""
    return {"violations": self._violations, **self._markets.progress()}
