"""Statistics, funding and open interest: one topic has them all, whole and then what changed.

Source: "Ticker". Spot sends a snapshot each time. The changes of contracts are not numbered, so a
lost one shows only when the field changes again.
"""

from abc import abstractmethod
from typing import Any, ClassVar

from bond_venuekit import amount_or_none, fraction_or_none, price_or_none, time_or_none

from bond_bybit.messages import Ticker as Fields, decode_ticker
from bond_bybit.symbols import INVERSE, category
from bond_core import AnyEvent, Batch, Funding, OpenInterest, Ticker
from bond_core.feeds import Subscription
from bond_core.venues import SubscriptionState, Topic

_NAMES = Fields.__struct_fields__


class TickerPart(SubscriptionState):
  """One channel of the topic; it has an event when one of its fields came."""

  fields: ClassVar[frozenset[str]]

  def __init__(self, subscription: Subscription, name: str) -> None:
    super().__init__(subscription, name)
    self._inverse = category(subscription.instrument) == INVERSE

  def take(self, frame: bytes, ts_ms: int, mono_ns: int, out: Batch) -> None:
    raise NotImplementedError("its topic decodes messages, for all parts at once")

  def update(
    self, came: Fields, known: Fields, ts: int, ts_ms: int, mono_ns: int, out: Batch
  ) -> None:
    """Adds an event if a field of this channel is among those that `came`; `known` is everything
    known now, `ts` the venue's time."""
    self.received_ns = mono_ns
    if all(getattr(came, field) is None for field in self.fields):
      return
    common = {
      "exchange": self._exchange,
      "symbol": self._symbol,
      "market_type": self._market_type,
      "expiry": self._expiry,
      "ts_event": ts_ms,
      "ts_exchange": ts,
      "ts_internal": mono_ns,
    }
    event = self.event(known, common)
    if event is not None:
      out.append(event)

  @abstractmethod
  def event(self, known: Fields, common: dict[str, Any]) -> AnyEvent | None:
    """The event of everything known, None where that is not enough."""


class StatsPart(TickerPart):
  """Last, mark and index price, the volume of 24 hours."""

  fields = frozenset(("last_price", "mark_price", "index_price", "volume24h", "turnover24h"))

  def event(self, known: Fields, common: dict[str, Any]) -> AnyEvent | None:
    volume = known.turnover24h if self._inverse else known.volume24h
    return Ticker(
      last=price_or_none(known.last_price),
      mark=price_or_none(known.mark_price),
      index=price_or_none(known.index_price),
      volume=amount_or_none(volume),
      **common,
    )


class FundingPart(TickerPart):
  """The rate that is paid next."""

  fields = frozenset(("funding_rate", "next_funding_time"))

  def event(self, known: Fields, common: dict[str, Any]) -> AnyEvent | None:
    rate = fraction_or_none(known.funding_rate)
    if rate is None:
      return None
    return Funding(
      rate=rate,
      next_time=time_or_none(known.next_funding_time),
      mark=price_or_none(known.mark_price),
      index=price_or_none(known.index_price),
      **common,
    )


class OpenInterestPart(TickerPart):
  """Open contracts in the base and their value in the quote; an inverse topic has them swapped."""

  fields = frozenset(("open_interest", "open_interest_value"))

  def event(self, known: Fields, common: dict[str, Any]) -> AnyEvent | None:
    contracts = amount_or_none(known.open_interest)
    value = amount_or_none(known.open_interest_value)
    if self._inverse:
      contracts, value = value, contracts
    return None if contracts is None else OpenInterest(amount=contracts, value=value, **common)


class TickerTopic(Topic):
  """What is known of an instrument. Deltas are worth something only after a snapshot and from one
  connection, so the oldest that carries the topic is read."""

  def __init__(self, name: str) -> None:
    super().__init__(name, one_connection=True)
    self._known: Fields | None = None

  def take(self, frame: bytes, ts_ms: int, mono_ns: int, out: Batch) -> None:
    message = decode_ticker(frame)
    came = message.data
    if message.type == "snapshot":
      self._known = known = came
    elif self._known is None:
      return
    else:
      known = self._known = _changed(self._known, came)
    for part in self.states.values():
      if isinstance(part, TickerPart):
        part.update(came, known, message.ts, ts_ms, mono_ns, out)

  def unreadable(self, cause: str, ts_ms: int, mono_ns: int, out: Batch) -> None:
    self._known = None
    super().unreadable(cause, ts_ms, mono_ns, out)


def _changed(known: Fields, came: Fields) -> Fields:
  fields = {
    name: new if (new := getattr(came, name)) is not None else getattr(known, name)
    for name in _NAMES
  }
  return Fields(**fields)
