"""Which of Binance's markets a path on the one port means."""

import re
from typing import NamedTuple

SPOT, USDM, COINM = "spot", "usdm", "coinm"

_HOST = re.compile(r"[\w.-]+\.(com|vision|us)(:\d+)?")
_BASES = {SPOT: SPOT, USDM: USDM}
_REST = (("/api/", SPOT), ("/fapi/", USDM), ("/dapi/", COINM))


class Place(NamedTuple):
  """A market, its routed path on USD-M futures ("public", "market", "private", else ""), and the
  rest of the path as the venue knows it."""

  market: str
  route: str
  path: str


def locate(path: str) -> Place:
  """Where a path leads. Its first segment may be the venue's own host, as clients put it there that
  replace only scheme and host (/fstream.binance.com/public/ws), or /spot or /usdm; without either,
  /fapi is futures and everything else spot."""
  first, _, tail = path.removeprefix("/").partition("/")
  if first in _BASES:
    market, path = _BASES[first], f"/{tail}"
  elif _HOST.fullmatch(first):
    market, path = _market_of_host(first), f"/{tail}"
  else:
    market = SPOT
  market = next((named for prefix, named in _REST if path.startswith(prefix)), market)
  route = ""
  if market == USDM:
    head, _, tail = path.removeprefix("/").partition("/")
    if head in ("public", "market", "private"):
      route, path = head, f"/{tail}"
  return Place(market, route, path)


def _market_of_host(host: str) -> str:
  if host.startswith(("fapi", "fstream")):
    return USDM
  return COINM if host.startswith(("dapi", "dstream")) else SPOT
