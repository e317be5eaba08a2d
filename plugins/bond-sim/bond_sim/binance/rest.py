"""Binance's REST market data: endpoints, their weights, and the venue's errors."""

import re
from typing import Any

import msgspec
from bond_simkit import HttpRequest, HttpResponse, json_response

from bond_sim.binance import limits
from bond_sim.binance.markets import BinanceMarkets, BinanceQuery
from bond_sim.binance.paths import COINM, SPOT, USDM, BinanceMarketName, locate
from bond_sim.binance.stream_names import interval_ms
from bond_sim.market.rest import VenueRestError

PREFIX = {SPOT: "/api/v3/", USDM: "/fapi/v1/", COINM: "/dapi/v1/"}
_COMMON = ("depth", "trades", "aggTrades", "klines", "ticker/24hr")
ENDPOINTS = {
  SPOT: _COMMON,
  USDM: (*_COMMON, "premiumIndex", "openInterest"),
  COINM: (*_COMMON, "premiumIndex", "openInterest"),
}
FOR_ALL_SYMBOLS = ("ticker/24hr", "premiumIndex")
"""Endpoints that serve all symbols where none is given."""

ROW_LIMITS = {
  (SPOT, "depth"): (100, 5000),
  (USDM, "depth"): (500, 1000),
  (COINM, "depth"): (500, 1000),
  (SPOT, "klines"): (500, 1000),
  (USDM, "klines"): (500, 1500),
  (COINM, "klines"): (500, 1500),
}
"""The default and the largest limit; 500 and 1,000 of other endpoints."""

FUTURES_DEPTH_LIMITS = (5, 10, 20, 50, 100, 500, 1000)


class BinanceRest:
  """Responds to requests and meters their weight by address and market."""

  def __init__(self, markets: BinanceMarkets) -> None:
    self._markets = markets
    self._meters: dict[tuple[str, BinanceMarketName], limits.WeightMeter] = {}

  def respond(self, request: HttpRequest) -> HttpResponse:
    """The response to a request."""
    location = locate(request.path)
    prefix = PREFIX[location.market]
    endpoint = location.path.removeprefix(prefix)
    known = (*ENDPOINTS[location.market], "ping", "time", "exchangeInfo")
    if request.method != "GET" or not location.path.startswith(prefix) or endpoint not in known:
      return json_response({"error": f"the simulator has no {request.method} {location.path}"}, 404)
    try:
      symbols, query = self._read(location.market, endpoint, request)
    except VenueRestError as error:
      return self._metered(location.market, request, 1, error)
    weight = limits.weight(location.market, endpoint, query.limit, len(symbols))
    return self._metered(location.market, request, weight, (endpoint, symbols, query))

  def used_weight(self) -> dict[str, int]:
    """Weight used in the current minute by market and address."""
    return {f"{market} {peer}": meter.used for (peer, market), meter in self._meters.items()}

  def _metered(
    self,
    market: BinanceMarketName,
    request: HttpRequest,
    weight: int,
    work: VenueRestError | tuple[str, list[str], BinanceQuery],
  ) -> HttpResponse:
    meter = self._meters.setdefault(
      (request.peer, market), limits.WeightMeter(limits.WEIGHT_LIMIT[market])
    )
    now = self._markets.now_ms()
    status = meter.charge(weight, now)
    if status != 200:
      return refusal(status, meter.retry_after(now), market, now)
    used = (("X-MBX-USED-WEIGHT", str(meter.used)), ("X-MBX-USED-WEIGHT-1M", str(meter.used)))
    try:
      if isinstance(work, VenueRestError):
        raise work
      return json_response(self._body(market, request, *work), headers=used)
    except VenueRestError as error:
      return json_response({"code": error.code, "msg": error.message}, error.status, used)

  def _body(
    self,
    market: BinanceMarketName,
    request: HttpRequest,
    endpoint: str,
    symbols: list[str],
    query: BinanceQuery,
  ) -> Any:
    if endpoint not in ENDPOINTS[market]:
      return self._general(market, endpoint, request)
    bodies = [
      self._markets.answer(market, endpoint, symbol, query)
      for symbol in symbols or self._markets.symbols(market)
    ]
    if None in bodies:
      raise _error(-1016, f"The recording holds no {endpoint}.", 501)
    # COIN-M has a list also where it is of one.
    listed = market == COINM and endpoint in FOR_ALL_SYMBOLS
    if request.param("symbol") is not None and not listed:
      return bodies[0]
    return [msgspec.Raw(body) if isinstance(body, bytes) else body for body in bodies]

  def _general(self, market: BinanceMarketName, endpoint: str, request: HttpRequest) -> Any:
    if endpoint == "ping":
      return {}
    if endpoint == "time":
      return {"serverTime": self._markets.now_ms()}
    info = self._markets.exchange_info(market)
    if market == SPOT and (symbols := _symbols(request)):
      for symbol in symbols:
        self._check(market, symbol)
      info = {**info, "symbols": [row for row in info["symbols"] if row["symbol"] in symbols]}
    return info

  def _check(self, market: BinanceMarketName, symbol: str) -> None:
    if not self._markets.has(market, symbol):
      raise _error(-1121, "Invalid symbol.")

  def _read(
    self, market: BinanceMarketName, endpoint: str, request: HttpRequest
  ) -> tuple[list[str], BinanceQuery]:
    symbols = _symbols(request)
    if endpoint not in ENDPOINTS[market]:
      return symbols, BinanceQuery(limit=0)
    if not symbols and endpoint not in FOR_ALL_SYMBOLS:
      raise _error(
        -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."
      )
    for symbol in symbols:
      self._check(market, symbol)
    default, most = ROW_LIMITS.get((market, endpoint), (500, 1000))
    limit = _integer(request, "limit")
    if market != SPOT and endpoint == "depth" and limit not in (None, *FUTURES_DEPTH_LIMITS):
      raise _error(-4021, f"{limit} is not valid depth limit.")
    interval = request.param("interval") or ""
    if endpoint == "klines" and interval_ms(market, interval) is None:
      raise _error(-1120, "Invalid interval.")
    return symbols, BinanceQuery(
      limit=default if limit is None else max(1, min(limit, most)),
      interval=interval,
      start_ms=_integer(request, "startTime"),
      end_ms=_integer(request, "endTime"),
    )


