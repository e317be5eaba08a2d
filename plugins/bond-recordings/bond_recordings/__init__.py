"""Commands for recordings: what is recorded live can be proven, exported and played again."""

from collections.abc import Iterable

import click

from bond_core import CommandType, hookimpl


def _record() -> click.Command:
  from bond_recordings.commands.record import record_command

  return record_command


def _verify() -> click.Command:
  from bond_recordings.commands.verify import verify_command

  return verify_command


def _export() -> click.Command:
  from bond_recordings.commands.export import export_command

  return export_command


def _replay() -> click.Command:
  from bond_recordings.commands.replay import replay_command

  return replay_command


def _why() -> click.Command:
  from bond_recordings.commands.why import why_command

  return why_command


@hookimpl
def bond_register_commands() -> Iterable[CommandType]:
  """What makes a recording, and what is done with one."""
  yield CommandType(name="record", summary="Record a spec's events into a file.", load=_record)
  yield CommandType(
    name="export", summary="Export a recording to Parquet, CSV or hftbacktest.", load=_export
  )
  yield CommandType(name="replay", summary="Play a recording again.", load=_replay)
  yield CommandType(
    name="verify", summary="Prove that a recording is as it was written.", load=_verify
  )
  yield CommandType(name="why", summary="Say what an event or window was made of.", load=_why)
