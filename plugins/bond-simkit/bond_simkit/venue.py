"""A whole simulated venue: its dialect behind the server, with faults, statistics and the control
endpoint."""

import re
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import attrs
import trio

from bond_simkit.control import ControlEndpoint, fault_route
from bond_simkit.fanout import Fanout
from bond_simkit.http import Abort, HttpRequest, HttpResponse, json_response
from bond_simkit.injection import ALTERING, LISTING, PAGES, STATUSES, VENUE_FAULTS
from bond_simkit.notation import VenueFault
from bond_simkit.server import serve_site
from bond_simkit.websocket import ClientConnection, ClientHandler, ConnectionPolicy

MAX_CONNECTIONS = 1000
"""Connections listed in statistics, the latest."""

MAX_ATTEMPTS = 10_000

Refusal = Callable[[int, float], HttpResponse]
"""The venue's own response with a status (429, 418 or 503) and seconds until it serves again."""


class Dialect(Protocol):
  """The protocol of one venue. What it publishes goes through its fan-out."""

  fanout: Fanout

  async def run(self) -> None:
    """Publishes to the fan-out until cancelled."""

  async def http(self, request: HttpRequest) -> HttpResponse:
    """The response to a request that is not for the control endpoint."""

  def upgrade(self, request: HttpRequest) -> ConnectionPolicy | HttpResponse:
    """The policy of a WebSocket that is accepted, or the response that refuses it."""

  def opened(self, connection: ClientConnection) -> ClientHandler:
    """A WebSocket is open. Its handler adds it to the fan-out, and removes it when it is closed."""


class ServerConfig(Protocol):
  """The part of a simulator's configuration that the server reads."""

  @property
  def host(self) -> str: ...
  @property
  def port(self) -> int: ...
  @property
  def faults(self) -> Sequence[str]:
    """Faults from the start, as they are written (VENUE_FAULTS)."""


def plain_refusal(status: int, retry_after: float) -> HttpResponse:
  """A refusal with a Retry-After header and a line of text."""
  return HttpResponse(
    status=status,
    headers=(("Retry-After", str(max(1, round(retry_after)))),),
    body=b"Too Many Requests" if status == 429 else b"Service Unavailable",
  )


def page(status: int) -> HttpResponse:
  """What a firewall or a proxy before a venue answers."""
  body = b"<!DOCTYPE html><html><head><title>Attention Required!</title></head></html>"
  return HttpResponse(status=status, headers=(("Content-Type", "text/html"),), body=body)


async def serve_venue(
  dialect: Dialect,
  config: ServerConfig,
  *,
  refusal: Refusal = plain_refusal,
  stats: Callable[[], dict[str, Any]] = dict,
  task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED,
) -> None:
  """Serves a simulated venue until cancelled and reports its base URL. `refusal` writes what the
  faults 429, 418 and 5xx answer; `stats` adds the venue's own rows to GET /_sim/stats."""
  faults = [VENUE_FAULTS.parse(written) for written in config.faults]
  async with trio.open_nursery() as nursery:
    nursery.start_soon(dialect.fanout.faults.run, faults)
    nursery.start_soon(dialect.run)
    site = VenueSite(dialect, refusal, stats)
    task_status.started(await nursery.start(serve_site, site, config.host, config.port))


