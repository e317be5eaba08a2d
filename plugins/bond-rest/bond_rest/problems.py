"""Errors as RFC 9457 writes them: application/problem+json."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.responses import Response

from bond_core import SpecError

MEDIA_TYPE = "application/problem+json"


class ApiError(Exception):
  """An answer that says what is wrong: a status, a sentence, and more members."""

  def __init__(
    self,
    status: int,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    **more: Any,
  ) -> None:
    super().__init__(detail)
    self.status = status
    self.detail = detail
    self.headers = dict(headers or {})
    self.more = more


def problem_of(error: ApiError) -> dict[str, Any]:
  """The members of the answer."""
  return {
    "type": "about:blank",
    "title": HTTPStatus(error.status).phrase,
    "status": error.status,
    "detail": error.detail,
    **error.more,
  }


def problem(error: ApiError) -> Response:
  """The answer."""
  return Response(
    msgspec.json.encode(problem_of(error)),
    error.status,
    headers=error.headers,
    media_type=MEDIA_TYPE,
  )


def of_spec(error: SpecError, *, lines: bool) -> ApiError:
  """Everything that is wrong with a spec. `lines` says that its text was the caller's own; a spec
  that came as JSON has no lines that the caller would know."""
  problems = [
    {"path": found.path, "line": found.line if lines else None, "message": found.message}
    for found in error.problems
  ]
  first = problems[0]
  detail = f"{first['path']}: {first['message']}" if first["path"] else str(first["message"])
  if len(problems) > 1:
    detail += f" (and {len(problems) - 1} more)"
  return ApiError(422, detail, problems=problems)
