"""A venue's sources from one table: configurations, subscriptions, views, symbols."""

from types import SimpleNamespace

import attrs
import pytest
from bond_venuekit import (
  BooksOf,
  CandlesOf,
  LatestValue,
  TickersOf,
  TradesOf,
  UnnumberedTrades,
  Venue,
  VenueRow,
  check_contract,
  check_kind,
  check_settlement,
  inverse_in_usd,
  settled_in_quote,
  time_or_none,
  unified_symbol,
  venue_sources,
)

from bond_core import Gap, Instrument, OrderBook, Refused, Ticker, Trade, parse_market
from bond_core.feeds import Moment, Subscription

VENUE = Venue(
  exchange="toy",
  title="Toy",
  read=parse_market,
  spelling=lambda instrument: unified_symbol(instrument, settled_in_quote),
  connection=lambda endpoint: ("toy", endpoint),
)


@attrs.frozen(kw_only=True)
class ToyTrades(TradesOf):
  """Trades."""

  venue = VENUE


@attrs.frozen(kw_only=True)
class ToyBooks(BooksOf):
  """Books."""

  venue = VENUE


@attrs.frozen(kw_only=True)
class ToyTickers(TickersOf):
  """Tickers."""

  venue = VENUE


@attrs.frozen(kw_only=True)
class ToyCandles(CandlesOf):
  """Candles."""

  venue = VENUE


def toy_feed(connection):
  """Shows which connection a feed is made of."""
  return f"the feed of {connection}"


SOURCES = {
  source.name: source
  for source in venue_sources(
    "toy",
    {
      "trades": VenueRow(ToyTrades, "All trades.", words=("prints",), example="{symbols: [A]}"),
      "orderbook": VenueRow(ToyBooks),
      "ticker": VenueRow(ToyTickers),
      "candle": VenueRow(ToyCandles),
    },
    feed=toy_feed,
    terms="none",
  )
}


def test_one_table_makes_the_sources():
  assert list(SOURCES) == ["toy.trades", "toy.orderbook", "toy.ticker", "toy.candle"]
  trades, books, tickers, _ = SOURCES.values()
  assert (trades.summary, trades.example) == ("All trades.", "{symbols: [A]}")
  assert trades.words == ("toy", "toy trades", "toy prints")
  assert books.words == ("toy order book", "toy book", "toy depth")
  assert [kind.__name__ for kind in books.emits] == ["OrderBook", "Gap"]
  assert trades.view is None
  assert books.view(ToyBooks(symbols=["A"], deltas=True)) is None
  assert books.view(ToyBooks(symbols=["A"])) is not None
  assert tickers.view(ToyTickers(symbols=["A"])) is None
  assert trades.simulator is None
  # Sources share a feed where both their feed function and their connection are equal.
  (feed,) = {source.feed for source in SOURCES.values()}
  assert feed("somewhere") == toy_feed("somewhere")
  assert trades.connection(ToyTrades(symbols=["A"], endpoint="http://sim:1/")) == (
    "toy",
    "http://sim:1",
  )


def test_a_reader_of_books_sees_them_at_its_own_depth():
  view = SOURCES["toy.orderbook"].view(ToyBooks(symbols=["A"], depth=1))
  bids = [(2.0, 1.0), (1.0, 1.0)]
  [shown] = view([OrderBook(exchange="toy", symbol="A/USDT", bids=bids, asks=[], ts_event=1)])
  assert (shown.bids, shown.depth) == (bids[:1], 1)


@pytest.mark.parametrize("quotes", [True, False])
def test_a_reader_of_tickers_sees_the_kind_that_it_chose_and_all_else(quotes):
  config = ToyTickers(symbols=["A"], quotes=quotes, stats=not quotes)
  quote = Ticker(exchange="toy", symbol="A/USDT", bid=1.0, sequence=1)
  statistics = Ticker(exchange="toy", symbol="A/USDT", last=1.0)
  trade = Trade(exchange="toy", symbol="A/USDT", price=1.0, size=1.0)
  view = SOURCES["toy.ticker"].view(config)
  assert view([quote, statistics, trade]) == [quote if quotes else statistics, trade]


def test_a_market_on_demand_is_a_configuration_of_its_own():
  source = SOURCES["toy.orderbook"]
  market = parse_market("B/USDT:USDT")
  assert source.on_demand(None, market) == ToyBooks(symbols=["B/USDT:USDT"])
  given = ToyBooks(symbols=["A"], depth=5)
  assert source.on_demand(given, market) == ToyBooks(symbols=["B/USDT:USDT"], depth=5)


def test_configurations_subscribe_to_what_they_say():
  assert ToyTrades(symbols=["A"], market="perp").subscriptions() == [
    Subscription("trades", parse_market("A/USDT:USDT").on("toy"))
  ]
  assert [s.options for s in ToyTickers(symbols=["A"]).subscriptions()] == [
    (("stream", "quotes"),),
    (("stream", "stats"),),
  ]
  [candles] = ToyCandles(symbols=["A"], interval="5m").subscriptions()
  assert candles == Subscription("candle", parse_market("A/USDT").on("toy"), (("interval", "5m"),))


