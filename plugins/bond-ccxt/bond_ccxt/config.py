"""What a spec says to the sources of ccxt."""

from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

import attrs

from bond_ccxt.exchanges import check_exchange
from bond_core import Duration, Secret, parse_symbol

MAX_SYMBOLS = 500

Mode: TypeAlias = Literal["auto", "stream", "poll"]
OnMarket: TypeAlias = Literal["spot", "perp"]
Kind: TypeAlias = Literal["trades", "orderbook", "ticker", "ohlcv", "funding"]
"""The data of a source, which its name ends with."""


def _check_exchange(config: Any, attribute: "attrs.Attribute[str]", value: str) -> None:
  check_exchange(value)


def _check_symbols(config: Any, attribute: "attrs.Attribute[list[str]]", value: list[str]) -> None:
  if not value:
    raise ValueError("the list is empty; name at least one symbol such as BTC/USDT")
  if len(value) > MAX_SYMBOLS:
    raise ValueError(f"{len(value)} symbols are more than the {MAX_SYMBOLS} that a source takes")
  seen: dict[str, str] = {}
  for text in value:
    spelling = str(parse_symbol(text))
    if spelling in seen:
      raise ValueError(f"{seen[spelling]!r} and {text!r} are one: {spelling}; write it once")
    seen[spelling] = text


def _check_every(config: Any, attribute: "attrs.Attribute[Duration]", value: Duration) -> None:
  if not 0.1 <= value <= 3600:
    raise ValueError(f"{value} is no pace for polling; write 100ms to 1h")


def _check_endpoint(
  config: Any, attribute: "attrs.Attribute[str | None]", value: str | None
) -> None:
  if value is None:
    return
  try:
    url = urlsplit(value)
    good = url.scheme in ("http", "https") and bool(url.hostname) and (url.port or 1) > 0
  except ValueError:
    good = False
  if not good or url.query or url.fragment or url.username:
    raise ValueError(
      f"{value!r} is no endpoint; write http://HOST:PORT of a simulator or proxy that takes the "
      "venue's host as first part of the path, or leave it out for the venue itself"
    )


def _trimmed(value: str | None) -> str | None:
  # Anything but a text is left for the type check to report.
  return value.rstrip("/") if isinstance(value, str) else value


@attrs.frozen(kw_only=True)
class _Source:
  """What all have. `exchange` is the venue's id in ccxt. `mode` stream uses ccxt.pro, poll requests
  every `every`, auto streams where ccxt.pro can. `market` says what a plain spelling such as
  BTC/USDT means. Credentials are references to secrets; public data needs none. `options` go to
  ccxt's own `options`."""

  exchange: str = attrs.field(validator=_check_exchange, metadata={"public": True})
  symbols: list[str] = attrs.field(validator=_check_symbols, metadata={"public": True})
  mode: Mode = "auto"
  every: Duration = attrs.field(default=Duration(5), validator=_check_every)
  market: OnMarket = "spot"
  endpoint: str | None = attrs.field(
    default=None, converter=_trimmed, validator=_check_endpoint, metadata={"public": False}
  )
  api_key: Secret | None = attrs.field(default=None, metadata={"public": False})
  api_secret: Secret | None = attrs.field(default=None, metadata={"public": False})
  password: Secret | None = attrs.field(default=None, metadata={"public": False})
  # What ccxt makes of them is its own affair, addresses among it.
  options: dict[str, Any] = attrs.field(factory=dict, metadata={"public": False})


@attrs.frozen(kw_only=True)
class Trades(_Source):
  """Trades."""


@attrs.frozen(kw_only=True)
class Books(_Source):
  """The best `depth` levels at most every `speed_ms` (0: after every update), or with `deltas` a
  snapshot of them and then what changes in them."""

  depth: int = attrs.field(default=20)
  speed_ms: int = attrs.field(default=100)
  deltas: bool = False

  @depth.validator
  def _check_depth(self, attribute: "attrs.Attribute[int]", value: int) -> None:
    if not 1 <= value <= 500:
      raise ValueError(f"{value} levels cannot be shown; write 1 to 500")

  @speed_ms.validator
  def _check_speed(self, attribute: "attrs.Attribute[int]", value: int) -> None:
    if not 0 <= value <= 60_000:
      raise ValueError(f"{value} ms is no pace; write 0 (every update) to 60000")


@attrs.frozen(kw_only=True)
class Tickers(_Source):
  """Last price, best bid and ask, 24-hour volume, as the venue's own ticker has them."""


@attrs.frozen(kw_only=True)
class Candles(_Source):
  """Bars of one length, also the unfinished one as it grows (`closed` false)."""

  interval: str = attrs.field(
    default="1m",
    validator=attrs.validators.matches_re(r"\d+[smhdwMy]"),
    metadata={"public": True},
  )


@attrs.frozen(kw_only=True)
class Funding(_Source):
  """Funding rate of perpetuals, with mark and index price where the venue has them."""

  market: OnMarket = "perp"
