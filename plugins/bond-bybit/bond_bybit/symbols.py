"""Instruments in the venue's spelling, and back.

BTCUSDT is spot and the linear perpetual alike; the connection says which. BTCPERP is the perpetual
in USDC, BTCUSD the inverse one. Dated contracts are BTCUSDT-25DEC26 and BTC-25DEC26 (in USDC), and
inverse ones BTCUSDZ26: the quarter's letter and the year, delivered on the quarter's last Friday.
Sources: "Get Instruments Info", "Enums" (contractType), and the list of symbols there.
"""

import re
from datetime import date, timedelta
from typing import Final, Literal, TypeAlias

from bond_venuekit import check_kind, check_settlement, inverse_in_usd, is_name, unified_symbol

from bond_core import Instrument, Market, Refused, parse_market

EXCHANGE, TITLE = "bybit", "Bybit"

Category: TypeAlias = Literal["spot", "linear", "inverse"]
"""The venue's categories of instruments."""

SPOT: Final = "spot"
LINEAR: Final = "linear"
INVERSE: Final = "inverse"

settled_in = inverse_in_usd

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_QUARTERS = {"H": 3, "M": 6, "U": 9, "Z": 12}

_PERP = re.compile(r"(?P<base>[^\W_]{1,20})PERP")
_DATED = re.compile(
  r"(?P<base>[^\W_]{1,20}?)(?P<quote>USDT)?-(?P<day>\d{1,2})(?P<month>[A-Z]{3})(?P<year>\d\d)"
)
_QUARTER = re.compile(r"(?P<base>[^\W_]{1,20})USD(?P<letter>[HMUZ])(?P<year>\d\d)")


def read_symbol(text: str) -> Market:
  """The market of a user's spelling: what parse_market takes, and the venue's own names of
  contracts. Raises ValueError with a sentence, also for a contract that settles in a currency that
  the venue's do not."""
  upper = text.strip().upper()
  if found := _PERP.fullmatch(upper):
    return Market(found["base"], "USDC", "perp", "USDC")
  if (found := _DATED.fullmatch(upper)) and found["month"] in _MONTHS:
    quote = found["quote"] or "USDC"
    month = _MONTHS.index(found["month"]) + 1
    expiry = f"{found['year']}{month:02}{int(found['day']):02}"
    return Market(found["base"], quote, "future", quote, expiry)
  if found := _QUARTER.fullmatch(upper):
    day = _delivery(2000 + int(found["year"]), _QUARTERS[found["letter"]])
    return Market(found["base"], "USD", "future", found["base"], f"{day:%y%m%d}")
  return check_settlement(text, parse_market(text), settled_in, TITLE)


def spelling(instrument: Instrument) -> str:
  """How a user writes an instrument so that nothing is left open: BTC/USDT, BTC/USD:BTC,
  BTC/USDT:USDT-261225."""
  return unified_symbol(instrument, settled_in)


def category(instrument: Instrument) -> Category:
  """The venue's category. Raises Refused for a kind that is not served."""
  check_kind(instrument, TITLE)
  if instrument.market_type == "spot":
    return SPOT
  if is_name(instrument):
    return INVERSE if instrument.symbol.endswith("USD") else LINEAR
  return INVERSE if instrument.symbol.endswith("/USD") else LINEAR


def venue_symbol(instrument: Instrument) -> str:
  """What the venue calls an instrument: BTCUSDT, BTCPERP, BTCUSD, BTCUSDT-25DEC26, BTCUSDZ26;
  a name that its list has not split yet as it is. Raises Refused for a contract of a day that has
  none."""
  base, _, quote = instrument.symbol.partition("/")
  expiry = instrument.expiry
  if expiry is None:
    perpetual = instrument.market_type == "perp"
    return f"{base}PERP" if perpetual and quote == "USDC" else base + quote
  year, month, day = expiry[:2], int(expiry[2:4]), expiry[4:]
  if not 1 <= month <= 12:
    raise Refused(f"{instrument}: {expiry} is no day; write YYMMDD")
  if quote == "USD":
    letter = next((name for name, m in _QUARTERS.items() if m == month), None)
    if letter is None or f"{_delivery(2000 + int(year), month):%y%m%d}" != expiry:
      raise Refused(
        f"{instrument}: Bybit's inverse contracts end on the last Friday of March, June, September "
        "or December"
      )
    return f"{base}USD{letter}{year}"
  pair = base if quote == "USDC" else base + quote
  return f"{pair}-{day}{_MONTHS[month - 1]}{year}"


def _delivery(year: int, month: int) -> date:
  """The last Friday of a month."""
  after = date(year + month // 12, month % 12 + 1, 1)
  return after - timedelta(days=(after.weekday() - 5) % 7 + 1)
