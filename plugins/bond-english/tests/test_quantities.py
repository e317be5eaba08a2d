"""Numbers, lengths of time, intervals, amounts and pairs, each by itself."""

import pytest
from bond_english.quantities.amounts import Bound, bound_at
from bond_english.quantities.durations import duration_at, duration_text
from bond_english.quantities.intervals import interval_at
from bond_english.quantities.numbers import number_at
from bond_english.reading.pairs import Pair, pair_at
from bond_english.text.tokens import tokenise


def read(reader, text):
  tokens = tokenise(text)
  found = reader(tokens, 0)
  return None if found is None else (found[0], len(tokens) - found[1])


@pytest.mark.parametrize(
  ("text", "value"),
  [
    ("5", 5),
    ("2.5", 2.5),
    ("1,000", 1000),
    ("1_000_000", 1_000_000),
    (".5", 0.5),
    ("1e3", 1000),
    ("five", 5),
    ("twenty-five", 25),
    ("ninety nine", 99),
    ("a dozen", 12),
    ("a couple of", 2),
    ("٣", 3),
    ("1e999", None),
    ("price", None),
  ],
)
def test_numbers(text, value):
  assert read(number_at, text) == (None if value is None else (value, 0))


@pytest.mark.parametrize(
  ("text", "seconds"),
  [
    ("5s", 5),
    ("5 mins", 300),
    ("five minutes", 300),
    ("5-minute", 300),
    ("250 millis", 0.25),
    ("100µs", 1e-4),
    ("half a minute", 30),
    ("half-minute", 30),
    ("a quarter of an hour", 900),
    ("quarter second", 0.25),
    ("three quarters of an hour", 2700),
    ("a minute and a half", 90),
    ("one and a half minutes", 90),
    ("1m30s", 90),
    ("1 hour and 30 minutes", 5400),
    ("2 h 15 min 10 s", 8110),
    ("a couple of seconds", 2),
    ("1.5h", 5400),
    ("2 days", 172_800),
    ("seconds", None),
    ("5 btc", None),
  ],
)
def test_lengths_of_time(text, seconds):
  assert read(duration_at, text) == (None if seconds is None else (seconds, 0))


@pytest.mark.parametrize(
  ("seconds", "text"),
  [(0.25, "250 ms"), (5, "5 s"), (90, "90 s"), (120, "2 min"), (3600, "1 h"), (172_800, "2 days")],
)
def test_a_length_of_time_is_written_in_the_greatest_unit_that_fits(seconds, text):
  assert duration_text(seconds) == text


@pytest.mark.parametrize(
  ("text", "seconds"),
  [
    ("every 5s", 5),
    ("each second", 1),
    ("every other minute", 120),
    ("every half minute", 30),
    ("every minute and a half", 90),
    ("once per hour", 3600),
    ("twice a second", 0.5),
    ("thrice a minute", 20),
    ("4 times a minute", 15),
    ("10 times every 2 seconds", 0.2),
    ("10hz", 0.1),
    ("2 kHz", 0.0005),
    ("5 updates per second", 0.2),
    ("2/s", 0.5),
    ("per second", 1),
    ("hourly", 3600),
    ("interval of 5s", 5),
    ("interval: 250ms", 0.25),
    ("at a rate", None),
    ("5 second updates", 5),
    ("5s windows", 5),
    ("real time", 0),
    ("as near to real time as possible", 0),
    ("no aggregation", 0),
    ("every update", 0),
    ("tick by tick", 0),
    ("every trade", None),
    ("5s", None),
  ],
)
def test_intervals(text, seconds):
  found = read(interval_at, text)
  assert (found and (found[0].seconds, found[1])) == (None if seconds is None else (seconds, 0))


@pytest.mark.parametrize(
  ("text", "invalid"),
  [
    ("every -5 seconds", True),
    ("every 0 s", True),
    ("0 hz", True),
    ("-5s", True),
    ("interval -1s", True),
    ("every 5", False),
    ("every few seconds", False),
    ("every so often", False),
    ("from time to time", False),
  ],
)
def test_intervals_that_are_none_say_why(text, invalid):
  interval, rest = read(interval_at, text)
  assert interval.seconds is None
  assert interval.problem
  assert interval.invalid is invalid
  assert rest == 0


