"""What a spec can say about a Binance source."""

from typing import Any, Literal

import attrs

from bond_core.feed.dialect import Subscription
from bond_core.instruments import Instrument, parse_market

EXCHANGE = "binance"
MAX_SYMBOLS = 2000

Interval = Literal[
  "1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M"
]


def _check_symbols(
  instance: object, attribute: "attrs.Attribute[list[str]]", value: list[str]
) -> None:
  if not 1 <= len(value) <= MAX_SYMBOLS:
    raise ValueError(f"give 1 to {MAX_SYMBOLS} symbols, such as [BTC/USDT]")
  seen: dict[Any, str] = {}
  for text in value:
    market = parse_market(text)
    if market in seen:
      raise ValueError(f"{text!r} is {seen[market]!r} again")
    seen[market] = text


def _check_endpoint(
  instance: object, attribute: "attrs.Attribute[str | None]", value: str | None
) -> None:
  if value is not None and not value.startswith(("http://", "https://")):
    raise ValueError("an endpoint is a URL such as http://127.0.0.1:9001")


@attrs.frozen(kw_only=True)
class Connection:
  """What makes two sources share a feed: equal connections are one. Aggregated trades cannot be
  told from single ones by their events, so they have a feed of their own."""

  endpoint: str | None = None
  aggregate: bool = False


@attrs.frozen(kw_only=True)
class _Symbols:
  symbols: list[str] = attrs.field(validator=_check_symbols)
  endpoint: str | None = attrs.field(default=None, validator=_check_endpoint)

  @property
  def connection(self) -> Connection:
    """The connection this source shares with its equals."""
    return Connection(endpoint=self.endpoint)

  def instruments(self, market: str) -> list[Instrument]:
    """The instruments meant; `market` serves where a spelling leaves it open."""
    return [parse_market(text).on(EXCHANGE, market) for text in self.symbols]


@attrs.frozen(kw_only=True)
class Trades(_Symbols):
  """Trades of spot markets, or of perpetuals with `market: perp`; `aggregate` joins the fills of
  one taker order at one price."""

  market: Literal["spot", "perp"] = "spot"
  aggregate: bool = False

  @property
  def connection(self) -> Connection:
    return Connection(endpoint=self.endpoint, aggregate=self.aggregate)

  def subscriptions(self) -> list[Subscription]:
    """One stream an instrument."""
    return [Subscription("trades", i) for i in self.instruments(self.market)]


@attrs.frozen(kw_only=True)
class Books(_Symbols):
  """Order books: the best `depth` levels at most every `speed_ms` (0: after every update), or with
  `deltas` a snapshot and then every change."""

  market: Literal["spot", "perp"] = "spot"
  depth: int = attrs.field(
    default=20, validator=[attrs.validators.ge(1), attrs.validators.le(1000)]
  )
  speed_ms: int = attrs.field(
    default=100, validator=[attrs.validators.ge(0), attrs.validators.le(60_000)]
  )
  deltas: bool = False

  def subscriptions(self) -> list[Subscription]:
    """One stream an instrument."""
    return [Subscription("orderbook", i) for i in self.instruments(self.market)]


@attrs.frozen(kw_only=True)
class Tickers(_Symbols):
  """The best bid and ask at each change (`quotes`), last price and 24-hour volume each second
  (`stats`)."""

  market: Literal["spot", "perp"] = "spot"
  quotes: bool = True
  stats: bool = True

  def __attrs_post_init__(self) -> None:
    if not (self.quotes or self.stats):
      raise ValueError("with neither quotes nor stats there is nothing to send")

  def subscriptions(self) -> list[Subscription]:
    """Up to two streams an instrument."""
    kinds = [kind for kind in ("quotes", "stats") if getattr(self, kind)]
    return [
      Subscription("ticker", instrument, (("stream", kind),))
      for instrument in self.instruments(self.market)
      for kind in kinds
    ]


@attrs.frozen(kw_only=True)
class Funding(_Symbols):
  """Funding rate, mark and index price of perpetuals, each second."""

  def subscriptions(self) -> list[Subscription]:
    """One stream an instrument."""
    return [Subscription("funding", i) for i in self.instruments("perp")]


@attrs.frozen(kw_only=True)
class Liquidations(_Symbols):
  """Forced orders of perpetuals: the largest of each second and symbol, as the venue sends them."""

  def subscriptions(self) -> list[Subscription]:
    """One stream an instrument."""
    return [Subscription("liquidation", i) for i in self.instruments("perp")]


@attrs.frozen(kw_only=True)
class Candles(_Symbols):
  """Candles, updated while they are open; `closed` marks the last word."""

  market: Literal["spot", "perp"] = "spot"
  interval: Interval = "1m"

  def subscriptions(self) -> list[Subscription]:
    """One stream an instrument."""
    options = (("interval", self.interval),)
    return [Subscription("candle", i, options) for i in self.instruments(self.market)]
