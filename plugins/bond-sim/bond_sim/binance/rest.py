"""Binance's REST market data: which endpoints there are, what they weigh, and how errors look."""

import re
from typing import Any

import msgspec

from bond_sim.binance import limits
from bond_sim.binance.paths import COINM, SPOT, USDM, locate
from bond_sim.binance.source import Query, Source
from bond_sim.binance.streams import interval_ms
from bond_sim.http import Request, Response, json_response

PREFIX = {SPOT: "/api/v3/", USDM: "/fapi/v1/", COINM: "/dapi/v1/"}
_COMMON = ("depth", "trades", "aggTrades", "klines", "ticker/24hr")
ENDPOINTS = {SPOT: _COMMON, USDM: (*_COMMON, "premiumIndex", "openInterest"), COINM: ()}
FOR_ALL_SYMBOLS = ("ticker/24hr", "premiumIndex")
DEFAULT_LIMIT = {
  (SPOT, "depth"): (100, 5000),
  (USDM, "depth"): (500, 1000),
  (SPOT, "klines"): (500, 1000),
  (USDM, "klines"): (500, 1500),
}
USDM_DEPTH_LIMITS = (5, 10, 20, 50, 100, 500, 1000)


class ApiError(Exception):
  """An error in the venue's form, HTTP 400 unless `status` says otherwise."""

  def __init__(self, code: int, msg: str, status: int = 400) -> None:
    super().__init__(msg)
    self.code, self.msg, self.status = code, msg, status


class Rest:
  """Answers requests from a source and meters their weight by address and market."""

  def __init__(self, source: Source) -> None:
    self._source = source
    self._meters: dict[tuple[str, str], limits.WeightMeter] = {}

  def respond(self, request: Request) -> Response:
    """The answer to a request."""
    place = locate(request.path)
    prefix = PREFIX[place.market]
    endpoint = place.path.removeprefix(prefix)
    known = (*ENDPOINTS[place.market], "ping", "time", "exchangeInfo")
    if request.method != "GET" or not place.path.startswith(prefix) or endpoint not in known:
      return json_response({"error": f"the simulator has no {request.method} {place.path}"}, 404)
    if place.market == COINM:
      return json_response(self._general(COINM, endpoint, request))
    try:
      symbols, query = self._read(place.market, endpoint, request)
    except ApiError as error:
      return self._metered(place.market, request, 1, error)
    weight = limits.weight(place.market, endpoint, query.limit, len(symbols))
    return self._metered(place.market, request, weight, (endpoint, symbols, query))

  def used_weight(self) -> dict[str, int]:
    """Weight used in the current minute by market and address."""
    return {f"{market} {peer}": meter.used for (peer, market), meter in self._meters.items()}

  def _metered(
    self,
    market: str,
    request: Request,
    weight: int,
    work: ApiError | tuple[str, list[str], Query],
  ) -> Response:
    meter = self._meters.setdefault(
      (request.peer, market), limits.WeightMeter(limits.WEIGHT_LIMIT[market])
    )
    now = self._source.now_ms()
    status = meter.charge(weight, now)
    if status != 200:
      return refusal(status, meter.retry_after(now), market, now)
    used = (("X-MBX-USED-WEIGHT", str(meter.used)), ("X-MBX-USED-WEIGHT-1M", str(meter.used)))
    try:
      if isinstance(work, ApiError):
        raise work
      return json_response(self._body(market, request, *work), headers=used)
    except ApiError as error:
      return json_response({"code": error.code, "msg": error.msg}, error.status, used)

  def _body(
    self, market: str, request: Request, endpoint: str, symbols: list[str], query: Query
  ) -> Any:
    if endpoint not in ENDPOINTS[market]:
      return self._general(market, endpoint, request)
    wanted = symbols or self._source.symbols(market)
    bodies = [self._source.answer(market, endpoint, symbol, query) for symbol in wanted]
    if None in bodies:
      raise ApiError(-1016, f"The recording holds no {endpoint}.", 501)
    if request.param("symbol") is not None:
      return bodies[0]
    return [msgspec.Raw(body) if isinstance(body, bytes) else body for body in bodies]

  def _general(self, market: str, endpoint: str, request: Request) -> Any:
    if endpoint == "ping":
      return {}
    if endpoint == "time":
      return {"serverTime": self._source.now_ms()}
    info = self._source.exchange_info(market)
    if market == SPOT and (asked := _symbols(request)):
      for symbol in asked:
        self._check(market, symbol)
      info = {**info, "symbols": [row for row in info["symbols"] if row["symbol"] in asked]}
    return info

  def _check(self, market: str, symbol: str) -> None:
    if not self._source.has(market, symbol):
      raise ApiError(-1121, "Invalid symbol.")

  def _read(self, market: str, endpoint: str, request: Request) -> tuple[list[str], Query]:
    symbols = _symbols(request)
    if endpoint not in ENDPOINTS[market]:
      return symbols, Query(limit=0)
    if not symbols and endpoint not in FOR_ALL_SYMBOLS:
      raise ApiError(
        -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."
      )
    for symbol in symbols:
      self._check(market, symbol)
    usual, most = DEFAULT_LIMIT.get((market, endpoint), (500, 1000))
    limit = _integer(request, "limit")
    if market == USDM and endpoint == "depth" and limit not in (None, *USDM_DEPTH_LIMITS):
      raise ApiError(-4021, f"{limit} is not valid depth limit.")
    interval = request.param("interval") or ""
    if endpoint == "klines" and interval_ms(market, interval) is None:
      raise ApiError(-1120, "Invalid interval.")
    return symbols, Query(
      limit=usual if limit is None else max(1, min(limit, most)),
      interval=interval,
      start_ms=_integer(request, "startTime"),
      end_ms=_integer(request, "endTime"),
    )


def refusal(status: int, retry_after: float, market: str, now_ms: int) -> Response:
  """Binance's body for 429, 418 and 503; the futures documentation has its own wording."""
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


def _symbols(request: Request) -> list[str]:
  if (one := request.param("symbol")) is not None:
    return [one]
  many = request.param("symbols")
  if many is None:
    return []
  try:
    return msgspec.json.decode(many, type=list[str])
  except msgspec.DecodeError:
    raise ApiError(-1100, "Illegal characters found in parameter 'symbols'.") from None


def _integer(request: Request, name: str) -> int | None:
  value = request.param(name)
  if value is None:
    return None
  if not re.fullmatch(r"[0-9]{1,20}", value):
    raise ApiError(
      -1100,
      f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'.",
    )
  return int(value)
