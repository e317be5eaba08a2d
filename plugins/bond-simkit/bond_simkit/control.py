"""The control endpoint under /_sim, which shows and changes a simulator while it runs."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from bond_simkit.errors import SimulatorError
from bond_simkit.http import HttpRequest, HttpResponse, json_response
from bond_simkit.notation import FaultNotation, VenueFault

PREFIX = "/_sim/"

ControlRoute = Callable[[HttpRequest], HttpResponse]


class ControlEndpoint:
  """Responds to requests by method and path, such as "GET /_sim/stats"."""

  def __init__(self, routes: Mapping[str, ControlRoute]) -> None:
    self._routes = routes

  def respond(self, request: HttpRequest) -> HttpResponse | None:
    """The response to a request under /_sim, None for one that is the venue's."""
    if not request.path.startswith(PREFIX):
      return None
    route = self._routes.get(f"{request.method} {request.path}")
    if route is None:
      known = ", ".join(self._routes)
      return json_response({"error": f"no such control; there are {known}"}, 404)
    return route(request)


def fault_route(notation: FaultNotation, strike: Callable[[VenueFault], Any]) -> ControlRoute:
  """The route of POST /_sim/faults: passes the fault in a body such as {"fault": "drop"} to
  `strike` and responds 201 with what that returns, or 400 with a sentence where it is not valid."""

  def respond(request: HttpRequest) -> HttpResponse:
    try:
      written = msgspec.json.decode(request.body, type=dict[str, str])["fault"]
    except (msgspec.DecodeError, KeyError):
      return json_response({"error": 'send a JSON object such as {"fault": "drop"}'}, 400)
    try:
      fault = notation.parse(written)
    except SimulatorError as error:
      return json_response({"error": str(error)}, 400)
    return json_response(strike(fault) or {}, 201)

  return respond
