"""Where the stream goes on after a cut, and whether anything is missing or comes twice.

Source: bluesky-social/jetstream, README (v1): a cursor is a time in microseconds, and about the
same at every server; one should go back a few seconds and leave out what was seen. A cursor that is
older than what a server keeps is not refused: the stream begins with the oldest there is.
"""

from collections import OrderedDict

OVERLAP_US = 10_000_000
REMEMBERED = 100_000
"""Posts that are known again; the whole network wrote fewer in the ten minutes before a cut."""

Key = tuple[str, str]


class Replay:
  """The place in the stream; it outlives connections. Times are microseconds."""

  def __init__(self) -> None:
    self.newest: int | None = None
    self._begun: int | None = None
    self._expected: int | None = None
    self._seen: OrderedDict[Key, None] = OrderedDict()

  def cursor(self) -> int | None:
    """From when to ask; None for the live tail."""
    if self.newest is None:
      # Nothing came yet: what was written since the first connection is missing.
      return self._begun
    return self.newest - OVERLAP_US

  def opened(self, now_us: int) -> None:
    """A connection is open."""
    if self._begun is None:
      self._begun = now_us
    self._expected = self.newest

  def heard(self, time_us: int) -> tuple[int, int] | None:
    """Notes the time of a message; the span that may be missing before it.

    The server still has what came last before the cut, unless it keeps less: so the first message
    is no younger than that.
    """
    expected, self._expected = self._expected, None
    if self.newest is None or time_us > self.newest:
      self.newest = time_us
    return (expected, time_us) if expected is not None and time_us > expected else None

  def is_new(self, key: Key) -> bool:
    """Whether a post was not seen before."""
    if key in self._seen:
      return False
    self._seen[key] = None
    if len(self._seen) > REMEMBERED:
      self._seen.popitem(last=False)
    return True
