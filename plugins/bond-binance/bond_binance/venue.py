"""Where Binance is, what it allows, and how it spells things."""

import json
from urllib.parse import quote

from bond_core.errors import Refused
from bond_core.feed.dialect import Limits, Subscription
from bond_core.instruments import Instrument

TERMS = (
  "Binance Terms of Use, https://www.binance.com/en/terms: public market data for your own use; "
  "passing it on needs Binance's consent"
)

SPOT = "spot"
USDM_PUBLIC = "usdm-public"
USDM_MARKET = "usdm-market"

# Source: Binance Spot "WebSocket Streams": 5 messages/s including pings and pongs, 1024 streams and
# 24 h a connection, 300 connections in 5 minutes; "Limits": request weight 6000 a minute.
_SPOT_LIMITS = Limits(
  streams_per_connection=1024,
  messages=(4, 1.0),
  connects=(300, 300.0),
  weight=(6000, 60.0),
  max_age=86_400.0,
)
# Source: Binance USDⓈ-M Futures "Websocket Market Streams": 10 messages/s, 1024 streams, 24 h;
# "Common Definition": request weight 2400 a minute. The number of connections is not documented
# there; spot's is kept.
_USDM_LIMITS = Limits(
  streams_per_connection=1024,
  messages=(8, 1.0),
  connects=(300, 300.0),
  weight=(2400, 60.0),
  max_age=86_400.0,
)

# How many streams fit the opening URL; more are subscribed in messages.
URL_STREAMS = 100
STREAMS_PER_MESSAGE = 100

SNAPSHOT_LEVELS = 1000
# Source: spot "Order book": 501-1000 levels weigh 50; futures "Order Book": 1000 levels weigh 20.
_SNAPSHOT_WEIGHT = {SPOT: 50, USDM_PUBLIC: 20}

# Source: USDⓈ-M Futures "Important WebSocket Change Notice" (2026-03): high-frequency public
# streams and market streams live on paths of their own, and a stream asked for on the wrong one is
# acknowledged and silent. The trade stream is not documented there; it is served on /public.
_USDM_STREAMS = {
  "trades": USDM_PUBLIC,
  "orderbook": USDM_PUBLIC,
  "quotes": USDM_PUBLIC,
  "aggregate": USDM_MARKET,
  "stats": USDM_MARKET,
  "funding": USDM_MARKET,
  "liquidation": USDM_MARKET,
  "candle": USDM_MARKET,
}
_STREAM_SUFFIX = {
  "trades": "trade",
  "aggregate": "aggTrade",
  "orderbook": "depth@100ms",
  "quotes": "bookTicker",
  "stats": "ticker",
  "funding": "markPrice@1s",
  "liquidation": "forceOrder",
}


def limits(group: str) -> Limits:
  """The published limits of a group."""
  return _SPOT_LIMITS if group == SPOT else _USDM_LIMITS


def kind_of(subscription: Subscription, aggregate: bool) -> str:
  """Which of the venue's streams serves a subscription."""
  if subscription.channel == "ticker":
    return dict(subscription.options)["stream"]
  return "aggregate" if subscription.channel == "trades" and aggregate else subscription.channel


def group_of(subscription: Subscription, kind: str) -> str:
  """The endpoint that has the stream. Raises Refused for what Binance does not have."""
  instrument = subscription.instrument
  if instrument.market_type == "spot":
    if kind in ("funding", "liquidation"):
      raise Refused(
        f"binance has no {subscription.channel} of spot markets; name the perpetual, such as "
        f"{instrument.symbol}:{instrument.symbol.split('/')[1]}"
      )
    return SPOT
  if instrument.market_type in ("perp", "future"):
    if kind == "candle" and dict(subscription.options)["interval"] == "1s":
      raise Refused("binance has 1s candles of spot markets only; the shortest here is 1m")
    return _USDM_STREAMS[kind]
  raise Refused(f"bond-binance does not carry {instrument.market_type} markets")


