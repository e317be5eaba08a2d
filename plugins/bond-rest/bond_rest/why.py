"""GET /v1/why: what an event or window was made of."""

from bond_recordkit.errors import RecordingError
from bond_recordkit.lookup import read_position
from bond_recordkit.served import why_in_market, why_of_stream
from bond_recordkit.why import Why
from bond_server.doors import Server

from bond_core.logs import EngineError
from bond_rest.problems import ApiError
from bond_rest.streams import Streams


async def why_of(server: Server, streams: Streams, owner: str, text: str) -> Why:
  """The answer for a position. Raises ApiError 422 for what is none, 404 where there is nothing of
  the caller's at it, 503 where a log cannot be read."""
  try:
    position = read_position(text)
  except RecordingError as exc:
    raise ApiError(422, str(exc)) from exc
  try:
    if position.of in (None, server.log.epoch):
      if server.player is not None and position.seq > server.log.head:
        raise ApiError(409, "look_ahead: that event lies after the time of this replay")
      return await why_in_market(server.log, position.seq)
    running = server.streams.get(position.of or "")
    if running is None or running.caller is not None:
      streams.entry(position.of or "", owner)
    if running is None:
      raise ApiError(404, "this stream does not run, so its log is closed; see GET /v1/streams")
    return await why_of_stream(server.log, running, position.seq)
  except RecordingError as exc:
    raise ApiError(404, str(exc)) from exc
  except EngineError as exc:
    raise ApiError(503, str(exc), headers={"Retry-After": "5"}) from exc
