"""When events happened: one time line for each source, and how far all of them have come.

Venue time rules. Receive time only measures how time passes between events, by a clock that does
not jump, so neither a recorder's wrong clock nor a jump of this machine's moves an event.
"""

from bond_core.clock import Clock
from bond_core.events import MarketEvent

# The skew is the least of the last one to two buckets of samples: latency only ever adds to it,
# and old samples are forgotten, since a replay at 50 times speed moves it with every event.
_BUCKET = 32

# A monotonic clock that falls back is that of another process: a recording of several runs.
_RESTART_MS = 10_000.0


class _Source:
  __slots__ = ("base", "count", "heard", "least", "monotonic", "older", "passed", "progress")

  def __init__(self, monotonic: bool) -> None:
    self.monotonic = monotonic
    self.progress = 0
    self.heard = 0.0
    self.passed = 0.0
    self.forget()

  def forget(self) -> None:
    self.base: float | None = None
    self.least = self.older = float("inf")
    self.count = 0

  @property
  def skew(self) -> float:
    """Receive time minus venue time (ms); infinite while unknown."""
    return min(self.least, self.older)

  def sample(self, skew: float) -> None:
    if self.count == _BUCKET:
      self.older, self.least, self.count = self.least, float("inf"), 0
    self.least = min(self.least, skew)
    self.count += 1


class Timeline:
  """The event times of sources, each an (exchange, market type), and their watermark.

  The watermark is how far the slowest source has come that delivered within the last
  `lateness_ms`, minus `lateness_ms`. A source that is quiet or dead does not hold it; when all are,
  it goes on with the clock. It never goes back.
  """

  def __init__(self, clock: Clock, lateness_ms: int) -> None:
    self._clock = clock
    self._lateness = lateness_ms
    self._sources: dict[tuple[str, str | None], _Source] = {}
    self._watermark = 0
    self._now = 0.0

  def begin(self) -> None:
    """Looks at the clock, once for each batch."""
    self._now = self._clock.mono_ns() / 1e6

  def event_time(self, event: MarketEvent) -> int:
    """When an event happened (epoch ms), and notes that its source has come so far."""
    key = (event.exchange, event.market_type)
    source = self._sources.get(key)
    if source is None:
      source = self._sources[key] = _Source(event.ts_internal is not None)
    internal = event.ts_internal
    passed = internal / 1e6 if source.monotonic and internal is not None else float(event.ts_event)
    if passed < source.passed - _RESTART_MS:
      source.forget()
    source.passed = passed
    when = event.ts_exchange
    if when is not None:
      source.sample(passed - when)
    elif source.skew != float("inf"):
      when = int(passed - source.skew)
    else:
      if source.base is None:
        source.base = event.ts_event - passed
      when = int(passed + source.base)
    source.heard = self._now
    source.progress = max(source.progress, when)
    return when

  def progress(self, exchange: str) -> int | None:
    """How far a venue has come (epoch ms), None for one that was never heard; "*" is all."""
    known = [s.progress for key, s in self._sources.items() if exchange in ("*", key[0])]
    return max(known, default=None)

  def exchanges(self) -> list[str]:
    """The venues that were heard."""
    return sorted({exchange for exchange, _ in self._sources})

  def watermark(self) -> int:
    """The time (epoch ms) before which nothing more is expected."""
    self.begin()
    lateness = self._lateness
    active = [s.progress for s in self._sources.values() if self._now - s.heard <= lateness]
    if active:
      reached = min(active)
    else:
      reached = max((self._reached(s) for s in self._sources.values()), default=0)
    self._watermark = max(self._watermark, reached - lateness)
    return self._watermark

  def when(self, time_ms: int) -> int | None:
    """When the clock alone will have brought the watermark to `time_ms` (epoch ms on the clock)."""
    if not self._sources:
      return None
    self.begin()
    missing = time_ms + self._lateness - max(self._reached(s) for s in self._sources.values())
    quiet = max(s.heard for s in self._sources.values()) + self._lateness - self._now
    return self._clock.now_ms() + max(0, missing, int(quiet) + 1)

  def _reached(self, source: _Source) -> int:
    return source.progress + int(self._now - source.heard)
