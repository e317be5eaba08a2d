"""Bybit as the common server sees it."""

from collections import Counter, deque
from typing import Any

import attrs
import trio

from bond_sim.bybit.listing import CATEGORIES
from bond_sim.bybit.rest import Rest
from bond_sim.bybit.sockets import BybitSession
from bond_sim.bybit.world import World
from bond_sim.http import Request, Response, json_response
from bond_sim.market.paths import without_host
from bond_sim.websocket import Connection, Policy, Session

CONNECTS, CONNECT_SECONDS = 500, 300.0

_PATHS = {f"/v5/public/{category}": category for category in CATEGORIES}


class BybitDialect:
  """REST and the public websockets of all categories on one port."""

  def __init__(self, world: World) -> None:
    self.hub = world.venue.hub
    self._world = world
    self._violations: Counter[str] = Counter()
    self._rest = Rest(world, self._violations)
    self._connects: dict[str, deque[float]] = {}

  async def run(self) -> None:
    await self._world.venue.run()

  async def http(self, request: Request) -> Response:
    return self._rest.respond(attrs.evolve(request, path=without_host(request.path)))

  def refusal(self, status: int, retry_after: float) -> Response:
    body: dict[str, Any] = {"retCode": 10006, "retMsg": "Too many visits!", "result": {}}
    return json_response(body, status, (("retry-after", f"{retry_after:.0f}"),))

  def upgrade(self, request: Request) -> Policy | Response:
    if without_host(request.path) not in _PATHS:
      return json_response({"error": f"the simulator has no websocket at {request.path}"}, 404)
    now, attempts = trio.current_time(), self._connects.setdefault(request.peer, deque())
    while attempts and attempts[0] <= now - CONNECT_SECONDS:
      attempts.popleft()
    attempts.append(now)
    if len(attempts) > CONNECTS:
      self._violations["connects in five minutes"] += 1
      return self.refusal(403, CONNECT_SECONDS)
    return Policy()

  def opened(self, connection: Connection) -> Session:
    category = _PATHS[without_host(connection.request.path)]
    return BybitSession(self._world, connection, category, self._violations)

  def stats(self) -> dict[str, Any]:
    return {"violations": self._violations, **self._world.venue.progress()}
