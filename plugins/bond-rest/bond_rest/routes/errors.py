"""The errors of routes: as they are described, and as they are answered."""

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from bond_rest import shapes
from bond_rest.problems import MEDIA_TYPE, ApiError, problem

logger = logging.getLogger("bond.rest")

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


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
  """What a route may answer besides what it is for, for its description."""
  return {
    status: {
      "model": shapes.Problem,
      "description": _SAID[status],
      "content": {MEDIA_TYPE: {}},
    }
    for status in (401, 403, 421, *statuses)
  }


def add_error_handlers(app: FastAPI) -> None:
  """Answers whatever goes wrong as a problem."""

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
