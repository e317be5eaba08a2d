"""OKX's public REST: endpoints, their limits, errors."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from bond_simkit import HttpRequest, HttpResponse, RateMeter, json_response

from bond_sim.market.rest import VenueRestError
from bond_sim.okx.markets import OkxEndpoint

PREFIX = "/api/v5/"
REQUESTS, REQUESTS_OF_HISTORY, REQUEST_SECONDS = 20, 10, 2.0
"""Requests of one address to one endpoint: the smallest of the published limits, except for those
of histories."""
HISTORIES = ("public/funding-rate-history", "rubik/stat/contracts/open-interest-history")
"""Their limit is by address and instrument ("Get funding rate history", "Get contract open interest
history")."""


class OkxRest:
  """Responds to requests, by endpoint after PREFIX, and meters them by address and endpoint."""

  def __init__(self, endpoints: Mapping[str, OkxEndpoint], violations: Counter[str]) -> None:
    self._endpoints = endpoints
    self._violations = violations
    self._requests = RateMeter(REQUESTS, REQUEST_SECONDS)
    self._requests_of_history = RateMeter(REQUESTS_OF_HISTORY, REQUEST_SECONDS)

  def respond(self, request: HttpRequest) -> HttpResponse:
    """The response to a request whose path has no host."""
    name = request.path.removeprefix(PREFIX)
    endpoint = self._endpoints.get(name)
    if request.method != "GET" or endpoint is None or not request.path.startswith(PREFIX):
      return json_response({"error": f"the simulator has no {request.method} {request.path}"}, 404)
    try:
      self._meter(request, name)
      data = endpoint(request)
    except VenueRestError as error:
      body: dict[str, Any] = {"code": error.code, "msg": error.message, "data": []}
      return json_response(body, error.status)
    return json_response({"code": "0", "msg": "", "data": data})

  def _meter(self, request: HttpRequest, name: str) -> None:
    if name in HISTORIES:
      admitted = self._requests_of_history.admit((request.peer, name, request.param("instId")))
    else:
      admitted = self._requests.admit((request.peer, name))
    if not admitted:
      self._violations[f"requests of {name}"] += 1
      raise VenueRestError("50011", "Too Many Requests", 429)
