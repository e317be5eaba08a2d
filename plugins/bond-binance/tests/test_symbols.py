"""Spellings, instruments and the venue's names stand for one another and never collide."""

import pytest
from bond_binance.symbols import (
  EXCHANGE,
  instrument_of,
  market_of,
  read_symbol,
  spelling,
  venue_symbol,
)
from hypothesis import given, strategies as st

from bond_core import Instrument


@pytest.mark.parametrize(
  ("text", "market", "kind", "symbol", "name"),
  [
    ("BTC/USDT", "spot", "spot", "BTC/USDT", "BTCUSDT"),
    ("btcusdt", "perp", "perp", "BTC/USDT", "BTCUSDT"),
    ("BTC", "spot", "spot", "BTC/USDT", "BTCUSDT"),
    ("BTC/USDT:USDT", "spot", "perp", "BTC/USDT", "BTCUSDT"),
    ("BTC/USDT:USDT-261225", "spot", "future", "BTC/USDT", "BTCUSDT_261225"),
    ("BTCUSDT_261225", "spot", "future", "BTC/USDT", "BTCUSDT_261225"),
    ("1000SHIB/USDT:USDT", "spot", "perp", "1000SHIB/USDT", "1000SHIBUSDT"),
    ("1000SHIBUSDT", "perp", "perp", "1000SHIB/USDT", "1000SHIBUSDT"),
    ("BTCFDUSD", "spot", "spot", "BTC/FDUSD", "BTCFDUSD"),
    ("BTC/USDC:USDC", "spot", "perp", "BTC/USDC", "BTCUSDC"),
    ("币安人生USDT", "perp", "perp", "币安人生/USDT", "币安人生USDT"),
    ("币安人生/USDT:USDT", "spot", "perp", "币安人生/USDT", "币安人生USDT"),
    ("4USDT", "spot", "spot", "4/USDT", "4USDT"),
    ("币安人生USDT_261225", "spot", "future", "币安人生/USDT", "币安人生USDT_261225"),
  ],
)
def test_a_spelling_is_an_instrument_and_a_name(text, market, kind, symbol, name):
  instrument = read_symbol(text).on(EXCHANGE, market)
  assert (instrument.market_type, instrument.symbol) == (kind, symbol)
  assert venue_symbol(instrument) == name


@pytest.mark.parametrize("text", ["BTC/USDT:BTC", "BTC/USD:USD-261225", "", "BTC USDT!", "/"])
def test_what_is_no_market_of_ours_is_refused(text):
  with pytest.raises(ValueError, match=r"is settled in|is not a symbol"):
    read_symbol(text)


@pytest.mark.parametrize(
  ("text", "symbol"),
  [
    ("BTCUSD_PERP", "BTC/USD:BTC"),
    ("ethusd_261225", "ETH/USD:ETH-261225"),
    ("1000SHIBUSD_PERP", "1000SHIB/USD:1000SHIB"),
  ],
)
def test_contracts_of_coin_m(text, symbol):
  instrument = read_symbol(text).on("binance")
  assert market_of(instrument) == "coinm"
  assert venue_symbol(instrument) == text.upper()
  assert spelling(instrument) == symbol
  assert read_symbol(symbol).on("binance") == instrument


# Six digits are a day, and so is 31DEC26.
assets = st.from_regex(r"(?!\d{6}$|\d{1,2}[A-Z]{3}\d\d$)[A-Z0-9]{1,10}", fullmatch=True)


@given(assets, assets, st.sampled_from(["spot", "perp", "future"]), st.integers(200101, 991231))
def test_spelling_and_name_lead_back(base, quote, kind, day):
  expiry = str(day) if kind == "future" else None
  instrument = Instrument(EXCHANGE, kind, f"{base}/{quote}", expiry)
  assert read_symbol(spelling(instrument)).on(EXCHANGE) == instrument
  market = market_of(instrument)
  assert instrument_of(market, venue_symbol(instrument), base, quote) == instrument


def test_the_three_kinds_of_one_pair_never_meet():
  kinds = [read_symbol(t).on(EXCHANGE) for t in ("BTC/USDT", "BTC/USDT:USDT", "BTCUSDT_261225")]
  assert len(set(kinds)) == 3
  assert len({(market_of(i), venue_symbol(i)) for i in kinds}) == 3
