"""What the simulator reads of Binance's own messages."""

import msgspec


class Kind(msgspec.Struct, gc=False):
  """The event type of a message; "" where it has none."""

  e: str = ""


class Trade(msgspec.Struct, gc=False):
  """A trade's number."""

  t: int


class AggTrade(msgspec.Struct, gc=False):
  """An aggregate trade's number."""

  a: int


class Update(msgspec.Struct, gc=False):
  """The update ids of a book message; a best price alone has only `u`."""

  u: int | None = None
  U: int | None = None
  pu: int | None = None
  lastUpdateId: int | None = None  # noqa: N815 - the venue's name


class Depth(Update, gc=False, kw_only=True):
  """A change of the book: ids and levels as (price, size) texts."""

  b: list[tuple[str, str]]
  a: list[tuple[str, str]]
  E: int | None = None
  T: int | None = None


class Snapshot(msgspec.Struct, gc=False):
  """A book as REST tells it. E and T are there on futures only."""

  lastUpdateId: int  # noqa: N815 - the venue's name
  bids: list[tuple[str, str]]
  asks: list[tuple[str, str]]
  E: int | None = None
  T: int | None = None


_kind = msgspec.json.Decoder(Kind)
_trade = msgspec.json.Decoder(Trade)
_agg_trade = msgspec.json.Decoder(AggTrade)
_update = msgspec.json.Decoder(Update)
read_depth = msgspec.json.Decoder(Depth).decode
read_snapshot = msgspec.json.Decoder(Snapshot).decode


def span(data: bytes) -> tuple[int, int] | None:
  """First and last of the numbers a message accounts for: the trade's id, or the update ids that a
  depth message covers (on futures everything after `pu`); None for messages without numbers."""
  kind = _kind.decode(data).e
  if kind == "trade":
    number = _trade.decode(data).t
    return number, number
  if kind == "aggTrade":
    number = _agg_trade.decode(data).a
    return number, number
  update = _update.decode(data)
  if kind == "depthUpdate" and update.U is not None and update.u is not None:
    return (update.U if update.pu is None else update.pu + 1), update.u
  if kind not in ("", "bookTicker"):
    return None
  last = update.lastUpdateId if update.u is None else update.u
  return None if last is None else (last, last)
