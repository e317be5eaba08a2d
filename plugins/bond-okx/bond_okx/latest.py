"""Quotes, statistics, funding, open interest and candles: readers for the kit's LatestValue."""

from collections.abc import Iterator
from typing import Any, TypeVar

from bond_venuekit import (
  Order,
  ReadLatest,
  amount,
  amount_or_none,
  fraction_or_none,
  parts_of,
  price_or_none,
  time_or_none,
)

from bond_core import AnyEvent, Candle, Funding, OpenInterest, Ticker
from bond_core.feeds import Subscription
from bond_okx.contracts import ContractOf
from bond_okx.intervals import LENGTH_MS
from bond_okx.messages import (
  decode_bars,
  decode_funding,
  decode_open_interest,
  decode_quotes,
  decode_stats,
)

T = TypeVar("T")


def _only(found: list[T]) -> T:
  """A message holds one state. Raises ValueError for one that does not."""
  if len(found) != 1:
    raise ValueError(f"the message holds {len(found)} states; one was expected")
  return found[0]


def read_quotes(contract_of: ContractOf) -> ReadLatest:
  """Reads best bids and asks, numbered by the book's seqId."""

  def read(frame: bytes, common: dict[str, Any]) -> list[tuple[Order, AnyEvent]]:
    quote = _only(decode_quotes(frame).data)
    bid, ask = (
      (amount(rows[0][0]), amount(rows[0][1])) if rows else None
      for rows in (quote.bids, quote.asks)
    )
    contract = contract_of()
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
      **common,
    )
    return [((quote.number,), event)]

  return read


def read_stats(frame: bytes, common: dict[str, Any]) -> list[tuple[Order, AnyEvent]]:
  """Reads last price and the volume of 24 hours."""
  stats = _only(decode_stats(frame).data)
  volume = stats.base if common["market_type"] == "spot" else stats.currency
  event = Ticker(
    ts_exchange=stats.ts, last=price_or_none(stats.last), volume=amount_or_none(volume), **common
  )
  return [((stats.ts,), event)]


def read_funding(frame: bytes, common: dict[str, Any]) -> list[tuple[Order, AnyEvent]]:
  """Reads the rate that is paid next."""
  funding = _only(decode_funding(frame).data)
  event = Funding(
    ts_exchange=funding.ts,
    rate=fraction_or_none(funding.rate),
    next_time=time_or_none(funding.time),
    **common,
  )
  return [((funding.ts,), event)]


def read_open_interest(frame: bytes, common: dict[str, Any]) -> list[tuple[Order, AnyEvent]]:
  """Reads open contracts in the base currency; their value where the quote is the dollar."""
  found = _only(decode_open_interest(frame).data)
  in_dollars = parts_of(common["symbol"])[1] == "USD"
  event = OpenInterest(
    ts_exchange=found.ts,
    amount=found.base,
    value=amount(found.dollars) if in_dollars and found.dollars else None,
    **common,
  )
  return [((found.ts,), event)]


def read_candles(subscription: Subscription) -> ReadLatest:
  """Reads bars of one length, also the unfinished one as it grows. The venue does not say when a
  bar was sent; its volume tells which is newer."""
  interval = dict(subscription.options).get("interval", "1m")
  length = LENGTH_MS[interval]
  spot = subscription.instrument.market_type == "spot"

  def read(frame: bytes, common: dict[str, Any]) -> Iterator[tuple[Order, AnyEvent]]:
    for bar in decode_bars(frame).data:
      closed = bar.confirm == "1"
      event = Candle(
        interval=interval,
        start=bar.start,
        end=bar.start + length,
        open=bar.open,
        high=bar.high,
        low=bar.low,
        close=bar.close,
        volume=bar.vol if spot else bar.currency,
        quote_volume=bar.quote,
        closed=closed,
        **common,
      )
      yield (bar.start, closed, bar.vol), event

  return read
