"""Best bids and asks, the most frequent messages of the venue beside trades."""

from bond_venuekit import NumberedState, witnesses

from bond_binance.contracts import Worth, in_base
from bond_binance.messages import decode_quote
from bond_core import Batch, Ticker
from bond_core.feeds import Moment, Subscription


class QuotesState(NumberedState):
  """The quotes of one instrument, numbered by the book's update id. Spot does not say when they
  were. `worth` is for sizes in contracts."""

  def __init__(self, subscription: Subscription, name: str, worth: Worth | None = None) -> None:
    super().__init__(subscription, name)
    self._worth = worth
    self._last = self._before = -1

  def on_open(self, connection: int, *, overlap: bool, now: Moment) -> None:
    super().on_open(connection, overlap=overlap, now=now)
    if not overlap:
      # A new connection may have a new numbering.
      self._last = self._before = -1

  def take(self, frame: bytes, ts_ms: int, mono_ns: int, out: Batch) -> None:
    quote = decode_quote(frame).data
    number = quote.number
    self.received_ns = mono_ns
    if number <= self._last:
      needed = witnesses(self._before, self._last, number)
      if not self.numbering_restarted(self._last, number, mono_ns, needed=needed):
        return
      cause = f"quotes went back from {self._last} to {number}"
      out.append(self.gap(cause, ts_ms, mono_ns, missed=self.stale_in_a_row - 1))
      self._last = -1
    self._before, self._last = self._last, number
    bid_size, ask_size = quote.bid_size, quote.ask_size
    if self._worth is not None:
      worth = self._worth()
      bid_size = in_base(bid_size, quote.bid, worth)
      ask_size = in_base(ask_size, quote.ask, worth)
    out.append(
      Ticker(
        exchange=self._exchange,
        symbol=self._symbol,
        market_type=self._market_type,
        expiry=self._expiry,
        ts_event=ts_ms,
        ts_exchange=quote.time,
        ts_internal=mono_ns,
        # A side where nobody quotes is 0 at 0.
        bid=quote.bid or None,
        bid_size=bid_size,
        ask=quote.ask or None,
        ask_size=ask_size,
        sequence=number,
      )
    )
