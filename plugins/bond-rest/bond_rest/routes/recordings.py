"""What was before: what an event was made of, and the recording that is played."""

from bond_recordkit.why import MOST_EVENTS
from bond_server.doors import Server
from fastapi import FastAPI, Request
from starlette.responses import Response

from bond_rest import shapes
from bond_rest.bodies import as_json, read_object
from bond_rest.guard import Guard
from bond_rest.replay import steered
from bond_rest.routes.errors import errors
from bond_rest.streams import Streams
from bond_rest.why import why_of


def add_why(app: FastAPI, server: Server, streams: Streams, guard: Guard) -> None:
  """Adds what looks behind an event."""

  @app.get("/v1/why/{position}", response_model=shapes.Why, responses=errors(404, 422, 503))
  async def why(request: Request, position: str, limit: int = MOST_EVENTS) -> Response:
    """What an event (SEQ or EPOCH:SEQ) or a window of a stream (STREAM_ID:SEQ) was made of: events,
    gaps, transforms with their settings, and whether computing it again gives the same. It reaches
    as far back as the server's logs."""
    owner = await guard.owner(request)
    found = await why_of(server, streams, owner, position)
    return as_json(found.as_data(max(0, min(limit, MOST_EVENTS))))


def add_replay(app: FastAPI, server: Server, guard: Guard) -> None:
  """Adds what steers a recording."""

  @app.get("/v1/replay", responses=errors(404))
  async def replay(request: Request) -> Response:
    """The state of the recording that is played."""
    await guard.owner(request)
    return as_json(await steered(server, {"type": "replay"}))

  @app.post("/v1/replay", responses=errors(400, 404, 408, 409, 413, 422))
  async def steer(request: Request) -> Response:
    """Steers the recording that is played: `type` is advance, pause, resume, seek, speed or decide,
    as in messages on its WebSocket."""
    await guard.owner(request)
    return as_json(await steered(server, await read_object(request)))
