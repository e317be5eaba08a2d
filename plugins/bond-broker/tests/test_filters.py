"""Filters against the plainest definition of what they mean."""

import pytest
from bond_broker.protocol.filters import ANY, Filter, MarketPattern
from bond_broker.protocol.requests import exchanges_of, markets_of, written_names
from hypothesis import given, strategies as st

from bond_core import Instrument
from bond_core._events import CHANNELS, Gap

MINT = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
CONTRACT = "0xdAC17F958D2ee523a2206206994597C13D831ec7"

CHANNEL = st.sampled_from([*CHANNELS[:4], "consolidated"])
EXCHANGE = st.sampled_from(["binance", "okx", "bybit"])
SYMBOL = st.sampled_from(["BTC/USDT", "ETH/USDT", "BTC/USD", ""])
MARKET_TYPE = st.sampled_from([None, "spot", "perp", "future"])
EXPIRY = st.sampled_from([None, "261225", "270326"])
MARKETS = st.builds(MarketPattern, SYMBOL, MARKET_TYPE, EXPIRY, st.none())
FILTERS = st.builds(
  Filter,
  channels=st.frozensets(CHANNEL, min_size=1),
  markets=st.none() | st.frozensets(MARKETS, min_size=1, max_size=3),
  consolidated=st.booleans(),
  exchanges=st.just(ANY) | st.frozensets(EXCHANGE | st.just("*"), min_size=1),
  names=st.just(frozenset()),
)


def matches_naively(matched, channel, exchange, symbol, market_type, expiry):
  """One line of the contract after the other."""
  markets = [(symbol, market_type, expiry)]
  if market_type is not None:
    markets.append((symbol, None, expiry))
  if expiry is not None:
    markets += [(known, kind, None) for known, kind, _ in markets if kind != "perp"]
  channels = matched.channels
  if matched.consolidated:  # the one book takes the place of the venues' own
    channels = channels - {"orderbook", "consolidated"}
    channels |= {"consolidated"} if "orderbook" in matched.channels else set()
  return (
    channel in channels
    and bool({"*", exchange} & matched.exchanges)
    and (
      matched.markets is None
      or any(MarketPattern(*market) in matched.markets for market in markets)
    )
  )


@given(FILTERS, CHANNEL, EXCHANGE, SYMBOL, MARKET_TYPE, EXPIRY)
def test_a_filter_wants_what_the_plain_definition_says(
  matched, channel, exchange, symbol, kind, expiry
):
  key = (channel, exchange, symbol, kind, expiry)
  assert matched.matches(*key) == matches_naively(matched, *key)


@given(
  FILTERS,
  CHANNEL | st.just("*"),
  EXCHANGE | st.just("*"),
  SYMBOL | st.just("*"),
  MARKET_TYPE,
  st.sampled_from([None, "261225"]),
)
def test_a_gap_concerns_filters_that_may_match_what_it_declares(
  matched, channel, exchange, symbol, kind, expiry
):
  gap = Gap(channel=channel, exchange=exchange, symbol=symbol, market_type=kind, expiry=expiry)
  lost = [
    (a, b, c, d, e)
    for a in (CHANNELS[:4] if channel == "*" else [channel])
    for b in (["binance", "okx", "bybit"] if exchange == "*" else [exchange])
    for c in (["BTC/USDT", "ETH/USDT", "BTC/USD", ""] if symbol == "*" else [symbol])
    for d in ([None, "spot", "perp", "future"] if kind is None else [kind])
    for e in ([None, "261225", "270326"] if expiry is None else [expiry])
  ]
  if any(matched.matches(*one) for one in lost):
    assert matched.concerns(gap)


def test_a_gap_of_something_else_concerns_no_filter():
  matched = Filter(
    frozenset(["trades"]), frozenset([MarketPattern("BTC/USDT", "perp")]), frozenset(["binance"])
  )
  mine = {"channel": "trades", "exchange": "binance", "symbol": "BTC/USDT", "market_type": "perp"}
  assert matched.concerns(Gap(**mine))
  for other in (
    {"channel": "ticker"},
    {"exchange": "okx"},
    {"symbol": "ETH/USDT"},
    {"market_type": "spot"},
  ):
    assert not matched.concerns(Gap(**(mine | other)))


def test_a_symbol_without_a_settlement_means_every_market_of_that_name():
  markets, _ = markets_of(["BTC"])
  matched = Filter(frozenset(["trades"]), markets)
  assert matched.matches("trades", "binance", "BTC/USDT", "spot")
  assert matched.matches("trades", "binance", "BTC/USDT", "perp")
  assert matched.matches("trades", "binance", "BTC/USDT", "future", "261225")
  assert matched.matches("trades", "binance", "BTC/USDT")


