"""Receive time without the leaps of the wall clock."""

from bond_core import Clock

# A wall clock that moved this much against the steady clock between two looks was set (ms); less is
# a clock being slewed, or a stamp rounded.
_LEAP_MS = 1_000

# Stamps of a steady clock further apart than this come from two processes, or from a recording that
# was interrupted; then the wall clock is all there is to go by (ms).
_SAME_RUN_MS = 60_000

# A stamp this far from the time is garbage, such as nanoseconds taken for milliseconds (ms).
_FAR_MS = 600_000

# How long after the wall clock was set events may still carry stamps from before (ms).
_SETTLE_MS = 5_000


END_OF_TIME = 253_370_764_799_999
"""The end of the year 9998 (ms): RFC 3339 cannot write a window that ends after 9999."""


class ArrivalClock:
  """When events arrived, in epoch ms, with the leaps of the wall clock taken out.

  `now` is the latest arrival, or later where a timer ran later. Events that carry the steady
  clock's stamp (`ts_internal`) are placed by their own pair of stamps, so a recording made while
  the wall clock was set plays as it was lived; others by the pipeline's clock.
  """

  __slots__ = (
    "_arrived",
    "_asked",
    "_clock",
    "_internal",
    "_look",
    "_look_gap",
    "_now_look",
    "_settled",
    "_shift",
    "_stamp",
    "_stamp_gap",
    "_stamp_shift",
    "_wall",
    "now",
  )

  def __init__(self, clock: Clock) -> None:
    self._clock = clock
    self.now = 0
    # The steady clock at the last look (ms), wall minus steady then, and all leaps so far.
    self._look = 0
    self._look_gap: int | None = None
    self._shift = 0
    self._settled = 0
    # The same for stamps on events.
    self._stamp = 0
    self._stamp_gap: int | None = None
    self._stamp_shift = 0
    # The steady clock when `now` was set, and the timer that was requested.
    self._now_look = 0
    self._asked = 0
    # What the last stamps gave: events of one frame, or of one read, have the same.
    self._wall: int | None = None
    self._internal: int | None = None
    self._arrived = 0

  def begin(self) -> None:
    """Looks at the clock: once for each batch and timer."""
    wall, steady = self._clock.now_ms(), self._clock.mono_ns() // 1_000_000
    gap = wall - steady
    if self._look_gap is not None and abs(gap - self._look_gap) > _LEAP_MS:
      self._shift += gap - self._look_gap
      self._settled = steady + _SETTLE_MS
    self._look_gap = gap
    self._look = steady
    self._wall = None

  def of(self, wall: int, internal: int | None) -> int:
    """When something arrived that is stamped `wall` (ms, 0 for unstamped) and `internal` (ns)."""
    if wall == self._wall and internal == self._internal:
      return self._arrived
    if not 0 < wall <= END_OF_TIME:
      arrived = self.steady()
    elif internal is not None:
      stamp = internal // 1_000_000
      gap = wall - stamp
      last = self._stamp_gap
      if (
        last is not None
        and not -_LEAP_MS <= gap - last <= _LEAP_MS
        and -_LEAP_MS <= stamp - self._stamp <= _SAME_RUN_MS
      ):
        self._stamp_shift += gap - last
      # Each time, so that a clock being slewed for days is no leap.
      self._stamp_gap = gap
      self._stamp = stamp
      arrived = wall - self._stamp_shift
    elif self._look < self._settled:
      arrived = self.steady()
    else:
      arrived = wall - self._shift
    if arrived > self.now:
      if self.now and arrived - self.steady() > _FAR_MS:
        arrived = self.steady()
      self.now = max(self.now, arrived)
      self._now_look = self._look
    elif self.now - arrived > _FAR_MS:
      arrived = self.steady()
    self._wall, self._internal, self._arrived = wall, internal, arrived
    return arrived

  def steady(self) -> int:
    """The time now: the latest arrival, and what has passed since on the steady clock."""
    if not self.now:
      return self._clock.now_ms() - self._shift
    return self.now + self._look - self._now_look

  def tick(self, now_ms: int) -> int:
    """Moves to the time now, at a timer that the pipeline says is due at `now_ms`."""
    ahead = max(0, min(now_ms, self._asked) - self._clock.now_ms())
    self.begin()
    self.now = max(self.now, self.steady() + ahead)
    self._now_look = self._look
    return self.now

  def wall(self, at: int) -> int:
    """What the pipeline's clock shows when it is `at` here; now if that has passed."""
    left = at - self.now - (self._clock.mono_ns() // 1_000_000 - self._now_look)
    self._asked = self._clock.now_ms() + max(0, left)
    return self._asked

  def without_leaps(self, wall: int) -> int:
    """A receive time noted elsewhere, with the leaps so far taken out."""
    return wall - (self._shift if self._stamp_gap is None else self._stamp_shift)
