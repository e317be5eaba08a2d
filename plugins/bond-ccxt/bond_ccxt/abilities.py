"""What a venue can do through ccxt, and how a source reads its data there."""

import re
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


_GATE = (50, (50, 400))
_HTX = (150, (5, 20, 150, 400))

_WATCHED: dict[str, tuple[int, tuple[int, ...]]] = {
  "apex": (25, (25, 200)),
  "bingx": (100, (100,)),
  "bitfinex": (25, (25, 100)),
  "bitopro": (0, (5, 10, 20, 50, 100, 500, 1000)),
  "bittrade": (150, (150,)),
  "bybit": (50, (1, 50, 200, 1000)),
  "bydfi": (100, (100,)),
  "cryptocom": (50, (10, 50)),
  "deepcoin": (25, (25,)),
  "derive": (10, (1, 10, 20, 100)),
  "gate": _GATE,
  "gateio": _GATE,
  "gate swap": (100, (20, 50, 100)),
  "gateio swap": (100, (20, 50, 100)),
  "grvt": (100, (10, 50, 100, 500)),
  "htx": _HTX,
  "huobi": _HTX,
  "hyperliquid": (20, (20,)),
  "kraken": (10, (10, 25, 100, 500, 1000)),
  "lbank": (100, (10, 50, 100)),
  "okx": (400, (400,)),
  "p2b": (100, (1, 5, 10, 20, 30, 50, 100)),
  "weex": (200, (200,)),
  "whitebit": (10, (1, 5, 10, 20, 30, 50, 100)),
}
"""How many levels of a book a venue streams where no limit is given, and the limits that it takes
(watchOrderBook of ccxt 4.5, and the venues' documents where ccxt passes on any number), for all its
markets or those of a type. The other venues stream all, or what they have."""

USUAL_DEPTH = 20
"""Every venue gives this many levels of a book that is polled by default."""

_POLLED: dict[str, tuple[int, ...]] = {
  "bitfinex": (25, 100),
  "htx": (20, 150),
  "huobi": (20, 150),
  "kucoin": (20, 100),
  "kucoinfutures": (20, 100),
}
"""The limits that a venue takes where it does not take any number (fetchOrderBook of ccxt 4.5)."""

_OF_A_LIMIT = re.compile(r"\b(limit|depth|levels?)\b", re.IGNORECASE)
_OF_A_RATE = re.compile(r"\brate\b|too many|frequen", re.IGNORECASE)


def watched_depth(exchange_id: str, kind: str, depth: int) -> tuple[int | None, int | None]:
  """The limit to watch a book of a market of this type with so that `depth` levels of it come, None
  for none; and how many the venue streams at most where that is less, else None."""
  every = _WATCHED.get(exchange_id, (depth, ()))
  usual, limits = _WATCHED.get(f"{exchange_id} {kind}", every)
  return (None, None) if depth <= usual else _rounded_up(depth, limits)


def polled_depth(exchange_id: str, depth: int) -> tuple[int | None, int | None]:
  """The same of a book that is polled."""
  if depth <= USUAL_DEPTH:
    return None, None
  limits = _POLLED.get(exchange_id)
  return (depth, None) if limits is None else _rounded_up(depth, limits)


def _rounded_up(depth: int, limits: tuple[int, ...]) -> tuple[int | None, int | None]:
  found = next((limit for limit in limits if limit >= depth), None)
  return (max(limits), max(limits)) if found is None else (found, None)


def is_of_a_limit(exc: Exception) -> bool:
  """Whether an error is about how many levels were requested."""
  import ccxt

  said = str(exc)
  about = isinstance(exc, ccxt.ExchangeError) and not isinstance(exc, ccxt.AuthenticationError)
  return about and bool(_OF_A_LIMIT.search(said)) and not _OF_A_RATE.search(said)


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
