"""Instruments and markets: one type for each, and one place that parses and prints their
spellings."""

import re
from string import ascii_lowercase, ascii_uppercase
from typing import NamedTuple

from bond_core._literals import MarketType

# Of any script. Before a slash a base may have signs inside (XYZ-TSLA).
_WORD, _BASE = r"[^\W_]{1,40}", r"[^\W_](?:[\w.$+-]{0,38}[\w+])?"
_UNIFIED = re.compile(
  rf"(?P<base>{_BASE}(?=/)|{_WORD}(?=[_-]))[/_-](?P<quote>{_WORD})"
  rf"(?::(?P<settle>{_WORD})(?:-(?P<expiry>[0-9]{{6}}))?)?|(?P<base2>{_WORD}):(?P<quote2>{_WORD})"
)
# The shortest base comes first, so that BTCFDUSD is BTC/FDUSD and not BTCFD/USD.
_JOINED = re.compile(
  r"(?P<base>[^\W_]{1,40}?)(?P<quote>USD[TCE1PS]?|FDUSD|TUSD|BUSD|PYUSD|RLUSD|DAI|EURI?|GBP|JPY|KRW|"
  r"TRY|BRL|AUD|CAD|CHF|MXN|PLN|ARS|ZAR|UAH|IDR|THB|INR|AED|SGD|HKD|BTC|ETH|BNB|SOL|XRP)"
)
# What follows in venues' own names of contracts: BTC-PERP, BTCUSD_PERP, BTCUSD_261225, BTC-31DEC26;
# and names that begin with the kind of contract: PF_XBTUSD.
_NO_QUOTE = re.compile(r"PERP|PERPETUAL|SWAP|FUTURES?|\d{6}|\d{1,2}[A-Z]{3}\d\d")
_CONTRACT = re.compile(r"[PF][FIV]_[^\W_]{6,}")
_UPPER = str.maketrans(ascii_lowercase, ascii_uppercase)


class Instrument(NamedTuple):
  """One market of one venue; hashable, equal only where all four parts are. `expiry` is the YYMMDD
  of a dated contract (the ccxt form BTC/USDT:USDT-261225), else None."""

  exchange: str
  market_type: MarketType | None
  symbol: str
  expiry: str | None = None

  def __str__(self) -> str:
    parts = (self.exchange, self.symbol, self.market_type, self.expiry)
    return " ".join(part for part in parts if part is not None)


class Market(NamedTuple):
  """A market as a user spells it, before a venue is named. `market_type` is None where the spelling
  leaves it open. `name` is a spelling that can be split in several ways (DOTUSD, WBTC): the venue's
  list decides, and `base` and `quote` are a guess for where there is none."""

  base: str
  quote: str
  market_type: MarketType | None = None
  settle: str | None = None
  expiry: str | None = None
  name: str | None = None

  @property
  def symbol(self) -> str:
    """The canonical BASE/QUOTE."""
    return f"{self.base}/{self.quote}"

  def __str__(self) -> str:
    """The spelling that says all of it, such as BTC/USDT:USDT-261225; `name` where there is one."""
    settle = "" if self.settle is None else f":{self.settle}"
    return self.name or self.symbol + settle + ("" if self.expiry is None else f"-{self.expiry}")

  def on(self, exchange: str, market_type: MarketType = "spot") -> Instrument:
    """This market at a venue; `market_type` serves where the spelling left it open."""
    return Instrument(exchange, self.market_type or market_type, self.symbol, self.expiry)


def parse_market(text: str) -> Market:
  """The market that a spelling stands for.

  BTC/USDT, BTC-USDT, BTC_USDT, BTC:USDT, BTCUSDT and btcusdt are one market, a bare BTC is
  BTC/USDT, BTC/USDT:USDT is the perpetual and BTC/USDT:USDT-261225 the contract of that day.
  Raises ValueError with a sentence for anything else.
  """
  upper = text.strip().translate(_UPPER)
  found = None if _CONTRACT.fullmatch(upper) else _UNIFIED.fullmatch(upper)
  if found and not _NO_QUOTE.fullmatch(found["quote"] or ""):
    if found["base2"]:
      return Market(found["base2"], found["quote2"])
    base, quote, settle, expiry = found.group("base", "quote", "settle", "expiry")
    kind: MarketType | None = None if settle is None else "perp" if expiry is None else "future"
    return Market(base, quote, kind, settle, expiry)
  if found := _JOINED.fullmatch(upper):
    # Nothing else ends in USDT or USDC; WBTC, WETH and SUSDE are assets.
    open_name = None if found["quote"] in ("USDT", "USDC") else upper
    return Market(found["base"], found["quote"], name=open_name)
  if re.fullmatch(_WORD, upper):
    # Six letters may be a pair with a quote that is not known here.
    return Market(upper, "USDT", name=upper if len(upper) > 5 else None)
  raise ValueError(
    f"{text!r} is not a symbol; write BASE/QUOTE such as BTC/USDT, "
    "or BTC/USDT:USDT for a perpetual and BTC/USDT:USDT-261225 for a dated contract"
  )


def parse_symbol(text: str) -> Market:
  """The market of a spelling, or whatever else an event may have as its symbol (a mint, a venue's
  own name of a contract): a `name` alone, without a quote. Raises ValueError as parse_market."""
  try:
    return parse_market(text)
  except ValueError:
    name = text.strip()
    if not name.isprintable() or not re.fullmatch(r"[^\s/,]*[^\W_][^\s/,]*", name):
      raise
    return Market(name, "", name=name)
