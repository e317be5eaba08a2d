"""Event time: when things happened, on one line for all sources, and how far all have come."""

import logging
from collections import deque

from bond_bookkit import AHEAD_MS, BEHIND_MS

from bond_builtin.transforms.arrival import END_OF_TIME, ArrivalClock
from bond_core import Clock, MarketEvent, MarketType

# Latency only ever adds to the skew, so the least of recent samples is the best. They are kept for
# half to one second of receive time: a replay at 50 times speed moves the skew with every event.
_BUCKET_MS = 500

# A source that was not heard for this long does not count for where quiet time stands (ms).
_FORGET_MS = 60_000

HOLD_MS = 60_000
"""The most by which a source that is behind can hold back the others, beyond the lateness (ms)."""

# A venue time this far ahead of what passed since the last one is a fault of that one message,
# unless so many in a row say the same (ms, messages).
_FAR_MS = 600_000
_ODD_IN_A_ROW = 16

# How long events without a venue time wait at the start for the first skew (ms), and how many.
_PATIENCE_MS = 1_000
_MOST_WAITING = 10_000

# Events of a source without venue times go back in time only by more than this (ms).
_BACK_MS = 10_000

# While no clock is near ours, one that is off by more than this, or behind, is that of a recording
# which is played live, or ours is wrong (ms).
_ANOTHER_DAY_MS = 2 * 86_400_000

# How many exchanges are noted whose clocks are out of bounds.
_MOST_ASTRAY = 1_000

_NEVER = -(1 << 62)

logger = logging.getLogger("bond.core")


class _Source:
  """One (exchange, market type): its venue time, its skew, and when it last went on."""

  __slots__ = (
    *("arrived", "before", "least", "near", "odd", "progress", "seen", "skew", "turn", "untimed"),
    "venue",
  )

  def __init__(self) -> None:
    self.venue: int | None = None
    self.arrived = 0
    self.progress = _NEVER
    self.untimed = _NEVER
    self.seen = _NEVER
    self.near = _NEVER
    self.odd = 0
    self.skew = 0
    """Receive time minus venue time (ms), where it was measured."""
    self.least = 0
    self.before = 0
    self.turn = _NEVER

  def sample(self, arrived: int, skew: int) -> None:
    """Notes one measurement."""
    if arrived >= self.turn:
      # After a pause nothing of before counts.
      self.before = skew if arrived >= self.turn + _BUCKET_MS else self.least
      self.least = skew
      self.turn = arrived + _BUCKET_MS
    elif skew < self.least:
      self.least = skew
    self.skew = min(self.least, self.before)


