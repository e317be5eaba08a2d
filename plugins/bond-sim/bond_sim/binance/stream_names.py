"""Stream names of Binance: what `btcusdt@depth5@100ms` means, and on which path it is served."""

import re
from typing import NamedTuple

from bond_sim.binance.paths import COINM, SPOT, USDM, BinanceMarketName

SPOT_INTERVALS = {"1s": 1_000}
INTERVALS = {
  "1m": 60_000,
  "3m": 180_000,
  "5m": 300_000,
  "15m": 900_000,
  "30m": 1_800_000,
  "1h": 3_600_000,
  "2h": 7_200_000,
  "4h": 14_400_000,
  "6h": 21_600_000,
  "8h": 28_800_000,
  "12h": 43_200_000,
  "1d": 86_400_000,
  "3d": 259_200_000,
  "1w": 604_800_000,
}

# Update speeds in ms (0: real time) by their suffix. Recordings of 2024 have depth@0ms, which is no
# longer documented.
_SPEEDS: dict[BinanceMarketName, dict[str, dict[str | None, int]]] = {
  SPOT: {
    "trade": {None: 0},
    "aggTrade": {None: 0},
    "bookTicker": {None: 0},
    "depth": {None: 1000, "1000ms": 1000, "100ms": 100},
    "partial": {None: 1000, "1000ms": 1000, "100ms": 100},
    "ticker": {None: 1000},
    "miniTicker": {None: 1000},
    "kline": {None: 2000},
  },
  USDM: {
    "trade": {None: 0},
    "aggTrade": {None: 0},  # documented as every 100 ms; sent as they happen here
    "bookTicker": {None: 0},
    "depth": {None: 250, "250ms": 250, "500ms": 500, "100ms": 100, "0ms": 0},
    "partial": {None: 250, "250ms": 250, "500ms": 500, "100ms": 100},
    "ticker": {None: 2000},
    "miniTicker": {None: 2000},
    "kline": {None: 250},
    "markPrice": {None: 3000, "1s": 1000},
    "forceOrder": {None: 1000},
  },
}
# COIN-M documents no `trade` either; ccxt reads it there, and recordings of others have it.
_SPEEDS[COINM] = _SPEEDS[USDM] | {"ticker": {None: 500}, "miniTicker": {None: 500}}
_PUBLIC = frozenset(("depth", "partial", "bookTicker", "trade"))

_NAME = re.compile(
  r"(?P<symbol>[^@!]+)@(?P<kind>[a-zA-Z]+)(?P<levels>\d+)?(_(?P<interval>\w+))?(@(?P<speed>\d+m?s))?"
)


class BinanceStreamName(NamedTuple):
  """What a name means: a symbol (upper case) and its stream. `every` is the update speed in ms, 0
  for real time."""

  symbol: str
  kind: str
  every: int = 0
  levels: int = 0
  interval: str = ""

  @property
  def routed(self) -> str:
    """The path that serves it on USD-M futures: public or market. `trade` is undocumented there and
    was observed on public."""
    return "public" if self.kind in _PUBLIC else "market"


def interval_ms(market: BinanceMarketName, interval: str) -> int | None:
  """Length of a kline interval (ms), None for an interval that the market does not have."""
  if market == SPOT and interval in SPOT_INTERVALS:
    return SPOT_INTERVALS[interval]
  return INTERVALS.get(interval)


def parse_stream_name(market: BinanceMarketName, name: str) -> BinanceStreamName | None:
  """What a stream name means; None for a name that the market does not have, which Binance accepts
  and never serves."""
  found = _NAME.fullmatch(name)
  if found is None or found["symbol"] != found["symbol"].lower():
    return None
  kind, levels = found["kind"], int(found["levels"] or 0)
  if kind == "depth" and levels:
    kind = "partial"
  speeds = _SPEEDS[market].get(kind)
  if kind == "kline" and found["interval"] == "1s":
    speeds = {None: 1000}
  if speeds is None or found["speed"] not in speeds:
    return None
  if levels and (kind != "partial" or levels not in (5, 10, 20)):
    return None
  interval = found["interval"] or ""
  if (kind == "kline") != bool(interval) or (interval and not interval_ms(market, interval)):
    return None
  return BinanceStreamName(found["symbol"].upper(), kind, speeds[found["speed"]], levels, interval)