def test_a_symbol_with_a_settlement_means_that_market_only():
  markets, _ = markets_of(["BTC/USDT:USDT", "ETH/USDT:USDT-261225"])
  matched = Filter(frozenset(["trades"]), markets)
  assert matched.matches("trades", "binance", "BTC/USDT", "perp")
  assert not matched.matches("trades", "binance", "BTC/USDT", "spot")
  assert matched.matches("trades", "binance", "ETH/USDT", "future", "261225")
  assert not matched.matches("trades", "binance", "ETH/USDT", "future", "270326")
  assert not matched.matches("trades", "binance", "ETH/USDT", "perp")


def test_equal_filters_are_one_however_they_were_spelled():
  one, _ = markets_of(["BTC/USDT", "ETH"])
  other, _ = markets_of(["eth-usdt", "btcusdt", "BTC"])
  ours = Filter(frozenset(["trades", "ticker"]), one, exchanges_of(["Binance"]))
  theirs = Filter(frozenset(["ticker", "trades"]), other, exchanges_of(["binance "]))
  assert ours == theirs
  assert len({ours, theirs}) == 1


@given(st.sampled_from(["post", "chain", "custom"]), st.sampled_from(["BTC", "ETH", "SOL"]))
def test_what_is_about_an_asset_matches_filters_that_name_a_market_of_it(channel, asset):
  matched = Filter(
    channels=frozenset({channel, "trades"}), markets=frozenset({MarketPattern("BTC/USDT", "spot")})
  )
  assert matched.matches(channel, "x", asset) is (asset == "BTC")
  assert matched.matches(channel, "x", "BTC/USDT", "spot")
  # An asset is no market: trades of one name theirs.
  assert not matched.matches("trades", "binance", asset)
  for where in ("*", channel):
    assert matched.concerns(Gap(channel=where, exchange="x", symbol=asset)) is (asset == "BTC")


@pytest.mark.parametrize(
  ("spelling", "matches", "others"),
  [
    ("DOTUSD", "DOT/USD", ["DOT/USDT", "DO/USD"]),
    ("WBTC", "WBTC/USDT", ["WBTC/USDC", "BTC/USDT"]),
    ("BTCAED", "BTC/AED", ["BTC/USD"]),
    ("币安人生USDT", "币安人生/USDT", ["人生/USDT"]),
    ("XYZ-TSLA/USDC:USDC", "XYZ-TSLA/USDC", ["TSLA/USDC"]),
    (MINT, MINT, [MINT[:-1]]),
    (CONTRACT, CONTRACT.lower(), ["0xdac17f958d2ee523a2206206994597c13d831ec8"]),
    ("sensor.one", "sensor.one", ["sensor.two"]),
    ("FOO", "FOO", ["FOOD"]),
    ("BTCUSDT", "BTCUSDT", ["BTCUSD"]),
  ],
)
@pytest.mark.parametrize("channel", ["trades", "chain", "custom"])
def test_what_an_event_has_as_its_symbol_can_be_subscribed_to(spelling, matches, others, channel):
  markets, named = markets_of([spelling])
  matched = Filter(frozenset([channel]), markets, names=written_names(named))
  kind = "perp" if ":" in spelling else None
  assert matched.matches(channel, "x", matches, kind)
  assert matched.concerns(Gap(channel=channel, exchange="x", symbol=matches))
  for other in others:
    assert not matched.matches(channel, "x", other, kind)
    assert not matched.concerns(Gap(channel=channel, exchange="x", symbol=other))


def test_contracts_of_one_pair_that_settle_differently_are_two():
  inverse, _ = markets_of(["BTC/USD:BTC"])
  linear, _ = markets_of(["BTC/USD:USD"])
  both, _ = markets_of(["BTC/USD"])
  key = ("trades", "okx", "BTC/USD:USD", "perp")
  assert Filter(frozenset(["trades"]), linear).matches(*key)
  assert Filter(frozenset(["trades"]), both).matches(*key)
  assert not Filter(frozenset(["trades"]), inverse).matches(*key)


def test_what_a_venue_calls_a_contract_is_that_contract_alone():
  key = ("trades", "okx")
  inverse, linear = ("BTC/USD", "perp", None), ("BTC/USD:USD", "perp", None)
  x_perp, dated = ("BTC/USD:USD", "perp", "310404"), ("BTC/USD:USD", "future", "261030")
  every = [inverse, linear, x_perp, dated]

  def matched(spelling, symbol, kind, expiry):
    patterns, named = markets_of([spelling])
    found = Filter(frozenset(["trades"]), patterns, names=written_names(named))
    found = found.with_instruments([Instrument("okx", kind, symbol, expiry)])
    return [one for one in every if found.matches(*key, *one)]

  assert matched("BTC-USD_UM-SWAP", *linear) == [linear]
  assert matched("BTC/USD:USD", *linear) == [linear]
  assert matched("BTC-USD_UM_XPERP-310404", *x_perp) == [x_perp]
  assert matched("BTC/USD:USD-261030", *dated) == [dated]
  assert matched("BTC/USD:BTC", *inverse) == [inverse]
