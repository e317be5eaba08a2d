"""The SDK's server with our tools. Whatever it raises or leaves hanging ends one call or one
session: each has a server object of its own, and a time."""

import logging
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from typing import Any

import mcp_types as types
import msgspec
import trio
from bond_server.answers import QuestionRefused
from mcp.server.lowlevel.server import Server

from bond_mcp.desk import Desk
from bond_mcp.tools import INSTRUCTIONS, Tool

logger = logging.getLogger("bond.mcp")

ANSWER_WITHIN = 58.0
"""Seconds of the longest call: clients end theirs after a minute."""


def make_server(desk: Desk) -> Server[Any]:
  """A server whose tools a desk answers."""

  async def list_tools(
    _: Any, params: types.PaginatedRequestParams | None
  ) -> types.ListToolsResult:
    return types.ListToolsResult(tools=listed(await desk.tools()))

  async def call_tool(_: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
    return await answered(desk, params.name, params.arguments or {})

  server: Server[Any] = Server(
    "bond",
    version=_version(),
    title="Bond: live markets",
    instructions=INSTRUCTIONS,
    on_list_tools=list_tools,
    on_call_tool=call_tool,
  )
  # Spans of a tracer that is not there, which cost as much as the rest of a call.
  server.middleware.clear()
  return server


@cache
def _version() -> str:
  # Read from the disk, and a server is made for each request.
  return version("bond-mcp")


def listed(tools: Sequence[Tool]) -> list[types.Tool]:
  """Tools as the protocol lists them, always in this order."""
  return [
    types.Tool(
      name=tool.name,
      description=tool.description,
      input_schema=tool.input_schema,
      output_schema=tool.output_schema,
      annotations=None if tool.changes else types.ToolAnnotations(read_only_hint=True),
    )
    for tool in tools
  ]


async def answered(desk: Desk, name: str, arguments: dict[str, Any]) -> types.CallToolResult:
  """The answer of a tool: the same facts as text and as structured content."""
  failed = False
  try:
    with trio.fail_after(ANSWER_WITHIN):
      answer = await desk.ask(name, arguments)
  except QuestionRefused as exc:
    failed, answer = True, _refusal(exc)
  except trio.TooSlowError:
    failed, answer = True, {"error": "the answer took too long; ask for less", "status": 504}
  except Exception as exc:
    logger.error("the tool %s failed", name[:40], exc_info=exc)
    failed = True
    answer = {"error": "this is a fault of the server, which has logged it", "status": 500}
  text = msgspec.json.encode(answer).decode()
  # An error has no answer's shape.
  return types.CallToolResult(
    content=[types.TextContent(type="text", text=text)],
    structured_content=None if failed else answer,
    is_error=failed,
  )


def _refusal(exc: QuestionRefused) -> dict[str, Any]:
  answer: dict[str, Any] = {"error": str(exc), "status": exc.status}
  if exc.retry_after is not None:
    answer["retry_after_s"] = max(1, round(exc.retry_after))
  if exc.quoted:
    answer["untrusted"] = exc.quoted
  return answer