@pytest.mark.parametrize(
  ("text", "bound"),
  [
    ("over $100k", Bound("min", 1e5, "USD", with_multiple=True)),
    ("> 1m usd", Bound("min", 1e6, "USD", with_multiple=True)),
    (">= 1,000 usdt", Bound("min", 1000, "USDT")),
    ("at least 2.5 BTC", Bound("min", 2.5, "BTC")),
    ("under 5 eth", Bound("max", 5, "ETH")),
    ("less than 10k dollars", Bound("max", 1e4, "USD", with_multiple=True)),
    ("more than 1%", Bound("min", 1, "%")),
    ("above 100000", Bound("min", 1e5, None)),
    ("100k+", Bound("min", 1e5, None, with_multiple=True)),
    ("$1m or more", Bound("min", 1e6, "USD", with_multiple=True)),
    ("5 btc or less", Bound("max", 5, "BTC")),
    ("between $10k and $50k", Bound("min", 1e4, "USD", 5e4, with_multiple=True)),
    ("€5m", Bound(None, 5e6, "EUR", with_multiple=True)),
    ("2 million usdc", Bound(None, 2e6, "USDC", with_multiple=True)),
    ("over 5 minutes", None),
    ("over 5s", None),
    ("5m", None),
    ("from 5", None),
    ("price", None),
  ],
)
def test_bounds(text, bound):
  assert read(bound_at, text) == (None if bound is None else (bound, 0))


@pytest.mark.parametrize(
  ("text", "value"),
  [
    ("BTC/USDT", Pair("BTC", "USDT")),
    ("btc-usdt", Pair("BTC", "USDT")),
    ("BTC_USDT", Pair("BTC", "USDT")),
    ("BTC:USDT", Pair("BTC", "USDT")),
    ("btcusdt", Pair("BTC", "USDT")),
    ("BTCFDUSD", Pair("BTC", "FDUSD")),
    ("DOTUSD", Pair("DOT", "USD")),
    ("bnbusd", Pair("BNB", "USD")),
    ("XAUTUSD", Pair("XAUT", "USD")),
    ("SHIBUSD", Pair("SHIB", "USD")),
    ("USDTUSD", Pair("USDT", "USD")),
    ("WBTCUSD", Pair("WBTC", "USD")),
    ("WBTC", None),
    ("WETH", None),
    ("币安人生/USDT", Pair("币安人生", "USDT", known=False)),
    ("bitcoin/euro", Pair("BTC", "EUR")),
    ("ETH/BTC", Pair("ETH", "BTC")),
    ("BTC/ETH", ["BTC", "ETH"]),
    ("SOL/ETH/BTC", ["SOL", "ETH", "BTC"]),
    ("SOL/JUP", ["SOL", "JUP"]),
    ("USDT/BTC", Pair("BTC", "USDT")),
    ("USDC/USDT", Pair("USDC", "USDT")),
    ("BTC-PERP", Pair("BTC", None, perpetual=True)),
    ("BTC-USDT-SWAP", Pair("BTC", "USDT", perpetual=True)),
    ("BTC/USDT:USDT", Pair("BTC", "USDT", perpetual=True, settle="USDT")),
    ("BTC/USDT:USDT-261225", Pair("BTC", "USDT", expiry="261225", settle="USDT")),
    ("1000PEPE/USDT", Pair("1000PEPE", "USDT", known=False)),
    ("kPEPE", Pair("KPEPE", None)),
    ("kFOO", None),
    (
      "XYZ-TSLA/USDC:USDC",
      Pair("XYZ-TSLA", "USDC", perpetual=True, known=False, settle="USDC"),
    ),
    ("XYZ/USDT", Pair("XYZ", "USDT", known=False)),
    ("foo/usdt", None),
    ("bid/ask", None),
    ("and/or", None),
    ("tether", None),
  ],
)
def test_pairs(text, value):
  chunk = pair_at(tokenise(text), 0)
  assert (chunk and chunk.value) == value
  if chunk is not None:
    assert chunk.end == len(tokenise(text))
