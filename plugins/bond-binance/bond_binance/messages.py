"""Binance's messages, only the fields that are used. Decimal strings become floats in C.

Source: Binance Spot "WebSocket Streams" and USDⓈ-M Futures "Websocket Market Streams". Times are
epoch ms: E when the event was sent, T when it happened.
"""

from typing import Any, Generic, TypeVar

import msgspec

from bond_core.events import Level

M = TypeVar("M")


class Combined(msgspec.Struct, Generic[M], gc=False):
  """What a combined stream wraps each message in, without the name."""

  data: M


class TradeMessage(msgspec.Struct, gc=False):
  """trade: t id, m whether the buyer was the maker; X is on futures only."""

  t: int
  p: float
  q: float
  T: int
  m: bool
  X: str = "MARKET"


class AggregateMessage(msgspec.Struct, gc=False):
  """aggTrade: a id, f and l the first and last trade in it."""

  a: int
  p: float
  q: float
  f: int
  l: int  # noqa: E741
  T: int
  m: bool


class DepthMessage(msgspec.Struct, gc=False):
  """depthUpdate: U and u the first and last change, pu the u before it (futures)."""

  E: int
  U: int
  u: int
  b: list[Level]
  a: list[Level]
  pu: int | None = None
  T: int | None = None


class SnapshotMessage(msgspec.Struct, gc=False):
  """The answer of REST depth; E and T on futures only."""

  lastUpdateId: int  # noqa: N815
  bids: list[Level]
  asks: list[Level]
  T: int | None = None


class QuoteMessage(msgspec.Struct, gc=False):
  """bookTicker: spot's has no time at all."""

  u: int
  b: float
  B: float
  a: float
  A: float
  T: int | None = None


class StatsMessage(msgspec.Struct, gc=False):
  """24hrTicker: c the last price, v the volume in base units."""

  E: int
  c: float
  v: float


class MarkMessage(msgspec.Struct, gc=False):
  """markPriceUpdate: p mark, i index, r rate (empty for dated contracts), T next funding."""

  E: int
  p: float
  i: float
  r: str
  T: int


class ForcedOrder(msgspec.Struct, gc=False):
  """The o of a forceOrder: q asked, z filled, ap the average price of the fills."""

  S: str
  q: float
  p: float
  ap: float
  X: str
  z: float
  T: int


class ForceMessage(msgspec.Struct, gc=False):
  """forceOrder."""

  E: int
  o: ForcedOrder


class Bar(msgspec.Struct, gc=False):
  """The k of a kline: t start, T the last ms of it, x whether it is closed."""

  t: int
  T: int
  i: str
  o: float
  h: float
  l: float  # noqa: E741
  c: float
  v: float
  q: float
  n: int
  x: bool


class KlineMessage(msgspec.Struct, gc=False):
  """kline."""

  E: int
  k: Bar


class Notice(msgspec.Struct, gc=False):
  """Anything that is not an event: answers to requests, errors, the venue's own notices."""

  stream: str = ""
  data: Any = None
  e: str = ""
  id: int | str | None = None
  code: int | None = None
  msg: str = ""
  error: Any = None


class ListedSymbol(msgspec.Struct, gc=False):
  """A market in exchangeInfo."""

  symbol: str
  status: str = "TRADING"


class Listing(msgspec.Struct, gc=False):
  """exchangeInfo."""

  symbols: list[ListedSymbol]


def decoder(kind: type[M]) -> "msgspec.json.Decoder[M]":
  """A decoder that takes "1.5" for 1.5."""
  return msgspec.json.Decoder(kind, strict=False)
