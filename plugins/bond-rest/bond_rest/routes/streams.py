"""Streams: made, listed, replaced and deleted, with their tokens and figures."""

from typing import Any

import msgspec
from bond_commandkit import Answer
from fastapi import FastAPI, Request
from starlette.responses import Response

from bond_rest import shapes
from bond_rest.bodies import as_json, read_shape
from bond_rest.config import RestConfig
from bond_rest.figures import figures
from bond_rest.guard import Guard
from bond_rest.problems import ApiError
from bond_rest.routes.errors import errors
from bond_rest.streams import Streams


def add_streams(app: FastAPI, streams: Streams, guard: Guard, config: RestConfig) -> None:
  """Adds the routes to an application."""
  body = {
    "required": True,
    "content": {"application/json": {"schema": shapes.SpecRequest.model_json_schema()}},
  }
  text = {
    "required": True,
    "content": {"application/json": {"schema": shapes.TextRequest.model_json_schema()}},
  }

  async def read_request(request: Request) -> tuple[Any, dict[str, Any] | None]:
    posted = await read_shape(request, shapes.SpecRequest)
    if (posted.natural_language is None) == (posted.spec is None):
      raise ApiError(422, 'send either "natural_language", a sentence, or "spec"')
    if posted.spec is not None:
      return await streams.spec_of(posted.spec), None
    answer = await streams.understand(posted.natural_language)
    try:
      spec = await streams.confirmed(answer, confirm=posted.confirm)
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
      **errors(400, 408, 413, 422, 429, 501, 503),
    },
    openapi_extra={"requestBody": body},
  )
  async def create(request: Request) -> Response:
    """Makes a stream, from English or a spec. An equal spec is the same stream."""
    owner = await guard.owner(request)
    spec, understood = await read_request(request)
    stream, new = await streams.create(spec, owner)
    return as_json(
      streams.answered(stream, owner, understood, request.headers["host"]), 201 if new else 200
    )

  @app.post(
    "/v1/streams/parse",
    response_model=shapes.Parsed,
    responses=errors(400, 408, 413, 422, 501),
    openapi_extra={"requestBody": text},
  )
  async def parse(request: Request) -> Response:
    """What a request in English means; nothing is started."""
    await guard.owner(request)
    posted = await read_shape(request, shapes.TextRequest)
    answer: Answer = await streams.understand(posted.natural_language)
    return as_json({"spec": answer.reading.spec, "understood": answer.understood()})

  @app.get("/v1/streams", response_model=list[shapes.Listed], responses=errors())
  async def listed(request: Request) -> Response:
    """The caller's streams, the oldest first."""
    return as_json(streams.of(await guard.owner(request)))

  @app.get("/v1/streams/{stream_id}", response_model=shapes.Listed, responses=errors(404, 503))
  async def one(request: Request, stream_id: str) -> Response:
    """One stream."""
    streams.entry(stream_id, await guard.owner(request))
    return as_json(streams.shown(stream_id))

  @app.put(
    "/v1/streams/{stream_id}",
    response_model=shapes.Created,
    responses=errors(400, 408, 404, 413, 422, 429, 501, 503),
    openapi_extra={"requestBody": body},
  )
  async def replace(request: Request, stream_id: str) -> Response:
    """Puts another spec in the place of a stream's. The id follows from the spec, so the answer has
    another `stream_id`, and the old one is deleted."""
    owner = await guard.owner(request)
    streams.entry(stream_id, owner)
    spec, understood = await read_request(request)
    new = await streams.replace(stream_id, spec, owner)
    return as_json(streams.answered(new, owner, understood, request.headers["host"]))

  @app.delete("/v1/streams/{stream_id}", response_model=shapes.Deleted, responses=errors(404, 503))
  async def delete(request: Request, stream_id: str) -> Response:
    """Ends a stream and its tokens, and removes its log; open sockets close within a
    second."""
    await streams.delete(stream_id, await guard.owner(request))
    return as_json({"status": "deleted", "stream_id": stream_id})

  @app.get("/v1/streams/{stream_id}/spec", responses=errors(404, 503))
  async def spec_of(request: Request, stream_id: str) -> Response:
    """The spec of a stream."""
    return as_json(streams.entry(stream_id, await guard.owner(request)).stored.document)

  @app.get("/v1/streams/{stream_id}/schema", responses=errors(404, 503))
  async def schema_of(request: Request, stream_id: str) -> Response:
    """The fields of a stream's events with their types, as JSON Schema."""
    entry = streams.entry(stream_id, await guard.owner(request))
    return as_json(_schema(streams, entry.stored.id))

  @app.post(
    "/v1/streams/{stream_id}/token", response_model=shapes.Token, responses=errors(404, 503)
  )
  async def token_of(request: Request, stream_id: str) -> Response:
    """A fresh token for a stream."""
    owner = await guard.owner(request)
    streams.entry(stream_id, owner)
    token = streams.token(stream_id, owner)
    return as_json(
      {
        "token": token,
        "ws_url": streams.ws_url(stream_id, token, request.headers["host"]),
        "expires_in_sec": int(config.token_ttl),
      }
    )

  @app.get(
    "/v1/streams/{stream_id}/metrics",
    response_model=shapes.StreamMetrics,
    responses=errors(404, 503),
  )
  async def metrics_of(request: Request, stream_id: str) -> Response:
    """Figures of a stream."""
    stored = streams.entry(stream_id, await guard.owner(request)).stored
    return as_json(figures(streams.running(stream_id), stream_id, stored.created_at))


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
