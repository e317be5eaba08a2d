"""Conflation: of events that are states of the same thing, only the latest matters."""

import msgspec

from bond_core import AnyEvent, Batch, Candle, Funding, OpenInterest, OrderBook, Ticker


def conflate(batch: Batch) -> tuple[Batch, int]:
  """The batch with only the latest of each state, in order, and how many events that left out.

  States are tickers, funding, open interest, unfinished candles and views of a book, each per
  instrument. A ticker that leaves a field null does not clear what an earlier one held. Trades,
  book deltas, gaps and everything else that is not a state pass through, every one.
  """
  latest: dict[tuple[object, ...], int] = {}
  keys: list[tuple[object, ...] | None] = []
  for position, event in enumerate(batch):
    key = _key(event)
    keys.append(key)
    if key is not None:
      latest[key] = position
  if len(latest) == sum(key is not None for key in keys):
    return batch, 0
  merged: dict[tuple[object, ...], Ticker] = {}
  left: Batch = []
  for position, (event, key) in enumerate(zip(batch, keys, strict=True)):
    if key is None:
      left.append(event)
      continue
    if isinstance(event, Ticker):
      merged[key] = event = _newer(merged.get(key), event)
    if latest[key] == position:
      left.append(event)
  return left, len(batch) - len(left)


def _key(event: AnyEvent) -> tuple[object, ...] | None:
  if isinstance(event, (Ticker, Funding, OpenInterest)):
    return (type(event), event.exchange, event.market_type, event.symbol, event.expiry)
  if isinstance(event, OrderBook) and event.update_type == "snapshot":
    return (OrderBook, event.exchange, event.market_type, event.symbol, event.expiry, event.depth)
  if isinstance(event, Candle) and not event.closed:
    # A closed candle is a fact of its own; it never stands in for the next one.
    return (
      *(Candle, event.exchange, event.market_type, event.symbol, event.expiry),
      *(event.interval, event.start),
    )
  return None


_TICKER_STATE = ("last", "mark", "index", "open_interest", "bid", "bid_size", "ask", "ask_size")


def _newer(older: Ticker | None, newer: Ticker) -> Ticker:
  if older is None:
    return newer
  missing = {
    name: value
    for name in (*_TICKER_STATE, "volume")
    if getattr(newer, name) is None and (value := getattr(older, name)) is not None
  }
  if missing and older.simulated:
    missing["simulated"] = True
  return msgspec.structs.replace(newer, **missing) if missing else newer
