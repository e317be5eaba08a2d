"""What a venue can do through ccxt, and how a source reads its data there."""

from typing import Any

from bond_ccxt.config import Kind, Mode
from bond_core import Refused
from bond_core.config import one_of

# ccxt's abilities by kind of data: to stream it, to poll it, to poll it for many markets at once.
_NEEDS: dict[Kind, tuple[str, str, str]] = {
  "trades": ("watchTrades", "fetchTrades", ""),
  "orderbook": ("watchOrderBook", "fetchOrderBook", ""),
  "ticker": ("watchTicker", "fetchTicker", "fetchTickers"),
  "ohlcv": ("watchOHLCV", "fetchOHLCV", ""),
  "funding": ("watchFundingRate", "fetchFundingRate", "fetchFundingRates"),
}


_WATCHED: dict[str, tuple[int, tuple[int, ...]]] = {
  "kraken": (10, (10, 25, 100, 500, 1000)),
  "bitfinex": (25, (25, 100)),
  "htx": (150, (5, 20, 150, 400)),
  "huobi": (150, (5, 20, 150, 400)),
  "bybit": (50, (1, 50, 200, 1000)),
}
"""How many levels of a book a venue streams where no limit is given, and the limits that it takes
(watchOrderBook of ccxt 4.5). The other venues stream all, or what they have."""


def watched_depth(exchange_id: str, depth: int) -> tuple[int | None, int | None]:
  """The limit to watch a book with so that `depth` levels of it come, None for none; and how many
  the venue streams at most where that is less, else None."""
  usual, limits = _WATCHED.get(exchange_id, (depth, ()))
  if depth <= usual:
    return None, None
  found = next((limit for limit in limits if limit >= depth), None)
  return (max(limits), max(limits)) if found is None else (found, None)


def streams(exchange: Any, kind: Kind, mode: Mode) -> bool:
  """Whether a kind of data is streamed; else it is polled. Raises Refused where neither can be, or
  not what `mode` says."""
  watch, fetch, many = _NEEDS[kind]
  can_stream = can(exchange, watch)
  can_poll = can(exchange, fetch) or can(exchange, many)
  if mode == "stream" and not can_stream and can_poll:
    raise Refused(f"{exchange.id} does not stream {kind} in ccxt; write mode: poll")
  if mode == "poll" and not can_poll and can_stream:
    raise Refused(f"{exchange.id} cannot be polled for {kind} in ccxt; write mode: stream")
  if not can_stream and not can_poll:
    others = [name for name, needs in _NEEDS.items() if any(can(exchange, need) for need in needs)]
    there = f"; it has {one_of(others, 'and')}" if others else ""
    raise Refused(f"{exchange.id} has no {kind} in ccxt{there}")
  return can_stream and mode != "poll"


def can(exchange: Any, ability: str) -> bool:
  """Whether ccxt says that the venue has it. What ccxt emulates counts: a rate that it picks from
  all of them is the same rate."""
  return bool(ability) and bool(exchange.has.get(ability))


def check_interval(exchange: Any, interval: str) -> None:
  """Raises Refused for a length of bars that the venue does not have."""
  known = exchange.timeframes or {}
  if known and interval not in known:
    raise Refused(f"{exchange.id} has no candles of {interval}; it has {one_of(known, 'and')}")
