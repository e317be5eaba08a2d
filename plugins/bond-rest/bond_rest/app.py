"""The routes."""

import html
import logging
import sqlite3
from contextlib import aclosing
from typing import Any

import msgspec
import pydantic
from bond_commandkit import Answer
from bond_recordkit.why import MOST_EVENTS
from bond_server import prometheus
from bond_server.doors import Server
from bond_server.notices import public
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response

from bond_rest import shapes
from bond_rest.config import RestConfig
from bond_rest.figures import figures
from bond_rest.guard import Guard
from bond_rest.problems import MEDIA_TYPE, ApiError, problem
from bond_rest.prometheus import metrics_of as exported
from bond_rest.questions import add_questions
from bond_rest.replay import steered
from bond_rest.store import Store
from bond_rest.streams import Streams
from bond_rest.why import why_of

logger = logging.getLogger("bond.rest")

MAX_BODY = 256 * 1024
"""Bytes of a request: as much as a spec may have."""

_SAID = {
  400: "The body is no JSON.",
  401: "Credentials are needed, or these are wrong.",
  403: "These credentials may not do this, or the page may not.",
  404: "There is no such stream of the caller.",
  409: "It lies after the time of the recording that is played.",
  408: "The body did not come in time.",
  413: "The body is too large.",
  421: "The server does not have this name.",
  422: "The request cannot be started; every problem and where it is.",
  429: "The caller has as many streams as it may.",
  501: "No parser of plain text is installed.",
  503: "Not now.",
}


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
  return {
    status: {
      "model": shapes.Problem,
      "description": _SAID[status],
      "content": {MEDIA_TYPE: {}},
    }
    for status in (401, 403, 421, *statuses)
  }


