"""Binance's dialect: REST, sockets and limits over its markets."""

from typing import Any

from bond_simkit import (
  ClientConnection,
  ClientHandler,
  ConnectionPolicy,
  HttpRequest,
  HttpResponse,
  RateMeter,
  json_response,
)

from bond_sim.binance import limits
from bond_sim.binance.markets import BinanceMarkets
from bond_sim.binance.paths import SPOT, locate
from bond_sim.binance.rest import BinanceRest, refusal
from bond_sim.binance.sockets import BinanceClientHandler, is_stream_path

MAX_IGNORED = 1000


class BinanceDialect:
  """Spot, USD-M and COIN-M futures on one port."""

  def __init__(self, markets: BinanceMarkets) -> None:
    self.fanout = markets.fanout
    self._markets = markets
    self._rest = BinanceRest(markets)
    self._connects = RateMeter(limits.CONNECTS, limits.CONNECT_SECONDS)
    self._ignored: dict[str, str] = {}

  async def run(self) -> None:
    await self._markets.run()

  async def http(self, request: HttpRequest) -> HttpResponse:
    return self._rest.respond(request)

  def refusal(self, status: int, retry_after: float) -> HttpResponse:
    """The venue's response with a status, and seconds until it serves again."""
    return refusal(status, retry_after, SPOT, self._markets.now_ms())

  def upgrade(self, request: HttpRequest) -> ConnectionPolicy | HttpResponse:
    location = locate(request.path)
    if location.route == "private" or not is_stream_path(location.path):
      return json_response({"error": f"the simulator has no streams at {request.path}"}, 404)
    if not self._connects.admit(request.peer):
      return self.refusal(429, limits.CONNECT_SECONDS)
    return limits.policy(location.market, lambda: str(self._markets.now_ms()).encode())

  def opened(self, connection: ClientConnection) -> ClientHandler:
    location = locate(connection.request.path)
    return BinanceClientHandler(self._markets, connection, location, self._note_ignored)

  def stats(self) -> dict[str, Any]:
    """The venue's rows of GET /_sim/stats."""
    return {
      "used_weight": self._rest.used_weight(),
      "ignored": self._ignored,
      **self._markets.progress(),
    }

  def _note_ignored(self, name: str, why: str) -> None:
    if len(self._ignored) < MAX_IGNORED:
      self._ignored[name] = why
