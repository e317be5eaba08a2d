"""Statistics, funding and open interest: one topic tells them all, whole and then what changed.

Source: "Ticker". Spot sends a snapshot each time. The changes of contracts are not numbered, so a
lost one shows only when the field changes again.
"""

from typing import Any

from bond_bybit.messages import Ticker as Told, read_ticker
from bond_bybit.symbols import INVERSE, category
from bond_core import AnyEvent, Batch, Funding, OpenInterest, Ticker
from bond_core.feeds import Subscription
from bond_core.venues import (
  SubscriptionState,
  Topic,
  amount_or_none,
  fraction_or_none,
  time_or_none,
)

_FIELDS = Told.__struct_fields__


class TickerPart(SubscriptionState):
  """One channel of the topic; it tells when one of its fields was told."""

  concerns: frozenset[str] = frozenset()

  def __init__(self, subscription: Subscription, name: str) -> None:
    super().__init__(subscription, name)
    self._inverse = category(subscription.instrument) == INVERSE

  def tell(self, told: Told, now: Told, ts: int, ts_ms: int, mono_ns: int, out: Batch) -> None:
    """Adds an event if `told` names a field of this channel; `now` is everything known."""
    self.heard = mono_ns
    if not any(getattr(told, field) is not None for field in self.concerns):
      return
    fixed = {
      "exchange": self._exchange,
      "symbol": self._symbol,
      "market_type": self._market_type,
      "expiry": self._expiry,
      "ts_event": ts_ms,
      "ts_exchange": ts,
      "ts_internal": mono_ns,
    }
    event = self.event(now, fixed)
    if event is not None:
      out.append(event)

  def event(self, now: Told, fixed: dict[str, Any]) -> AnyEvent | None:
    """What is told of everything known, None where that is not enough."""
    raise NotImplementedError


class StatsStream(TickerPart):
  """Last, mark and index price, the volume of 24 hours."""

  concerns = frozenset(("last_price", "mark_price", "index_price", "volume24h", "turnover24h"))

  def event(self, now: Told, fixed: dict[str, Any]) -> AnyEvent | None:
    volume = now.turnover24h if self._inverse else now.volume24h
    return Ticker(
      last=amount_or_none(now.last_price),
      mark=amount_or_none(now.mark_price),
      index=amount_or_none(now.index_price),
      volume=amount_or_none(volume),
      **fixed,
    )


class FundingStream(TickerPart):
  """The rate that is paid next."""

  concerns = frozenset(("funding_rate", "next_funding_time"))

  def event(self, now: Told, fixed: dict[str, Any]) -> AnyEvent | None:
    rate = fraction_or_none(now.funding_rate)
    if rate is None:
      return None
    return Funding(
      rate=rate,
      next_time=time_or_none(now.next_funding_time),
      mark=amount_or_none(now.mark_price),
      index=amount_or_none(now.index_price),
      **fixed,
    )


class OpenInterestStream(TickerPart):
  """Open contracts in the base and their value in the quote; an inverse topic has them the other
  way round."""

  concerns = frozenset(("open_interest", "open_interest_value"))

  def event(self, now: Told, fixed: dict[str, Any]) -> AnyEvent | None:
    contracts, value = amount_or_none(now.open_interest), amount_or_none(now.open_interest_value)
    if self._inverse:
      contracts, value = value, contracts
    return None if contracts is None else OpenInterest(amount=contracts, value=value, **fixed)


class Tickers(Topic):
  """What is known of an instrument. Deltas are worth something only after a snapshot and from one
  connection, so the oldest that carries the topic is listened to."""

  lone = True

  def __init__(self, name: str) -> None:
    super().__init__(name)
    self._now: Told | None = None

  def take(self, frame: bytes, ts_ms: int, mono_ns: int, out: Batch) -> None:
    message = read_ticker(frame)
    told = message.data
    if message.type == "snapshot":
      self._now = now = told
    elif self._now is None:
      return
    else:
      now = self._now = _changed(self._now, told)
    for stream in self.states.values():
      if isinstance(stream, TickerPart):
        stream.tell(told, now, message.ts, ts_ms, mono_ns, out)

  def unreadable(self, cause: str, ts_ms: int, mono_ns: int, out: Batch) -> None:
    self._now = None
    super().unreadable(cause, ts_ms, mono_ns, out)


def _changed(now: Told, told: Told) -> Told:
  fields = {
    name: new if (new := getattr(told, name)) is not None else getattr(now, name)
    for name in _FIELDS
  }
  return Told(**fields)
