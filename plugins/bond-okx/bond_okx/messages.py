"""The venue's messages: only the fields that are read.

Numbers are decimal texts on the wire; strict=False turns them into floats in C, and the bounds
refuse what no venue means. Everything here raises ValueError or RecursionError on input that is not
what it should be.
Sources: "WS / Trades channel", "WS / Order book channel", "WS / Tickers channel", "WS / Funding
rate channel", "WS / Open interest channel", "WS / Liquidation orders channel", "WS / Candlesticks
channel", "WebSocket" (subscribe, notification).
"""

from typing import Generic, Literal, TypeVar

import msgspec
from bond_venuekit import Time

from bond_core import Level
from bond_core.venues import Amount, Number

MOST = 1e300

Row = tuple[str, str, str, str]
"""A level: price, size, a retired field, how many orders."""


class Trade(msgspec.Struct, gc=False, rename={"number": "tradeId", "price": "px", "size": "sz"}):
  """What one order took at one price. `count` trades are in it, of which `number` is the last;
  recordings of before 2023 have no count and single trades."""

  number: Number
  price: Amount
  size: Amount
  side: str
  ts: Number
  count: Number = 1


class Book(msgspec.Struct, rename={"number": "seqId", "previous": "prevSeqId"}):
  """A book or its changes. `checksum` is 0 since the venue has retired it; recordings of before
  have no numbers and a real one."""

  asks: list[Row]
  bids: list[Row]
  ts: Number
  checksum: int = 0
  number: int | None = None
  previous: int | None = None


class Quote(msgspec.Struct, rename={"number": "seqId"}):
  """bbo-tbt: the best level of each side, or none."""

  asks: list[Row]
  bids: list[Row]
  ts: Number
  number: int


class Stats(msgspec.Struct, gc=False, rename={"base": "vol24h", "currency": "volCcy24h"}):
  """The last price and the volume of 24 hours: on spot `base` is in the base currency, on
  derivatives `currency` is."""

  last: str
  base: str
  currency: str
  ts: Number


class Funding(
  msgspec.Struct,
  gc=False,
  rename={"rate": "fundingRate", "time": "fundingTime"},
):
  """The rate that is paid at `time`."""

  rate: str
  time: Number
  ts: Number


class OpenInterest(msgspec.Struct, gc=False, rename={"base": "oiCcy", "dollars": "oiUsd"}):
  """Open contracts in the base currency and in dollars."""

  base: Amount
  ts: Number
  dollars: str = ""


class Forced(msgspec.Struct, gc=False, rename={"price": "bkPx", "contracts": "sz"}):
  """One liquidation, at the price of bankruptcy."""

  side: str
  price: Amount
  contracts: Amount
  ts: Number


class Forces(msgspec.Struct, rename={"instrument": "instId"}):
  """Liquidations of one instrument."""

  instrument: str
  details: list[Forced]


class Bar(msgspec.Struct, array_like=True, gc=False):
  """A candle; `vol` is in the base on spot and `currency` on derivatives."""

  start: Time
  open: Amount
  high: Amount
  low: Amount
  close: Amount
  vol: Amount
  currency: Amount
  quote: Amount
  confirm: str


class Arg(msgspec.Struct, rename={"instrument": "instId", "family": "instType"}):
  """What a message is of."""

  channel: str = ""
  instrument: str = ""
  family: str = ""


class Other(msgspec.Struct):
  """Anything: answers, errors, notices, of which any field may be null, and a topic's message with
  its keys in another order."""

  id: str | int | None = None
  event: str | None = None
  arg: Arg | None = None
  code: str | int | None = None
  msg: str | None = None
  data: msgspec.Raw = msgspec.Raw()


T = TypeVar("T")


class Message(msgspec.Struct, Generic[T]):
  """A topic's message."""

  data: list[T]
  action: Literal["", "snapshot", "update"] = ""


def read_rows(rows: list[Row]) -> list[Level]:
  """Prices and sizes. Raises ValueError for what is neither."""
  levels = [(float(row[0]), float(row[1])) for row in rows]
  for price, size in levels:
    if not (0 <= price < MOST and 0 <= size < MOST):
      raise ValueError(f"{price:g} at {size:g} is no level")
  return levels


decode_trades = msgspec.json.Decoder(Message[Trade], strict=False).decode
decode_book = msgspec.json.Decoder(Message[Book], strict=False).decode
decode_quotes = msgspec.json.Decoder(Message[Quote], strict=False).decode
decode_stats = msgspec.json.Decoder(Message[Stats], strict=False).decode
decode_funding = msgspec.json.Decoder(Message[Funding], strict=False).decode
decode_open_interest = msgspec.json.Decoder(Message[OpenInterest], strict=False).decode
decode_liquidations = msgspec.json.Decoder(Message[Forces], strict=False).decode
decode_bars = msgspec.json.Decoder(Message[Bar], strict=False).decode
decode_other = msgspec.json.Decoder(Other).decode
