"""Live markets for AI agents over the Model Context Protocol (docs/agents.md)."""

from collections.abc import Iterable
from typing import Any

import click

from bond_core import CommandType, NoConfig, ServiceType, hookimpl


async def _serve(config: NoConfig, server: Any, **options: Any) -> None:
  # The SDK takes most of a second to import, so only the first request pays for it.
  from bond_mcp.service import serve

  await serve(config, server, **options)


@hookimpl
def bond_register_services() -> Iterable[ServiceType]:
  """`/mcp` on the control plane's port."""
  yield ServiceType(
    name="mcp",
    summary="Tools for AI agents, at /mcp on the control plane's port.",
    config=NoConfig,
    serve=_serve,
  )


def _command() -> click.Command:
  from bond_mcp.command import mcp_command

  return mcp_command


@hookimpl
def bond_register_commands() -> Iterable[CommandType]:
  """The server that an agent's program starts for itself."""
  yield CommandType(name="mcp", summary="Give an AI agent live markets, over stdio.", load=_command)
