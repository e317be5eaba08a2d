"""The bodies of requests and of answers."""

from contextlib import aclosing
from typing import Any, Final

import msgspec
import pydantic
from fastapi import Request
from starlette.responses import Response

from bond_rest.problems import ApiError

MAX_BODY: Final = 256 * 1024
"""Bytes of a request: as much as a spec may have."""


async def read_object(request: Request) -> dict[str, Any]:
  """The body as an object. Raises ApiError 400, 413 or 422."""
  data = await read_json(request)
  if not isinstance(data, dict):
    raise ApiError(422, 'send an object such as {"type": "advance", "to": "next"}')
  return data


async def read_json(request: Request) -> Any:
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


async def read_shape(request: Request, shape: type[pydantic.BaseModel]) -> Any:
  """The body as this shape. Raises ApiError 400, 413 or 422, which says what is wrong."""
  data = await read_json(request)
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


def as_json(body: Any, status: int = 200) -> Response:
  """An answer in JSON."""
  return Response(msgspec.json.encode(body), status, media_type="application/json")