class VenueSite:
  """The site of a dialect: carries out faults of requests, counts, and has the control endpoint."""

  def __init__(
    self, dialect: Dialect, refusal: Refusal, stats: Callable[[], dict[str, Any]]
  ) -> None:
    self._dialect = dialect
    self._fanout = dialect.fanout
    self._refusal = refusal
    self._venue_stats = stats
    self._started_at = trio.current_time()
    self._attempts: deque[float] = deque(maxlen=MAX_ATTEMPTS)
    self._opened = self._refused = 0
    self._requests: Counter[str] = Counter()
    self._connections: deque[ClientConnection] = deque(maxlen=MAX_CONNECTIONS)
    self._control = ControlEndpoint(
      {
        "GET /_sim/faults": self._list_faults,
        "POST /_sim/faults": fault_route(VENUE_FAULTS, self._add_fault),
        "DELETE /_sim/faults": self._end_faults,
        "GET /_sim/stats": self._stats,
      }
    )

  async def http(self, request: HttpRequest) -> HttpResponse:
    if (response := self._control.respond(request)) is not None:
      return response
    await self._pass_faults()
    self._requests[f"{request.method} {request.path}"] += 1
    refusal = self._refused_by_fault(*STATUSES, *PAGES)
    if refusal is not None:
      return refusal
    return self._altered(request, await self._dialect.http(request))

  async def upgrade(self, request: HttpRequest) -> ConnectionPolicy | HttpResponse:
    self._attempts.append(round(trio.current_time() - self._started_at, 6))
    try:
      await self._pass_faults()
    except Abort:
      self._refused += 1
      raise
    decision = self._refused_by_fault("5xx", "401", "403", "451") or self._dialect.upgrade(request)
    if isinstance(decision, HttpResponse):
      self._refused += 1
    return decision

  def opened(self, connection: ClientConnection) -> ClientHandler:
    self._opened += 1
    self._connections.append(connection)
    return self._dialect.opened(connection)

  async def _pass_faults(self) -> None:
    faults = self._fanout.faults
    faults.first_request()
    if (refuse := faults.active("refuse")) is not None:
      refuse.requests += 1
      raise Abort
    if (slow := faults.active("slow")) is not None:
      slow.requests += 1
      await trio.sleep(faults.delay())

  def _refused_by_fault(self, *kinds: str) -> HttpResponse | None:
    fault = self._fanout.faults.active(*kinds)
    if fault is None:
      return None
    fault.requests += 1
    if fault.kind in PAGES:
      return page(PAGES[fault.kind])
    return self._refusal(STATUSES[fault.kind], fault.seconds_left() or 0.0)

  def _altered(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
    # What a venue lists is another matter than what has happened there.
    happened = re.search("trade|kline|candle", request.path, re.IGNORECASE)
    fault = self._fanout.faults.active(*(LISTING if happened is None else ALTERING))
    body = response.body
    if fault is None or not isinstance(body, bytes):
      return response
    fault.requests += 1
    if happened is None:
      return attrs.evolve(response, body=LISTING[fault.kind](body, fault.fault.text))
    return attrs.evolve(response, body=ALTERING[fault.kind](body))

  # Control endpoint ------------------------------------------------------------------------------

  def _list_faults(self, request: HttpRequest) -> HttpResponse:
    return json_response([injected.report() for injected in self._fanout.faults.faults])

  def _add_fault(self, fault: VenueFault) -> dict[str, Any]:
    return self._fanout.faults.add(fault).report()

  def _end_faults(self, request: HttpRequest) -> HttpResponse:
    self._fanout.faults.end_all()
    return self._list_faults(request)

  def _stats(self, request: HttpRequest) -> HttpResponse:
    fanout = self._fanout
    return json_response(
      {
        "uptime": round(trio.current_time() - self._started_at, 3),
        "attempts": list(self._attempts),
        "opened": self._opened,
        "refused": self._refused,
        "connections": [self._connection(connection) for connection in self._connections],
        "requests": self._requests,
        "sent": fanout.sent,
        "missed": fanout.missed.report(),
        "unheard": fanout.unheard,
        **self._venue_stats(),
      }
    )

  def _connection(self, connection: ClientConnection) -> dict[str, Any]:
    closed = connection.closed_at
    subscriptions = self._fanout.subscriptions.get(connection, ())
    return {
      "id": connection.number,
      "path": connection.request.path,
      "opened": round(connection.opened_at - self._started_at, 6),
      "closed": None if closed is None else round(closed - self._started_at, 6),
      "cut_as_too_slow": connection.too_slow,
      "messages": connection.messages,
      "max_messages_per_second": connection.max_messages_per_second,
      "subscriptions": sorted({topic for topic, _ in subscriptions}),
    }
