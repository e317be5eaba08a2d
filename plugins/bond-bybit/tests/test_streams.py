"""Each topic's messages, as the venue's documentation has them, become the events they mean."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from bond_bybit import config
from bond_venuekit.testing import START_MS

from bond_core import Candle, Funding, Gap, Liquidation, OpenInterest, OrderBook, Ticker, Trade
from bond_core.feeds import Fetch, Response


def trades(symbol, *ids, **more):
  one = {"T": 1672304486865, "s": symbol, "S": "Buy", "v": "0.001", "p": "16578.50", "BT": False}
  data = [{**one, "i": name, "seq": 1783284617, **more} for name in ids]
  return {
    "topic": f"publicTrade.{symbol}",
    "type": "snapshot",
    "ts": 1672304486868,
    "data": data,
  }


def test_a_trade(venue):
  bybit = venue(config.Trades(symbols=["BTC/USDT"]))
  assert bybit.asked == [{"req_id": "1", "op": "subscribe", "args": ["publicTrade.BTCUSDT"]}]
  [event] = bybit.hear(trades("BTCUSDT", "20f43950-d8dd-5b31-9112-a178eb6023af"))
  assert event == Trade(
    exchange="bybit",
    symbol="BTC/USDT",
    market_type="spot",
    ts_event=START_MS,
    ts_exchange=1672304486865,
    ts_internal=START_MS * 1_000_000,
    price=16578.5,
    size=0.001,
    side="buy",
    maker=False,
    trade_id="20f43950-d8dd-5b31-9112-a178eb6023af",
    sequence=1783284617,
  )


def test_what_two_connections_carry_is_told_once(venue):
  bybit = venue(config.Trades(symbols=["BTC/USDT"]))
  bybit.open(2, overlap=True)
  told = []
  for connection, names in ((1, "ab"), (2, "abc"), (1, "cd"), (2, "d")):
    told += bybit.hear(trades("BTCUSDT", *names), on=connection)
  assert [event.trade_id for event in told] == ["a", "b", "c", "d"]
  assert bybit.feed.duplicates == 4


def test_inverse_sizes_are_dollars_and_become_the_base(venue):
  bybit = venue(config.Trades(symbols=["BTC/USD:BTC"]))
  [event] = bybit.hear(trades("BTCUSD", "a", v="100", p="50000"))
  assert event.size == 0.002
  assert bybit.feed.group(config.Trades(symbols=["BTC/USD:BTC"]).subscriptions()[0]) == "inverse"


def ticker(kind, **data):
  return {"topic": "tickers.BTCUSDT", "type": kind, "data": data, "cs": 1, "ts": 1673272861686}


def test_one_topic_tells_statistics_funding_and_open_interest(venue):
  bybit = venue(
    config.Tickers(symbols=["BTC/USDT:USDT"], quotes=False),
    config.Funding(symbols=["BTC/USDT"]),
    config.OpenInterest(symbols=["BTC/USDT"]),
  )
  assert [request["args"] for request in bybit.asked] == [["tickers.BTCUSDT"]]
  stats, funding, interest = bybit.hear(
    ticker(
      "snapshot",
      symbol="BTCUSDT",
      lastPrice="17216.00",
      markPrice="17217.33",
      indexPrice="17227.36",
      openInterest="68744.761",
      openInterestValue="1183601235.91",
      turnover24h="1570383121.943499",
      volume24h="91705.276",
      nextFundingTime="1673280000000",
      fundingRate="-0.000212",
    )
  )
  assert isinstance(stats, Ticker)
  assert (stats.last, stats.mark, stats.index) == (17216.0, 17217.33, 17227.36)
  assert stats.volume == 91705.276
  assert isinstance(funding, Funding)
  assert (funding.rate, funding.next_time) == (-0.000212, 1673280000000)
  assert isinstance(interest, OpenInterest)
  assert (interest.amount, interest.value) == (68744.761, 1183601235.91)
  [changed] = bybit.hear(ticker("delta", symbol="BTCUSDT", lastPrice="17217.00"))
  assert (changed.last, changed.mark) == (17217.0, 17217.33)
  [funding] = bybit.hear(ticker("delta", symbol="BTCUSDT", fundingRate="0.0001"))
  assert isinstance(funding, Funding)
  assert bybit.hear(ticker("delta", symbol="BTCUSDT", bid1Price="17215.50")) == []


def test_an_inverse_topic_has_amount_and_value_the_other_way_round(venue):
  bybit = venue(
    config.Tickers(symbols=["BTC/USD:BTC"], quotes=False), config.OpenInterest(symbols=["BTC/USD"])
  )
  message = ticker(
    "snapshot", openInterest="500000", openInterestValue="10.5", volume24h="7", turnover24h="0.5"
  )
  stats, interest = bybit.hear({**message, "topic": "tickers.BTCUSD"})
  assert (interest.amount, interest.value) == (10.5, 500_000)
  assert stats.volume == 0.5


def test_a_change_without_its_whole_and_after_an_unreadable_one_is_worth_nothing(venue):
  bybit = venue(config.Tickers(symbols=["BTC/USDT:USDT"], quotes=False))
  assert bybit.hear(ticker("delta", lastPrice="1")) == []
  bybit.hear(ticker("snapshot", lastPrice="1"))
  [gap] = bybit.hear(ticker("delta", lastPrice=["?"]))
  assert isinstance(gap, Gap)
  assert bybit.hear(ticker("delta", lastPrice="2")) == []
  [event] = bybit.hear(ticker("snapshot", lastPrice="3"))
  assert event.last == 3


def test_liquidations_are_of_the_position_that_was_closed(venue):
  bybit = venue(config.Liquidations(symbols=["ROSE/USDT"]))
  forced = [{"T": 1739502302929, "s": "ROSEUSDT", "S": "Sell", "v": "20000", "p": "0.04499"}]
  [event] = bybit.hear(
    {"topic": "allLiquidation.ROSEUSDT", "type": "snapshot", "ts": 1739502303204, "data": forced}
  )
  assert isinstance(event, Liquidation)
  assert (event.side, event.size, event.price) == ("buy", 20_000, 0.04499)


def test_candles(venue):
  bybit = venue(config.Candles(symbols=["BTC/USDT:USDT"], interval="5m"))
  bar = {
    "start": 1672324800000,
    "end": 1672325099999,
    "interval": "5",
    "open": "16649.5",
    "close": "16677",
    "high": "16677",
    "low": "16608",
    "volume": "2.081",
    "turnover": "34666.4005",
    "confirm": False,
    "timestamp": 1672324988882,
  }
  message = {"topic": "kline.5.BTCUSDT", "data": [bar], "ts": 1672324988882, "type": "snapshot"}
  [event] = bybit.hear(message)
  assert isinstance(event, Candle)
  assert (event.start, event.end, event.volume) == (1672324800000, 1672325100000, 2.081)
  assert bybit.hear(message) == []


# Books -------------------------------------------------------------------------------------------


def book(kind, number, bids=(), asks=(), *, topic="orderbook.50.BTCUSDT", **more):
  rows = [[[str(p), str(s)] for p, s in side] for side in (bids, asks)]
  data = {"s": "BTCUSDT", "b": rows[0], "a": rows[1], "u": number, "seq": 7961638724}
  return {"topic": topic, "type": kind, "ts": 1672304484978, "data": data, **more}


@pytest.mark.parametrize(
  ("options", "topic"),
  [
    ({}, "orderbook.50.BTCUSDT"),
    ({"depth": 51}, "orderbook.200.BTCUSDT"),
    ({"depth": 500}, "orderbook.1000.BTCUSDT"),
    ({"deltas": True}, "orderbook.200.BTCUSDT"),
  ],
)
def test_the_topic_is_as_deep_as_it_has_to_be(venue, options, topic):
  assert venue(config.Books(symbols=["BTC/USDT"], **options)).asked[0]["args"] == [topic]


def begun(venue):
  bybit = venue(config.Books(symbols=["BTC/USDT"]))
  [first] = bybit.hear(book("snapshot", 10, [(100, 1)], [(101, 1)], cts=1672304484976))
  assert first.is_reset
  assert first.ts_exchange == 1672304484976
  return bybit


def test_updates_count_up_by_one_and_a_missing_one_breaks_that_book(venue):
  bybit = begun(venue)
  [event] = bybit.hear(book("delta", 11, [(99, 2)]))
  assert isinstance(event, OrderBook)
  assert (event.sequence, event.prev_sequence) == (11, 10)
  [gap] = bybit.hear(book("delta", 13, [(99, 3)]))
  assert (gap.venue_from, gap.venue_to) == (12, 12)
  assert [request["op"] for request in bybit.asked[1:]] == ["unsubscribe", "subscribe"]
  assert bybit.hear(book("delta", 14, [(99, 4)])) == []
  [again] = bybit.hear(book("snapshot", 20, [(90, 1)], [(91, 1)]))
  assert again.is_reset


def test_a_second_connections_snapshot_that_is_ahead_names_what_did_not_come(venue):
  bybit = venue(config.Books(symbols=["BTC/USDT"]))
  bybit.hear(book("snapshot", 7, [["1", "1"]], [["2", "1"]]))
  bybit.open(2, overlap=True)
  assert bybit.hear(book("snapshot", 7, [["1", "1"]], [["2", "1"]]), 2) == []
  gap, event = bybit.hear(book("snapshot", 10, [["1", "3"]], [["2", "1"]]), 2)
  assert (gap.channel, gap.venue_from, gap.venue_to) == ("orderbook", 8, 10)
  assert (event.sequence, event.is_reset) == (10, True)


def test_number_one_is_a_service_that_was_started_anew(venue):
  bybit = begun(venue)
  gap, again = bybit.hear(book("snapshot", 1, [(90, 1)], [(91, 1)]))
  assert (gap.venue_from, gap.venue_to) == (None, None)
  assert "went back from" in gap.cause
  assert (again.is_reset, again.sequence) == (True, 1)
  [event] = bybit.hear(book("delta", 2, [(89, 1)]))
  assert event.prev_sequence == 1


def test_quotes(venue):
  bybit = venue(config.Tickers(symbols=["BTC/USDT"], stats=False))
  topic = "orderbook.1.BTCUSDT"
  assert bybit.asked[0]["args"] == [topic]
  [event] = bybit.hear(book("snapshot", 7, [(100, 1)], [(101, 2)], topic=topic))
  assert (event.bid, event.ask, event.ask_size, event.sequence) == (100, 101, 2, 7)
  assert bybit.hear(book("snapshot", 7, [(100, 1)], [(101, 2)], topic=topic)) == []


def quotes_of(bybit, *messages):
  topic = "orderbook.1.BTCUSDT"
  found = [event for said in messages for event in bybit.hear(book(*said, topic=topic))]
  return [(e.bid, e.bid_size, e.ask, e.ask_size, e.sequence) for e in found]


def test_a_delta_of_quotes_changes_the_sides_that_it_names(venue):
  bybit = venue(config.Tickers(symbols=["BTC/USDT"], stats=False))
  assert quotes_of(bybit, ("delta", 6, [(100, 1)], [(101, 1)])) == []
  assert quotes_of(
    bybit,
    ("snapshot", 7, [(100, 1)], [(101, 2)]),
    ("delta", 8, [], [(101, 3)]),
    ("delta", 9, [(99, 4), (100, 0)], []),
    ("delta", 10, [], [(103, 5), (101, 0)]),
    ("delta", 11, [(99, 0)], []),
    ("delta", 12, [(98, 6)], [(103, 0)]),
  ) == [
    (100, 1, 101, 2, 7),
    (100, 1, 101, 3, 8),
    (99, 4, 101, 3, 9),
    (99, 4, 103, 5, 10),
    (None, None, 103, 5, 11),
    (98, 6, None, None, 12),
  ]


def test_a_delta_that_another_connection_has_sent_already_changes_nothing(venue):
  bybit = venue(config.Tickers(symbols=["BTC/USDT"], stats=False))
  assert (
    len(quotes_of(bybit, ("snapshot", 7, [(100, 1)], [(101, 2)]), ("delta", 9, [(99, 1)]))) == 2
  )
  assert quotes_of(bybit, ("delta", 8, [(100, 7)])) == []
  assert quotes_of(bybit, ("delta", 10, [], [(101, 5)])) == [(99, 1, 101, 5, 10)]


NAMES = {
  "spot DOTUSD": [],
  "spot DOTUSDUSDT": [],
  "spot USDTUSD": [("USDTUSD", "USDT", "USD")],
  "spot WBTC": [],
  "spot WBTCUSDT": [("WBTCUSDT", "WBTC", "USDT")],
  "inverse BTCUSD": [("BTCUSD", "BTC", "USD")],
}


@pytest.mark.parametrize(
  ("written", "market", "symbol"),
  [
    ("USDTUSD", "spot", "USDT/USD"),
    ("WBTC", "spot", "WBTC/USDT"),
    ("BTCUSD", "perp", "BTC/USD"),
    ("DOTUSD", "spot", None),
  ],
)
def test_a_name_in_one_word_is_what_the_list_has(venue, written, market, symbol):
  bybit = venue(config.Trades(symbols=[written], market=market))
  assert not bybit.asked
  while bybit.other and isinstance(bybit.other[-1], Fetch):
    fetch = bybit.other.pop()
    query = parse_qs(urlsplit(fetch.url).query)
    rows = NAMES[f"{query['category'][0]} {query['symbol'][0]}"]
    names = ("symbol", "baseCoin", "quoteCoin")
    listed = [dict(zip(names, row, strict=True)) for row in rows]
    body = json.dumps({"retCode": 0, "result": {"list": listed}}).encode()
    bybit.feed.on_response(fetch, Response(200, {}, body), bybit.now)
    bybit.settle()
  if symbol is None:
    [refused] = bybit.other
    assert "Bybit lists no DOTUSD (spot), neither as a pair nor as DOTUSD/USDT" in refused.reason
    return
  [request] = bybit.asked
  name = symbol.replace("/", "")
  assert request["args"] == [f"publicTrade.{name}"]
  trade = {"T": 1, "s": name, "S": "Buy", "v": "1", "p": "2", "i": "a", "BT": False}
  [event] = bybit.hear(
    {"topic": f"publicTrade.{name}", "type": "snapshot", "ts": 1, "data": [trade]}
  )
  assert (event.symbol, event.market_type) == (symbol, market)


def bar(start, close, size, *, closed=False, at=0):
  data = {"start": start, "end": start + 59_999, "interval": "1", "open": "1", "high": "9"}
  data |= {"low": "1", "close": str(close), "volume": str(size), "turnover": "4"}
  data |= {"confirm": closed, "timestamp": start + at}
  return {"topic": "kline.1.BTCUSDT", "data": [data], "ts": START_MS, "type": "snapshot"}


def test_the_end_of_a_candle_behind_the_beginning_of_the_next_one(venue):
  bybit, start = venue(config.Candles(symbols=["BTC/USDT"])), START_MS - START_MS % 60_000
  told = bybit.hear(
    bar(start, 2, 5, at=10),
    bar(start + 60_000, 3, 1, at=1),
    bar(start, 2.5, 6, closed=True, at=60_000),
    # As another connection sends it, and one that is no end.
    bar(start, 2.5, 6, closed=True, at=60_000),
    bar(start, 2, 5, at=59_000),
    bar(start + 60_000, 3.5, 2, at=1000),
  )
  assert [(event.start - start, event.close, event.closed) for event in told] == [
    (0, 2.0, False),
    (60_000, 3.0, False),
    (0, 2.5, True),
    (60_000, 3.5, False),
  ]


def test_a_price_that_is_not_there_yet_is_null(venue):
  source = config.Tickers(symbols=["BTC/USDT:USDT"], quotes=False)
  data = {"lastPrice": "0", "markPrice": "", "indexPrice": "0.00", "volume24h": "0"}
  message = {"topic": "tickers.BTCUSDT", "type": "snapshot", "ts": START_MS, "data": data}
  [event] = venue(source).hear(message)
  assert (event.last, event.mark, event.index, event.volume) == (None, None, None, 0.0)
