"""The server itself: whether it works, its figures, and what it answers."""

import html
import sqlite3
from typing import Any

from bond_server import prometheus
from bond_server.doors import Server
from bond_server.notices import public
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from bond_rest import shapes
from bond_rest.bodies import as_json
from bond_rest.figures import figures
from bond_rest.guard import Guard
from bond_rest.problems import ApiError
from bond_rest.prometheus import metrics_of as exported
from bond_rest.routes.errors import errors
from bond_rest.store import Store
from bond_rest.streams import Streams


def add_server(app: FastAPI, server: Server, store: Store, streams: Streams, guard: Guard) -> None:
  """Adds the routes to an application."""

  @app.get("/livez", response_model=shapes.Health)
  @app.get("/health", response_model=shapes.Health)
  async def health(request: Request) -> Response:
    """The process works. `streams`, how many the caller has, is for those who show who they are."""
    try:
      own = {"streams": len(streams.of(await guard.owner(request)))}
    except ApiError:
      # Strangers and those with old credentials may know that the server works.
      own = {}
    notices = [public(notice) for notice in server.notices()]
    known = {"notices": notices} if notices else {}
    return as_json({"status": "ok", **own, "sources": server.sources(), **known})

  @app.get("/readyz", response_model=shapes.Health, responses=errors(503))
  @app.get("/ready", response_model=shapes.Health, responses=errors(503))
  async def ready(request: Request) -> Response:
    """Streams can be made and stored: the server is not about to stop, its log and its table of
    streams can be written. An unreachable venue changes nothing here."""
    reason = await _not_ready(server, store)
    if reason is not None:
      raise ApiError(503, reason, headers={"Retry-After": "5"})
    return await health(request)

  @app.get("/metrics")
  async def metrics(request: Request) -> Response:
    """Figures of the control plane and of every stream of the caller; with `Accept: text/plain` or
    `application/openmetrics-text` in Prometheus' form."""
    owner = await guard.owner(request)
    mine = [
      figures(streams.running(stream), stream, streams.entry(stream, owner).stored.created_at)
      for stream in (shown["stream_id"] for shown in streams.of(owner))
    ]
    found = {
      "streams": len(streams),
      "running": sum(streams.running(one["stream_id"]) is not None for one in mine),
      "failed": len(streams.failed),
      "per_stream": mine,
    }
    if prometheus.requested(request.headers.get("accept", "")):
      return Response(prometheus.exposition(exported(found)), media_type=prometheus.TYPE)
    return as_json(found)

  @app.get("/", include_in_schema=False)
  async def start() -> Response:
    return RedirectResponse("/docs")

  @app.get("/docs", include_in_schema=False)
  async def docs() -> Response:
    return HTMLResponse(_page(app.openapi()))


async def _not_ready(server: Server, store: Store) -> str | None:
  if server.stopping.is_set():
    return "this server is about to stop"
  if server.log.failure is not None:
    return f"the log cannot be written: {server.log.failure}"
  try:
    await store.check()
  except sqlite3.Error as exc:
    return f"the table of streams cannot be written: {exc}"
  return None


def _page(document: dict[str, Any]) -> str:
  """The routes on one page, without anything from elsewhere."""
  rows = []
  for path, methods in document["paths"].items():
    for method, operation in methods.items():
      statuses = ", ".join(operation.get("responses", {}))
      what = html.escape(operation.get("description", operation.get("summary", "")))
      rows.append(
        f"<tr><td><code>{method.upper()} {html.escape(path)}</code></td><td>{what}</td>"
        f"<td>{statuses}</td></tr>"
      )
  return (
    "<!doctype html><meta charset=utf-8><title>Bond</title>"
    "<style>body{font:16px/1.5 sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}"
    "td{padding:.3rem .8rem .3rem 0;vertical-align:top}</style>"
    '<h1>Bond</h1><p>The control plane; the whole description is <a href="/openapi.json">'
    "openapi.json</a>.</p><pre>curl -X POST localhost:8000/v1/streams -H 'Content-Type: "
    'application/json\' -d \'{"natural_language":"BTC price every 5s"}\'</pre>'
    f"<table>{''.join(rows)}</table>"
  )
