"""Hyperliquid's dialect: the info endpoint and the WebSocket over its markets."""

from typing import Any

import attrs
import msgspec
from bond_simkit import (
  ClientConnection,
  ClientHandler,
  ConnectionPolicy,
  HttpRequest,
  HttpResponse,
  RateMeter,
  json_response,
)

from bond_sim.hyperliquid.markets import HyperliquidMarkets
from bond_sim.hyperliquid.sockets import Addresses, HyperliquidClientHandler
from bond_sim.market.capture_files import RecordedAnswers
from bond_sim.market.paths import without_host

CONNECTS, CONNECTIONS, SECONDS = 30, 10, 60.0
WEIGHT, SMALL_WEIGHT = 20, 2
WEIGHTS_A_MINUTE = 1_200 // SMALL_WEIGHT
"""Of the smallest weight, which is what a meter counts."""
_SMALL = ("l2Book", "allMids")


class HyperliquidDialect:
  """The info endpoint and the WebSocket on one port."""

  def __init__(self, markets: HyperliquidMarkets, answers: RecordedAnswers) -> None:
    self.fanout = markets.fanout
    self._markets = markets
    self._answers = answers
    self._addresses = Addresses()
    self._connects = RateMeter(CONNECTS, SECONDS)
    self._weights = RateMeter(WEIGHTS_A_MINUTE, SECONDS)

  async def run(self) -> None:
    await self._markets.run()

  async def http(self, request: HttpRequest) -> HttpResponse:
    request = attrs.evolve(request, path=without_host(request.path))
    if (request.method, request.path) != ("POST", "/info"):
      return json_response({"error": f"the simulator has no {request.method} {request.path}"}, 404)
    try:
      payload = msgspec.json.decode(request.body, type=dict[str, Any])
      kind = str(payload["type"])
    except (ValueError, KeyError):
      return _plain("Failed to deserialize the JSON body into the target type", 422)
    units = 1 if kind in _SMALL else WEIGHT // SMALL_WEIGHT
    admitted = [self._weights.admit(request.peer) for _ in range(units)]
    if not admitted[-1]:
      self._addresses.violations["weight a minute"] += 1
      return self.refusal(429, SECONDS)
    if (recorded := self._answers.respond(request)) is not None:
      return recorded
    try:
      return json_response(self._markets.info(payload))
    except (ValueError, KeyError, TypeError):
      return _plain("Failed to deserialize the JSON body into the target type", 422)

  def refusal(self, status: int, retry_after: float) -> HttpResponse:
    """The venue's response with a status, and seconds until it serves again."""
    return json_response(None, status, (("retry-after", f"{retry_after:.0f}"),))

  def upgrade(self, request: HttpRequest) -> ConnectionPolicy | HttpResponse:
    if without_host(request.path) != "/ws":
      return json_response({"error": f"the simulator has no websocket at {request.path}"}, 404)
    if not self._connects.admit(request.peer):
      self._addresses.violations["connects a minute"] += 1
      return self.refusal(429, SECONDS)
    if self._addresses.connections[request.peer] >= CONNECTIONS:
      self._addresses.violations["connections"] += 1
      return self.refusal(429, SECONDS)
    return ConnectionPolicy()

  def opened(self, connection: ClientConnection) -> ClientHandler:
    return HyperliquidClientHandler(self._markets, connection, self._addresses)

  def stats(self) -> dict[str, Any]:
    """The venue's rows of GET /_sim/stats."""
    return {"violations": self._addresses.violations, **self._markets.progress()}


def _plain(text: str, status: int) -> HttpResponse:
  return HttpResponse(status=status, body=text.encode(), headers=(("content-type", "text/plain"),))
