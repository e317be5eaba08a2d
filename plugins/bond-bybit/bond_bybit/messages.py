"""The venue's messages: only the fields that are read.

Numbers are decimal texts on the wire; strict=False turns them into floats in C, and the bounds
refuse what no venue means. Everything here raises ValueError or RecursionError on input that is not
what it should be.
Sources: "Trade", "Orderbook", "Ticker", "Kline", "All Liquidation" and "WebSocket Connect" of the
documentation of v5.
"""

from typing import Generic, Literal, TypeAlias, TypeVar

import msgspec
from bond_venuekit import Time

from bond_core.venues import Amount, Number

Kind: TypeAlias = Literal["snapshot", "delta"]


class Trade(
  msgspec.Struct,
  gc=False,
  rename={
    "time": "T",
    "side": "S",
    "size": "v",
    "price": "p",
    "id": "i",
    "block": "BT",
    "sequence": "seq",
  },
):
  """One trade. Its id has no order; `sequence` has, with holes, and several trades may share it."""

  time: Number
  side: str
  size: Amount
  price: Amount
  id: str
  block: bool = False
  sequence: int | None = None


class Book(msgspec.Struct, rename={"bids": "b", "asks": "a", "number": "u"}):
  """A book or its changes, numbered by `number`."""

  bids: list[tuple[Amount, Amount]]
  asks: list[tuple[Amount, Amount]]
  number: Number


class BookMessage(msgspec.Struct):
  """`cts` is when the matching engine made it, `ts` when it was sent."""

  type: Kind
  ts: Number
  data: Book
  cts: Number | None = None


class Ticker(msgspec.Struct, rename="camel"):
  """What changed of an instrument's statistics: texts, None where it did not."""

  last_price: str | None = None
  mark_price: str | None = None
  index_price: str | None = None
  volume24h: str | None = None
  turnover24h: str | None = None
  open_interest: str | None = None
  open_interest_value: str | None = None
  funding_rate: str | None = None
  next_funding_time: str | None = None


class TickerMessage(msgspec.Struct):
  """A snapshot begins anew, a delta changes what it names."""

  type: Kind
  ts: Number
  data: Ticker


class Bar(msgspec.Struct, gc=False):
  """A candle; on inverse contracts `volume` is in dollars and `turnover` in the base."""

  start: Time
  end: Time
  open: Amount
  high: Amount
  low: Amount
  close: Amount
  volume: Amount
  turnover: Amount
  confirm: bool
  timestamp: Number


class Forced(
  msgspec.Struct, gc=False, rename={"time": "T", "position": "S", "size": "v", "price": "p"}
):
  """One liquidation, at the price of bankruptcy; `position` is the side of what was liquidated."""

  time: Number
  position: str
  size: Amount
  price: Amount


class Other(msgspec.Struct):
  """Anything: answers, of which any field may be null, and a topic's message with its keys in
  another order."""

  topic: str | None = None
  op: str | None = None
  success: bool | None = None
  ret_msg: str | None = None
  req_id: str | int | None = None


T = TypeVar("T")


class Message(msgspec.Struct, Generic[T]):
  """A topic's message."""

  data: list[T]
  ts: Number


decode_trades = msgspec.json.Decoder(Message[Trade], strict=False).decode
decode_book = msgspec.json.Decoder(BookMessage, strict=False).decode
decode_ticker = msgspec.json.Decoder(TickerMessage, strict=False).decode
decode_bars = msgspec.json.Decoder(Message[Bar], strict=False).decode
decode_liquidations = msgspec.json.Decoder(Message[Forced], strict=False).decode
decode_other = msgspec.json.Decoder(Other).decode
