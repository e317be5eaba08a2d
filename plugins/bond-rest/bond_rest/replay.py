"""A recording that is played, steered by HTTP."""

from typing import Any

from bond_server.doors import Server
from bond_server.replaying import STEERS, LookAhead

from bond_core import BondError
from bond_core.config import one_of
from bond_rest.problems import ApiError


async def steered(server: Server, message: dict[str, Any]) -> dict[str, Any]:
  """The state of the player after what a message says. Raises ApiError 404 on a live server, 409
  for what lies ahead, 422 for what is no such message."""
  if server.player is None:
    raise ApiError(404, "this server is live; bond replay --port serves a recording")
  if message.get("type") not in STEERS:
    raise ApiError(422, f"type is one of {one_of(STEERS)}")
  try:
    return await server.player.steer(message)
  except LookAhead as exc:
    raise ApiError(409, f"look_ahead: {exc}") from exc
  except BondError as exc:
    raise ApiError(422, str(exc)) from exc
