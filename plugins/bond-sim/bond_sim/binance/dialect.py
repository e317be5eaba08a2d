"""Binance as the common server sees it: REST, sockets and limits over one source of market data."""

from typing import Any

import trio

from bond_sim.binance import limits
from bond_sim.binance.paths import COINM, locate
from bond_sim.binance.rest import Rest, refusal
from bond_sim.binance.sockets import BinanceSession, is_stream_path
from bond_sim.binance.source import Source
from bond_sim.http import Request, Response, json_response
from bond_sim.websocket import Connection, Policy, Session

MAX_IGNORED = 1000


class BinanceDialect:
  """Spot and USD-M futures on one port."""

  def __init__(self, source: Source) -> None:
    self.hub = source.hub
    self._source = source
    self._rest = Rest(source)
    self._connects: dict[str, limits.ConnectMeter] = {}
    self._ignored: dict[str, str] = {}

  async def run(self) -> None:
    await self._source.run()

  async def http(self, request: Request) -> Response:
    return self._rest.respond(request)

  def refusal(self, status: int, retry_after: float) -> Response:
    return refusal(status, retry_after, "spot", self._source.now_ms())

  def upgrade(self, request: Request) -> Policy | Response:
    place = locate(request.path)
    if place.market == COINM or place.route == "private" or not is_stream_path(place.path):
      return json_response({"error": f"the simulator has no streams at {request.path}"}, 404)
    meter = self._connects.setdefault(request.peer, limits.ConnectMeter())
    if not meter.admit(trio.current_time()):
      return self.refusal(429, limits.CONNECT_SECONDS)
    return limits.policy(place.market, lambda: str(self._source.now_ms()).encode())

  def opened(self, connection: Connection) -> Session:
    place = locate(connection.request.path)
    return BinanceSession(self._source, connection, place, self._note_ignored)

  def stats(self) -> dict[str, Any]:
    return {
      "used_weight": self._rest.used_weight(),
      "ignored": self._ignored,
      **self._source.progress(),
    }

  def _note_ignored(self, name: str, why: str) -> None:
    if len(self._ignored) < MAX_IGNORED:
      self._ignored[name] = why
