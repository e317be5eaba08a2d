"""/metrics and /health."""

from http import HTTPStatus
from typing import TYPE_CHECKING

from bond_server import prometheus

from bond_broker.http import Head, plain_answer
from bond_broker.metrics import figures
from bond_broker.prometheus import metrics_of
from bond_broker.query import Query

if TYPE_CHECKING:
  from bond_broker.server import Broker

PATHS = "there are /stream, /raw, /ws/STREAM_ID, /metrics and /health"


def answer(broker: "Broker", head: Head, query: Query) -> bytes:
  """The answer to a plain GET."""
  if query.path == "/health":
    return plain_answer(HTTPStatus.OK, {"status": "ok", "sources": broker.backing.sources()})
  if query.path == "/metrics":
    found = figures(broker)
    if prometheus.asked(head.request.headers.get("Accept", "")):
      text = prometheus.exposition(metrics_of(broker, found))
      return plain_answer(HTTPStatus.OK, text, content_type=prometheus.TYPE)
    return plain_answer(HTTPStatus.OK, found)
  if query.path in ("/stream", "/raw") or query.path.startswith("/ws/"):
    told = f"{query.path} is a WebSocket; open it with ws:// and an Upgrade"
    return plain_answer(HTTPStatus.UPGRADE_REQUIRED, {"error": told})
  return plain_answer(HTTPStatus.NOT_FOUND, {"error": PATHS})
