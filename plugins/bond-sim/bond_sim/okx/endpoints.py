"""OKX's public REST of generated markets ("Order Book Trading", "Public Data")."""

from collections.abc import Iterator
from functools import partial
from itertools import islice, takewhile
from typing import Any, TypeVar

from bond_simkit import HttpRequest

from bond_sim.market.history import STEP_MS
from bond_sim.market.rest import VenueRestError, whole_number
from bond_sim.okx.bars import length_of
from bond_sim.okx.generator import OkxGenerator
from bond_sim.okx.listing import LISTED_MS
from bond_sim.okx.markets import INST_TYPES, PUBLIC, OkxEndpoint

T = TypeVar("T")

MAX_LEVELS, MAX_ROWS, MAX_BARS = 400, 500, 300
MAX_FUNDINGS, MAX_INTERESTS = 400, 100


class OkxEndpoints:
  """The endpoints of generated markets."""

  def __init__(self, generator: OkxGenerator) -> None:
    self._generator = generator
    self._markets = generator.markets

  def by_path(self) -> dict[str, OkxEndpoint]:
    """The endpoints by their path after /api/v5/."""
    facts = ("funding-rate", "open-interest", "mark-price")
    return {
      "public/time": self._time,
      "public/instruments": self._instruments,
      **{f"public/{channel}": partial(self._facts, channel) for channel in facts},
      "market/ticker": self._ticker,
      "market/tickers": self._tickers,
      "market/books": self._book,
      "market/trades": self._trades,
      "market/candles": self._candles,
      "market/history-candles": self._candles,
      "public/funding-rate-history": self._fundings,
      "rubik/stat/contracts/open-interest-history": self._interests,
    }

  def _symbol(self, request: HttpRequest) -> str:
    symbol = request.param("instId") or ""
    if not symbol:
      raise VenueRestError("50014", "Parameter instId can not be empty.", 400)
    if symbol not in self._generator.instruments:
      raise VenueRestError("51001", "Instrument ID does not exist")
    return symbol

  def _time(self, request: HttpRequest) -> list[Any]:
    return [{"ts": str(self._markets.now_ms())}]

  def _instruments(self, request: HttpRequest) -> list[Any]:
    inst_type, only = request.param("instType"), request.param("instId")
    if inst_type not in INST_TYPES:
      raise VenueRestError("51000", "Parameter instType error", 400)
    rows = self._generator.listed(inst_type)
    return [row for row in rows if only in (None, row["instId"])]

  def _facts(self, channel: str, request: HttpRequest) -> list[Any]:
    only, now = request.param("instId"), self._markets.now_ms()
    if channel == "funding-rate" and only == "ANY":
      symbols = self._generator.of_type("SWAP")
    elif channel != "funding-rate" and only is None:
      # "Get open interest", "Get mark price": all of a type, where no instrument is named.
      inst_type = request.param("instType") or ""
      symbols = [s for s in self._generator.of_type(inst_type) if self._has(channel, s)]
    else:
      symbols = [self._contract(channel, request)]
    return [
      self._generator.writers[symbol].facts(channel, self._markets.market(symbol).trading, now)
      for symbol in symbols
    ]

  def _has(self, channel: str, symbol: str) -> bool:
    return self._generator.topic(PUBLIC, channel, symbol) is not None

  def _contract(self, channel: str, request: HttpRequest) -> str:
    """The symbol of a request, which must have a channel."""
    symbol = self._symbol(request)
    if not self._has(channel, symbol):
      raise VenueRestError("51000", f"Parameter instId error: no {channel} of {symbol}", 400)
    return symbol

  def _ticker(self, request: HttpRequest) -> list[Any]:
    return [self._ticker_of(self._symbol(request))]

  def _tickers(self, request: HttpRequest) -> list[Any]:
    inst_type = request.param("instType") or ""
    return [self._ticker_of(symbol) for symbol in self._generator.of_type(inst_type)]

  def _ticker_of(self, symbol: str) -> dict[str, Any]:
    trading = self._markets.market(symbol).trading
    return self._generator.writers[symbol].facts("tickers", trading, self._markets.now_ms())

  def _book(self, request: HttpRequest) -> list[Any]:
    symbol = self._symbol(request)
    market, writer = self._markets.market(symbol), self._generator.writers[symbol]
    levels = whole_number(request.param("sz"), 1, MAX_LEVELS)
    return [writer.book(market.trading, levels, self._markets.now_ms())]

  def _trades(self, request: HttpRequest) -> list[Any]:
    symbol = self._symbol(request)
    rows = whole_number(request.param("limit"), 100, MAX_ROWS)
    fills = list(self._markets.market(symbol).trading.trades)[-rows:]
    return [self._generator.writers[symbol].trade(fill) for fill in reversed(fills)]

  def _candles(self, request: HttpRequest) -> list[Any]:
    symbol = self._symbol(request)
    length = length_of(f"candle{request.param('bar') or '1m'}")
    if length is None:
      raise VenueRestError("51000", "Parameter bar error", 400)
    rows = whole_number(request.param("limit"), 100, MAX_BARS)
    history, now = self._markets.market(symbol).trading.bars, self._markets.now_ms()
    history.roll(now)
    writer = self._generator.writers[symbol]
    # Both bounds are exclusive: "earlier than" and "newer than" the bar of that time.
    after = whole_number(request.param("after"), now + 1, now + 1)
    before = whole_number(request.param("before"), 0, now)
    oldest = max(before, min(after, now) - (rows + 1) * length)
    bars = [bar for bar in history.bars(length, oldest) if before < bar.start < after][-rows:]
    return [writer.bar(bar, closed=bar.start + length <= now) for bar in reversed(bars)]

  # Histories -------------------------------------------------------------------------------------

  def _fundings(self, request: HttpRequest) -> list[Any]:
    """ "Get funding rate history": both bounds are exclusive, newest first."""
    symbol, now = self._contract("funding-rate", request), self._markets.now_ms()
    history = self._markets.market(symbol).trading.history
    before, after = _bounds(request, "before", "after", now)
    rows = history.rates(min(now, after - 1))
    writer = self._generator.writers[symbol]
    most = whole_number(request.param("limit"), 400, MAX_FUNDINGS)
    return [writer.funding(at, rate) for at, rate in _newer(rows, before, most)]

  def _interests(self, request: HttpRequest) -> list[Any]:
    """ "Get contract open interest history": both bounds are exclusive, newest first. All periods
    begin by UTC here."""
    symbol, now = self._contract("open-interest", request), self._markets.now_ms()
    length = length_of(f"candle{request.param('period') or '5m'}")
    if length is None or length % STEP_MS:
      raise VenueRestError("51000", "Parameter period error", 400)
    trading = self._markets.market(symbol).trading
    begin, end = _bounds(request, "begin", "end", now)
    rows = trading.history.interests(min(now, end - 1), length)
    writer = self._generator.writers[symbol]
    most = whole_number(request.param("limit"), 100, MAX_INTERESTS)
    price = trading.mark().mark
    return [writer.interest(at, lots, price) for at, lots in _newer(rows, begin, most)]


def _bounds(request: HttpRequest, newer: str, older: str, now_ms: int) -> tuple[int, int]:
  """The exclusive bounds of a page, by the names of their parameters."""
  return (
    whole_number(request.param(newer), LISTED_MS, now_ms),
    whole_number(request.param(older), now_ms + 1, now_ms + 1),
  )


def _newer(rows: Iterator[tuple[int, T]], than_ms: int, most: int) -> list[tuple[int, T]]:
  """The rows that are newer than a time, of the first `most`."""
  return list(takewhile(lambda row: row[0] > than_ms, islice(rows, most)))
