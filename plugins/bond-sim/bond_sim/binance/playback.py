"""Recorded markets of Binance: each frame is played once, in order."""

import heapq
from collections.abc import Iterator
from operator import itemgetter
from typing import Any

import msgspec
from bond_simkit import Fanout, VenueTime

from bond_core import parse_market
from bond_sim.binance.capture import BinanceCapture, BinanceRecord, records
from bond_sim.binance.frames import read_snapshot, span
from bond_sim.binance.listing import BinanceListing, exchange_info, worth_on
from bond_sim.binance.markets import BinanceQuery
from bond_sim.binance.paths import COINM, SPOT, USDM, BinanceMarketName
from bond_sim.binance.playback_book import BinancePlaybackBook
from bond_sim.binance.stream_names import parse_stream_name
from bond_sim.market.player import CapturePlayer


class BinancePlayback:
  """The markets of recordings, as BinanceMarkets."""

  def __init__(
    self, captures: list[BinanceCapture], speed: float, settle: float, clock: VenueTime
  ) -> None:
    self.fanout = Fanout(span)
    self._clock = clock
    self._captures = captures
    self._names: set[tuple[str, str]] = {
      (capture.market, name) for capture in captures for name in capture.streams
    }
    self._books: dict[tuple[str, str], BinancePlaybackBook] = {
      (capture.market, symbol): BinancePlaybackBook(snapshot)
      for capture in captures
      for symbol, snapshot in capture.snapshots.items()
    }
    self._info = {market: self._exchange_info(market) for market in (SPOT, USDM, COINM)}
    self._total = sum(capture.streams.total() for capture in captures)
    self._played = 0
    self._player = CapturePlayer(self.fanout, speed, settle)

  def now_ms(self) -> int:
    return self._clock.now_ms()

  async def run(self) -> None:
    await self._player.run(self._timeline, self._publish)

  def _publish(self, of_market: tuple[str, BinanceRecord]) -> None:
    market, record = of_market
    symbol, _, rest = record.stream.partition("@")
    if record.stream:
      if f"{rest}@".startswith("depth@") and (book := self._books.get((market, symbol.upper()))):
        book.played(record.data)
      self._played += 1
      self.fanout.publish(f"{market} {record.stream}", record.data)
    else:
      self._books[market, record.symbol].reach_snapshot(record.data)

  def _timeline(self) -> Iterator[tuple[int, tuple[str, BinanceRecord]]]:
    """All records with their time since the beginning (ns). Recordings that overlap are aligned by
    their times; recordings that do not all begin at once."""
    ordered = sorted((c for c in self._captures if c.last_ns), key=lambda c: c.first_ns)
    timelines = []
    base_ns = last_ns = -1
    for capture in ordered:
      if capture.first_ns > last_ns:
        base_ns = capture.first_ns
      last_ns = max(last_ns, capture.last_ns)
      timelines.append(_timed(capture, base_ns))
    return heapq.merge(*timelines, key=itemgetter(0))

  # Answers ---------------------------------------------------------------------------------------

  def resolve(self, market: BinanceMarketName, name: str) -> str | None:
    recorded = self._recorded_name(market, name)
    if recorded is None:
      return None
    self._player.subscribed()
    return f"{market} {recorded}"

  def _recorded_name(self, market: BinanceMarketName, name: str) -> str | None:
    if (market, name) in self._names:
      return name
    stream = parse_stream_name(market, name)
    if stream is None or stream.kind != "depth":
      return None
    symbol = stream.symbol.lower()
    # A diff of the book is the same whatever the speed at which it was recorded.
    speeds = ("", "@0ms", "@100ms", "@250ms", "@500ms", "@1000ms")
    spellings = (f"{symbol}@depth{speed}" for speed in speeds)
    return next((spelling for spelling in spellings if (market, spelling) in self._names), None)

  def exchange_info(self, market: BinanceMarketName) -> dict[str, Any]:
    return self._info[market]

  def symbols(self, market: BinanceMarketName) -> list[str]:
    return [row["symbol"] for row in self._info[market]["symbols"]]

  def has(self, market: BinanceMarketName, symbol: str) -> bool:
    return symbol in self.symbols(market)

  def answer(
    self, market: BinanceMarketName, endpoint: str, symbol: str, query: BinanceQuery
  ) -> bytes | None:
    book = self._books.get((market, symbol))
    return book.answer(query.limit) if endpoint == "depth" and book is not None else None

  def progress(self) -> dict[str, Any]:
    return self._player.progress(self._played, self._total)

  def _exchange_info(self, market: BinanceMarketName) -> dict[str, Any]:
    of_market = [capture for capture in self._captures if capture.market == market]
    for capture in of_market:
      if capture.exchange_info is not None:
        recorded: dict[str, Any] = msgspec.json.decode(capture.exchange_info)
        return recorded
    symbols = {symbol: c.snapshots.get(symbol) for c in of_market for symbol in c.symbols}
    listings = [_listing(market, symbol, snapshot) for symbol, snapshot in symbols.items()]
    return exchange_info(market, listings, self.now_ms())


def _timed(
  capture: BinanceCapture, base_ns: int
) -> Iterator[tuple[int, tuple[str, BinanceRecord]]]:
  only = capture.symbols[0] if capture.symbols else ""
  for record in records(capture.path, capture.only):
    if not record.stream and not record.symbol:
      record = record._replace(symbol=only)
    yield record.time_ns - base_ns, (capture.market, record)


def _listing(market: BinanceMarketName, symbol: str, snapshot: bytes | None) -> BinanceListing:
  """A listing that fits a recording: the assets from the symbol, the decimals from the book."""
  pair, dated, _ = symbol.removesuffix("_PERP").partition("_")
  parsed = parse_market(pair)
  levels = [] if snapshot is None else [*(book := read_snapshot(snapshot)).bids, *book.asks]
  return BinanceListing(
    market=market,
    symbol=symbol,
    base=parsed.base,
    quote=parsed.quote,
    price_decimals=_decimals([price for price, _ in levels]),
    size_decimals=_decimals([size for _, size in levels]),
    contract="" if market == SPOT else ("CURRENT_QUARTER" if dated else "PERPETUAL"),
    worth=worth_on(market, parsed.base),
  )


def _decimals(numbers: list[str]) -> int:
  return max((len(text.partition(".")[2].rstrip("0")) for text in numbers), default=8)
