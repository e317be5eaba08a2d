"""A log on the disk, `core.file`: what a log stores outlives the process."""

from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

from bond_core import LogType, hookimpl

if TYPE_CHECKING:
  from bond_core.logs import Engine


@hookimpl
def bond_register_logs() -> Iterable[LogType]:
  """The engine."""
  from bond_core.logs import RingSize
  from bond_filelog.config import FileLog

  yield LogType(
    name="core.file",
    summary="A log on this machine's disk: resuming and going back reach over restarts.",
    config=FileLog,
    open=_open,
    remove=_remove,
    ring=lambda config: RingSize(config.ring_keep, config.ring_size),
    example="{path: ~/.local/share/bond/log, keep: 24h, size: 1GiB}",
  )


def _open(config: Any, name: str) -> "AbstractAsyncContextManager[Engine]":
  from bond_filelog.engine import open_file_log

  return open_file_log(config, name)


async def _remove(config: Any, name: str) -> None:
  from bond_filelog.engine import remove_file_log

  await remove_file_log(config, name)