def make_app(
  server: Server, store: Store, streams: Streams, guard: Guard, config: RestConfig
) -> FastAPI:
  """The routes of the application."""
  app = FastAPI(
    title="Bond",
    version="1",
    summary="Streams of live market data, from a spec or from plain English.",
    docs_url=None,
    redoc_url=None,
    # A path has one form: what is answered with a redirect would be sent twice.
    redirect_slashes=False,
  )
  _add_error_handlers(app)

  body = {
    "required": True,
    "content": {"application/json": {"schema": shapes.SpecRequest.model_json_schema()}},
  }
  text = {
    "required": True,
    "content": {"application/json": {"schema": shapes.TextRequest.model_json_schema()}},
  }

  async def read_request(request: Request) -> tuple[Any, dict[str, Any] | None]:
    posted = await _read(request, shapes.SpecRequest)
    if (posted.natural_language is None) == (posted.spec is None):
      raise ApiError(422, 'send either "natural_language", a sentence, or "spec"')
    if posted.spec is not None:
      return await streams.spec_of(posted.spec), None
    answer = await streams.understand(posted.natural_language)
    try:
      spec = await streams.confirmed(answer.reading, confirm=posted.confirm)
      return spec, answer.understood()
    except ApiError as exc:
      exc.more.setdefault("understood", answer.understood())
      raise

  @app.post(
    "/v1/streams",
    status_code=201,
    response_model=shapes.Created,
    responses={
      200: {"model": shapes.Created, "description": "It runs already."},
      **_errors(400, 408, 413, 422, 429, 501, 503),
    },
    openapi_extra={"requestBody": body},
  )
  async def create(request: Request) -> Response:
    """Makes a stream, from English or a spec. An equal spec is the same stream."""
    owner = await guard.owner(request)
    spec, understood = await read_request(request)
    stream, new = await streams.create(spec, owner)
    return _json(
      streams.answered(stream, owner, understood, request.headers["host"]), 201 if new else 200
    )

  @app.post(
    "/v1/streams/parse",
    response_model=shapes.Parsed,
    responses=_errors(400, 408, 413, 422, 501),
    openapi_extra={"requestBody": text},
  )
  async def parse(request: Request) -> Response:
    """What a request in English means; nothing is started."""
    await guard.owner(request)
    posted = await _read(request, shapes.TextRequest)
    answer: Answer = await streams.understand(posted.natural_language)
    return _json({"spec": answer.reading.spec, "understood": answer.understood()})

  @app.get("/v1/streams", response_model=list[shapes.Listed], responses=_errors())
  async def listed(request: Request) -> Response:
    """The caller's streams, the oldest first."""
    return _json(streams.of(await guard.owner(request)))

  @app.get("/v1/streams/{stream_id}", response_model=shapes.Listed, responses=_errors(404, 503))
  async def one(request: Request, stream_id: str) -> Response:
    """One stream."""
    streams.entry(stream_id, await guard.owner(request))
    return _json(streams.shown(stream_id))

  @app.put(
    "/v1/streams/{stream_id}",
    response_model=shapes.Created,
    responses=_errors(400, 408, 404, 413, 422, 429, 501, 503),
    openapi_extra={"requestBody": body},
  )
  async def replace(request: Request, stream_id: str) -> Response:
    """Puts another spec in the place of a stream's. The id follows from the spec, so the answer has
    another `stream_id`, and the old one is deleted."""
    owner = await guard.owner(request)
    streams.entry(stream_id, owner)
    spec, understood = await read_request(request)
    new = await streams.replace(stream_id, spec, owner)
    return _json(streams.answered(new, owner, understood, request.headers["host"]))

  @app.delete("/v1/streams/{stream_id}", response_model=shapes.Deleted, responses=_errors(404, 503))
  async def delete(request: Request, stream_id: str) -> Response:
    """Ends a stream and its tokens, and removes its log; open sockets close within a
    second."""
    await streams.delete(stream_id, await guard.owner(request))
    return _json({"status": "deleted", "stream_id": stream_id})

  @app.get("/v1/streams/{stream_id}/spec", responses=_errors(404, 503))
  async def spec_of(request: Request, stream_id: str) -> Response:
    """The spec of a stream."""
    return _json(streams.entry(stream_id, await guard.owner(request)).stored.document)

  @app.get("/v1/streams/{stream_id}/schema", responses=_errors(404, 503))
  async def schema_of(request: Request, stream_id: str) -> Response:
    """The fields of a stream's events with their types, as JSON Schema."""
    entry = streams.entry(stream_id, await guard.owner(request))
    return _json(_schema(streams, entry.stored.id))

  @app.post(
    "/v1/streams/{stream_id}/token", response_model=shapes.Token, responses=_errors(404, 503)
  )
  async def token_of(request: Request, stream_id: str) -> Response:
    """A fresh token for a stream."""
    owner = await guard.owner(request)
    streams.entry(stream_id, owner)
    token = streams.token(stream_id, owner)
    return _json(
      {
        "token": token,
        "ws_url": streams.ws_url(stream_id, token, request.headers["host"]),
        "expires_in_sec": int(config.token_ttl),
      }
    )

  @app.get(
    "/v1/streams/{stream_id}/metrics",
    response_model=shapes.StreamMetrics,
    responses=_errors(404, 503),
  )
  async def metrics_of(request: Request, stream_id: str) -> Response:
    """Figures of a stream."""
    stored = streams.entry(stream_id, await guard.owner(request)).stored
    return _json(figures(streams.running(stream_id), stream_id, stored.created_at))

  @app.get("/v1/why/{position}", response_model=shapes.Why, responses=_errors(404, 422, 503))
  async def why(request: Request, position: str, limit: int = MOST_EVENTS) -> Response:
    """What an event (SEQ or EPOCH:SEQ) or a window of a stream (STREAM_ID:SEQ) was made of: events,
    gaps, transforms with their settings, and whether computing it again gives the same. It reaches
    as far back as the server's logs."""
    owner = await guard.owner(request)
    found = await why_of(server, streams, owner, position)
    return _json(found.as_data(max(0, min(limit, MOST_EVENTS))))

  add_questions(app, server.answers, guard, _read_object)

  @app.get("/v1/replay", responses=_errors(404))
  async def replay(request: Request) -> Response:
    """The state of the recording that is played."""
    await guard.owner(request)
    return _json(await steered(server, {"type": "replay"}))

  @app.post("/v1/replay", responses=_errors(400, 404, 408, 409, 413, 422))
  async def steer(request: Request) -> Response:
    """Steers the recording that is played: `type` is advance, pause, resume, seek, speed or decide,
    as in messages on its WebSocket."""
    await guard.owner(request)
    return _json(await steered(server, await _read_object(request)))

  # The server itself -----------------------------------------------------------------------------

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
    return _json({"status": "ok", **own, "sources": server.sources(), **known})

  @app.get("/readyz", response_model=shapes.Health, responses=_errors(503))
  @app.get("/ready", response_model=shapes.Health, responses=_errors(503))
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
    return _json(found)

  @app.get("/", include_in_schema=False)
  async def start() -> Response:
    return RedirectResponse("/docs")

  @app.get("/docs", include_in_schema=False)
  async def docs() -> Response:
    return HTMLResponse(_page(app.openapi()))

  return app


