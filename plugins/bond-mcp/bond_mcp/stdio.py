"""A session over standard input and output."""

import trio
from mcp.server.stdio import stdio_server

from bond_mcp.desk import Desk
from bond_mcp.sdk import make_server


async def serve_stdio(desk: Desk) -> None:
  """Answers until standard input ends."""
  server = make_server(desk)
  async with stdio_server() as (requests, answers):
    await server.run(requests, answers, server.create_initialization_options())
  await trio.lowlevel.checkpoint()
