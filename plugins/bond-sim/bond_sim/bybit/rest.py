"""Bybit's public REST market data ("Market")."""

from collections.abc import Callable
from itertools import islice, takewhile
from typing import Any

from bond_simkit import HttpRequest, HttpResponse, json_response

from bond_sim.bybit.generator import LENGTHS, BybitGenerator
from bond_sim.bybit.listing import CATEGORIES, LISTED_MS
from bond_sim.market.products import PERP, SPOT
from bond_sim.market.rest import VenueRestError, whole_number

PREFIX = "/v5/market/"
MAX_LEVELS, MAX_ROWS, MAX_HISTORY = 500, 1000, 200
INTEREST_LENGTHS = {
  "5min": "5",
  "15min": "15",
  "30min": "30",
  "1h": "60",
  "4h": "240",
  "1d": "D",
}
"""Names of lengths in "Get Open Interest", and the names that candles have for them."""


class GeneratedRest:
  """Responds to requests about generated markets."""

  def __init__(self, generator: BybitGenerator) -> None:
    self._generator = generator
    self._markets = generator.markets
    self._endpoints: dict[str, Callable[[HttpRequest], dict[str, Any]]] = {
      "time": self._time,
      "instruments-info": self._instruments,
      "tickers": self._tickers,
      "orderbook": self._book,
      "recent-trade": self._trades,
      "kline": self._candles,
      "funding/history": self._fundings,
      "open-interest": self._interests,
    }

  def respond(self, request: HttpRequest) -> HttpResponse:
    """The response to a request whose path has no host."""
    endpoint = self._endpoints.get(request.path.removeprefix(PREFIX))
    if request.method != "GET" or endpoint is None or not request.path.startswith(PREFIX):
      return json_response({"error": f"the simulator has no {request.method} {request.path}"}, 404)
    code: int | str = 0
    message, status, result = "OK", 200, dict[str, Any]()
    try:
      result = endpoint(request)
    except VenueRestError as error:
      code, message, status = error.code, error.message, error.status
    now = self._markets.now_ms()
    body = {"retCode": code, "retMsg": message, "result": result, "retExtInfo": {}, "time": now}
    return json_response(body, status)

  def _category(self, request: HttpRequest) -> str:
    category = request.param("category") or ""
    if category not in CATEGORIES:
      raise VenueRestError(10001, "params error: Category is invalid")
    return category

  def _key(self, request: HttpRequest) -> str:
    key = f"{self._category(request)} {request.param('symbol') or ''}"
    if key not in self._generator.instruments:
      raise VenueRestError(10001, "params error: symbol invalid")
    return key

  def _time(self, request: HttpRequest) -> dict[str, Any]:
    now = self._markets.now_ms()
    return {"timeSecond": str(now // 1000), "timeNano": str(now * 1_000_000)}

  def _instruments(self, request: HttpRequest) -> dict[str, Any]:
    category, only = request.param("category") or "", request.param("symbol")
    if category not in (*CATEGORIES, "option"):
      raise VenueRestError(10001, "params error: Category is invalid")
    rows = [
      instrument.row()
      for instrument in self._generator.of_category(category)
      if only in (None, instrument.product.symbol)
    ]
    if (status := request.param("status")) is not None:
      rows = [row for row in rows if row["status"] == status]
    return {"category": category, "list": rows, "nextPageCursor": ""}

  def _tickers(self, request: HttpRequest) -> dict[str, Any]:
    category, only = self._category(request), request.param("symbol")
    now = self._markets.now_ms()
    rows = [
      self._generator.writers[instrument.key].facts(
        self._markets.market(instrument.key).trading, now
      )
      for instrument in self._generator.of_category(category)
      if only in (None, instrument.product.symbol)
    ]
    return {"category": category, "list": rows}

  def _book(self, request: HttpRequest) -> dict[str, Any]:
    key = self._key(request)
    levels = whole_number(request.param("limit"), 1 if key.startswith(SPOT) else 25, MAX_LEVELS)
    trading = self._markets.market(key).trading
    return self._generator.writers[key].book(trading, levels, self._markets.now_ms())

  def _trades(self, request: HttpRequest) -> dict[str, Any]:
    key = self._key(request)
    rows = whole_number(request.param("limit"), 60 if key.startswith(SPOT) else 500, MAX_ROWS)
    fills = list(self._markets.market(key).trading.trades)[-rows:]
    trades = [self._generator.writers[key].trade(fill) for fill in reversed(fills)]
    return {"category": key.partition(" ")[0], "list": trades}

  def _candles(self, request: HttpRequest) -> dict[str, Any]:
    key = self._key(request)
    length = LENGTHS.get(request.param("interval") or "")
    if length is None:
      raise VenueRestError(10001, "params error: Interval is invalid")
    rows = whole_number(request.param("limit"), 200, MAX_ROWS)
    history, now = self._markets.market(key).trading.bars, self._markets.now_ms()
    history.roll(now)
    end = whole_number(request.param("end"), now, now)
    start = whole_number(request.param("start"), max(1, end - rows * length), now)
    bars = [bar for bar in history.bars(length, start) if start <= bar.start <= end]
    # A start alone gives the bars after it, as for clients that page by it.
    bars = bars[:rows] if request.param("start") and not request.param("end") else bars[-rows:]
    candles = [self._generator.writers[key].bar(bar) for bar in reversed(bars)]
    category, _, symbol = key.partition(" ")
    return {"category": category, "symbol": symbol, "list": candles}

  # Histories -------------------------------------------------------------------------------------

  def _contract(self, request: HttpRequest) -> str:
    key = self._key(request)
    if key.startswith(SPOT):
      raise VenueRestError(10001, "params error: Category is invalid")
    return key

  def _fundings(self, request: HttpRequest) -> dict[str, Any]:
    """ "Get Funding Rate History": up to the end, newest first; a start alone is an error."""
    key, now = self._contract(request), self._markets.now_ms()
    if request.param("startTime") and not request.param("endTime"):
      raise VenueRestError(10001, "params error: startTime needs endTime")
    category, _, symbol = key.partition(" ")
    rows = self._markets.market(key).trading.history.rates(
      whole_number(request.param("endTime"), now, now)
    )
    start = whole_number(request.param("startTime"), LISTED_MS, now)
    most = whole_number(request.param("limit"), MAX_HISTORY, MAX_HISTORY)
    if self._generator.instruments[key].product.kind != PERP:
      most = 0
    fundings = takewhile(lambda row: row[0] >= start, islice(rows, most))
    data = [
      {"symbol": symbol, "fundingRate": rate, "fundingRateTimestamp": str(at)}
      for at, rate in fundings
    ]
    return {"category": category, "list": data}

  def _interests(self, request: HttpRequest) -> dict[str, Any]:
    """ "Get Open Interest": from the end backwards, page by page; a start alone is ignored."""
    key, now = self._contract(request), self._markets.now_ms()
    name = INTEREST_LENGTHS.get(request.param("intervalTime") or "")
    if name is None:
      raise VenueRestError(10001, "params error: intervalTime is invalid")
    until, start = whole_number(request.param("endTime"), now, now), LISTED_MS
    if request.param("endTime"):
      start = whole_number(request.param("startTime"), LISTED_MS, now)
    until = min(until, whole_number(request.param("cursor"), now, now))
    rows = self._markets.market(key).trading.history.interests(until, LENGTHS[name])
    most = whole_number(request.param("limit"), 50, MAX_HISTORY)
    # One row more than the page has shows whether there is another page.
    page = list(takewhile(lambda row: row[0] >= start, islice(rows, most + 1)))
    size = self._generator.instruments[key].size
    category, _, symbol = key.partition(" ")
    return {
      "symbol": symbol,
      "category": category,
      "list": [{"openInterest": size(lots), "timestamp": str(at)} for at, lots in page[:most]],
      "nextPageCursor": str(page[most][0]) if len(page) > most else "",
    }
