"""Where Binance is: hosts, paths, published limits.

Sources: Spot "WebSocket Streams" (general information, limits), "General endpoints" and "Limits";
USD-M "Websocket Market Streams" and "Important WebSocket Change Notice" (since 2026-04-23 each
stream is served on its own path only, /public or /market), "General Info", "Exchange Information";
COIN-M "Websocket Market Streams" (200 streams on a connection) and "General Info".
"""

from typing import Final, Literal, TypeAlias
from urllib.parse import quote

import attrs

from bond_binance.symbols import COINM, SPOT, USDM, VenueMarket
from bond_core import Refused
from bond_core.config import websocket_scheme
from bond_core.feeds import Limits

DATA_ONLY = "data-only"
"""The `endpoint` that means the venue's hosts for public market data alone; spot has them."""

Group: TypeAlias = Literal["spot", "usdm-public", "usdm-market", "coinm"]
"""The families of connections: one of spot and of COIN-M, two of USD-M."""

PUBLIC: Final = "usdm-public"
MARKET: Final = "usdm-market"

DAY = 86_400.0

# Both markets close a socket after 24 hours and carry 1024 streams on one. Spot takes 5 messages a
# second and counts pongs, futures take 10: one or two are left for those.
# 300 connects in five minutes is spot's limit; futures publish none and are held to the same.
_LIMITS: dict[str, Limits] = {
  SPOT: Limits(messages=(4, 1.0), weight=(6000, 60.0), max_age=DAY),
  USDM: Limits(messages=(8, 1.0), weight=(2400, 60.0), max_age=DAY),
  COINM: Limits(
    subscriptions_per_connection=200, messages=(8, 1.0), weight=(2400, 60.0), max_age=DAY
  ),
}
LIMITS: dict[str, Limits] = {
  SPOT: _LIMITS[SPOT],
  USDM: _LIMITS[USDM],
  PUBLIC: _LIMITS[USDM],
  MARKET: _LIMITS[USDM],
  COINM: _LIMITS[COINM],
}

# An ordinary front-end refuses request lines of more than 8 KiB; what does not fit is subscribed to
# after opening.
URL_CHARACTERS = 4000
"""Of stream names in a URL."""

SNAPSHOT_LEVELS = 1000
SNAPSHOT_WEIGHT: dict[VenueMarket, int] = {SPOT: 50, USDM: 20, COINM: 20}
"""Request weight of a snapshot of SNAPSHOT_LEVELS. Spot has 5,000 levels for 250."""

LISTING_WEIGHT: dict[VenueMarket, int] = {SPOT: 20, USDM: 1, COINM: 1}

_PREFIXES: dict[VenueMarket, str] = {SPOT: "/api/v3", USDM: "/fapi/v1", COINM: "/dapi/v1"}
_HOSTS: dict[VenueMarket, str] = {
  SPOT: "api.binance.com",
  USDM: "fapi.binance.com",
  COINM: "dapi.binance.com",
}

MAX_SYMBOLS_IN_URL = 100


@attrs.frozen
class Connection:
  """A connection's identity: equal ones share one feed. `endpoint` is None for the real venue,
  DATA_ONLY, or the URL of a simulator; feeds of aggregated trades run apart, so that nobody gets
  both kinds."""

  endpoint: str | None = None
  aggregate: bool = False

  def websocket(self, group: str) -> str:
    """The URL of combined streams, up to the stream names. Raises Refused for a group that this
    endpoint does not have."""
    path = {SPOT: "", PUBLIC: "/public", MARKET: "/market", COINM: ""}[group]
    if self.endpoint not in (None, DATA_ONLY):
      market = group if group in (SPOT, COINM) else USDM
      base = f"{websocket_scheme(str(self.endpoint))}/{market}"
    elif group == SPOT:
      data_only = self.endpoint == DATA_ONLY
      base = "wss://data-stream.binance.vision" if data_only else "wss://stream.binance.com:9443"
    else:
      base = f"wss://{'d' if group == COINM else 'f'}stream.binance.com"
    return f"{base}{path}/stream?streams="

  def _rest(self, market: VenueMarket) -> str:
    prefix = _PREFIXES[market]
    if self.endpoint not in (None, DATA_ONLY):
      return f"{self.endpoint}/{market}{prefix}"
    spot_alone = self.endpoint == DATA_ONLY and market == SPOT
    return f"https://{'data-api.binance.vision' if spot_alone else _HOSTS[market]}{prefix}"

  def snapshot(self, market: VenueMarket, symbol: str) -> str:
    """The URL of a book's snapshot."""
    return f"{self._rest(market)}/depth?symbol={quote(symbol)}&limit={SNAPSHOT_LEVELS}"

  def listing(self, market: VenueMarket, symbols: list[str] | None) -> str:
    """The URL of the listed markets: of these symbols, or all. Futures always list all."""
    url = f"{self._rest(market)}/exchangeInfo"
    if market != SPOT or symbols is None or len(symbols) > MAX_SYMBOLS_IN_URL:
      return url
    listed = ",".join(f'"{symbol}"' for symbol in symbols)
    return f"{url}?symbols={quote(f'[{listed}]', safe=',')}"

  def check(self, market: VenueMarket) -> None:
    """Raises Refused where this endpoint does not have that market."""
    if self.endpoint == DATA_ONLY and market != SPOT:
      raise Refused(
        "Binance's data-only hosts carry spot alone; leave `endpoint: data-only` out for futures"
      )
