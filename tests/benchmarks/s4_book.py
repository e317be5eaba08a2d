"""S4: what a level update of an order book costs, on recorded depth of Binance and OKX.

Measured is the work on already parsed levels: applying them, the best 20 levels of both sides after
each 10 updates, and the venue's checksum over 25 levels after each message where it sends one.
"10 updates" is taken in its dearer sense, 10 level updates, for the figure that the goal is held
against; once each 10 messages stands beside it. Each run starts from the recorded snapshot; given
are medians of processor time. The figure is that of the dearest recording, where the three books of
OKX's one connection are one recording; `detail` and `peers` have each book by itself, for a
message's own cost (the checksum above all) weighs more where messages are small.
`python tests/benchmarks/s4_book.py` prints the result.
"""

import functools
import gc
import gzip
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec
from bond_bookkit import BookView
from bond_venuekit import (
  BookSync,
  Ids,
  SequenceRule,
  Update,
  contiguous,
  interleaved_crc32,
  linked_ranges,
)

from bond_core._books.book import Book
from bond_core._events import Batch, Level, OrderBook
from bond_core._instruments import Instrument

GOAL = 1.5
TOP = 20
ROUNDS = 7


class Message(NamedTuple):
  """One parsed message. `levels` is how many it holds; the rows are the venue's own text."""

  ids: Ids | None
  bids: list[Level]
  asks: list[Level]
  bid_rows: list[list[str]]
  ask_rows: list[list[str]]
  checksum: int | None
  ts_ms: int

  @property
  def levels(self) -> int:
    return len(self.bids) + len(self.asks)


class Recording(NamedTuple):
  """A snapshot and the deltas after it, `repeat` times over in one measurement. `source` names the
  connection they were recorded from, `rule` the venue's numbering (None where it has none)."""

  source: str
  name: str
  rule: SequenceRule | None
  snapshot: Message
  deltas: list[Message]
  repeat: int = 1


def shared_data() -> Path:
  """The folder of recorded frames: beside the project, or where BOND_SHARED says."""
  beside = Path(__file__).resolve().parents[2].parent / "shared"
  return Path(os.environ.get("BOND_SHARED", beside)) / "data"


