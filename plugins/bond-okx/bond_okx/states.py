"""Streams that tell a state: quotes, statistics, funding, open interest, candles."""

from typing import Any

from bond_core import AnyEvent, Batch, Candle, Funding, OpenInterest, Ticker
from bond_core.feeds import Subscription
from bond_core.venues import (
  LatestFromMessage,
  LatestValue,
  Order,
  amount,
  amount_or_none,
  fraction_or_none,
)
from bond_okx.contracts import Contract
from bond_okx.intervals import LENGTH_MS
from bond_okx.messages import (
  read_candles,
  read_funding,
  read_open_interest,
  read_quotes,
  read_stats,
)


def _only(found: list[Any]) -> Any:
  """A state's message holds one. Raises ValueError for one that does not."""
  if len(found) != 1:
    raise ValueError(f"the message holds {len(found)} states; one was expected")
  return found[0]


class QuotesState(LatestFromMessage):
  """Best bids and asks, numbered by the book's seqId."""

  def __init__(self, subscription: Subscription, name: str, contract: Any) -> None:
    super().__init__(subscription, name, self._quote)
    self._contract = contract

  def _quote(self, frame: bytes, fixed: dict[str, Any]) -> tuple[Order, AnyEvent]:
    quote = _only(read_quotes(frame).data)
    bid, ask = (
      (float(rows[0][0]), float(rows[0][1])) if rows else None for rows in (quote.bids, quote.asks)
    )
    contract: Contract | None = self._contract()
    if contract is not None:
      bid = bid and (bid[0], contract.base(bid[1], bid[0]))
      ask = ask and (ask[0], contract.base(ask[1], ask[0]))
    event = Ticker(
      ts_exchange=quote.ts,
      bid=bid and bid[0],
      bid_size=bid and bid[1],
      ask=ask and ask[0],
      ask_size=ask and ask[1],
      sequence=quote.number,
      **fixed,
    )
    return (quote.number,), event


def read_stats_event(frame: bytes, fixed: dict[str, Any]) -> tuple[Order, AnyEvent]:
  """Last price and the volume of 24 hours."""
  stats = _only(read_stats(frame).data)
  volume = stats.base if fixed["market_type"] == "spot" else stats.currency
  event = Ticker(
    ts_exchange=stats.ts, last=amount_or_none(stats.last), volume=amount_or_none(volume), **fixed
  )
  return (stats.ts,), event


def read_funding_event(frame: bytes, fixed: dict[str, Any]) -> tuple[Order, AnyEvent]:
  """The rate that is paid next."""
  funding = _only(read_funding(frame).data)
  event = Funding(
    ts_exchange=funding.ts,
    rate=fraction_or_none(funding.rate),
    next_time=funding.time or None,
    **fixed,
  )
  return (funding.ts,), event


def read_open_interest_event(frame: bytes, fixed: dict[str, Any]) -> tuple[Order, AnyEvent]:
  """Open contracts in the base currency; their value where the quote is the dollar."""
  found = _only(read_open_interest(frame).data)
  in_dollars = fixed["symbol"].endswith("/USD")
  event = OpenInterest(
    ts_exchange=found.ts,
    amount=found.base,
    value=amount(found.dollars) if in_dollars and found.dollars else None,
    **fixed,
  )
  return (found.ts,), event


class CandlesState(LatestValue):
  """Bars of one length, also the unfinished one as it grows. The venue does not say when a bar was
  sent; what it holds tells which is newer."""

  def __init__(self, subscription: Subscription, name: str) -> None:
    super().__init__(subscription, name)
    self._interval = dict(subscription.options).get("interval", "1m")

  def take(self, frame: bytes, ts_ms: int, mono_ns: int, out: Batch) -> None:
    fixed = self.fixed(ts_ms, mono_ns)
    for bar in read_candles(frame).data:
      closed = bar.confirm == "1"
      event = Candle(
        interval=self._interval,
        start=bar.start,
        end=bar.start + LENGTH_MS[self._interval],
        open=bar.open,
        high=bar.high,
        low=bar.low,
        close=bar.close,
        volume=bar.vol if self._market_type == "spot" else bar.currency,
        quote_volume=bar.quote,
        closed=closed,
        **fixed,
      )
      self.tell((bar.start, closed, bar.vol), event, ts_ms, mono_ns, out)
