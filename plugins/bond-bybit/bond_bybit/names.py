"""Names in one word: the venue's own symbols are such, and its list says which coins they join.

Source: "Get Instruments Info"; an unknown symbol is answered with an empty list or code 10001.
"""

from collections.abc import Mapping, Sequence

import msgspec
from bond_venuekit import NameList, NameRequest, readable

from bond_bybit.endpoints import Connection
from bond_bybit.symbols import category
from bond_core import Instrument
from bond_core.feeds import Response

UNKNOWN_SYMBOL = 10001


class _Row(msgspec.Struct, gc=False, rename={"base": "baseCoin", "quote": "quoteCoin"}):
  symbol: str
  base: str
  quote: str


class _List(msgspec.Struct, rename={"rows": "list"}):
  rows: list[msgspec.Raw] = []


class _Answer(msgspec.Struct, rename={"code": "retCode"}):
  code: int
  result: _List


_read = msgspec.json.Decoder(_Answer).decode
_read_row = msgspec.json.Decoder(_Row).decode


def names_of(connection: Connection) -> NameList:
  """Where the names of a connection's markets are listed."""

  def requests(name: Instrument) -> Sequence[NameRequest]:
    group = category(name)
    symbols = (name.symbol, f"{name.symbol}USDT")
    return [NameRequest(connection.listing(group, symbol), group) for symbol in symbols]

  return NameList(requests, read_names)


def read_names(name: Instrument, response: Response) -> Mapping[str, Instrument] | None:
  """The instruments in an answer of "Get Instruments Info"; None for an error. Raises
  UNREADABLE."""
  answer = _read(response.body)
  if answer.code not in (0, UNKNOWN_SYMBOL):
    return None
  rows, _ = readable(answer.result.rows, _read_row, "symbol")
  return {row.symbol: name._replace(symbol=f"{row.base}/{row.quote}") for row in rows}
