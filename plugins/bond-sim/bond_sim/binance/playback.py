"""Plays recordings: each frame once, in order, with the recorded spacing divided by the speed."""

import heapq
from collections.abc import Iterable, Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

import msgspec
import trio

from bond_core.instruments import parse_market
from bond_sim.binance.frames import read_snapshot, span
from bond_sim.binance.listing import Listing, exchange_info
from bond_sim.binance.paths import COINM, SPOT, USDM
from bond_sim.binance.recorded_book import RecordedBook
from bond_sim.binance.recording import Contents, Record, records, scan
from bond_sim.binance.source import Query
from bond_sim.binance.streams import parse_stream
from bond_sim.clock import Clock
from bond_sim.hub import Hub

FRAMES_PER_TURN = 256
TICK_SECONDS = 0.001
SETTLE_SECONDS, MAX_SETTLE_SECONDS = 0.5, 5.0


class Playback:
  """A source of recorded markets. It begins half a second after the last of the opening burst of
  subscriptions, so that a client that subscribes in several messages or sockets misses nothing.

  At a `speed` above 0 it goes on whether or not somebody listens, as a venue does. At speed 0 there
  is no clock: it is as fast as its readers take, and waits while there are none.
  """

  def __init__(self, recordings: list[Contents], speed: float, clock: Clock) -> None:
    self.hub = Hub(span)
    self._clock = clock
    self._speed = speed
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
    self._state = "waiting"
    self._position_ns = 0
    self._asked = trio.Event()
    self._asked_at = 0.0

  @classmethod
  async def load(cls, paths: Iterable[str], speed: float, clock: Clock) -> "Playback":
    """Reads recordings through once. Raises SimulatorError where one cannot be played."""
    found = [await trio.to_thread.run_sync(scan, Path(path)) for path in paths]
    return cls(found, speed, clock)

  def now_ms(self) -> int:
    return self._clock.now_ms()

  async def run(self) -> None:
    await self._asked.wait()
    self._state = "settling"
    latest = self._asked_at + MAX_SETTLE_SECONDS
    while (until := min(self._asked_at + SETTLE_SECONDS, latest)) > trio.current_time():
      await trio.sleep_until(until)
    self._state = "playing"
    await self._play()
    self._state = "finished"

  async def _play(self) -> None:
    started = now = trio.current_time()
    for turn, (offset_ns, market, record) in enumerate(self._timeline(), 1):
      if self._speed:
        due = started + offset_ns / 1e9 / self._speed
        if due > now and due > (now := trio.current_time()):
          await trio.sleep_until(max(due, now + TICK_SECONDS))
          now = trio.current_time()
      elif turn % FRAMES_PER_TURN == 0 or not self.hub.has_readers:
        await self.hub.somebody()
        await self.hub.drained()
      if turn % FRAMES_PER_TURN == 0:
        await trio.lowlevel.checkpoint()
      self._position_ns = offset_ns
      self._publish(market, record)

  def _publish(self, market: str, record: Record) -> None:
    symbol, _, rest = record.stream.partition("@")
    if record.stream:
      if f"{rest}@".startswith("depth@") and (book := self._books.get((market, symbol.upper()))):
        book.played(record.data)
      self._played += 1
      self.hub.publish(f"{market} {record.stream}", record.data)
    else:
      self._books[market, record.symbol].reach_snapshot(record.data)

  def _timeline(self) -> Iterator[tuple[int, str, Record]]:
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
    self._asked.set()
    self._asked_at = trio.current_time()
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
    return {
      "finished": self._state == "finished",
      "playback": {
        "state": self._state,
        "played": self._played,
        "frames": self._total,
        "seconds": self._position_ns / 1e9,
      },
    }

  def _exchange_info(self, market: str) -> dict[str, Any]:
    mine = [c for c in self._recordings if c.market == market]
    for contents in mine:
      if contents.exchange_info is not None:
        recorded: dict[str, Any] = msgspec.json.decode(contents.exchange_info)
        return recorded
    symbols = {symbol: c.snapshots.get(symbol) for c in mine for symbol in c.symbols}
    listings = [_listing(market, symbol, snapshot) for symbol, snapshot in symbols.items()]
    return exchange_info(market, listings, self.now_ms())


def _timed(contents: Contents, base_ns: int) -> Iterator[tuple[int, str, Record]]:
  only = contents.symbols[0] if contents.symbols else ""
  for record in records(contents.path):
    if not record.stream and not record.symbol:
      record = record._replace(symbol=only)
    yield record.time_ns - base_ns, contents.market, record


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
