"""Bybit's public REST market data, as clients ask for it ("Market")."""

from collections import Counter, deque
from collections.abc import Callable
from itertools import islice, takewhile
from typing import Any

import trio

from bond_sim.bybit.listing import CATEGORIES, LISTED_MS
from bond_sim.bybit.world import LENGTHS, World
from bond_sim.http import Request, Response, json_response
from bond_sim.market.products import PERP, SPOT

PREFIX = "/v5/market/"
ASKED, ASKED_SECONDS = 600, 5.0
"""Requests of one address ("Rate Limit Rules")."""
MAX_LEVELS, MAX_ROWS, MAX_PAST = 500, 1000, 200
INTEREST_LENGTHS = {
  "5min": "5",
  "15min": "15",
  "30min": "30",
  "1h": "60",
  "4h": "240",
  "1d": "D",
}
"""How "Get Open Interest" names lengths, and how candles do."""


class RestError(Exception):
  """An error in the venue's form."""

  def __init__(self, code: int, message: str, status: int = 200) -> None:
    super().__init__(message)
    self.code, self.message, self.status = code, message, status


class Rest:
  """Answers requests and meters them by address."""

  def __init__(self, world: World, violations: Counter[str]) -> None:
    self._world = world
    self._violations = violations
    self._asked: dict[str, deque[float]] = {}
    self._answers: dict[str, Callable[[Request], dict[str, Any]]] = {
      "time": self._time,
      "instruments-info": self._instruments,
      "tickers": self._tickers,
      "orderbook": self._book,
      "recent-trade": self._trades,
      "kline": self._candles,
      "funding/history": self._fundings,
      "open-interest": self._interests,
    }

  def respond(self, request: Request) -> Response:
    """The answer to a request; its path has no host any more."""
    answer = self._answers.get(request.path.removeprefix(PREFIX))
    if request.method != "GET" or answer is None or not request.path.startswith(PREFIX):
      return json_response({"error": f"the simulator has no {request.method} {request.path}"}, 404)
    code, told, status, result = 0, "OK", 200, dict[str, Any]()
    try:
      self._meter(request.peer)
      result = answer(request)
    except RestError as error:
      code, told, status = error.code, error.message, error.status
    now = self._world.venue.now_ms()
    body = {"retCode": code, "retMsg": told, "result": result, "retExtInfo": {}, "time": now}
    return json_response(body, status)

  def _meter(self, peer: str) -> None:
    asked, now = self._asked.setdefault(peer, deque()), trio.current_time()
    while asked and asked[0] <= now - ASKED_SECONDS:
      asked.popleft()
    asked.append(now)
    if len(asked) > ASKED:
      self._violations["requests"] += 1
      raise RestError(10006, "Too many visits!", 403)

  def _category(self, request: Request) -> str:
    category = request.param("category") or ""
    if category not in CATEGORIES:
      raise RestError(10001, "params error: Category is invalid")
    return category

  def _key(self, request: Request) -> str:
    key = f"{self._category(request)} {request.param('symbol') or ''}"
    if key not in self._world.instruments:
      raise RestError(10001, "params error: symbol invalid")
    return key

  def _time(self, request: Request) -> dict[str, Any]:
    now = self._world.venue.now_ms()
    return {"timeSecond": str(now // 1000), "timeNano": str(now * 1_000_000)}

  def _instruments(self, request: Request) -> dict[str, Any]:
    category, wanted = request.param("category") or "", request.param("symbol")
    if category not in (*CATEGORIES, "option"):
      raise RestError(10001, "params error: Category is invalid")
    rows = [
      one.row() for one in self._world.of_category(category) if wanted in (None, one.product.symbol)
    ]
    return {"category": category, "list": rows, "nextPageCursor": ""}

  def _tickers(self, request: Request) -> dict[str, Any]:
    category, wanted = self._category(request), request.param("symbol")
    now = self._world.venue.now_ms()
    rows = [
      self._world.writers[one.key].facts(self._world.venue.market(one.key).trading, now)
      for one in self._world.of_category(category)
      if wanted in (None, one.product.symbol)
    ]
    return {"category": category, "list": rows}

  def _book(self, request: Request) -> dict[str, Any]:
    key = self._key(request)
    levels = _number(request.param("limit"), 1 if key.startswith(SPOT) else 25, MAX_LEVELS)
    trading = self._world.venue.market(key).trading
    return self._world.writers[key].book(trading, levels, self._world.venue.now_ms())

  def _trades(self, request: Request) -> dict[str, Any]:
    key = self._key(request)
    rows = _number(request.param("limit"), 60 if key.startswith(SPOT) else 500, MAX_ROWS)
    fills = list(self._world.venue.market(key).trading.trades)[-rows:]
    found = [self._world.writers[key].trade(fill) for fill in reversed(fills)]
    return {"category": key.partition(" ")[0], "list": found}

  def _candles(self, request: Request) -> dict[str, Any]:
    key = self._key(request)
    length = LENGTHS.get(request.param("interval") or "")
    if length is None:
      raise RestError(10001, "params error: Interval is invalid")
    rows = _number(request.param("limit"), 200, MAX_ROWS)
    candles, now = self._world.venue.market(key).trading.candles, self._world.venue.now_ms()
    candles.roll(now)
    end = _number(request.param("end"), now, now)
    start = _number(request.param("start"), max(1, end - rows * length), now)
    bars = [bar for bar in candles.bars(length, start) if start <= bar.start <= end]
    # A start alone is read onwards from, as clients do that page by it.
    bars = bars[:rows] if request.param("start") and not request.param("end") else bars[-rows:]
    found = [self._world.writers[key].bar(bar) for bar in reversed(bars)]
    category, _, symbol = key.partition(" ")
    return {"category": category, "symbol": symbol, "list": found}

  # Histories -------------------------------------------------------------------------------------

  def _contract(self, request: Request) -> str:
    key = self._key(request)
    if key.startswith(SPOT):
      raise RestError(10001, "params error: Category is invalid")
    return key

  def _fundings(self, request: Request) -> dict[str, Any]:
    """ "Get Funding Rate History": up to the end, newest first; a start alone is an error."""
    key, now = self._contract(request), self._world.venue.now_ms()
    if request.param("startTime") and not request.param("endTime"):
      raise RestError(10001, "params error: startTime needs endTime")
    category, _, symbol = key.partition(" ")
    rows = self._world.venue.market(key).trading.past.rates(
      _number(request.param("endTime"), now, now)
    )
    start = _number(request.param("startTime"), LISTED_MS, now)
    most = _number(request.param("limit"), MAX_PAST, MAX_PAST)
    if self._world.instruments[key].product.kind != PERP:
      most = 0
    found = takewhile(lambda row: row[0] >= start, islice(rows, most))
    data = [
      {"symbol": symbol, "fundingRate": rate, "fundingRateTimestamp": str(at)} for at, rate in found
    ]
    return {"category": category, "list": data}

  def _interests(self, request: Request) -> dict[str, Any]:
    """ "Get Open Interest": from the end back, page by page; a start alone is not looked at."""
    key, now = self._contract(request), self._world.venue.now_ms()
    name = INTEREST_LENGTHS.get(request.param("intervalTime") or "")
    if name is None:
      raise RestError(10001, "params error: intervalTime is invalid")
    until, start = _number(request.param("endTime"), now, now), LISTED_MS
    if request.param("endTime"):
      start = _number(request.param("startTime"), LISTED_MS, now)
    until = min(until, _number(request.param("cursor"), now, now))
    rows = self._world.venue.market(key).trading.past.interests(until, LENGTHS[name])
    most = _number(request.param("limit"), 50, MAX_PAST)
    # One more than asked for says whether there is another page.
    found = list(takewhile(lambda row: row[0] >= start, islice(rows, most + 1)))
    size = self._world.instruments[key].size
    category, _, symbol = key.partition(" ")
    return {
      "symbol": symbol,
      "category": category,
      "list": [{"openInterest": size(lots), "timestamp": str(at)} for at, lots in found[:most]],
      "nextPageCursor": str(found[most][0]) if len(found) > most else "",
    }


def _number(text: str | None, default: int, most: int) -> int:
  if text is None or not text.isdecimal():
    return default
  return max(1, min(int(text), most))
