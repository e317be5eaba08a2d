"""Accounts for messages that did not reach a reader, in the venue's own numbers, so that a test can
compare the losses with the gaps that a client declared."""

from typing import Any

MAX_RANGES = 10_000


class Withheld:
  """Frames by topic, and the venue's numbers in them (trade or update ids) as closed ranges.

  Neighbouring ranges are joined: ten lost trades in a row are one range. After 10,000 ranges of a
  topic the last range is extended, so that memory is bounded.
  """

  def __init__(self) -> None:
    self._topics: dict[str, tuple[int, list[list[int]]]] = {}

  def add(self, topic: str, span: tuple[int, int] | None) -> None:
    """Adds one frame; `span` is the first and last number in it, None where it has none."""
    frames, ranges = self._topics.get(topic, (0, []))
    if span is not None:
      first, last = span
      if ranges and (first == ranges[-1][1] + 1 or len(ranges) >= MAX_RANGES):
        ranges[-1][1] = last
      else:
        ranges.append([first, last])
    self._topics[topic] = (frames + 1, ranges)

  def report(self) -> dict[str, Any]:
    """By topic: {"frames": count, "ids": [[first, last], …]}."""
    return {
      topic: {"frames": frames, "ids": ranges} for topic, (frames, ranges) in self._topics.items()
    }
