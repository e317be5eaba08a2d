"""The fields of Binance's own messages that the simulator reads."""

import msgspec


class BinanceEventType(msgspec.Struct, gc=False):
  """The event type of a message; "" where it has none."""

  e: str = ""


class BinanceTradeId(msgspec.Struct, gc=False):
  """A trade's id."""

  t: int


class BinanceAggTradeId(msgspec.Struct, gc=False):
  """An aggregate trade's id."""

  a: int


class BinanceUpdateIds(msgspec.Struct, gc=False):
  """The update ids of a book message; a bookTicker has only `u`."""

  u: int | None = None
  U: int | None = None
  pu: int | None = None
  lastUpdateId: int | None = None  # noqa: N815 - the venue's name


class BinanceDepth(BinanceUpdateIds, gc=False, kw_only=True):
  """A change of the book: update ids, and levels as (price, size) texts."""

  b: list[tuple[str, str]]
  a: list[tuple[str, str]]
  E: int | None = None
  T: int | None = None


class BinanceSnapshot(msgspec.Struct, gc=False):
  """A book as REST has it. Only futures have E and T."""

  lastUpdateId: int  # noqa: N815 - the venue's name
  bids: list[tuple[str, str]]
  asks: list[tuple[str, str]]
  E: int | None = None
  T: int | None = None


_event_type = msgspec.json.Decoder(BinanceEventType)
_trade = msgspec.json.Decoder(BinanceTradeId)
_agg_trade = msgspec.json.Decoder(BinanceAggTradeId)
_update = msgspec.json.Decoder(BinanceUpdateIds)
read_depth = msgspec.json.Decoder(BinanceDepth).decode
read_snapshot = msgspec.json.Decoder(BinanceSnapshot).decode


def span(data: bytes) -> tuple[int, int] | None:
  """First and last of the numbers in a message: the trade's id, or the update ids that a depth
  message covers (on futures everything after `pu`); None for a message without numbers."""
  event_type = _event_type.decode(data).e
  if event_type == "trade":
    number = _trade.decode(data).t
    return number, number
  if event_type == "aggTrade":
    number = _agg_trade.decode(data).a
    return number, number
  update = _update.decode(data)
  if event_type == "depthUpdate" and update.U is not None and update.u is not None:
    return (update.U if update.pu is None else update.pu + 1), update.u
  if event_type not in ("", "bookTicker"):
    return None
  last = update.lastUpdateId if update.u is None else update.u
  return None if last is None else (last, last)