def venue_symbol(instrument: Instrument) -> str:
  """BTCUSDT, or BTCUSDT_261225 for the contract of that day."""
  plain = instrument.symbol.replace("/", "")
  return plain if instrument.expiry is None else f"{plain}_{instrument.expiry}"


def stream_name(subscription: Subscription, kind: str) -> str:
  """The venue's name of the stream, such as btcusdt@trade."""
  if kind == "candle":
    suffix = f"kline_{dict(subscription.options)['interval']}"
  else:
    suffix = _STREAM_SUFFIX[kind]
  return f"{venue_symbol(subscription.instrument).lower()}@{suffix}"


def stream_url(endpoint: str | None, group: str, streams: list[str]) -> str:
  """The websocket URL of a combined stream."""
  query = "/".join(quote(name, safe="@_") for name in streams)
  if endpoint is not None:
    base = endpoint.rstrip("/").replace("http", "ws", 1)
    path = {SPOT: "spot", USDM_PUBLIC: "usdm/public", USDM_MARKET: "usdm/market"}[group]
    return f"{base}/{path}/stream?streams={query}"
  if group == SPOT:
    return f"wss://stream.binance.com:9443/stream?streams={query}"
  path = "public" if group == USDM_PUBLIC else "market"
  return f"wss://fstream.binance.com/{path}/stream?streams={query}"


def rest_group(group: str) -> str:
  """The group whose request weight a REST call counts against: futures have one host."""
  return SPOT if group == SPOT else USDM_PUBLIC


def rest_url(endpoint: str | None, group: str, path: str) -> str:
  """A REST URL: `path` is what follows /api/v3 or /fapi/v1."""
  if group == SPOT:
    base = "https://api.binance.com" if endpoint is None else f"{endpoint.rstrip('/')}/spot"
    return f"{base}/api/v3/{path}"
  base = "https://fapi.binance.com" if endpoint is None else f"{endpoint.rstrip('/')}/usdm"
  return f"{base}/fapi/v1/{path}"


def snapshot_path(instrument: Instrument) -> str:
  """What to GET for a book's snapshot."""
  return f"depth?symbol={quote(venue_symbol(instrument))}&limit={SNAPSHOT_LEVELS}"


def snapshot_weight(group: str) -> int:
  """What that costs."""
  return _SNAPSHOT_WEIGHT[rest_group(group)]


def symbols_path(group: str, names: list[str]) -> str:
  """What to GET to know whether markets exist. Futures list them all at a weight of 1."""
  if group != SPOT:
    return "exchangeInfo"
  listed = quote(json.dumps(names, separators=(",", ":"), ensure_ascii=False))
  return f"exchangeInfo?symbols={listed}&showPermissionSets=false"


def symbols_weight(group: str) -> int:
  """What that costs. Source: "Exchange information", spot 20, futures 1."""
  return 20 if group == SPOT else 1


def explain(status: int, body: bytes) -> str | None:
  """What an HTTP status of Binance means and what to do about it."""
  text = body[:2000].decode(errors="replace")
  if "-1016" in text or "no longer available" in text:
    return "Binance is in maintenance; it is tried again, see https://www.binance.com/en/support"
  match status:
    case 451:
      return (
        "Binance does not serve this location (HTTP 451); run from a place where it does, or name "
        "another venue"
      )
    case 403:
      return (
        "Binance's firewall refused this address (HTTP 403): too many requests, or a place it does "
        "not serve; wait some minutes and ask for fewer symbols at once"
      )
    case 418:
      return (
        "Binance has banned this address for a while (HTTP 418) because requests went on after a "
        "429; stop other programs that use it, the ban ends by itself"
      )
    case 429:
      return (
        "Binance's request weight is used up (HTTP 429); other programs at this address share it, "
        "so stop them or ask for fewer symbols"
      )
  return f"Binance has a fault of its own (HTTP {status})" if status >= 500 else None