@pytest.mark.parametrize(
  ("text", "settled_in", "spelled"),
  [
    ("BTC/USDT", settled_in_quote, "BTC/USDT"),
    ("BTC/USDT:USDT", settled_in_quote, "BTC/USDT:USDT"),
    ("BTC/USD:BTC", inverse_in_usd, "BTC/USD:BTC"),
    ("BTC/USD:BTC-261225", inverse_in_usd, "BTC/USD:BTC-261225"),
    ("BTC/USDC:USDC", inverse_in_usd, "BTC/USDC:USDC"),
  ],
)
def test_a_spelling_that_leaves_nothing_open_is_itself(text, settled_in, spelled):
  market = check_settlement(text, parse_market(text), settled_in, "Toy")
  assert unified_symbol(market.on("toy"), settled_in) == spelled


def test_what_a_venue_does_not_serve_is_refused_with_what_it_does():
  with pytest.raises(ValueError, match="Toy settles contracts on BTC/USD in BTC, so write BTC/USD"):
    check_settlement("BTC/USD:USD", parse_market("BTC/USD:USD"), inverse_in_usd, "Toy")
  spot = Subscription("funding", parse_market("BTC/USDT").on("toy"))
  with pytest.raises(Refused, match="only contracts have funding; the perpetual is BTC/USDT:USDT"):
    check_contract(spot, settled_in_quote)
  dated = spot._replace(instrument=parse_market("BTC/USDT:USDT-261225").on("toy"))
  check_contract(dated, settled_in_quote)
  with pytest.raises(Refused, match="only perpetuals have funding"):
    check_contract(dated, settled_in_quote, perpetual=True)
  with pytest.raises(Refused, match="Toy is served for spot"):
    check_kind(spot.instrument._replace(market_type="future"), "Toy")


@pytest.mark.parametrize(
  ("settings", "sentence"),
  [
    ({"symbols": []}, "the list is empty"),
    ({"symbols": ["A/USDT", "A/USDT"]}, "'A/USDT' is there twice: A/USDT; write it once"),
    ({"symbols": ["A/USDT", "AUSDT"]}, "'A/USDT' and 'AUSDT' are equal: A/USDT; write it once"),
    ({"symbols": [f"A{n}" for n in range(2001)]}, "2001 symbols are more than the 2000"),
    ({"symbols": ["A"], "endpoint": "nowhere"}, "leave it out for Toy itself"),
    ({"symbols": ["A"], "depth": 501}, "501 levels cannot be shown"),
    ({"symbols": ["A"], "speed_ms": 60_001}, "60001 ms is out of range"),
    ({"symbols": ["A"], "deltas": True, "depth": 5}, "leave depth and speed_ms out, or deltas"),
  ],
)
def test_settings_that_mean_nothing_are_refused_with_a_sentence(settings, sentence):
  with pytest.raises(ValueError, match=sentence):
    ToyBooks(**settings)


def test_tickers_of_no_kind_are_refused():
  with pytest.raises(ValueError, match="quotes and stats are both false"):
    ToyTickers(symbols=["A"], quotes=False, stats=False)


NOW = Moment(1_700_000_000_000, 10**9)


@pytest.mark.parametrize("counted", [True, False])
@pytest.mark.parametrize("overlap", [True, False])
def test_a_lone_value_that_is_far_ahead_does_not_hold_up_those_after_it(counted, overlap):
  state = LatestValue(
    Subscription("ticker", Instrument("toy", "spot", "A/USDT")),
    "a",
    lambda frame, common: [((float(frame),), Ticker(**common))],
    counted=counted,
  )
  state.on_open(1, overlap=False, now=NOW)
  if overlap:
    state.on_open(2, overlap=True, now=NOW)

  def told(*orders):
    out = []
    for order in orders:
      state.take(str(order).encode(), *NOW, out)
    return ["gap" if isinstance(event, Gap) else "value" for event in out]

  far = 1e15
  assert told(100, 200, far) == ["value"] * 3
  # It goes on from before.
  assert told(300, 400) == ["gap", "value", "value"]
  if counted:
    # After one that was the first, two are needed.
    state.on_open(3, overlap=False, now=NOW)
    assert told(far, 500) == ["value"]
    assert told(600, 700) == ["gap", "value", "value"]
  # What is a little behind is what it was: a repeat, or out of order.
  assert told(350) == []


@pytest.mark.parametrize("value", [1_700_000_000, "1700000000", 1_700_000_000_000_000, -1, "x"])
def test_a_time_in_another_unit_is_none(value):
  assert time_or_none("1700000000000") == time_or_none(1_700_000_000_000) == 1_700_000_000_000
  assert {time_or_none(never) for never in ("", "0", 0, None)} == {None}
  with pytest.raises(ValueError, match=r"time|invalid"):
    time_or_none(value)


class HashedTrades(UnnumberedTrades):
  def take(self, frame, ts_ms, mono_ns, out):
    raise NotImplementedError


def test_a_trade_without_a_number_comes_once_and_what_is_remembered_is_bounded(monkeypatch):
  monkeypatch.setattr("bond_venuekit.unnumbered.REMEMBERED", 3)
  subscription = Subscription("trades", Instrument("toy", "spot", "BTC/USDT"))
  state = HashedTrades(subscription, "t")

  def once(*ids):
    return [trade.id for trade in state.once([SimpleNamespace(id=found) for found in ids])]

  assert once("b", "a", "b", "c") == ["b", "a", "c"]
  assert once("a", "c", "d") == ["d"]
  # The oldest one was forgotten.
  assert once("a", "b", "d") == ["b"]
  assert state.duplicates == 5
