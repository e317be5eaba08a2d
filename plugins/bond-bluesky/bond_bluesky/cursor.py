"""Where the stream resumes after an outage, and whether anything is missing then.

Source: bluesky-social/jetstream, README (v1): a cursor is a time in microseconds, and about the
same at every server; one should go back a few seconds and leave out what was seen. A cursor that is
older than what a server stores is not refused: the stream begins with the oldest message there is.
Where a server goes over from what it stores to what is written now, messages of now come between
older ones, and connections end then (its reports 42 and 27): so the newest message does not show
where the stream is, the oldest of the last ones does.
"""

from collections import deque

OVERLAP_US = 10_000_000

LAST, LAST_US = 64, 30_000_000
"""How many messages are the last ones, and for how long."""

AHEAD_US = 60_000_000
"""A time that is more than this ahead of the clock here is believed when another message has it,
too: a cursor in the future would skip all that is written until then."""


class StreamCursor:
  """The position in the stream, over all connections. Times are epoch microseconds."""

  def __init__(self) -> None:
    self.reached: int | None = None
    """A time until which everything has come: that of a message."""
    self._recent: deque[tuple[int, int]] = deque(maxlen=LAST)
    """When the last messages came, and their times."""
    self._first_opened: int | None = None
    self._last: int | None = None
    self._expected: int | None = None

  def resume_at(self) -> int | None:
    """Returns the cursor for the next connection; None for what is written from now on."""
    if self.reached is None:
      # No message came yet: what was written since the first connection is missing.
      return self._first_opened
    return self.reached - OVERLAP_US

  def opened(self, now_us: int) -> None:
    """A connection is open."""
    if self._first_opened is None:
      self._first_opened = now_us
    self._expected = self.reached
    self._recent.clear()

  def advance(self, time_us: int, now_us: int) -> tuple[int, int] | None:
    """Notes a message. Returns the times between which messages may be missing before it, if any.

    The server still has what came last before an outage, unless it stores less: so the first
    message after it is no younger than that.
    """
    expected, self._expected = self._expected, None
    last, self._last = self._last, time_us
    sure = min(time_us, last or 0) if time_us > now_us + AHEAD_US else time_us
    recent = self._recent
    while recent and now_us - recent[0][0] > LAST_US:
      recent.popleft()
    if sure:
      recent.append((now_us, sure))
      self.reached = max(self.reached or 0, min(time for _, time in recent))
    return (expected, time_us) if expected is not None and time_us > expected else None
