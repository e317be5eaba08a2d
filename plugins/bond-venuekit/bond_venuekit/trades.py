"""Trades, each once and in the order of the venue's numbers.

Where a venue numbers an instrument's trades without holes, a connection keeps their order, so a
number that is left out is lost; but while one connection takes over from another both carry the
same trades, and the newer one may be ahead. A trade that comes too early therefore waits for a
moment and either joins its neighbours or, when they do not come, follows a gap that names them.
How many wait, and for how long, is bounded.

A number alone proves no loss: where it is a leap ahead, or other trades come after it that go on
from where it left, it is wrong, unless another one follows it.
"""

from bond_core import Batch, Gap, Trade
from bond_core.feeds import Moment, Subscription
from bond_venuekit.numbered import LEAP, NumberedState, witnesses

MAX_EARLY = 8
"""Trades that wait on one connection, where order is promised."""
MAX_EARLY_IN_OVERLAP = 5_000
"""Trades that wait while two connections run side by side, one up to seconds behind the other."""
WAIT_NS = 500_000_000

NO_NUMBER = -1


class NumberedTrades(NumberedState):
  """The trades of one instrument, whose numbers go up by one. A message may stand for several of
  them; `first` and `last` are then their numbers.

  A venue's own class decodes a message in `take` and calls `offer` for each trade in it. What has
  a number in the same sequence and is no trade of the market is offered as None: it is counted in
  `skipped`.

  Where a call for each trade is too much, `take` may append a trade by itself if its number is
  `next_number`, and then sets `next_number` to the one after it, and `received_ns`.
  """

  numbered = True

  def __init__(self, subscription: Subscription, name: str) -> None:
    super().__init__(subscription, name)
    self.next_number = NO_NUMBER
    """The number whose trade needs no second look; NO_NUMBER while trades wait, and after an
    outage."""
    # The same at any time; read it with `_expected_number`, since `take` may be ahead of it.
    self._expected: int | None = None
    self._early: dict[int, tuple[int, Trade | None]] = {}
    self._early_since = 0
    self._early_expected: int | None = None
    self._received_before_ns: int | None = None
    # No trade has come since an outage, which the driver has declared; trades from before it wait.
    self._after_outage = self._held = False
    # The number after one that was not believed, and what was expected before a lone one that was.
    self._doubted: int | None = None
    self._before: int | None = None
    # Numbers already declared as lost, because their message could not be read.
    self._declared = 0

  def on_open(self, connection: int, *, overlap: bool, now: Moment) -> None:
    super().on_open(connection, overlap=overlap, now=now)
    if not overlap and self._expected_number() is not None:
      self._after_outage, self.next_number = True, NO_NUMBER
      self._held = bool(self._early)

  def offer(
    self, first: int, last: int, event: Trade | None, ts_ms: int, mono_ns: int, out: Batch
  ) -> None:
    """Adds a trade to `out` when its turn has come. Raises ValueError where `last` is before
    `first`, or a leap after it."""
    if not 0 <= last - first <= LEAP:
      raise ValueError(f"trades {first} to {last} are no range")
    if first == self.next_number and event is not None:
      self.next_number = last + 1
      out.append(event)
    else:
      self._place(first, last, event, ts_ms, mono_ns, out)
    self.received_ns = mono_ns

  def unreadable(self, cause: str, ts_ms: int, mono_ns: int, out: Batch) -> None:
    self.missed += 1
    lost = None
    expected = self._expected_number()
    if expected is not None and not self._after_outage and not self._early:
      lost = expected + self._declared
      self._declared += 1
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

  def on_timer(self, now: Moment, out: Batch) -> None:
    if self._early and now.mono_ns - self._early_since >= WAIT_NS:
      self._give_up(now.ts_ms, now.mono_ns, out)

  # Anything but the next trade -------------------------------------------------------------------

  def _expected_number(self) -> int | None:
    if self.next_number != NO_NUMBER:
      self._expected = self.next_number
    return self._expected

  def _place(
    self, first: int, last: int, event: Trade | None, ts_ms: int, mono_ns: int, out: Batch
  ) -> None:
    if self._held:
      # They come after the gap of the outage, so what is missing behind them is not in it.
      self._give_up(ts_ms, mono_ns, out)
    expected = self._expected_number()
    if expected is None:
      self._emit(last, event, out)
    elif last < expected or first in self._early:
      self._place_stale(expected, first, last, event, ts_ms, mono_ns, out)
    elif first - expected <= self._declared:
      self._emit(last, event, out)
      self._join(out)
    elif self._after_outage and first - expected <= LEAP and not self._early:
      self.missed += first - expected
      self._emit(last, event, out)
    else:
      if not self._early:
        self._early_since = mono_ns
        self._early_expected = expected
        self._received_before_ns = self.received_ns
      self._early[first] = last, event
      self.next_number = NO_NUMBER
      if len(self._early) > (MAX_EARLY if len(self.carriers) < 2 else MAX_EARLY_IN_OVERLAP):
        self._give_up(ts_ms, mono_ns, out)

  def _place_stale(
    self,
    expected: int,
    first: int,
    last: int,
    event: Trade | None,
    ts_ms: int,
    mono_ns: int,
    out: Batch,
  ) -> None:
    """A trade that has been told of, or waits, or shows that the numbers are others now."""
    before = None if self._before is None else self._before - 1
    needed = witnesses(before, expected - 1, last)
    if before is not None and not needed and len(self.carriers) < 2:
      # It comes behind one that came too early by itself, which order does not allow.
      needed = 1 if 0 < first - before <= MAX_EARLY else 0
    if self.numbering_restarted(expected, last, mono_ns, needed=needed):
      cause = f"trade numbers went back from {expected - 1} to {first}"
      out.append(self.gap(cause, ts_ms, mono_ns, missed=self.stale_in_a_row - 1))
      self._early.clear()
      self._emit(last, event, out)

  def _emit(self, last: int, event: Trade | None, out: Batch) -> None:
    self._after_outage, self._declared = False, 0
    self._doubted = self._before = None
    self._expected = last + 1
    self.next_number = NO_NUMBER if self._early else last + 1
    if event is None:
      self.skipped += 1
    else:
      out.append(event)

  def _join(self, out: Batch) -> None:
    """Lets out the waiting trades that are next now."""
    while self._expected in self._early:
      last, event = self._early.pop(self._expected)
      self._emit(last, event, out)

  def _give_up(self, ts_ms: int, mono_ns: int, out: Batch) -> None:
    """Declares what did not come and lets out all that waits."""
    if self._held:
      self._held = self._after_outage = False
    ahead = sorted(self._early)
    for at, first in enumerate(ahead):
      last, event = self._early.pop(first)
      expected = self._expected
      lost = 0 if expected is None else first - expected
      follower = ahead[at + 1] if at + 1 < len(ahead) else None
      alone = lost > MAX_EARLY and (follower is None or follower - last > MAX_EARLY)
      if alone and self._is_doubtful(first, lost):
        self._doubted = last + 1
        self.missed += 1
        cause = f"trade {first} is {lost} numbers ahead of all others"
        out.append(self.gap(cause, ts_ms, mono_ns, missed=1))
        continue
      if lost > 0 and not self._after_outage:
        out.append(self._lost(expected or 0, first, ts_ms, mono_ns))
      self._emit(last, event, out)
      if alone:
        self._before = expected

  def _is_doubtful(self, first: int, lost: int) -> bool:
    """Whether a number that no other one follows is not believed: it is a leap ahead, or trades
    that came after it on the same connection were still those that come before it."""
    if self._doubted is not None and 0 <= first - self._doubted <= MAX_EARLY:
      return False
    return lost > LEAP or (len(self.carriers) < 2 and self._expected != self._early_expected)

  def _lost(self, expected: int, first: int, ts_ms: int, mono_ns: int) -> Gap:
    """The Gap for trades that did not come before this one. Where their numbers leapt nobody knows
    how many there were."""
    lost = first - expected
    since_ns = self._received_before_ns
    if lost > LEAP:
      cause = f"trade numbers leapt from {expected - 1} to {first}"
      return self.gap(cause, ts_ms, mono_ns, since_ns=since_ns)
    self.missed += lost
    numbers = f"trade {expected}" if lost == 1 else f"trades {expected} to {first - 1}"
    return self.gap(
      f"{numbers} did not come",
      ts_ms,
      mono_ns,
      venue_from=expected,
      venue_to=first - 1,
      missed=lost,
      since_ns=since_ns,
    )
