"""What all simulated venues have in common: the hub with its faults, what is counted, and the
control endpoint under /_sim that shows and changes both while the server runs."""

from collections import Counter, deque
from collections.abc import Callable
from typing import Any, Protocol

import msgspec
import trio

from bond_sim.errors import SimulatorError
from bond_sim.faults import STATUSES, FaultSpec, parse_fault
from bond_sim.http import Abort, Request, Response, json_response
from bond_sim.hub import Hub
from bond_sim.server import serve
from bond_sim.websocket import Connection, Policy, Session

REMEMBERED_CONNECTIONS = 1000
CONTROL = "/_sim/"


class Dialect(Protocol):
  """What one venue is: its protocol over the hub."""

  hub: Hub

  async def run(self) -> None:
    """Publishes to the hub for as long as the server lives."""

  async def http(self, request: Request) -> Response:
    """The answer to a request that is not for the control endpoint."""

  def refusal(self, status: int, retry_after: float) -> Response:
    """The venue's own answer with this status; `retry_after` in seconds."""

  def upgrade(self, request: Request) -> Policy | Response:
    """The terms of a WebSocket, or the answer that refuses it."""

  def opened(self, connection: Connection) -> Session:
    """A WebSocket is open; the session makes it known to the hub."""

  def stats(self) -> dict[str, Any]:
    """What the venue adds to GET /_sim/stats: playback and request weight."""


class Venue:
  """A site (bond_sim.server) that serves a dialect together with its control endpoint."""

  def __init__(self, dialect: Dialect) -> None:
    self._dialect = dialect
    self._hub = dialect.hub
    self._started_at = trio.current_time()
    self._attempts: deque[float] = deque(maxlen=10 * REMEMBERED_CONNECTIONS)
    self._opened = self._refused = 0
    self._requests: Counter[str] = Counter()
    self._seen: deque[Connection] = deque(maxlen=REMEMBERED_CONNECTIONS)
    self._control: dict[tuple[str, str], Callable[[Request], Response]] = {
      ("GET", "/_sim/faults"): self._list_faults,
      ("POST", "/_sim/faults"): self._add_fault,
      ("DELETE", "/_sim/faults"): self._end_faults,
      ("GET", "/_sim/stats"): self._stats,
    }

  async def http(self, request: Request) -> Response:
    if request.path.startswith(CONTROL):
      return self._answer_control(request)
    await self._pass_faults()
    self._requests[f"{request.method} {request.path}"] += 1
    refusal = self._fault_answer(*STATUSES)
    return refusal if refusal is not None else await self._dialect.http(request)

  async def upgrade(self, request: Request) -> Policy | Response:
    self._attempts.append(round(trio.current_time() - self._started_at, 6))
    try:
      await self._pass_faults()
    except Abort:
      self._refused += 1
      raise
    terms = self._fault_answer("5xx") or self._dialect.upgrade(request)
    if isinstance(terms, Response):
      self._refused += 1
    return terms

  def opened(self, connection: Connection) -> Session:
    self._opened += 1
    self._seen.append(connection)
    return self._dialect.opened(connection)

  async def _pass_faults(self) -> None:
    faults = self._hub.faults
    faults.first_request()
    if (refuse := faults.active("refuse")) is not None:
      refuse.requests += 1
      raise Abort
    if (slow := faults.active("slow")) is not None:
      slow.requests += 1
      await trio.sleep(faults.delay())

  def _fault_answer(self, *kinds: str) -> Response | None:
    fault = self._hub.faults.active(*kinds)
    if fault is None:
      return None
    fault.requests += 1
    return self._dialect.refusal(STATUSES[fault.kind], fault.seconds_left() or 0.0)

  # Control endpoint ------------------------------------------------------------------------------

  def _answer_control(self, request: Request) -> Response:
    handler = self._control.get((request.method, request.path))
    if handler is None:
      known = ", ".join(f"{method} {path}" for method, path in self._control)
      return json_response({"error": f"no such control; there are {known}"}, 404)
    return handler(request)

  def _list_faults(self, request: Request) -> Response:
    return json_response([fault.report() for fault in self._hub.faults.all])

  def _add_fault(self, request: Request) -> Response:
    try:
      written = msgspec.json.decode(request.body, type=dict[str, str])["fault"]
    except (msgspec.DecodeError, KeyError):
      return json_response({"error": 'send a JSON object such as {"fault": "drop@5s"}'}, 400)
    try:
      spec = parse_fault(written)
    except SimulatorError as error:
      return json_response({"error": str(error)}, 400)
    return json_response(self._hub.faults.add(spec).report(), 201)

  def _end_faults(self, request: Request) -> Response:
    self._hub.faults.end_all()
    return self._list_faults(request)

  def _stats(self, request: Request) -> Response:
    hub = self._hub
    return json_response(
      {
        "uptime": round(trio.current_time() - self._started_at, 3),
        "attempts": list(self._attempts),
        "opened": self._opened,
        "refused": self._refused,
        "connections": [self._connection(connection) for connection in self._seen],
        "requests": self._requests,
        "sent": hub.sent,
        "missed": hub.missed.report(),
        "unheard": hub.unheard,
        **self._dialect.stats(),
      }
    )

  def _connection(self, connection: Connection) -> dict[str, Any]:
    closed = connection.closed_at
    return {
      "id": connection.number,
      "path": connection.request.path,
      "opened": round(connection.opened_at - self._started_at, 6),
      "closed": None if closed is None else round(closed - self._started_at, 6),
      "cut_as_too_slow": connection.too_slow,
      "messages": connection.messages,
      "max_messages_per_second": connection.max_messages_per_second,
      "subscriptions": sorted({name for name, _ in self._hub.connections.get(connection, ())}),
    }


async def run_venue(
  dialect: Dialect,
  faults: list[FaultSpec],
  host: str,
  port: int,
  *,
  task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED,
) -> None:
  """Runs a simulated venue until cancelled and reports its base URL."""
  async with trio.open_nursery() as nursery:
    nursery.start_soon(dialect.hub.faults.run, faults)
    nursery.start_soon(dialect.run)
    task_status.started(await nursery.start(serve, Venue(dialect), host, port))
