"""A recording as time passes in it: its lines moment by moment, at any pace."""

from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import trio
from bond_recordkit.reader import event_lines

from bond_recordings.lines import Picker, Selection


class Moment(NamedTuple):
  """Lines that were received at one time (epoch ms)."""

  ms: int
  lines: list[bytes]


def moments(paths: Sequence[Path], wanted: Selection) -> Iterator[list[Moment]]:
  """The lines that are wanted, by the time of their receipt, frame by frame."""
  picker = Picker(wanted)
  for part in event_lines(paths):
    if picker.skips(part):
      continue
    found: list[Moment] = []
    for now, line in picker.pick(part.lines):
      if found and found[-1].ms == now:
        found[-1].lines.append(line)
      else:
        found.append(Moment(now, [line]))
    yield found
    if picker.over:
      return


async def paced(paths: Sequence[Path], wanted: Selection, speed: float) -> AsyncIterator[Moment]:
  """The moments of a recording, each when its time has come at `speed` times the pace of its
  recording; 0 is as fast as they are taken."""
  source = moments(paths, wanted)
  first: int | None = None
  began = trio.current_time()
  while (found := await trio.to_thread.run_sync(next, source, None)) is not None:
    for moment in found:
      first = moment.ms if first is None else first
      if speed:
        await trio.sleep_until(began + (moment.ms - first) / 1000 / speed)
      yield moment
