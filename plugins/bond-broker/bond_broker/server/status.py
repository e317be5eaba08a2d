"""/metrics and /health: the answers to a plain GET."""

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus

from bond_server import prometheus
from bond_server.notices import public
from websockets.datastructures import Headers

from bond_broker.delivery.traffic import Traffic
from bond_broker.protocol.http import Head, plain_answer
from bond_broker.protocol.query import Query
from bond_broker.server.metrics import Snapshot
from bond_broker.server.prometheus import metrics_of
from bond_core import AuthError, AuthUnavailable
from bond_core.services import SourceStatus

PATHS = "there are /stream, /raw, /ws/STREAM_ID, /metrics and /health"


def answer(
  head: Head,
  query: Query,
  *,
  sources: Mapping[str, SourceStatus],
  notices: Sequence[Mapping[str, str | None]],
  snapshot: Callable[[], Snapshot],
  traffic: Traffic,
) -> bytes:
  """The answer to a plain GET."""
  if query.path == "/health":
    wrong = traffic.wrong_clocks()
    health: dict[str, object] = {"status": "ok", "sources": sources}
    if wrong:
      health["skew_ms"] = wrong
    if notices:
      health["notices"] = [public(notice) for notice in notices]
    return plain_answer(HTTPStatus.OK, health)
  if query.path == "/metrics":
    found = snapshot()
    if prometheus.requested(head.request.headers.get("Accept", "")):
      text = prometheus.exposition(metrics_of(found, traffic))
      return plain_answer(HTTPStatus.OK, text, content_type=prometheus.TYPE)
    return plain_answer(HTTPStatus.OK, found)
  if query.path in ("/stream", "/raw") or query.path.startswith("/ws/"):
    message = f"{query.path} is a WebSocket; open it with ws:// and an Upgrade"
    return plain_answer(HTTPStatus.UPGRADE_REQUIRED, {"error": message})
  return plain_answer(HTTPStatus.NOT_FOUND, {"error": PATHS})


def refuse_caller(exc: AuthError) -> bytes:
  """The answer to a GET of a caller that may not have it."""
  if isinstance(exc, AuthUnavailable):
    headers = Headers({"Retry-After": "5"})
    return plain_answer(HTTPStatus.SERVICE_UNAVAILABLE, {"error": str(exc)}, headers=headers)
  headers = Headers({"WWW-Authenticate": "Bearer"})
  return plain_answer(HTTPStatus.UNAUTHORIZED, {"error": str(exc)}, headers=headers)
