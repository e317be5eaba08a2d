"""core.file: a log that outlives the process, as a component that a spec can name."""

from contextlib import AbstractAsyncContextManager
from typing import Any, Literal

import attrs

from bond_core.components import LogSpec
from bond_core.log.engine import Engine
from bond_core.log.ring import Ring
from bond_core.spec.values import Duration, Size

SMALLEST = Size(1024 * 1024)


def _check_keep(_: Any, attribute: Any, keep: Duration) -> None:
  if keep <= 0:
    raise ValueError(f"{attribute.name} is 0, so nothing would be kept; write 24h, for example")


def _check_size(_: Any, attribute: Any, size: Size) -> None:
  if size < SMALLEST:
    raise ValueError(f"{attribute.name} is {size}; a log needs {SMALLEST} at least")


def _check_path(_: Any, attribute: Any, path: str) -> None:
  if not path or "\0" in path:
    raise ValueError(f"{attribute.name} names no folder")


@attrs.frozen
class FileLog:
  """Where a log is kept, how long and how much of it, whichever ends first; `path` is a folder and
  may begin with `~`.

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


def _open(config: FileLog, name: str) -> AbstractAsyncContextManager[Engine]:
  from bond_core.log.file.engine import open_file_log

  return open_file_log(config, name)


async def _remove(config: Any, name: str) -> None:
  from bond_core.log.file.engine import remove_file_log

  await remove_file_log(config, name)


SPEC = LogSpec(
  name="core.file",
  summary="A log on this machine's disk: resuming and going back reach over restarts.",
  config=FileLog,
  open=_open,
  remove=_remove,
  ring=lambda config: Ring(config.ring_keep, config.ring_size),
  example="{path: ~/.local/share/bond/log, keep: 24h, size: 1GiB}",
)
