"""What a folder holds of a log, after an orderly end, a kill or a loss of power."""

import logging
import re
from pathlib import Path
from typing import Final, NamedTuple

from bond_core.logs import EngineError
from bond_filelog.disk import Disk, Reading
from bond_filelog.record import HEADER, is_of_another_version
from bond_filelog.segment import SUFFIX, Loaded, Segment, load
from bond_filelog.tail import cut

logger = logging.getLogger("bond.log")

_SEGMENT: Final = re.compile(rf"[0-9]{{20}}{re.escape(SUFFIX)}")


class Recovered(NamedTuple):
  """A log as it was left. `resumable` is the last segment where it can be appended to; without an
  epoch nothing is stored."""

  epoch: bytes | None
  segments: tuple[Segment, ...]
  resumable: Segment | None
  head: int
  finished: bool


def recovered(disk: Disk, folder: Path) -> Recovered:
  """The log in a folder.

  What follows the last whole record is cut off, on the disk when this returns: a torn record, and
  the mark of an orderly end. From here on numbers are given that only this process knows, so a kill
  must find no such mark.
  """
  names = sorted(filter(_SEGMENT.fullmatch, disk.names(folder)), reverse=True)
  epoch: bytes | None = None
  found: list[Loaded] = []
  for name in names:
    # The newest record says which epoch is valid.
    loaded = load(disk, folder / name, epoch)
    epoch = loaded.epoch
    found.append(loaded)
  segments = tuple(loaded.segment for loaded in reversed(found) if not loaded.segment.empty)
  finished = found[0].finished if found and segments else None
  for loaded in found:
    if loaded.segment.empty:
      _set_aside(disk, loaded, newest=loaded is found[0])
  last = None
  if found and not found[0].segment.empty and not found[0].sealed:
    last = found[0].segment
    _cut_rest(disk, found[0])
  head = max([*(segment.last for segment in segments), finished or 0], default=0)
  return Recovered(epoch if segments else None, segments, last, head, finished is not None)


def _cut_rest(disk: Disk, loaded: Loaded) -> None:
  segment = loaded.segment
  rest = segment.stored - segment.size
  if not rest:
    return
  if loaded.finished is None or rest > HEADER.size:
    logger.warning("%s: its last %d bytes are no whole record and are cut off", segment.path, rest)
  cut(disk, segment.path, segment.size)
  segment.stored = segment.size


def _set_aside(disk: Disk, loaded: Loaded, *, newest: bool) -> None:
  """Takes a file without a single record out of the way."""
  path, size = loaded.segment.path, loaded.segment.stored
  with Reading(disk, path) as file:
    if is_of_another_version(file.at):
      message = f"{path} was written by another version of bond; give this one another `path`"
      raise EngineError(message)
  if newest or not size:
    # Nothing, a mark, or the beginning of a record that was never acknowledged.
    cut(disk, path, 0)
    disk.remove(path)
    return
  aside = path.with_name(f"{path.name}.damaged")
  disk.rename(path, aside)
  logger.error("%s: no record of it can be read; it is %s now and can be deleted", path, aside.name)
