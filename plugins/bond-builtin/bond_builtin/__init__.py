"""The components named `core.…`, which every spec may use; they are registered as any plugin's
are."""

from collections.abc import Iterable

import click

from bond_core import CommandType, LogType, SinkType, SourceType, TransformType, hookimpl


@hookimpl
def bond_register_sources() -> Iterable[SourceType]:
  """A recording, played again."""
  from bond_builtin.sources import recording

  return [recording.TYPE]


@hookimpl
def bond_register_transforms() -> Iterable[TransformType]:
  """Functions and small objects over batches."""
  from bond_builtin import transforms

  return transforms.types()


@hookimpl
def bond_register_sinks() -> Iterable[SinkType]:
  """A screen, a recording, and a stream that a server's clients read."""
  from bond_builtin.sinks import recorder, screen, stream

  return [screen.TYPE, recorder.TYPE, stream.TYPE]


@hookimpl
def bond_register_logs() -> Iterable[LogType]:
  """A log that lives in memory only."""
  from bond_builtin import memory

  return [memory.TYPE]


def _init() -> click.Command:
  from bond_builtin.commands.init import init_command

  return init_command


def _run() -> click.Command:
  from bond_builtin.commands.run import run_command

  return run_command


def _check() -> click.Command:
  from bond_builtin.commands.check import check_command

  return check_command


def _schema() -> click.Command:
  from bond_builtin.commands.schema import schema_command

  return schema_command


def _plan() -> click.Command:
  from bond_builtin.commands.plan import plan_command

  return plan_command


def _plugins() -> click.Command:
  from bond_builtin.commands.plugins import plugins_command

  return plugins_command


def _sim() -> click.Command:
  from bond_builtin.commands.sim import sim_command

  return sim_command


@hookimpl
def bond_register_commands() -> Iterable[CommandType]:
  """What writes a spec, runs one, and looks at one."""
  yield CommandType(name="init", summary="Write a spec to start from.", load=_init)
  yield CommandType(name="run", summary="Run a spec: live events until Ctrl-C.", load=_run)
  yield CommandType(
    name="check", summary="Check a spec and show every problem at once.", load=_check
  )
  yield CommandType(name="plan", summary="Say what a spec would cost each venue.", load=_plan)
  yield CommandType(name="schema", summary="Print the JSON Schema of a spec.", load=_schema)
  yield CommandType(name="plugins", summary="List installed plugins.", load=_plugins)
  yield CommandType(name="sim", summary="Run a simulated venue.", load=_sim)
