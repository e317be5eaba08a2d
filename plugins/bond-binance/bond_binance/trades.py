"""Trades, each once and in the order of the venue's numbers.

Trade ids, and those of aggregated trades, go up by one per symbol. A connection keeps their order,
so a number that is left out is lost; but while one connection follows another both carry the same
trades, and the newer one may be ahead. A trade that comes too early is therefore held for a moment
and either joins its neighbours or, when they do not come, follows a gap that names them. What is
held is bounded in number and time.
"""

from bond_binance.messages import read_agg_trade, read_trade
from bond_binance.stream import Stream
from bond_core.events import Batch, Trade
from bond_core.feed.dialect import Received, Subscription

HELD = 8
"""Trades held on one connection, where order is promised."""
HELD_IN_OVERLAP = 5_000
"""Trades held while two connections run side by side, one up to seconds behind the other."""
HELD_NS = 500_000_000

_NOBODY = -1


class TradeStream(Stream):
  """The trades of one instrument. An aggregated trade may be several executions: `agg_trade_id` is
  its own number, `trade_id` and `match_id` are those of the first and last execution in it.
  `sequence` is the number that goes up by one.

  On futures, trades that were not made on the book (kind INSURANCE_FUND, ADL, NA) are left out,
  counted in `skipped`: their prices are not the market's.
  """

  numbered = True

  def __init__(self, subscription: Subscription, name: str) -> None:
    super().__init__(subscription, name)
    self._aggregate = name.endswith("@aggTrade")
    self._expected: int | None = None
    # What take() lets pass without a second look; nobody's number while there is something to see.
    self._next = _NOBODY
    self._held: dict[int, Trade | None] = {}
    self._held_since = 0
    self._good_ns: int | None = None
    # Cut off since the last trade: the driver has declared it.
    self._cut_off = False
    # Numbers already declared as lost, because their message could not be read.
    self._excused = 0

  def opened(self, connection: int, *, overlap: bool, now: Received) -> None:
    super().opened(connection, overlap=overlap, now=now)
    if not overlap and self._expected is not None:
      self._cut_off, self._next = True, _NOBODY

  def take(self, frame: bytes, ts_ms: int, mono_ns: int, out: Batch) -> None:
    event: Trade | None
    if self._aggregate:
      joined = read_agg_trade(frame).data
      number = joined.number
      event = Trade(
        exchange=self._exchange,
        symbol=self._symbol,
        market_type=self._market_type,
        expiry=self._expiry,
        ts_event=ts_ms,
        ts_exchange=joined.time,
        ts_internal=mono_ns,
        price=joined.price,
        size=joined.size,
        side="sell" if joined.buyer_is_maker else "buy",
        trade_id=str(joined.first),
        match_id=str(joined.last),
        agg_trade_id=str(number),
        maker=joined.buyer_is_maker,
        sequence=number,
      )
    else:
      trade = read_trade(frame).data
      number = trade.number
      if trade.kind == "MARKET":
        event = Trade(
          exchange=self._exchange,
          symbol=self._symbol,
          market_type=self._market_type,
          expiry=self._expiry,
          ts_event=ts_ms,
          ts_exchange=trade.time,
          ts_internal=mono_ns,
          price=trade.price,
          size=trade.size,
          side="sell" if trade.buyer_is_maker else "buy",
          trade_id=str(number),
          maker=trade.buyer_is_maker,
          sequence=number,
        )
      else:
        event = None
    if number == self._next and event is not None:
      self._next = self._expected = number + 1
      self.heard = mono_ns
      out.append(event)
      return
    self._look(number, event, ts_ms, mono_ns, out)
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

  def due(self, now: Received, out: Batch) -> None:
    if self._held and now.mono_ns - self._held_since >= HELD_NS:
      self._give_up(now.ts_ms, now.mono_ns, out)

  # Anything but the next trade -------------------------------------------------------------------

  def _look(self, number: int, event: Trade | None, ts_ms: int, mono_ns: int, out: Batch) -> None:
    cut_off = self._cut_off
    if cut_off and self._held:
      self._give_up(ts_ms, mono_ns, out)
    expected = self._expected
    if expected is None:
      self._emit(number, event, out)
    elif number < expected or number in self._held:
      if self.began_anew(expected):
        cause = f"trade numbers went back from {expected - 1} to {number}"
        out.append(self.gap(cause, ts_ms, mono_ns, missed=self.stale_in_a_row - 1))
        self._held.clear()
        self._emit(number, event, out)
    elif number - expected <= self._excused:
      self._emit(number, event, out)
      self._join(out)
    elif cut_off:
      self.missed += number - expected
      self._emit(number, event, out)
    else:
      if not self._held:
        self._held_since = mono_ns
        self._good_ns = self.heard
      self._held[number] = event
      self._next = _NOBODY
      if len(self._held) > (HELD if len(self.carriers) < 2 else HELD_IN_OVERLAP):
        self._give_up(ts_ms, mono_ns, out)

  def _emit(self, number: int, event: Trade | None, out: Batch) -> None:
    self._cut_off, self._excused = False, 0
    self._expected = number + 1
    self._next = _NOBODY if self._held else number + 1
    if event is None:
      self.skipped += 1
    else:
      out.append(event)

  def _join(self, out: Batch) -> None:
    """Lets out what was held and is next now."""
    while self._expected in self._held:
      event = self._held.pop(self._expected)
      self._emit(self._expected, event, out)

  def _give_up(self, ts_ms: int, mono_ns: int, out: Batch) -> None:
    """Declares what did not come and lets out all that was held."""
    for number in sorted(self._held):
      expected = self._expected
      if expected is not None and number > expected:
        lost = number - expected
        self.missed += lost
        what = f"trade {expected}" if lost == 1 else f"trades {expected} to {number - 1}"
        out.append(
          self.gap(
            f"{what} did not come",
            ts_ms,
            mono_ns,
            venue_from=expected,
            venue_to=number - 1,
            missed=lost,
            since=self._good_ns,
          )
        )
      self._emit(number, self._held.pop(number), out)