async def _read_object(request: Request) -> dict[str, Any]:
  """The body as an object. Raises ApiError 400, 413 or 422."""
  data = await _read_json(request)
  if not isinstance(data, dict):
    raise ApiError(422, 'send an object such as {"type": "advance", "to": "next"}')
  return data


async def _read_json(request: Request) -> Any:
  """The body. Raises ApiError 400 or 413, which says what is wrong."""
  body = b""
  async with aclosing(request.stream()) as parts:
    async for part in parts:
      body += part
      if len(body) > MAX_BODY:
        raise ApiError(413, f"a request has up to {MAX_BODY} bytes")
  try:
    return msgspec.json.decode(body)
  except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
    raise ApiError(400, f"the body is no JSON: {exc}") from None


async def _read(request: Request, shape: type[pydantic.BaseModel]) -> Any:
  """The body as this shape. Raises ApiError 400, 413 or 422, which says what is wrong."""
  data = await _read_json(request)
  try:
    return shape.model_validate(data)
  except pydantic.ValidationError as exc:
    problems = [
      {"path": ".".join(map(str, e["loc"])), "line": None, "message": e["msg"]}
      for e in exc.errors(include_url=False, include_input=False, include_context=False)
    ]
    first = problems[0]
    message = f"{first['path']}: {first['message']}" if first["path"] else str(first["message"])
    raise ApiError(422, message, problems=problems) from None


def _json(body: Any, status: int = 200) -> Response:
  return Response(msgspec.json.encode(body), status, media_type="application/json")


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


def _schema(streams: Streams, stream: str) -> dict[str, Any]:
  running = streams.running(stream)
  if running is None:
    raise ApiError(404, "this stream does not run, so it has no events; see GET /v1/streams")
  spec = running.spec
  kinds: dict[str, type] = {}

  def emitted(key: str) -> list[type]:
    if key in spec.sources:
      return list(spec.sources[key].type.emits)
    node = spec.transforms[key]
    if node.type.emits is not None:
      return list(node.type.emits)
    return [kind for name in node.inputs for kind in emitted(name)]

  for sink in spec.sinks.values():
    for name in sink.inputs:
      kinds.update({kind.__name__: kind for kind in emitted(name)})
  (schemas, components) = msgspec.json.schema_components(
    kinds.values(), ref_template="#/$defs/{name}"
  )
  return {"oneOf": list(schemas), "$defs": components}


def _add_error_handlers(app: FastAPI) -> None:
  async def refused(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, ApiError)
    return problem(exc)

  async def http(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)
    if exc.status_code == 404:
      return problem(ApiError(404, "there is nothing here; GET /docs shows what there is"))
    if exc.status_code == 405:
      detail = f"{request.method} is not for this; GET /docs shows what is"
      return problem(ApiError(405, detail, headers=exc.headers))
    return problem(ApiError(exc.status_code, str(exc.detail), headers=exc.headers))

  async def malformed(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, RequestValidationError)
    problems = [
      {"path": ".".join(map(str, e["loc"][1:])), "line": None, "message": e["msg"]}
      for e in exc.errors()
    ]
    first = problems[0]
    return problem(ApiError(422, f"{first['path']}: {first['message']}", problems=problems))

  async def failed(request: Request, exc: Exception) -> Response:
    logger.error("%s %s failed", request.method, request.url.path, exc_info=exc)
    return problem(ApiError(500, "this is a fault of the server, which has logged it"))

  app.add_exception_handler(ApiError, refused)
  app.add_exception_handler(HTTPException, http)
  app.add_exception_handler(RequestValidationError, malformed)
  app.add_exception_handler(Exception, failed)


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
