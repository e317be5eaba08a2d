"""The market of a path: all of Binance's markets are on one port."""

import re
from typing import Literal, NamedTuple

BinanceMarketName = Literal["spot", "usdm", "coinm"]
SPOT: BinanceMarketName = "spot"
USDM: BinanceMarketName = "usdm"
COINM: BinanceMarketName = "coinm"

_HOST = re.compile(r"[\w.-]+\.(com|vision|us)(:\d+)?")
_BASES: dict[str, BinanceMarketName] = {SPOT: SPOT, USDM: USDM, COINM: COINM}
_REST = (("/api/", SPOT), ("/fapi/", USDM), ("/dapi/", COINM))


class BinancePath(NamedTuple):
  """A market, its route on USD-M futures ("public", "market" or "private", else ""), and the rest
  of the path as the venue has it."""

  market: BinanceMarketName
  route: str
  path: str


def locate(path: str) -> BinancePath:
  """The market and route of a path. The first segment may be the venue's own host, from clients
  that replace only scheme and host (/fstream.binance.com/public/ws), or /spot, /usdm or /coinm;
  without either, /fapi is futures and everything else spot."""
  first, _, tail = path.removeprefix("/").partition("/")
  if first in _BASES:
    market, path = _BASES[first], f"/{tail}"
  elif _HOST.fullmatch(first):
    market, path = _market_of_host(first), f"/{tail}"
  else:
    market = SPOT
  market = next((of_prefix for prefix, of_prefix in _REST if path.startswith(prefix)), market)
  route = ""
  if market == USDM:
    head, _, tail = path.removeprefix("/").partition("/")
    if head in ("public", "market", "private"):
      route, path = head, f"/{tail}"
  return BinancePath(market, route, path)


def _market_of_host(host: str) -> BinanceMarketName:
  if host.startswith(("fapi", "fstream")):
    return USDM
  return COINM if host.startswith(("dapi", "dstream")) else SPOT
