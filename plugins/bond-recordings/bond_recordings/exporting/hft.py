"""hftbacktest: a file of its event records for each instrument, by numpy alone.

A record is 64 bytes: what it is, exchange time and local time (ns), price, quantity, order id and
two spare fields. A gap clears the depth, since nothing is known of it until the next snapshot.
hftbacktest wants its records in the order of both clocks: one that is out of order in either is
there twice, once for the exchange and once for the strategy.
"""

import re
from collections.abc import Container, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import quote

import msgspec

from bond_core import BondError, Gap, OrderBook, Trade

if TYPE_CHECKING:
  import numpy as np
  from numpy.typing import NDArray

DEPTH: Final = 1
TRADE: Final = 2
CLEAR: Final = 3
SNAPSHOT: Final = 4
SELL: Final = 1 << 28
BUY: Final = 1 << 29
LOCAL: Final = 1 << 30
EXCHANGE: Final = 1 << 31

_MS: Final = 1_000_000
_TYPES: Final = ("trade", "orderbook", "gap")
_NEEDED: Final = tuple(f'{{"type":"{kind}"'.encode() for kind in _TYPES)
_decode = msgspec.json.Decoder(Trade | OrderBook | Gap).decode


class Row(NamedTuple):
  """What of a record is known before both clocks are in order."""

  ev: int
  exch_ts: int
  local_ts: int
  px: float
  qty: float


class Instrument(NamedTuple):
  """What a file is of."""

  exchange: str
  symbol: str
  market_type: str | None
  expiry: str | None


class HftFiles:
  """Takes lines, and writes NAME.npz for each instrument at the end."""

  types = _TYPES

  def __init__(self, folder: Path) -> None:
    try:
      import numpy
    except ImportError as exc:
      raise BondError(
        "hftbacktest needs numpy; pip install 'bond-recordings[hftbacktest]'"
      ) from exc
    self._numpy = numpy
    self.folder = folder
    self._rows: dict[Instrument, list[Row]] = {}
    self._files: dict[str, dict[str, Any]] = {}

  def add(self, lines: Sequence[bytes]) -> None:
    """Takes lines of events, in order; trades, books and gaps are used."""
    for line in lines:
      if not line.startswith(_NEEDED):
        continue
      event = _decode(line)
      if isinstance(event, Gap):
        self._clear(event)
        continue
      instrument = Instrument(event.exchange, event.symbol, event.market_type, event.expiry)
      rows = self._rows.setdefault(instrument, [])
      local = event.ts_event * _MS
      exchange = (event.ts_exchange or event.ts_event) * _MS
      if isinstance(event, Trade):
        side = {"buy": BUY, "sell": SELL}.get(event.side, 0)
        rows.append(Row(TRADE | side, exchange, local, event.price, event.size))
      else:
        self._book(rows, event, exchange, local)

  def _book(self, rows: list[Row], book: OrderBook, exchange: int, local: int) -> None:
    kind = DEPTH
    if book.update_type == "snapshot":
      kind = SNAPSHOT
      rows.append(Row(CLEAR, exchange, local, 0.0, 0.0))
    rows += [Row(kind | BUY, exchange, local, price, size) for price, size in book.bids]
    rows += [Row(kind | SELL, exchange, local, price, size) for price, size in book.asks]

  def _clear(self, gap: Gap) -> None:
    if gap.reason == "late":
      return
    for one, rows in self._rows.items():
      if gap.exchange in ("*", one.exchange) and gap.symbol in ("*", "", one.symbol):
        at = gap.ts_event * _MS
        rows.append(Row(CLEAR, at, at, 0.0, 0.0))

  def close(self) -> None:
    """Writes the files."""
    self.folder.mkdir(parents=True, exist_ok=True)
    for instrument, rows in self._rows.items():
      data = in_both_orders(self._numpy, rows)
      name = f"{_name(instrument, self._files)}.npz"
      self._numpy.savez_compressed(self.folder / name, data=data)
      self._files[name] = {**instrument._asdict(), "records": len(data)}

  def described(self) -> dict[str, Any]:
    """Which instrument each file is of."""
    return {"files": self._files}

  def discard(self) -> None:
    """Lets go of what is held."""
    self._rows.clear()


def _name(instrument: Instrument, taken: Container[str]) -> str:
  """A name for its file that no other instrument has."""
  plain = re.sub(r"[/:]", "-", "_".join(part for part in instrument if part))
  name = found = quote(plain, safe="")
  number = 1
  while f"{found}.npz" in taken:
    number += 1
    found = f"{name}_{number}"
  return found


def dtype(numpy: Any) -> "np.dtype[Any]":
  """The type of hftbacktest's records."""
  fields = [("ev", "u8"), ("exch_ts", "i8"), ("local_ts", "i8"), ("px", "f8"), ("qty", "f8")]
  found: np.dtype[Any] = numpy.dtype(
    [*fields, ("order_id", "u8"), ("ival", "i8"), ("fval", "f8")], align=True
  )
  return found


def in_both_orders(numpy: Any, rows: Sequence[Row]) -> "NDArray[Any]":
  """The records in the order of exchange time for the exchange, and of local time for the strategy.

  Where a record came before it happened, by clocks that differ, all local times are shifted, so
  that none did.
  """
  data: NDArray[Any] = numpy.zeros(len(rows), dtype(numpy))
  for place, field in enumerate(Row._fields):
    data[field] = [row[place] for row in rows]
  if not len(data):
    return data
  early = int((data["exch_ts"] - data["local_ts"]).max())
  if early > 0:
    data["local_ts"] += early
  by_exchange = numpy.argsort(data["exch_ts"], kind="stable")
  by_local = numpy.argsort(data["local_ts"], kind="stable")
  if (by_exchange == by_local).all():
    ordered: NDArray[Any] = data[by_local]
    ordered["ev"] |= EXCHANGE | LOCAL
    return ordered
  order, flags = _merged(by_exchange.tolist(), by_local.tolist())
  ordered = data[order]
  ordered["ev"] |= numpy.array(flags, dtype="u8")
  return ordered


def _merged(by_exchange: list[int], by_local: list[int]) -> tuple[list[int], list[int]]:
  """Walks both orders at once: a record that is next in both is one; else it happens first and is
  received later."""
  order: list[int] = []
  flags: list[int] = []
  happened: set[int] = set()
  at = 0
  for received in by_local:
    if received in happened:
      happened.discard(received)
      order.append(received)
      flags.append(LOCAL)
      continue
    while (found := by_exchange[at]) != received:
      happened.add(found)
      order.append(found)
      flags.append(EXCHANGE)
      at += 1
    at += 1
    order.append(received)
    flags.append(EXCHANGE | LOCAL)
  return order, flags
