"""Instruments and markets: one type for each, and one place that parses and prints their
spellings."""

import re
from typing import NamedTuple

from bond_core._literals import MarketType

# Longest first, so that BTCFDUSD is BTC/FDUSD and not BTCFD/USD.
KNOWN_QUOTES: tuple[str, ...] = tuple(
  sorted(
    (
      *("USDT", "USDC", "FDUSD", "TUSD", "BUSD", "USDE", "USD1", "USDP", "USDS", "PYUSD", "RLUSD"),
      *("DAI", "USD", "EUR", "GBP", "JPY", "KRW", "TRY", "BRL", "AUD", "CAD", "CHF", "MXN", "PLN"),
      *("ARS", "ZAR", "UAH", "IDR", "THB", "INR", "BTC", "ETH", "BNB", "SOL", "XRP", "EURI"),
    ),
    key=lambda quote: (-len(quote), quote),
  )
)

_UNIFIED = re.compile(
  r"(?P<base>[A-Z0-9]{1,20})[/_-](?P<quote>[A-Z0-9]{1,20})"
  r"(?::(?P<settle>[A-Z0-9]{1,20})(?:-(?P<expiry>\d{6}))?)?"
)
_COLON = re.compile(r"(?P<base>[A-Z0-9]{1,20}):(?P<quote>[A-Z0-9]{1,20})")
_PLAIN = re.compile(r"[A-Z0-9]{1,40}")


class Instrument(NamedTuple):
  """One market of one venue; hashable, equal only where all four parts are.

  `expiry` is the YYMMDD of a dated contract (the ccxt form BTC/USDT:USDT-261225), else None.
  """

  exchange: str
  market_type: MarketType | None
  symbol: str
  expiry: str | None = None

  def __str__(self) -> str:
    kind = "" if self.market_type is None else f" {self.market_type}"
    dated = "" if self.expiry is None else f" {self.expiry}"
    return f"{self.exchange} {self.symbol}{kind}{dated}"


class Market(NamedTuple):
  """A market as a user spells it, before a venue is named. `market_type` is None where the spelling
  leaves it open."""

  base: str
  quote: str
  market_type: MarketType | None = None
  settle: str | None = None
  expiry: str | None = None

  @property
  def symbol(self) -> str:
    """The canonical BASE/QUOTE."""
    return f"{self.base}/{self.quote}"

  def __str__(self) -> str:
    """The spelling that says all of it, such as BTC/USDT:USDT-261225."""
    settle = "" if self.settle is None else f":{self.settle}"
    return f"{self.symbol}{settle}" + ("" if self.expiry is None else f"-{self.expiry}")

  def on(self, exchange: str, market_type: MarketType = "spot") -> Instrument:
    """This market at a venue; `market_type` serves where the spelling left it open."""
    return Instrument(exchange, self.market_type or market_type, self.symbol, self.expiry)


def parse_market(text: str) -> Market:
  """The market that a spelling stands for.

  BTC/USDT, BTC-USDT, BTC_USDT, BTC:USDT, BTCUSDT and btcusdt are one market, a bare BTC is
  BTC/USDT, BTC/USDT:USDT is the perpetual and BTC/USDT:USDT-261225 the contract of that day.
  Raises ValueError with a sentence for anything else.
  """
  upper = text.strip().upper()
  if found := _UNIFIED.fullmatch(upper):
    base, quote, settle, expiry = found.group("base", "quote", "settle", "expiry")
    kind: MarketType | None = None if settle is None else "perp" if expiry is None else "future"
    return Market(base, quote, kind, settle, expiry)
  if found := _COLON.fullmatch(upper):
    return Market(found["base"], found["quote"])
  if _PLAIN.fullmatch(upper):
    for quote in KNOWN_QUOTES:
      if upper.endswith(quote) and len(upper) > len(quote):
        return Market(upper[: -len(quote)], quote)
    return Market(upper, "USDT")
  raise ValueError(
    f"{text!r} is not a symbol; write BASE/QUOTE such as BTC/USDT, "
    "or BTC/USDT:USDT for a perpetual and BTC/USDT:USDT-261225 for a dated contract"
  )
