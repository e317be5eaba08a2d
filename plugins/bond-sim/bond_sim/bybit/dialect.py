"""Bybit's dialect: REST and sockets over its generated markets."""

from collections import Counter
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

from bond_sim.bybit.listing import CATEGORIES
from bond_sim.bybit.markets import BybitMarkets, BybitRest
from bond_sim.bybit.sockets import BybitClientHandler
from bond_sim.market.paths import without_host

CONNECTS, CONNECT_SECONDS = 500, 300.0
REQUESTS, REQUEST_SECONDS = 600, 5.0
"""Requests of one address ("Rate Limit Rules")."""

_PATHS = {f"/v5/public/{category}": category for category in CATEGORIES}


class BybitDialect:
  """REST and the public WebSockets of all categories on one port."""

  def __init__(self, markets: BybitMarkets, rest: BybitRest) -> None:
    self.fanout = markets.fanout
    self._markets = markets
    self._violations: Counter[str] = Counter()
    self._rest = rest
    self._requests = RateMeter(REQUESTS, REQUEST_SECONDS)
    self._connects = RateMeter(CONNECTS, CONNECT_SECONDS)

  async def run(self) -> None:
    await self._markets.run()

  async def http(self, request: HttpRequest) -> HttpResponse:
    if not self._requests.admit(request.peer):
      self._violations["requests"] += 1
      return self.refusal(403, REQUEST_SECONDS)
    return self._rest.respond(attrs.evolve(request, path=without_host(request.path)))

  def refusal(self, status: int, retry_after: float) -> HttpResponse:
    """The venue's response with a status, and seconds until it serves again."""
    body: dict[str, Any] = {"retCode": 10006, "retMsg": "Too many visits!", "result": {}}
    return json_response(body, status, (("retry-after", f"{retry_after:.0f}"),))

  def upgrade(self, request: HttpRequest) -> ConnectionPolicy | HttpResponse:
    if without_host(request.path) not in _PATHS:
      return json_response({"error": f"the simulator has no websocket at {request.path}"}, 404)
    if not self._connects.admit(request.peer):
      self._violations["connects in five minutes"] += 1
      return self.refusal(403, CONNECT_SECONDS)
    return ConnectionPolicy()

  def opened(self, connection: ClientConnection) -> ClientHandler:
    category = _PATHS[without_host(connection.request.path)]
    return BybitClientHandler(self._markets, connection, category, self._violations)

  def stats(self) -> dict[str, Any]:
    """The venue's rows of GET /_sim/stats."""
    return {"violations": self._violations, **self._markets.progress()}
