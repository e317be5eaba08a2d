"""OKX's public REST market data, as clients ask for it ("Order Book Trading", "Public Data")."""

from collections import Counter, deque
from typing import Any

import trio

from bond_sim.http import Request, Response, json_response
from bond_sim.okx.world import World, length_of

PREFIX = "/api/v5/"
ASKED, ASKED_SECONDS = 20, 2.0
"""Requests of one address to one endpoint; the smallest of the published limits."""
MAX_LEVELS, MAX_ROWS = 400, 500


class RestError(Exception):
  """An error in the venue's form."""

  def __init__(self, code: str, message: str, status: int = 200) -> None:
    super().__init__(message)
    self.code, self.message, self.status = code, message, status


class Rest:
  """Answers requests and meters them by address and endpoint."""

  def __init__(self, world: World, violations: Counter[str]) -> None:
    self._world = world
    self._violations = violations
    self._asked: dict[tuple[str, str], deque[float]] = {}
    self._answers = {
      "public/time": self._time,
      "public/instruments": self._instruments,
      "public/funding-rate": self._facts,
      "public/open-interest": self._facts,
      "public/mark-price": self._facts,
      "market/ticker": self._ticker,
      "market/tickers": self._tickers,
      "market/books": self._book,
      "market/trades": self._trades,
      "market/candles": self._candles,
    }

  def respond(self, request: Request) -> Response:
    """The answer to a request; its path has no host any more."""
    endpoint = request.path.removeprefix(PREFIX)
    answer = self._answers.get(endpoint)
    if request.method != "GET" or answer is None or not request.path.startswith(PREFIX):
      return json_response({"error": f"the simulator has no {request.method} {request.path}"}, 404)
    try:
      self._meter(request.peer, endpoint)
      data = answer(request, endpoint)
    except RestError as error:
      body = {"code": error.code, "msg": error.message, "data": []}
      return json_response(body, error.status)
    return json_response({"code": "0", "msg": "", "data": data})

  def _meter(self, peer: str, endpoint: str) -> None:
    asked = self._asked.setdefault((peer, endpoint), deque())
    now = trio.current_time()
    while asked and asked[0] <= now - ASKED_SECONDS:
      asked.popleft()
    asked.append(now)
    if len(asked) > ASKED:
      self._violations[f"requests of {endpoint}"] += 1
      raise RestError("50011", "Too Many Requests", 429)

  def _symbol(self, request: Request) -> str:
    symbol = request.param("instId") or ""
    if not symbol:
      raise RestError("50014", "Parameter instId can not be empty.", 400)
    if symbol not in self._world.instruments:
      raise RestError("51001", "Instrument ID does not exist")
    return symbol

  def _time(self, request: Request, endpoint: str) -> list[Any]:
    return [{"ts": str(self._world.venue.now_ms())}]

  def _instruments(self, request: Request, endpoint: str) -> list[Any]:
    family, wanted = request.param("instType"), request.param("instId")
    if family not in ("SPOT", "MARGIN", "SWAP", "FUTURES", "OPTION"):
      raise RestError("51000", "Parameter instType error", 400)
    return [
      one.row()
      for symbol, one in self._world.instruments.items()
      if one.family == family and wanted in (None, symbol)
    ]

  def _facts(self, request: Request, endpoint: str) -> list[Any]:
    channel = endpoint.removeprefix("public/")
    symbol = self._symbol(request)
    if self._world.stream("public", channel, symbol) is None:
      raise RestError("51000", f"Parameter instId error: no {channel} of {symbol}", 400)
    trading = self._world.venue.market(symbol).trading
    return [self._world.writers[symbol].facts(channel, trading, self._world.venue.now_ms())]

  def _ticker(self, request: Request, endpoint: str) -> list[Any]:
    return [self._ticker_of(self._symbol(request))]

  def _tickers(self, request: Request, endpoint: str) -> list[Any]:
    return [self._ticker_of(one) for one in self._world.of_family(request.param("instType") or "")]

  def _ticker_of(self, symbol: str) -> dict[str, Any]:
    trading = self._world.venue.market(symbol).trading
    return self._world.writers[symbol].facts("tickers", trading, self._world.venue.now_ms())

  def _book(self, request: Request, endpoint: str) -> list[Any]:
    symbol = self._symbol(request)
    market, writer = self._world.venue.market(symbol), self._world.writers[symbol]
    levels = _number(request.param("sz"), 1, MAX_LEVELS)
    return [writer.book(market.trading, levels, self._world.venue.now_ms())]

  def _trades(self, request: Request, endpoint: str) -> list[Any]:
    symbol = self._symbol(request)
    rows = _number(request.param("limit"), 100, MAX_ROWS)
    fills = list(self._world.venue.market(symbol).trading.trades)[-rows:]
    return [self._world.writers[symbol].trade(fill) for fill in reversed(fills)]

  def _candles(self, request: Request, endpoint: str) -> list[Any]:
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


def _number(text: str | None, default: int, most: int) -> int:
  if text is None or not text.isdecimal():
    return default
  return max(1, min(int(text), most))
