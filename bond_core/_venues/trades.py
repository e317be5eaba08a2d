"""Trades, each once and in the order of the venue's numbers.

Where a venue numbers an instrument's trades without holes, a connection keeps their order, so a
number that is left out is lost; but while one connection follows another both carry the same
trades, and the newer one may be ahead. A trade that comes too early is therefore held for a moment
and either joins its neighbours or, when they do not come, follows a gap that names them. What is
held is bounded in number and time.
"""

from bond_core._events import Batch, Trade
from bond_core._feeds.contract import Moment, Subscription
from bond_core._venues.state import SubscriptionState

HELD = 8
"""Trades held on one connection, where order is promised."""
HELD_IN_OVERLAP = 5_000
"""Trades held while two connections run side by side, one up to seconds behind the other."""
HELD_NS = 500_000_000

_NOBODY = -1


class NumberedTrades(SubscriptionState):
  """The trades of one instrument, whose numbers go up by one. A message may stand for several of
  them, then `first` and `last` are theirs.

  A venue's own class reads a message and calls `offer` for each trade in it. One that carries
  something else under the same numbers is offered as None: counted in `skipped`, not told.
  """

  numbered = True

  def __init__(self, subscription: Subscription, name: str) -> None:
    super().__init__(subscription, name)
    self._expected: int | None = None
    # What a reader in a hurry may let pass without a second look; nobody's number while there is
    # something to see.
    self._next = _NOBODY
    self._held: dict[int, tuple[int, Trade | None]] = {}
    self._held_since = 0
    self._good_ns: int | None = None
    # Cut off since the last trade: the driver has declared it.
    self._cut_off = False
    # Numbers already declared as lost, because their message could not be read.
    self._excused = 0

  def opened(self, connection: int, *, overlap: bool, now: Moment) -> None:
    super().opened(connection, overlap=overlap, now=now)
    if not overlap and self._expected is not None:
      self._cut_off, self._next = True, _NOBODY

  def offer(
    self, first: int, last: int, event: Trade | None, ts_ms: int, mono_ns: int, out: Batch
  ) -> None:
    """Lets a trade out when it is its turn. Raises ValueError where `last` is before `first`."""
    if last < first:
      raise ValueError(f"trades {first} to {last} are none")
    if first == self._next and event is not None:
      self._next = self._expected = last + 1
      out.append(event)
    else:
      self._look(first, last, event, ts_ms, mono_ns, out)
    self.heard = mono_ns

  def unreadable(self, cause: str, ts_ms: int, mono_ns: int, out: Batch) -> None:
    self.missed += 1
    lost = None
    if self._expected is not None and not self._cut_off and not self._held:
      lost = self._expected + self._excused
      self._excused += 1
    out.append(
      self.gap(
        f"a message could not be read: {cause}",
        ts_ms,
        mono_ns,
        venue_from=lost,
        venue_to=lost,
        missed=1,
      )
    )

  def due(self, now: Moment, out: Batch) -> None:
    if self._held and now.mono_ns - self._held_since >= HELD_NS:
      self._give_up(now.ts_ms, now.mono_ns, out)

  # Anything but the next trade -------------------------------------------------------------------

  def _look(
    self, first: int, last: int, event: Trade | None, ts_ms: int, mono_ns: int, out: Batch
  ) -> None:
    cut_off = self._cut_off
    if cut_off and self._held:
      self._give_up(ts_ms, mono_ns, out)
    expected = self._expected
    if expected is None:
      self._emit(last, event, out)
    elif last < expected or first in self._held:
      if self.began_anew(expected):
        cause = f"trade numbers went back from {expected - 1} to {first}"
        out.append(self.gap(cause, ts_ms, mono_ns, missed=self.stale_in_a_row - 1))
        self._held.clear()
        self._emit(last, event, out)
    elif first - expected <= self._excused:
      self._emit(last, event, out)
      self._join(out)
    elif cut_off:
      self.missed += first - expected
      self._emit(last, event, out)
    else:
      if not self._held:
        self._held_since = mono_ns
        self._good_ns = self.heard
      self._held[first] = last, event
      self._next = _NOBODY
      if len(self._held) > (HELD if len(self.carriers) < 2 else HELD_IN_OVERLAP):
        self._give_up(ts_ms, mono_ns, out)

  def _emit(self, last: int, event: Trade | None, out: Batch) -> None:
    self._cut_off, self._excused = False, 0
    self._expected = last + 1
    self._next = _NOBODY if self._held else last + 1
    if event is None:
      self.skipped += 1
    else:
      out.append(event)

  def _join(self, out: Batch) -> None:
    """Lets out what was held and is next now."""
    while self._expected in self._held:
      last, event = self._held.pop(self._expected)
      self._emit(last, event, out)

  def _give_up(self, ts_ms: int, mono_ns: int, out: Batch) -> None:
    """Declares what did not come and lets out all that was held."""
    for first in sorted(self._held):
      expected = self._expected
      if expected is not None and first > expected:
        lost = first - expected
        self.missed += lost
        what = f"trade {expected}" if lost == 1 else f"trades {expected} to {first - 1}"
        out.append(
          self.gap(
            f"{what} did not come",
            ts_ms,
            mono_ns,
            venue_from=expected,
            venue_to=first - 1,
            missed=lost,
            since=self._good_ns,
          )
        )
      last, event = self._held.pop(first)
      self._emit(last, event, out)
