"""The service of `bond serve`: /mcp on the control plane's port."""

from typing import TYPE_CHECKING

import trio

from bond_core import NoConfig

if TYPE_CHECKING:
  from bond_server.doors import Server

PATH = "/mcp"


async def serve(
  config: NoConfig,
  server: "Server",
  *,
  task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
) -> None:
  """Answers requests to /mcp until the server stops."""
  from bond_mcp.http import McpApp

  server.doors.answer(PATH, McpApp(server))
  task_status.started([f"{PATH} on the control plane's port"])
  await server.stopping.wait()
