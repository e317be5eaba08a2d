"""The core's transforms: functions and small objects over batches, one file each."""

from importlib import import_module

from bond_core import TransformType

_FILES = ("filter", "project", "map", "dedupe", "merge", "window", "sample", "consolidate")


def types() -> list[TransformType]:
  """The type of each file."""
  return [import_module(f"{__name__}.{name}").TYPE for name in _FILES]
