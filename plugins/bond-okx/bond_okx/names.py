"""Names in one word, such as DOTUSD: the venue writes base and quote apart, and lists both.

Source: "Get instruments" (baseCcy and quoteCcy on spot, instFamily on derivatives).
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress

import msgspec
from bond_venuekit import NameList, NameRequest, readable

from bond_core import Instrument
from bond_core.feeds import Response
from bond_okx.endpoints import PUBLIC, Connection
from bond_okx.symbols import family, read_symbol


class _Row(msgspec.Struct, gc=False, rename={"instrument": "instId"}):
  instrument: str


class _Listing(msgspec.Struct):
  data: list[msgspec.Raw]
  code: str = "0"


_read = msgspec.json.Decoder(_Listing).decode
_read_row = msgspec.json.Decoder(_Row).decode


def names_of(connection: Connection) -> NameList:
  """Where the names of a connection's markets are listed."""

  def requests(name: Instrument) -> Sequence[NameRequest]:
    return [NameRequest(connection.listing(family(name)), PUBLIC)]

  return NameList(requests, read_names)


def read_names(name: Instrument, response: Response) -> Mapping[str, Instrument] | None:
  """The instruments in an answer of "Get instruments"; None for an error. Of two perpetuals of a
  pair in dollars the name means the inverse one. Raises UNREADABLE."""
  if response.status != 200:
    return None
  listing = _read(response.body)
  if listing.code != "0":
    return None
  found: dict[str, Instrument] = {}
  for row in readable(listing.data, _read_row, "instId")[0]:
    base, _, rest = row.instrument.partition("-")
    with suppress(ValueError):
      found[base + rest.partition("-")[0]] = read_symbol(row.instrument).on(name.exchange)
  return found