def read_binance(path: Path) -> Recording:
  """The depth stream of a recorded combined stream, from its REST snapshot on."""
  snapshot: Message | None = None
  deltas: list[Message] = []
  with gzip.open(path, "rb") as lines:
    for line in lines:
      received, _, frame = line.partition(b" ")
      if b"depth@" not in frame[:60] and b"lastUpdateId" not in frame[:60]:
        continue
      body = json.loads(frame)
      data = body.get("data", body)
      if "lastUpdateId" in data:
        ids = Ids(last=data["lastUpdateId"])
        snapshot = _message(ids, data["bids"], data["asks"], None, int(received) // 1_000_000)
      else:
        ids = Ids(data["u"], data["U"], data.get("pu"))
        deltas.append(_message(ids, data["b"], data["a"], None, int(received) // 1_000_000))
  assert snapshot is not None, f"{path} holds no snapshot"
  name = "binance " + path.name.split("_")[0]
  linked = deltas[0].ids is not None and deltas[0].ids.prev is not None
  return Recording(name, name, linked_ranges if linked else contiguous, snapshot, deltas)


def read_okx(path: Path) -> list[Recording]:
  """The books of each instrument in an OKX capture."""
  snapshots: dict[str, Message] = {}
  deltas: dict[str, list[Message]] = {}
  with gzip.open(path, "rb") as lines:
    for line in lines:
      received, found, frame = line.partition(b": ")
      if not found or b'"channel":"books"' not in frame or b'"action"' not in frame:
        continue
      body = json.loads(frame)
      name, (data,) = body["arg"]["instId"], body["data"]
      message = _message(
        None, data["bids"], data["asks"], data["checksum"], int(float(received) * 1000)
      )
      if body["action"] == "snapshot":
        snapshots[name], deltas[name] = message, []
      else:
        deltas[name].append(message)
  return [
    Recording("okx", f"okx {name}", None, snapshots[name], deltas[name], repeat=20)
    for name in snapshots
  ]


def _message(
  ids: Ids | None, bids: list[list[str]], asks: list[list[str]], checksum: int | None, ts_ms: int
) -> Message:
  return Message(
    ids,
    [(float(row[0]), float(row[1])) for row in bids],
    [(float(row[0]), float(row[1])) for row in asks],
    bids,
    asks,
    checksum,
    ts_ms,
  )


# What is measured --------------------------------------------------------------------------------

Top = tuple[list[Any], list[Any]]


class Subject(Protocol):
  """Something that keeps a book."""

  def start(self, snapshot: Message) -> None:
    """Takes the first state."""

  def apply(self, delta: Message) -> None:
    """Takes a delta, and verifies it where it can."""

  def top(self) -> Top:
    """The best levels of both sides."""


def _book(snapshot: Message) -> Book:
  return Book(checksum=None if snapshot.checksum is None else interleaved_crc32())


class BondBook:
  """The book alone, with its checksum."""

  def start(self, snapshot: Message) -> None:
    self.book = _book(snapshot)
    self.book.snapshot(snapshot.bids, snapshot.asks, snapshot.bid_rows, snapshot.ask_rows)

  def apply(self, delta: Message) -> None:
    self.book.apply(delta.bids, delta.asks, delta.bid_rows, delta.ask_rows)
    if self.book.checksum() != delta.checksum:
      raise AssertionError("the recorded checksum is not met")

  def top(self) -> Top:
    return self.book.top(TOP)


class BondSync:
  """The whole chain: sequence, crossed book, checksum, and the event that is let out."""

  def __init__(self, rule: SequenceRule | None) -> None:
    self.rule = rule

  def start(self, snapshot: Message) -> None:
    instrument = Instrument("recorded", "spot", "BTC/USDT")
    self.sync = BookSync(instrument, self.rule, _book(snapshot))
    self.sync.on_snapshot(_update(snapshot))

  def apply(self, delta: Message) -> None:
    self.sync.on_delta(_update(delta))
    if self.sync.needs_snapshot:
      raise AssertionError(f"the recorded chain broke: {self.sync.take_need()}")

  def top(self) -> Top:
    return self.sync.book.top(TOP)


class SortedContainersBook:
  """sortedcontainers' SortedDict from price to size, as its users write a book."""

  def start(self, snapshot: Message) -> None:
    from sortedcontainers import SortedDict  # type: ignore[import-untyped]

    self.bids, self.asks = SortedDict(snapshot.bids), SortedDict(snapshot.asks)

  def apply(self, delta: Message) -> None:
    for side, levels in ((self.bids, delta.bids), (self.asks, delta.asks)):
      for price, size in levels:
        if size:
          side[price] = size
        else:
          side.pop(price, None)

  def top(self) -> Top:
    bids, asks = self.bids, self.asks
    return (
      [(price, bids[price]) for price in islice(reversed(bids), TOP)],
      [(price, asks[price]) for price in islice(asks, TOP)],
    )


class CcxtBook:
  """ccxt.pro's own book."""

  def start(self, snapshot: Message) -> None:
    from ccxt.async_support.base.ws.order_book import OrderBook as Ccxt

    self.book = Ccxt()
    self.book.reset(
      {"bids": [list(level) for level in snapshot.bids], "asks": [*map(list, snapshot.asks)]}
    )

  def apply(self, delta: Message) -> None:
    bids, asks = self.book["bids"], self.book["asks"]
    for price, size in delta.bids:
      bids.storeArray([price, size])
    for price, size in delta.asks:
      asks.storeArray([price, size])

  def top(self) -> Top:
    return self.book["bids"][:TOP], self.book["asks"][:TOP]


class CryptofeedBook:
  """order-book, the C extension that cryptofeed uses. Keys are floats here; cryptofeed's Decimals
  are slower. Where a recording has checksums it verifies them over Decimals, as it must."""

  def start(self, snapshot: Message) -> None:
    from order_book import OrderBook as COrderBook  # type: ignore[import-not-found]

    self.verify = snapshot.checksum is not None
    self.book = COrderBook(checksum_format="OKX") if self.verify else COrderBook()
    self._write(snapshot)

  def _write(self, message: Message) -> None:
    if self.verify:
      # Its checksum needs the exact decimals; making them is parsing, and not measured.
      sides: Any = _decimals(message)
    else:
      sides = (message.bids, message.asks)
    for side, levels in zip((self.book.bids, self.book.asks), sides, strict=True):
      for price, size in levels:
        if size:
          side[price] = size
        else:
          try:
            del side[price]
          except KeyError:
            # A removal of a level that lies outside the snapshot.
            continue

  def apply(self, delta: Message) -> None:
    self._write(delta)
    if self.verify and self.book.checksum() & 0xFFFFFFFF != (delta.checksum or 0) & 0xFFFFFFFF:
      raise AssertionError("the recorded checksum is not met")

  def top(self) -> Top:
    bids, asks = self.book.bids, self.book.asks
    return (
      [bids.index(i) for i in range(min(TOP, len(bids)))],
      [asks.index(i) for i in range(min(TOP, len(asks)))],
    )


_decimal_cache: dict[int, Any] = {}


def _decimals(message: Message) -> Any:
  from decimal import Decimal

  found = _decimal_cache.get(id(message))
  if found is None:
    found = _decimal_cache[id(message)] = tuple(
      [(Decimal(row[0]), Decimal(row[1])) for row in rows]
      for rows in (message.bid_rows, message.ask_rows)
    )
  return found


PEERS: tuple[tuple[str, str, bool, Callable[[], Subject]], ...] = (
  ("sortedcontainers", "sortedcontainers", False, SortedContainersBook),
  ("ccxt.pro", "ccxt", False, CcxtBook),
  ("order-book (C, cryptofeed)", "order_book", True, CryptofeedBook),
)
"""Name, module, whether it verifies OKX's checksum here as ours does, and how to make one."""


def _update(message: Message) -> Update:
  return Update(
    bids=message.bids,
    asks=message.asks,
    ids=message.ids,
    ts_event=message.ts_ms,
    checksum=message.checksum,
    bid_texts=message.bid_rows,
    ask_texts=message.ask_rows,
  )


# Measuring ---------------------------------------------------------------------------------------


def _steps(recording: Recording, every_levels: int | None) -> Iterator[tuple[Message, int]]:
  """Each delta after the snapshot and how often the top is read after it: once each `every_levels`
  level updates, or once each 10 messages where that is None."""
  start = recording.snapshot.ids
  owed = 0
  for number, delta in enumerate(recording.deltas):
    if start is not None and delta.ids is not None and delta.ids.last <= start.last:
      continue
    if every_levels is None:
      yield delta, int(number % 10 == 0)
    else:
      owed += delta.levels
      yield delta, owed // every_levels
      owed %= every_levels


def measure(
  make: Callable[[], Subject], recording: Recording, every_levels: int | None
) -> tuple[float, Top]:
  """Microseconds a level update (median of the rounds), and the final top for comparison."""
  steps = list(_steps(recording, every_levels))
  levels = sum(delta.levels for delta, _ in steps) * recording.repeat
  results: list[float] = []
  top: Top = ([], [])
  for _ in range(ROUNDS):
    gc.collect()
    spent = 0.0
    for _ in range(recording.repeat):
      subject = make()
      subject.start(recording.snapshot)
      apply, read = subject.apply, subject.top
      begun = time.process_time()
      for delta, reads in steps:
        apply(delta)
        for _ in range(reads):
          read()
      spent += time.process_time() - begun
      top = subject.top()
    results.append(spent / levels * 1e6)
  return statistics.median(results), top


def _view_cost(recording: Recording) -> dict[str, float]:
  """Microseconds a level update in a BookView of 20 levels each 100 ms, deltas given in batches of
  16, and the views it made for each delta."""
  first = recording.snapshot
  restart = OrderBook(
    exchange="recorded",
    symbol="BTC/USDT",
    market_type="spot",
    ts_event=first.ts_ms,
    bids=first.bids,
    asks=first.asks,
    sequence=0,
    is_reset=True,
  )
  deltas = [delta for delta, _ in _steps(recording, None)]
  events: Batch = [restart]
  for number, delta in enumerate(deltas, 1):
    change = msgspec.structs.replace(restart, update_type="delta", is_reset=None)
    change.bids, change.asks, change.ts_event = delta.bids, delta.asks, delta.ts_ms
    change.prev_sequence, change.sequence = number - 1, number
    events.append(change)
  batches = [events[at : at + 16] for at in range(0, len(events), 16)]
  results = []
  for _ in range(ROUNDS):
    view, shown = BookView(TOP, 100), 0
    begun = time.process_time()
    for batch in batches:
      shown += len(view(batch))
    results.append((time.process_time() - begun) / sum(delta.levels for delta in deltas) * 1e6)
  return {"us_per_level": round(statistics.median(results), 3), "views": shown}


def recordings() -> list[Recording]:
  """Every recording that is there."""
  data = shared_data()
  found = [read_binance(path) for path in sorted((data / "binance-2024").glob("*.gz"))]
  okx = data / "captures" / "OKX.ws.1.0.gz"
  if okx.exists():
    found += read_okx(okx)
  return found


def run() -> dict[str, Any]:
  """The figure of S4: the worst recording's microseconds a level update, and what peers need."""
  found = recordings()
  if not found:
    return {
      "value": None,
      "unit": "µs/level",
      "goal": GOAL,
      "peers": {},
      "detail": {"skipped": f"no recorded frames in {shared_data()}; set BOND_SHARED"},
    }
  detail: dict[str, Any] = {}
  tops: dict[str, Top] = {}
  ours: dict[str, float] = {}
  for recording in found:
    value, tops[recording.name] = measure(BondBook, recording, 10)
    ours[recording.name] = value
    chain = functools.partial(BondSync, recording.rule)
    detail[recording.name] = {
      "deltas": len(recording.deltas),
      "levels_per_delta": round(
        sum(d.levels for d in recording.deltas) / max(1, len(recording.deltas)), 1
      ),
      "checksum": recording.snapshot.checksum is not None,
      "book_top_each_10_levels": round(value, 3),
      "book_top_each_10_messages": round(measure(BondBook, recording, None)[0], 3),
      "sync_top_each_10_levels": round(measure(chain, recording, 10)[0], 3),
      "sync_top_each_10_messages": round(measure(chain, recording, None)[0], 3),
      "view_20_levels_each_100_ms": _view_cost(recording),
    }
  peers = {
    name: _peer(module, verifies, make, found, tops) for name, module, verifies, make in PEERS
  }
  return {
    "value": _dearest(found, ours),
    "unit": "µs/level",
    "goal": GOAL,
    "peers": peers,
    "detail": detail,
  }


def _peer(
  module: str,
  verifies: bool,
  make: Callable[[], Subject],
  found: list[Recording],
  tops: dict[str, Top],
) -> dict[str, Any]:
  """A peer's figures on the same recordings, or why there are none."""
  try:
    __import__(module)
  except ImportError:
    return {"skipped": f"{module} is not installed"}
  result: dict[str, Any] = {}
  costs: dict[str, float] = {}
  for recording in found:
    value, top = measure(make, recording, 10)
    costs[recording.name] = value
    result[recording.name] = round(value, 3)
    same = all(
      [(float(level[0]), float(level[1])) for level in side] == ours
      for side, ours in zip(top, tops[recording.name], strict=True)
    )
    if not same:
      result[f"{recording.name}_differs"] = "its final top 20 is not ours"
  return {"value": _dearest(found, costs), "verifies_checksum": verifies, **result}


def _dearest(found: list[Recording], costs: dict[str, float]) -> float:
  """The cost of the dearest connection; books on one connection weigh by their level updates."""
  spent: dict[str, tuple[float, int]] = {}
  for recording in found:
    levels = sum(delta.levels for delta, _ in _steps(recording, 10))
    before = spent.get(recording.source, (0.0, 0))
    spent[recording.source] = (before[0] + costs[recording.name] * levels, before[1] + levels)
  return round(max(cost / levels for cost, levels in spent.values()), 3)


if __name__ == "__main__":
  print(json.dumps(run(), indent=2, ensure_ascii=False))