def refusal(
  status: int, retry_after: float, market: BinanceMarketName, now_ms: int
) -> HttpResponse:
  """Binance's response with 429, 418 or 503; the futures documentation has a wording of its own."""
  if status == 503:
    return json_response({"code": -1016, "msg": "Service Unavailable."}, 503)
  seconds = max(1, round(retry_after + 0.499))
  until = now_ms + round(retry_after * 1000)
  advice = "Please use WebSocket Streams for live updates to avoid"
  if status == 418 and market == SPOT:
    msg = f"Way too much request weight used; IP banned until {until}. {advice} bans."
  elif status == 418:
    msg = f"Way too many requests; IP banned until {until}. {advice} bans."
  else:
    limit = f"current limit is {limits.WEIGHT_LIMIT[market]} request weight per 1 MINUTE"
    msg = f"Too much request weight used; {limit}. {advice} polling the API."
  return json_response({"code": -1003, "msg": msg}, status, (("Retry-After", str(seconds)),))


def _error(code: int, message: str, status: int = 400) -> VenueRestError:
  return VenueRestError(code, message, status)


def _symbols(request: HttpRequest) -> list[str]:
  if (symbol := request.param("symbol")) is not None:
    return [symbol]
  symbols = request.param("symbols")
  if symbols is None:
    return []
  try:
    return msgspec.json.decode(symbols, type=list[str])
  except msgspec.DecodeError:
    raise _error(-1100, "Illegal characters found in parameter 'symbols'.") from None


def _integer(request: HttpRequest, name: str) -> int | None:
  value = request.param(name)
  if value is None:
    return None
  if not re.fullmatch(r"[0-9]{1,20}", value):
    raise _error(
      -1100,
      f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'.",
    )
  return int(value)
