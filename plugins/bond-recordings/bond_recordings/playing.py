"""A recording as time passes in it: its lines moment by moment, at any pace."""

from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import trio
from bond_recordkit.reader import event_lines

from bond_recordings.lines import LATE_MS, Reach, Selection, key_of


class Moment(NamedTuple):
  """Lines that were received at one time (epoch ms)."""

  ms: int
  lines: list[bytes]


def moments(paths: Sequence[Path], wanted: Selection) -> Iterator[list[Moment]]:
  """The lines that are wanted, by the time of their receipt, frame by frame."""
  reach = Reach()
  for part in event_lines(paths):
    if wanted.since is not None and part.ts is not None and part.ts[1] + LATE_MS < wanted.since:
      continue
    found: list[Moment] = []
    for line in part.lines:
      key = key_of(line)
      now = reach.of(key)
      if wanted.until is not None and now >= wanted.until:
        yield found
        return
      if (wanted.since is not None and now < wanted.since) or not wanted.takes(key):
        continue
      if found and found[-1].ms == now:
        found[-1].lines.append(line)
      else:
        found.append(Moment(now, [line]))
    yield found


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
