"""How a log on the disk is configured."""

from typing import Any, Literal

import attrs

from bond_core import Duration, Size

SMALLEST = Size(1024 * 1024)


def _check_keep(_: Any, attribute: Any, keep: Duration) -> None:
  if keep <= 0:
    raise ValueError(f"{attribute.name} is 0, so nothing would be stored; write 24h, for example")


def _check_size(_: Any, attribute: Any, size: Size) -> None:
  if size < SMALLEST:
    raise ValueError(f"{attribute.name} is {size}; a log needs {SMALLEST} at least")


def _check_path(_: Any, attribute: Any, path: str) -> None:
  if not path or "\0" in path:
    raise ValueError(f"{attribute.name} names no folder")


@attrs.frozen
class FileLog:
  """Where a log is stored, how long and how much of it, whichever ends first; `path` is a folder
  and may begin with `~`.

  What is acknowledged survives the process in mode `process` (kill -9), and a loss of power in mode
  `power`, which waits for the disk. `ring_keep` and `ring_size` say how much stays in memory for
  those who read along.
  """

  path: str = attrs.field(validator=_check_path)
  keep: Duration = attrs.field(default=Duration(86400.0), validator=_check_keep)
  size: Size = attrs.field(default=Size(1024**3), validator=_check_size)
  mode: Literal["process", "power"] = "process"
  ring_keep: Duration = Duration(60.0)
  ring_size: Size = Size(64 * 1024 * 1024)
