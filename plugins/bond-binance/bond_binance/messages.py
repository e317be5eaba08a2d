"""The venue's messages: only the fields that are read, by readable names.

Prices and sizes are decimal texts on the wire; strict=False turns them into floats in C, and the
bounds refuse what no venue means (nan, inf, negative). Everything here raises ValueError or
RecursionError on input that is not what it should be.
Sources: Spot "WebSocket Streams" and "Market Data endpoints"; USD-M "Websocket Market Streams" and
"Market Data". The USD-M trade stream is not documented; its fields are those of recordings.
"""

from typing import Any, Generic, TypeVar

import msgspec
from bond_venuekit import Time

from bond_core.venues import Amount, Number

Levels = list[tuple[Amount, Amount]]


class Trade(
  msgspec.Struct,
  gc=False,
  rename={
    "price": "p",
    "size": "q",
    "time": "T",
    "buyer_is_maker": "m",
    "number": "t",
    "kind": "X",
  },
):
  """One execution. `kind` is on futures only: what is not MARKET was not traded on the book."""

  price: Amount
  size: Amount
  time: Number
  number: Number
  buyer_is_maker: bool
  kind: str = "MARKET"


class AggTrade(
  msgspec.Struct,
  gc=False,
  rename={
    "price": "p",
    "size": "q",
    "time": "T",
    "buyer_is_maker": "m",
    "number": "a",
    "first": "f",
    "last": "l",
  },
):
  """What one order took at one price. `size` includes retail price improvement orders, `first` and
  `last` are the trades in it."""

  price: Amount
  size: Amount
  time: Number
  number: Number
  first: Number
  last: Number
  buyer_is_maker: bool


class Quote(
  msgspec.Struct,
  gc=False,
  rename={
    "number": "u",
    "bid": "b",
    "bid_size": "B",
    "ask": "a",
    "ask_size": "A",
    "time": "T",
  },
):
  """bookTicker. Only futures say when it was."""

  number: Number
  bid: Amount
  bid_size: Amount
  ask: Amount
  ask_size: Amount
  time: Number | None = None


class Stats(
  msgspec.Struct,
  gc=False,
  rename={"time": "E", "last": "c", "volume": "v", "other_volume": "q"},
):
  """24hrTicker. `volume` is in the base and `other_volume` in the quote, except on COIN-M:
  contracts and the base. Spot's also holds a best bid and ask, up to a second old, which are not
  read: the quotes are newer."""

  time: Number
  last: Amount
  volume: Amount
  other_volume: Amount = 0.0


class Mark(
  msgspec.Struct,
  gc=False,
  rename={"time": "E", "mark": "p", "index": "i", "rate": "r", "next_time": "T"},
):
  """markPriceUpdate. `next_time` is 0, and `rate` mostly "", for a dated contract, which pays no
  funding."""

  time: Number
  mark: Amount
  index: str | None = None
  rate: str = ""
  next_time: Number = 0


class Forced(
  msgspec.Struct,
  gc=False,
  rename={
    "side": "S",
    "size": "q",
    "price": "p",
    "average": "ap",
    "status": "X",
    "filled": "z",
    "time": "T",
  },
):
  """The order of a liquidation."""

  side: str
  size: Amount
  price: Amount
  average: Amount
  status: str
  filled: Amount
  time: Number


class Liquidation(msgspec.Struct, gc=False, rename={"time": "E", "order": "o"}):
  """forceOrder."""

  time: Number
  order: Forced


class Bar(
  msgspec.Struct,
  gc=False,
  rename={
    "start": "t",
    "last_ms": "T",
    "interval": "i",
    "open": "o",
    "close": "c",
    "high": "h",
    "low": "l",
    "volume": "v",
    "trades": "n",
    "closed": "x",
    "quote_volume": "q",
  },
):
  """A kline. `last_ms` is its last millisecond, inclusive. On COIN-M `volume` is in contracts and
  `quote_volume` in the base."""

  start: Time
  last_ms: Time
  interval: str
  open: Amount
  close: Amount
  high: Amount
  low: Amount
  volume: Amount
  trades: Number
  closed: bool
  quote_volume: Amount


