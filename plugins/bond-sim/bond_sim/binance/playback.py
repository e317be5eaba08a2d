"""Plays recordings: each frame once, in order."""

import heapq
from collections.abc import Iterable, Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

import msgspec
import trio

from bond_core import parse_market
from bond_sim.binance.frames import read_snapshot, span
from bond_sim.binance.listing import Listing, exchange_info
from bond_sim.binance.paths import COINM, SPOT, USDM
from bond_sim.binance.recorded_book import RecordedBook
from bond_sim.binance.recording import Contents, Record, records, scan
from bond_sim.binance.source import Query
from bond_sim.binance.streams import parse_stream
from bond_sim.clock import Clock
from bond_sim.hub import Hub
from bond_sim.market.playing import Player


class Playback:
  """A source of recorded markets."""

  def __init__(self, recordings: list[Contents], speed: float, settle: float, clock: Clock) -> None:
    self.hub = Hub(span)
    self._clock = clock
    self._recordings = recordings
    self._names = {(c.market, name) for c in recordings for name in c.streams}
    self._books = {
      (c.market, symbol): RecordedBook(snapshot)
      for c in recordings
      for symbol, snapshot in c.snapshots.items()
    }
    self._info = {market: self._exchange_info(market) for market in (SPOT, USDM)}
    self._total = sum(c.streams.total() for c in recordings)
    self._played = 0
    self._player = Player(self.hub, speed, settle)

  @classmethod
  async def load(
    cls, paths: Iterable[str], speed: float, settle: float, clock: Clock
  ) -> "Playback":
    """Reads recordings through once. Raises SimulatorError where one cannot be played."""
    found = [await trio.to_thread.run_sync(scan, Path(path)) for path in paths]
    return cls(found, speed, settle, clock)

  def now_ms(self) -> int:
    return self._clock.now_ms()

  async def run(self) -> None:
    await self._player.run(self._timeline, self._publish)

  def _publish(self, of_market: tuple[str, Record]) -> None:
    market, record = of_market
    symbol, _, rest = record.stream.partition("@")
    if record.stream:
      if f"{rest}@".startswith("depth@") and (book := self._books.get((market, symbol.upper()))):
        book.played(record.data)
      self._played += 1
      self.hub.publish(f"{market} {record.stream}", record.data)
    else:
      self._books[market, record.symbol].reach_snapshot(record.data)

  def _timeline(self) -> Iterator[tuple[int, tuple[str, Record]]]:
    """All records with their time since the beginning (ns). Recordings of the same hours keep their
    distance, others all begin at once."""
    ordered = sorted((c for c in self._recordings if c.last_ns), key=lambda c: c.first_ns)
    timelines = []
    base_ns = last_ns = -1
    for contents in ordered:
      if contents.first_ns > last_ns:
        base_ns = contents.first_ns
      last_ns = max(last_ns, contents.last_ns)
      timelines.append(_timed(contents, base_ns))
    return heapq.merge(*timelines, key=itemgetter(0))

  # Answers ---------------------------------------------------------------------------------------

  def resolve(self, market: str, name: str) -> str | None:
    recorded = self._recorded_name(market, name)
    if recorded is None:
      return None
    self._player.asked()
    return f"{market} {recorded}"

  def _recorded_name(self, market: str, name: str) -> str | None:
    if (market, name) in self._names:
      return name
    asked = parse_stream(market, name)
    if asked is None or asked.kind != "depth":
      return None
    symbol = asked.symbol.lower()
    # A diff of the book is the same whatever the speed it was recorded at.
    speeds = ("", "@0ms", "@100ms", "@250ms", "@500ms", "@1000ms")
    spelled = (f"{symbol}@depth{speed}" for speed in speeds)
    return next((other for other in spelled if (market, other) in self._names), None)

  def exchange_info(self, market: str) -> dict[str, Any]:
    return exchange_info(COINM, [], self.now_ms()) if market == COINM else self._info[market]

  def symbols(self, market: str) -> list[str]:
    return [row["symbol"] for row in self._info[market]["symbols"]]

  def has(self, market: str, symbol: str) -> bool:
    return symbol in self.symbols(market)

  def answer(self, market: str, endpoint: str, symbol: str, query: Query) -> bytes | None:
    book = self._books.get((market, symbol))
    return book.answer(query.limit) if endpoint == "depth" and book is not None else None

  def progress(self) -> dict[str, Any]:
    return self._player.progress(self._played, self._total)

  def _exchange_info(self, market: str) -> dict[str, Any]:
    mine = [c for c in self._recordings if c.market == market]
    for contents in mine:
      if contents.exchange_info is not None:
        recorded: dict[str, Any] = msgspec.json.decode(contents.exchange_info)
        return recorded
    symbols = {symbol: c.snapshots.get(symbol) for c in mine for symbol in c.symbols}
    listings = [_listing(market, symbol, snapshot) for symbol, snapshot in symbols.items()]
    return exchange_info(market, listings, self.now_ms())


def _timed(contents: Contents, base_ns: int) -> Iterator[tuple[int, tuple[str, Record]]]:
  only = contents.symbols[0] if contents.symbols else ""
  for record in records(contents.path):
    if not record.stream and not record.symbol:
      record = record._replace(symbol=only)
    yield record.time_ns - base_ns, (contents.market, record)


def _listing(market: str, symbol: str, snapshot: bytes | None) -> Listing:
  """A listing that fits what was recorded: the assets from the name, the decimals from the book."""
  pair, dated, _ = symbol.partition("_")
  named = parse_market(pair)
  levels = [] if snapshot is None else [*(book := read_snapshot(snapshot)).bids, *book.asks]
  contract = "CURRENT_QUARTER" if dated else "PERPETUAL"
  return Listing(
    market=market,
    symbol=symbol,
    base=named.base,
    quote=named.quote,
    price_decimals=_decimals([price for price, _ in levels]),
    size_decimals=_decimals([size for _, size in levels]),
    contract="" if market == SPOT else contract,
  )


def _decimals(numbers: list[str]) -> int:
  return max((len(text.partition(".")[2].rstrip("0")) for text in numbers), default=8)
