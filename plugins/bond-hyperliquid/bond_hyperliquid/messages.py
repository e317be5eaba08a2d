"""The venue's messages: only the fields that are read.

Numbers are decimal texts on the wire; strict=False turns them into floats in C, and the bounds
refuse what no venue means. Everything here raises ValueError or RecursionError on input that is not
what it should be.
Source: "Subscriptions", section "Data formats".
"""

import msgspec
from bond_venuekit import Time

from bond_core.venues import Amount, Number


class Trade(msgspec.Struct, gc=False, rename={"price": "px", "size": "sz", "id": "tid"}):
  """One trade; `side` is the taker's, B or A. The id is a hash: it has no order, and is unique with
  the time of its block."""

  time: Time
  side: str
  price: Amount
  size: Amount
  id: Number


class TradesMessage(msgspec.Struct):
  data: list[Trade]


class Level(msgspec.Struct, gc=False, rename={"price": "px", "size": "sz"}):
  """A price and how much rests there."""

  price: Amount
  size: Amount


class Book(msgspec.Struct):
  """A whole book, or as much of it as the venue shows: bids and asks, the best first."""

  time: Time
  levels: tuple[list[Level], list[Level]]


class BookMessage(msgspec.Struct):
  data: Book


class Best(msgspec.Struct):
  """The best bid and the best ask, None where a side is empty."""

  time: Time
  bbo: tuple[Level | None, Level | None]


class BestMessage(msgspec.Struct):
  data: Best


class Context(
  msgspec.Struct,
  rename={
    "mark": "markPx",
    "oracle": "oraclePx",
    "volume": "dayBaseVlm",
    "interest": "openInterest",
  },
):
  """The context of an asset; the last three are of perpetuals only."""

  mark: Amount | None = None
  volume: Amount | None = None
  oracle: Amount | None = None
  interest: Amount | None = None
  funding: float | None = None


class CoinContext(msgspec.Struct):
  ctx: Context


class ContextMessage(msgspec.Struct):
  data: CoinContext


class Bar(
  msgspec.Struct,
  gc=False,
  rename={
    "interval": "i",
    "start": "t",
    "end": "T",
    "open": "o",
    "high": "h",
    "low": "l",
    "close": "c",
    "volume": "v",
    "count": "n",
  },
):
  """A candle as it is now; `end` is its last ms, `count` how many trades it has."""

  interval: str
  start: Time
  end: Time
  open: Amount
  high: Amount
  low: Amount
  close: Amount
  volume: Amount
  count: Number


class BarMessage(msgspec.Struct):
  """The venue's document has a list, and its messages have one candle."""

  data: Bar | list[Bar]


class Named(msgspec.Struct, rename={"bar_coin": "s", "bar_interval": "i"}):
  """What names the coin of a message, or of a subscription."""

  type: str = ""
  coin: str = ""
  interval: str = ""
  bar_coin: str = ""
  bar_interval: str = ""


class Response(msgspec.Struct):
  """The answer to a request, which repeats it."""

  subscription: Named


class Other(msgspec.Struct):
  """Any message."""

  channel: str
  data: msgspec.Raw = msgspec.Raw(b"null")


decode_trades = msgspec.json.Decoder(TradesMessage, strict=False).decode
decode_book = msgspec.json.Decoder(BookMessage, strict=False).decode
decode_best = msgspec.json.Decoder(BestMessage, strict=False).decode
decode_context = msgspec.json.Decoder(ContextMessage, strict=False).decode
decode_bar = msgspec.json.Decoder(BarMessage, strict=False).decode
decode_other = msgspec.json.Decoder(Other).decode
decode_named = msgspec.json.Decoder(Named).decode
decode_rows = msgspec.json.Decoder(list[Named]).decode
decode_response = msgspec.json.Decoder(Response).decode
decode_text = msgspec.json.Decoder(str).decode
