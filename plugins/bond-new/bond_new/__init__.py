"""bond new: a plugin to start from, whose own tests pass at once."""

from collections.abc import Iterable

import click

from bond_core import CommandType, hookimpl


def _new() -> click.Command:
  from bond_new.command import new_command

  return new_command


@hookimpl
def bond_register_commands() -> Iterable[CommandType]:
  """The command."""
  yield CommandType(name="new", summary="Write a plugin to start from, with its tests.", load=_new)
