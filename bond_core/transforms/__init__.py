"""The core's transforms: functions and small objects over batches, one file each."""

from importlib import import_module

from bond_core.components import TransformSpec

_FILES = ("filter", "project", "map", "dedupe", "merge", "window", "sample", "consolidate")


def specs() -> list[TransformSpec]:
  """What each file describes."""
  return [import_module(f"{__name__}.{name}").SPEC for name in _FILES]
