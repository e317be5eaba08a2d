"""OKX as the common server sees it."""

from collections import Counter, deque
from collections.abc import Mapping
from typing import Any

import attrs
import trio

from bond_sim.http import Request, Response, json_response
from bond_sim.market.paths import without_host
from bond_sim.okx.rest import Rest
from bond_sim.okx.sockets import OkxSession
from bond_sim.okx.source import BUSINESS, PUBLIC, Answer, Source
from bond_sim.websocket import Connection, Policy, Session

CONNECTS, CONNECT_SECONDS = 3, 1.0

_PATHS = {f"/ws/v5/{name}": name for name in (PUBLIC, BUSINESS)}


class OkxDialect:
  """REST and both public websockets on one port."""

  def __init__(self, source: Source, answers: Mapping[str, Answer]) -> None:
    self.hub = source.hub
    self._source = source
    self._violations: Counter[str] = Counter()
    self._rest = Rest(answers, self._violations)
    self._connects: dict[str, deque[float]] = {}

  async def run(self) -> None:
    await self._source.run()

  async def http(self, request: Request) -> Response:
    return self._rest.respond(attrs.evolve(request, path=without_host(request.path)))

  def refusal(self, status: int, retry_after: float) -> Response:
    body: dict[str, Any] = {
      "code": "50011" if status == 429 else "50001",
      "msg": "Too Many Requests",
      "data": [],
    }
    return json_response(body, status, (("retry-after", f"{retry_after:.0f}"),))

  def upgrade(self, request: Request) -> Policy | Response:
    if without_host(request.path) not in _PATHS:
      return json_response({"error": f"the simulator has no websocket at {request.path}"}, 404)
    now, attempts = trio.current_time(), self._connects.setdefault(request.peer, deque())
    while attempts and attempts[0] <= now - CONNECT_SECONDS:
      attempts.popleft()
    attempts.append(now)
    if len(attempts) > CONNECTS:
      self._violations["connects a second"] += 1
      return self.refusal(429, CONNECT_SECONDS)
    return Policy()

  def opened(self, connection: Connection) -> Session:
    path = _PATHS[without_host(connection.request.path)]
    return OkxSession(self._source, connection, path, self._violations)

  def stats(self) -> dict[str, Any]:
    return {"violations": self._violations, **self._source.progress()}
