"""OKX's public REST, of generated markets ("Order Book Trading", "Public Data")."""

from collections.abc import Iterator
from functools import partial
from itertools import islice, takewhile
from typing import Any, TypeVar

from bond_sim.http import Request
from bond_sim.market.past import STEP_MS
from bond_sim.okx.bars import length_of
from bond_sim.okx.listing import LISTED_MS
from bond_sim.okx.source import PUBLIC, Answer, RestError
from bond_sim.okx.world import World

T = TypeVar("T")

MAX_LEVELS, MAX_ROWS = 400, 500
MAX_FUNDINGS, MAX_INTERESTS = 400, 100
FAMILIES = ("SPOT", "MARGIN", "SWAP", "FUTURES", "OPTION")


class Answers:
  """Answers for the markets of a world."""

  def __init__(self, world: World) -> None:
    self._world = world

  def by_endpoint(self) -> dict[str, Answer]:
    """The answers by endpoint."""
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

  def _symbol(self, request: Request) -> str:
    symbol = request.param("instId") or ""
    if not symbol:
      raise RestError("50014", "Parameter instId can not be empty.", 400)
    if symbol not in self._world.instruments:
      raise RestError("51001", "Instrument ID does not exist")
    return symbol

  def _time(self, request: Request) -> list[Any]:
    return [{"ts": str(self._world.venue.now_ms())}]

  def _instruments(self, request: Request) -> list[Any]:
    family, wanted = request.param("instType"), request.param("instId")
    if family not in FAMILIES:
      raise RestError("51000", "Parameter instType error", 400)
    return [
      one.row()
      for symbol, one in self._world.instruments.items()
      if one.family == family and wanted in (None, symbol)
    ]

  def _facts(self, channel: str, request: Request) -> list[Any]:
    wanted, now = request.param("instId"), self._world.venue.now_ms()
    if channel == "funding-rate" and wanted == "ANY":
      symbols = self._world.of_family("SWAP")
    elif channel != "funding-rate" and wanted is None:
      # "Get open interest", "Get mark price": all of a type, where no instrument is named.
      family = request.param("instType") or ""
      symbols = [one for one in self._world.of_family(family) if self._has(channel, one)]
    else:
      symbols = [self._contract(channel, request)]
    return [
      self._world.writers[one].facts(channel, self._world.venue.market(one).trading, now)
      for one in symbols
    ]

  def _has(self, channel: str, symbol: str) -> bool:
    return self._world.stream(PUBLIC, channel, symbol) is not None

  def _contract(self, channel: str, request: Request) -> str:
    """The instrument of a request, which must be one that a channel tells of."""
    symbol = self._symbol(request)
    if not self._has(channel, symbol):
      raise RestError("51000", f"Parameter instId error: no {channel} of {symbol}", 400)
    return symbol

  def _ticker(self, request: Request) -> list[Any]:
    return [self._ticker_of(self._symbol(request))]

  def _tickers(self, request: Request) -> list[Any]:
    return [self._ticker_of(one) for one in self._world.of_family(request.param("instType") or "")]

  def _ticker_of(self, symbol: str) -> dict[str, Any]:
    trading = self._world.venue.market(symbol).trading
    return self._world.writers[symbol].facts("tickers", trading, self._world.venue.now_ms())

  def _book(self, request: Request) -> list[Any]:
    symbol = self._symbol(request)
    market, writer = self._world.venue.market(symbol), self._world.writers[symbol]
    levels = _number(request.param("sz"), 1, MAX_LEVELS)
    return [writer.book(market.trading, levels, self._world.venue.now_ms())]

  def _trades(self, request: Request) -> list[Any]:
    symbol = self._symbol(request)
    rows = _number(request.param("limit"), 100, MAX_ROWS)
    fills = list(self._world.venue.market(symbol).trading.trades)[-rows:]
    return [self._world.writers[symbol].trade(fill) for fill in reversed(fills)]

  def _candles(self, request: Request) -> list[Any]:
    symbol = self._symbol(request)
    length = length_of(f"candle{request.param('bar') or '1m'}")
    if length is None:
      raise RestError("51000", "Parameter bar error", 400)
    rows = _number(request.param("limit"), 100, 300)
    candles, now = self._world.venue.market(symbol).trading.candles, self._world.venue.now_ms()
    candles.roll(now)
    writer = self._world.writers[symbol]
    # Both bounds are exclusive: "earlier than" and "newer than" the bar of that time.
    after = _number(request.param("after"), now + 1, now + 1)
    before = _number(request.param("before"), 0, now)
    oldest = max(before, min(after, now) - (rows + 1) * length)
    bars = [bar for bar in candles.bars(length, oldest) if before < bar.start < after][-rows:]
    return [writer.bar(bar, closed=bar.start + length <= now) for bar in reversed(bars)]

  # Histories -------------------------------------------------------------------------------------

  def _fundings(self, request: Request) -> list[Any]:
    """ "Get funding rate history": both bounds are exclusive, newest first."""
    symbol, now = self._contract("funding-rate", request), self._world.venue.now_ms()
    past = self._world.venue.market(symbol).trading.past
    before, after = _bounds(request, "before", "after", now)
    rows = past.rates(min(now, after - 1))
    writer, most = self._world.writers[symbol], _number(request.param("limit"), 400, MAX_FUNDINGS)
    return [writer.funding(at, rate) for at, rate in _newer(rows, before, most)]

  def _interests(self, request: Request) -> list[Any]:
    """ "Get contract open interest history": both bounds are exclusive, newest first. All periods
    begin by UTC here."""
    symbol, now = self._contract("open-interest", request), self._world.venue.now_ms()
    length = length_of(f"candle{request.param('period') or '5m'}")
    if length is None or length % STEP_MS:
      raise RestError("51000", "Parameter period error", 400)
    trading = self._world.venue.market(symbol).trading
    begin, end = _bounds(request, "begin", "end", now)
    rows = trading.past.interests(min(now, end - 1), length)
    writer, most = self._world.writers[symbol], _number(request.param("limit"), 100, MAX_INTERESTS)
    price = trading.mark().mark
    return [writer.interest(at, lots, price) for at, lots in _newer(rows, begin, most)]


def _bounds(request: Request, newer: str, older: str, now_ms: int) -> tuple[int, int]:
  """The exclusive bounds of a page by the names of their parameters."""
  return (
    _number(request.param(newer), LISTED_MS, now_ms),
    _number(request.param(older), now_ms + 1, now_ms + 1),
  )


def _newer(rows: Iterator[tuple[int, T]], than_ms: int, most: int) -> list[tuple[int, T]]:
  """The first rows, as far as they are newer."""
  return list(takewhile(lambda row: row[0] > than_ms, islice(rows, most)))


def _number(text: str | None, default: int, most: int) -> int:
  if text is None or not text.isdecimal():
    return default
  return max(1, min(int(text), most))
