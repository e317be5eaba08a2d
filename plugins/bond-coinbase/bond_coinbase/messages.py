"""The venue's messages: only the fields that are read.

Numbers are decimal texts on the wire; strict=False turns them into floats in C, and the bounds
refuse what no venue means. Times are RFC 3339 with up to nanoseconds. Everything here raises
ValueError or RecursionError on input that is not what it should be.
Source: "Advanced Trade WebSocket Channels" and its AsyncAPI description, which was compared with
the production feed. That the side is the resting order's is said of "matches" and seen here.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Generic, Literal, TypeAlias, TypeVar

import msgspec

from bond_core.venues import Amount, Number

Kind: TypeAlias = Literal["snapshot", "update"]
Seconds = Annotated[int, msgspec.Meta(gt=0, lt=10**11)]
Aware = Annotated[datetime, msgspec.Meta(tz=True)]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def epoch_ms(time: datetime) -> int:
  """A time in epoch ms. Raises ValueError for one before 1970."""
  if time < _EPOCH:
    raise ValueError(f"{time} is no time of a market")
  return (time - _EPOCH) // _MILLISECOND


class Trade(
  msgspec.Struct, gc=False, rename={"id": "trade_id", "product": "product_id", "maker": "side"}
):
  """One trade; `maker` is the side of the order that rested."""

  id: Number
  product: str
  price: Amount
  size: Amount
  maker: str
  time: Aware


class Trades(msgspec.Struct):
  type: Kind
  trades: list[Trade]


class Level(msgspec.Struct, gc=False, rename={"price": "price_level", "size": "new_quantity"}):
  """The size at a price, 0 where there is none any more."""

  side: Literal["bid", "offer"]
  price: Amount
  size: Amount


class Levels(msgspec.Struct):
  type: Kind
  updates: list[Level]


class Ticker(
  msgspec.Struct,
  rename={
    "product": "product_id",
    "last": "price",
    "volume": "volume_24_h",
    "bid": "best_bid",
    "bid_size": "best_bid_quantity",
    "ask": "best_ask",
    "ask_size": "best_ask_quantity",
  },
):
  """Texts; "" for what there is not."""

  product: str
  last: str = ""
  volume: str = ""
  bid: str = ""
  bid_size: str = ""
  ask: str = ""
  ask_size: str = ""


class Tickers(msgspec.Struct):
  tickers: list[Ticker]


class Bar(msgspec.Struct, gc=False):
  """A candle as it is now; `start` is in seconds."""

  start: Seconds
  open: Amount
  high: Amount
  low: Amount
  close: Amount
  volume: Amount


class Bars(msgspec.Struct):
  candles: list[Bar]


E = TypeVar("E")


class Message(msgspec.Struct, Generic[E], rename={"time": "timestamp", "number": "sequence_num"}):
  """A channel's message; `number` counts the messages of the connection."""

  time: Aware
  number: Number
  events: list[E]


class Other(msgspec.Struct):
  """Anything."""

  channel: str = ""
  type: str = ""
  message: str = ""
  events: list[msgspec.Raw] = []


class Named(msgspec.Struct, rename={"product": "product_id"}):
  """What names the product of an event, or of its rows."""

  product: str = ""
  trades: list["Named"] = []
  tickers: list["Named"] = []
  candles: list["Named"] = []


decode_trades = msgspec.json.Decoder(Message[Trades], strict=False).decode
decode_levels = msgspec.json.Decoder(Message[Levels], strict=False).decode
decode_tickers = msgspec.json.Decoder(Message[Tickers], strict=False).decode
decode_candles = msgspec.json.Decoder(Message[Bars], strict=False).decode
decode_other = msgspec.json.Decoder(Other).decode
decode_named = msgspec.json.Decoder(Named).decode
decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