class Candle(msgspec.Struct, gc=False, rename={"time": "E", "bar": "k"}):
  """kline."""

  time: Number
  bar: Bar


class Depth(
  msgspec.Struct,
  gc=False,
  rename={
    "first": "U",
    "last": "u",
    "previous": "pu",
    "bids": "b",
    "asks": "a",
    "sent": "E",
    "time": "T",
  },
):
  """depthUpdate. `previous` and `time` are on futures only."""

  first: Number
  last: Number
  bids: Levels
  asks: Levels
  sent: Number
  previous: Number | None = None
  time: Number | None = None


class Snapshot(msgspec.Struct, gc=False, rename={"last": "lastUpdateId", "time": "T"}):
  """GET depth. `time` is on futures only."""

  last: Number
  bids: Levels
  asks: Levels
  time: Number | None = None


class Filter(msgspec.Struct, gc=False, rename={"tick": "tickSize", "step": "stepSize"}):
  """A rule of a market; two of them say what prices and sizes are counted in."""

  filterType: str = ""  # noqa: N815 - the venue's name
  tick: str = ""
  step: str = ""

  def terms(self) -> list[tuple[str, str]]:
    """What its numbers are counted in, by name."""
    if self.filterType == "PRICE_FILTER":
      return [("tick size", self.tick)]
    return [("lot size", self.step)] if self.filterType == "LOT_SIZE" else []


class Listed(
  msgspec.Struct,
  gc=False,
  rename={
    "base": "baseAsset",
    "quote": "quoteAsset",
    "contract_status": "contractStatus",
    "worth": "contractSize",
  },
):
  """A market in exchangeInfo. COIN-M has a `contract_status` instead, and what a contract is worth
  in dollars."""

  symbol: str
  base: str
  quote: str
  status: str = ""
  contract_status: str = ""
  worth: Amount = 0.0
  filters: list[Filter] = []


class Listing(msgspec.Struct):
  """GET exchangeInfo. The rows are read one by one."""

  symbols: list[msgspec.Raw]


class Fault(msgspec.Struct, gc=False):
  """An error of REST or of a control message."""

  code: int
  msg: str = ""


class _Interval(msgspec.Struct, gc=False, rename={"interval": "i"}):
  interval: str = ""


class Other(
  msgspec.Struct,
  gc=False,
  rename={"event": "e", "symbol": "s", "order": "o", "bar": "k", "number": "u"},
):
  """Whatever does not begin as a combined stream's message does: answers, errors, notices, payloads
  without their envelope."""

  stream: str | None = None
  data: msgspec.Raw = msgspec.Raw()
  id: Any = None
  code: int | None = None
  msg: str = ""
  error: Fault | None = None
  event: str = ""
  symbol: str = ""
  order: Any = None
  bar: _Interval | None = None
  number: Any = None


T = TypeVar("T")


class Message(msgspec.Struct, Generic[T], gc=False):
  """A combined stream's message."""

  data: T


decode_trade = msgspec.json.Decoder(Message[Trade], strict=False).decode
decode_agg_trade = msgspec.json.Decoder(Message[AggTrade], strict=False).decode
decode_quote = msgspec.json.Decoder(Message[Quote], strict=False).decode
decode_stats = msgspec.json.Decoder(Message[Stats], strict=False).decode
decode_mark = msgspec.json.Decoder(Message[Mark], strict=False).decode
decode_liquidation = msgspec.json.Decoder(Message[Liquidation], strict=False).decode
decode_candle = msgspec.json.Decoder(Message[Candle], strict=False).decode
decode_depth = msgspec.json.Decoder(Message[Depth], strict=False).decode
decode_snapshot = msgspec.json.Decoder(Snapshot, strict=False).decode
decode_listing = msgspec.json.Decoder(Listing).decode
decode_listed = msgspec.json.Decoder(Listed).decode
decode_fault = msgspec.json.Decoder(Fault).decode
decode_other = msgspec.json.Decoder(Other).decode
