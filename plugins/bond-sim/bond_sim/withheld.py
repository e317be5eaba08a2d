"""Counts what did not reach a reader, in the venue's own numbers, so that losses can be compared
with what a client declared."""

from typing import Any

MAX_RANGES = 10_000


class Withheld:
  """Frames per stream and the venue's numbers in them (trade or update ids) as closed ranges.

  Neighbouring ranges are joined, so ten lost trades are one range. Beyond 10,000 ranges of a stream
  only the count and the last number go on.
  """

  def __init__(self) -> None:
    self._streams: dict[str, tuple[int, list[list[int]]]] = {}

  def add(self, stream: str, span: tuple[int, int] | None) -> None:
    """One frame of `stream`; `span` is the first and last number in it, None where it has none."""
    frames, ranges = self._streams.get(stream, (0, []))
    if span is not None:
      first, last = span
      if ranges and (first == ranges[-1][1] + 1 or len(ranges) >= MAX_RANGES):
        ranges[-1][1] = last
      else:
        ranges.append([first, last])
    self._streams[stream] = (frames + 1, ranges)

  def report(self) -> dict[str, Any]:
    """By stream: {"frames": count, "ids": [[first, last], …]}."""
    return {
      stream: {"frames": frames, "ids": ranges}
      for stream, (frames, ranges) in self._streams.items()
    }
