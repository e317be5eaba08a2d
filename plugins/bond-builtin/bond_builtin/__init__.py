"""What every spec may use: the components named `core.…`, by the same door as any plugin's."""

from collections.abc import Iterable

from bond_core import LogType, SinkType, SourceType, TransformType, hookimpl


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
