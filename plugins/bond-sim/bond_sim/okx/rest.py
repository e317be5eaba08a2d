"""OKX's public REST as clients meet it: endpoints, their limits, errors."""

from collections import Counter, deque
from collections.abc import Mapping

import trio

from bond_sim.http import Request, Response, json_response
from bond_sim.okx.source import Answer, RestError

PREFIX = "/api/v5/"
ASKED, ASKED_SECONDS = 20, 2.0
"""Requests of one address to one endpoint; the smallest of the published limits, except for those
of histories."""
ASKED_OF_HISTORY = 10
HISTORIES = ("public/funding-rate-history", "rubik/stat/contracts/open-interest-history")
"""Their limit is by address and instrument ("Get funding rate history", "Get contract open interest
history")."""


class Rest:
  """Answers requests, by endpoint behind PREFIX, and meters them by address and endpoint."""

  def __init__(self, answers: Mapping[str, Answer], violations: Counter[str]) -> None:
    self._answers = answers
    self._violations = violations
    self._asked: dict[tuple[str, str], deque[float]] = {}

  def respond(self, request: Request) -> Response:
    """The answer to a request; its path has no host any more."""
    endpoint = request.path.removeprefix(PREFIX)
    answer = self._answers.get(endpoint)
    if request.method != "GET" or answer is None or not request.path.startswith(PREFIX):
      return json_response({"error": f"the simulator has no {request.method} {request.path}"}, 404)
    try:
      self._meter(request, endpoint)
      data = answer(request)
    except RestError as error:
      body = {"code": error.code, "msg": error.message, "data": []}
      return json_response(body, error.status)
    return json_response({"code": "0", "msg": "", "data": data})

  def _meter(self, request: Request, endpoint: str) -> None:
    most, metered = ASKED, endpoint
    if endpoint in HISTORIES:
      most, metered = ASKED_OF_HISTORY, f"{endpoint} {request.param('instId')}"
    asked = self._asked.setdefault((request.peer, metered), deque())
    now = trio.current_time()
    while asked and asked[0] <= now - ASKED_SECONDS:
      asked.popleft()
    asked.append(now)
    if len(asked) > most:
      self._violations[f"requests of {endpoint}"] += 1
      raise RestError("50011", "Too Many Requests", 429)