class Timeline:
  """Places events in event time and computes the watermark, all in epoch ms.

  An event that has a venue time happened then. One that has none happened at its receive time minus
  its source's skew (receive minus venue time), or the least skew of all sources where its own was
  never measured: one clock received them all, and if it is wrong it is wrong for all. At the start
  such events wait for the first measurement, at most a second; `ready` then holds them.

  A venue time that cannot be right counts as none, so that no source's clock governs the others:
  one more than AHEAD_MS ahead of ours, or one more than BEHIND_MS behind from a source that is
  always so while another one is not.

  The watermark is the slowest of the sources that went on within the last `lateness`, minus the
  lateness. A quiet or dead source does not hold it, and when all are quiet it goes on with the
  clock. It never goes back. A result depends on what arrived when, and neither on the limits of
  batches nor on how punctual timers are.
  """

  def __init__(self, clock: Clock, lateness_ms: int) -> None:
    self.arrival = ArrivalClock(clock)
    self.mark = _NEVER
    """The last watermark."""
    self.ceiling = _NEVER
    """A bound that the watermark is not above, now and until the next event or timer."""
    self.ready: deque[tuple[int, MarketEvent]] = deque()
    """Events that waited and now have their time."""
    self._lateness = lateness_ms
    self._sources: dict[tuple[str, str | None], _Source] = {}
    self._fastest = _NEVER
    self._latest = 0
    self._least_skew: int | None = None
    self._measured = False
    # When a source was last near our clock, and whether those far behind have waited for one.
    self._near = _NEVER
    self._waited = False
    self.astray: dict[str, int] = {}
    """How far behind our clock the exchanges are that are out of bounds (ms; below zero: ahead)."""
    self._logged: set[str] = set()
    self._waiting: deque[tuple[int, MarketEvent]] = deque()
    self._patience = 0

  @property
  def waits(self) -> bool:
    """Whether events wait for the first skew."""
    return bool(self._waiting)

  def arrive(self, event: MarketEvent) -> int:
    """When the event was received; time has then come to there."""
    arrival = self.arrival
    arrived = arrival.of(event.ts_event, event.ts_internal)
    if arrival.now > self._latest:
      self._pass(arrival.now)
    return arrived

  def joins(self, event: MarketEvent) -> bool:
    """Whether the event's source does not hold the watermark now, and will once it is placed."""
    source = self._sources.get((event.exchange, event.market_type))
    return source is None or source.seen < self.arrival.now - self._lateness

  def place(self, event: MarketEvent, arrived: int) -> int | None:
    """When the event happened, which its source has now come to; None if that must wait."""
    key = (event.exchange, event.market_type)
    source = self._sources.get(key)
    if source is None:
      source = self._sources[key] = _Source()
    when = event.ts_exchange
    if when is not None:
      if not 0 < when <= END_OF_TIME:
        when = None
      elif -AHEAD_MS <= arrived - when <= BEHIND_MS:
        source.near = self._near = arrived
        if self.astray:
          self.astray.pop(event.exchange, None)
      elif self._near == _NEVER and not self._waited and _may_be_right(arrived - when):
        return self._wait(event, arrived)
      elif self._is_astray(source, event.exchange, arrived, arrived - when):
        when = None
    if when is not None:
      known = source.venue
      if known is None or when > known:
        if known is not None and when - known > _FAR_MS and self._is_odd(source, when, arrived):
          when = arrived - source.skew
        else:
          source.venue = when
          source.arrived = arrived
          source.odd = 0
          if arrived >= source.turn or arrived - when < source.least:
            self._measure(source, arrived, arrived - when)
    elif not self._measured:
      return self._wait(event, arrived)
    else:
      when = arrived - self._skew_of(source, self.arrival.now)
      # A new measure of the skew does not change the order of a source's events.
      if 0 < source.untimed - when < _BACK_MS:
        when = source.untimed
      when = source.untimed = min(max(when, 0), END_OF_TIME)
    if when >= source.progress:
      source.progress = when
      source.seen = self.arrival.now
      if when > self._fastest:
        self._fastest = when
        self._raise(when)
    return when

  def watermark(self, now: int | None = None) -> int:
    """The event time before which nothing more is expected; `now` may be a moment since the last
    event."""
    if now is None:
      now = self.arrival.now
    since = now - self._lateness
    slowest = None
    for source in self._sources.values():
      if source.seen >= since and (slowest is None or source.progress < slowest):
        slowest = source.progress
    if slowest is None:
      slowest = self._quiet(now)
    if slowest is not None:
      reached = max(slowest, self._fastest - HOLD_MS) - self._lateness
      if reached > self.mark:
        self.mark = min(reached, END_OF_TIME)
    return self.mark

  def due(self, target: int) -> int | None:
    """The receive time at which the watermark comes to `target` if nothing more arrives, or sooner
    where that has to be looked at again; None before the first event."""
    now, lateness = self.arrival.now, self._lateness
    if self._waiting:
      return max(self._patience, now + 1)
    slowest_by_time: dict[int, int] = {}
    for s in self._sources.values():
      if s.seen != _NEVER:
        slowest_by_time[s.seen] = min(s.progress, slowest_by_time.get(s.seen, s.progress))
    if not slowest_by_time:
      return None
    heard = sorted(slowest_by_time.items())
    goal = target + lateness
    # The sources fall silent one after the other; the rest then decides.
    slowest = heard[-1][1]
    silent = heard[-1][0] + lateness + 1
    quiet = silent if slowest >= goal else max(silent, goal + self._quiet_skew(now))
    # A source that is forgotten meanwhile may let the others go on sooner.
    due = quiet if len(self._sources) == 1 else min(quiet, now + _FORGET_MS)
    for index in range(len(heard) - 2, -1, -1):
      if slowest < goal:
        break
      due = min(due, heard[index][0] + lateness + 1)
      if due <= now:
        break
      slowest = min(slowest, heard[index][1])
    return max(due, now + 1)

  def tick(self, now_ms: int) -> None:
    """Lets time pass at a timer."""
    self._pass(self.arrival.tick(now_ms))

  def hurry(self) -> None:
    """Gives up waiting for a first skew."""
    if self._waiting:
      self._waited = True
      self._release(min(self.arrival.now, self._patience))

  def _pass(self, now: int) -> None:
    """Notes that time has come to `now`."""
    self._latest = now
    if self._waiting and now >= self._patience:
      self.hurry()
    if self._least_skew is not None:
      self._raise(now - self._least_skew)

  def _raise(self, when: int) -> None:
    if when - self._lateness > self.ceiling:
      self.ceiling = when - self._lateness

  def _know(self, skew: int) -> None:
    if self._least_skew is None or skew < self._least_skew:
      self._least_skew = skew
      self._raise(self.arrival.now - skew)

  def at_receive(self, exchange: str, market_type: MarketType | None, wall: int) -> int:
    """The event time of a receive time that was noted about a source."""
    arrived = self.arrival.without_leaps(wall)
    source = self._sources.get((exchange, market_type)) or self._of_exchange(exchange)
    now = self.arrival.now
    return arrived - (self._common_skew(now) if source is None else self._skew_of(source, now))

  def reached(self, exchange: str) -> int:
    """How far an exchange has come, or all where it was never heard."""
    source = self._of_exchange(exchange)
    if source is not None and source.progress != _NEVER:
      return source.progress
    return self._fastest

  def _of_exchange(self, exchange: str) -> _Source | None:
    own = [source for (name, _), source in self._sources.items() if name == exchange]
    return max(own, key=lambda source: source.progress, default=None)

  def _is_astray(self, source: _Source, exchange: str, arrived: int, behind: int) -> bool:
    """Whether the clock of a source is to blame for a venue time so far from ours."""
    if self._near == _NEVER:
      if _may_be_right(behind):
        return False
    elif behind > 0 and arrived - source.near <= BEHIND_MS:
      # Its clock was right lately, so this is old news.
      return False
    if exchange in self.astray or len(self.astray) < _MOST_ASTRAY:
      self.astray[exchange] = behind
    if exchange not in self._logged and len(self._logged) < _MOST_ASTRAY:
      self._logged.add(exchange)
      logger.warning(
        "%s: its clock is %.0f s %s ours; its events count at the time of their receipt",
        exchange,
        abs(behind) / 1000,
        "behind" if behind > 0 else "ahead of",
      )
    return True

  def _is_odd(self, source: _Source, when: int, arrived: int) -> bool:
    """Whether a venue time ahead of the last is to be taken for a fault. One that is near our clock
    is none: what came before it was."""
    if source.near == arrived or source.venue is None:
      return False
    if when - source.venue - (arrived - source.arrived) <= _FAR_MS:
      return False
    source.odd += 1
    return source.odd < _ODD_IN_A_ROW

  def _measure(self, source: _Source, arrived: int, skew: int) -> None:
    source.sample(arrived, skew)
    if self._least_skew is None or skew < self._least_skew:
      self._know(skew)
    if not self._measured:
      self._measured = True
      self._release(self.arrival.now)

  def _skew_of(self, source: _Source, now: int) -> int:
    return self._common_skew(now) if source.venue is None else source.skew

  def _common_skew(self, now: int) -> int:
    """The least skew of the sources that were measured lately, else of the one measured last."""
    since = now - _FORGET_MS
    least = latest = None
    for source in self._sources.values():
      if source.venue is None:
        continue
      if source.arrived >= since and (least is None or source.skew < least):
        least = source.skew
      if latest is None or source.arrived > latest.arrived:
        latest = source
    if least is not None:
      return least
    return 0 if latest is None else latest.skew

  def _quiet(self, now: int) -> int | None:
    """How far time has come while all sources are quiet: at least to where the last one was."""
    last = None
    for source in self._sources.values():
      if source.seen == _NEVER:
        continue
      if last is None or (source.seen, -source.progress) > (last.seen, -last.progress):
        last = source
    return None if last is None else max(last.progress, now - self._quiet_skew(now))

  def _quiet_skew(self, now: int) -> int:
    """The greatest skew of the sources heard lately, so that none of them is overtaken."""
    since = now - _FORGET_MS
    heard = [s for s in self._sources.values() if s.seen >= since and s.seen != _NEVER]
    return max((self._skew_of(source, now) for source in heard), default=self._common_skew(now))

  def _wait(self, event: MarketEvent, arrived: int) -> int | None:
    if not self._waiting:
      self._patience = arrived + _PATIENCE_MS
    self._waiting.append((arrived, event))
    if len(self._waiting) >= _MOST_WAITING:
      self.hurry()
    return None

  def _release(self, seen: int) -> None:
    """Places those that waited."""
    waiting, self._waiting = self._waiting, deque()
    # Those with a venue time first, since they give the others their skew.
    placed: dict[int, int | None] = {}
    for position, (arrived, event) in enumerate(waiting):
      when = event.ts_exchange
      if when is not None and 0 < when <= END_OF_TIME and _may_be_right(arrived - when):
        placed[position] = self.place(event, arrived)
        source = self._sources[event.exchange, event.market_type]
        source.seen = min(source.seen, seen)
    if not self._measured:
      self._measured = True
      self._know(0)
    skew = self._common_skew(self.arrival.now)
    ready: list[tuple[int, MarketEvent]] = []
    for position, (arrived, event) in enumerate(waiting):
      when = placed.get(position)
      if when is None:
        when = min(max(arrived - skew, 0), END_OF_TIME)
        source = self._sources[event.exchange, event.market_type]
        if when >= source.progress:
          source.progress = when
          source.seen = max(source.seen, seen)
          source.untimed = when
          self._fastest = max(self._fastest, when)
          self._raise(when)
      ready.append((when, event))
    self.ready.extend(sorted(ready, key=_when))


def _when(placed: tuple[int, MarketEvent]) -> int:
  return placed[0]


def _may_be_right(behind: int) -> bool:
  """Whether a clock that is so far behind ours may be right while no other is near ours."""
  return behind > BEHIND_MS or behind < -_ANOTHER_DAY_MS
