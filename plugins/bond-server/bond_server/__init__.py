"""The server of Bond: one log, its sources, the streams of users, and access to them.

Services stand on it: `bond_server.access` (credentials, limits, origins) and
`bond_server.prometheus` are for them; the runtime hands each a `bond_core.services.Server`.
"""

from collections.abc import Iterable

import click

from bond_core import AuthType, CommandType, hookimpl


@hookimpl
def bond_register_auth() -> Iterable[AuthType]:
  """API keys and signed URLs."""
  from bond_server.access import api_keys, signed_urls

  return [signed_urls.TYPE, api_keys.TYPE]


def _serve() -> click.Command:
  from bond_server.commands.serve import serve_command

  return serve_command


def _listen() -> click.Command:
  from bond_server.commands.listen import listen_command

  return listen_command


def _token() -> click.Command:
  from bond_server.commands.token import token_command

  return token_command


def _top() -> click.Command:
  from bond_server.commands.top import top_command

  return top_command


@hookimpl
def bond_register_commands() -> Iterable[CommandType]:
  """What runs a server, and what follows one."""
  yield CommandType(name="serve", summary="Serve the log and streams to clients.", load=_serve)
  yield CommandType(name="listen", summary="Make a stream on a server and follow it.", load=_listen)
  yield CommandType(name="top", summary="Watch a running server.", load=_top)
  yield CommandType(name="token", summary="Make a token that reads a stream.", load=_token)
