"""Each channel's messages, as the venue's documentation has them, become the events they mean."""

import json

import pytest
from bond_hyperliquid import config

from bond_core import Candle, Funding, Gap, OpenInterest, OrderBook, Ticker, Trade
from bond_core.feeds import Notice, Pong, Reject

NOW = 1_790_000_000_000


def trade(tid, time=NOW, **more):
  row = {"coin": "BTC", "side": "A", "px": "84143.0", "sz": "0.00036", "time": time, "hash": "0x7a"}
  return row | {"tid": tid, "users": ["0x1", "0x2"]} | more


def level(price, size=1.0):
  return {"px": str(price), "sz": str(size), "n": 3}


def test_a_trade(venue):
  hyperliquid = venue(config.Trades(symbols=["BTC"]))
  [event] = hyperliquid.say("trades", [trade(1045359869404765)])
  assert event == Trade(
    exchange="hyperliquid",
    symbol="BTC/USDC",
    market_type="perp",
    ts_event=NOW,
    ts_exchange=NOW,
    ts_internal=NOW * 1_000_000,
    price=84143.0,
    size=0.00036,
    side="sell",
    maker=True,
    trade_id="1045359869404765",
  )


def told(events):
  return [event.trade_id for event in events]


def test_what_was_traded_before_the_first_subscription_is_history(venue):
  hyperliquid = venue(config.Trades(symbols=["BTC"]))
  before = [trade(number, NOW - 20_000 + number) for number in (3, 2, 1)]
  assert hyperliquid.say("trades", before) == []
  assert told(hyperliquid.say("trades", [trade(4, NOW + 5)])) == ["4"]
  # A venue whose clock is behind is read all the same.
  assert told(hyperliquid.say("trades", [trade(5, NOW - 90_000)])) == ["5"]


def test_after_an_outage_what_was_missed_is_told_and_nothing_twice(venue):
  hyperliquid = venue(config.Trades(symbols=["BTC"]))
  hyperliquid.say("trades", [trade(1, NOW - 1_000)])
  assert told(hyperliquid.say("trades", [trade(2, NOW + 1)])) == ["2"]
  hyperliquid.now_ms += 10_000
  hyperliquid.again()
  snapshot = [trade(4, NOW + 700), trade(3, NOW + 600), trade(2, NOW + 1), trade(1, NOW - 1_000)]
  assert told(hyperliquid.say("trades", snapshot)) == ["3", "4"]
  assert hyperliquid.feed.duplicates == 2


def test_what_two_connections_carry_is_told_once(venue):
  hyperliquid = venue(config.Trades(symbols=["BTC"]))
  hyperliquid.open(2, overlap=True)
  found = []
  for connection, tids in ((1, (1, 2)), (2, (1, 2, 3)), (1, (3, 4)), (2, (4,))):
    found += hyperliquid.say("trades", [trade(tid) for tid in tids], connection)
  assert told(found) == ["1", "2", "3", "4"]


def book(time, bids=((100, 2), (99, 1)), asks=((101, 1),)):
  sides = [[level(*one) for one in side] for side in (bids, asks)]
  return {"coin": "BTC", "time": time, "levels": sides}


def test_each_book_is_whole_and_says_that_nothing_links_it(venue):
  hyperliquid = venue(config.Books(symbols=["BTC"], deltas=True))
  [first] = hyperliquid.say("l2Book", book(NOW))
  assert isinstance(first, OrderBook)
  assert (first.update_type, first.is_reset, first.prev_sequence) == ("snapshot", True, None)
  assert (first.sequence, first.bids, first.asks) == (NOW, [(100, 2), (99, 1)], [(101, 1)])
  assert hyperliquid.say("l2Book", book(NOW)) == []
  assert hyperliquid.say("l2Book", book(NOW - 500)) == []
  [second] = hyperliquid.say("l2Book", book(NOW + 500, asks=()))
  assert (second.is_reset, second.asks) == (True, [])


@pytest.mark.parametrize(
  ("bids", "asks", "why"),
  [
    (((100, 1),), ((100, 1),), "the book is crossed"),
    (((100, 1), (101, 1)), ((102, 1),), "the bids are not in order"),
    (((100, 1),), ((102, 1), (102, 2)), "the asks are not in order"),
  ],
)
def test_a_book_that_cannot_be_right_is_a_gap(venue, bids, asks, why):
  hyperliquid = venue(config.Books(symbols=["BTC"]))
  [gap] = hyperliquid.say("l2Book", book(NOW, bids, asks))
  assert isinstance(gap, Gap)
  assert why in gap.cause
  [again] = hyperliquid.say("l2Book", book(NOW + 1))
  assert again.is_reset


def test_books_of_five_levels_have_connections_of_their_own(venue):
  hyperliquid = venue(
    config.Books(symbols=["BTC"], depth=5), config.Books(symbols=["BTC"], depth=6)
  )
  assert list(hyperliquid.groups) == ["fast", "public"]
  assert [request["subscription"] for request in hyperliquid.asked] == [
    {"type": "l2Book", "coin": "BTC", "fast": True},
    {"type": "l2Book", "coin": "BTC"},
  ]
  five = hyperliquid.say("l2Book", book(NOW), connection=1)
  twenty = hyperliquid.say("l2Book", book(NOW), connection=2)
  assert [type(event) for event in five + twenty] == [OrderBook, OrderBook]


def test_quotes(venue):
  hyperliquid = venue(config.Tickers(symbols=["BTC"], stats=False))
  assert hyperliquid.asked[0]["subscription"] == {"type": "bbo", "coin": "BTC"}
  best = {"coin": "BTC", "time": NOW, "bbo": [level(100, 2), level(101)]}
  [event] = hyperliquid.say("bbo", best)
  assert isinstance(event, Ticker)
  assert (event.bid, event.bid_size, event.ask, event.ask_size) == (100, 2, 101, 1)
  assert hyperliquid.say("bbo", best) == []
  [event] = hyperliquid.say("bbo", best | {"time": NOW + 70, "bbo": [None, level(101)]})
  assert (event.bid, event.ask) == (None, 101)


CONTEXT = {
  "funding": "-0.0000018952",
  "openInterest": "100.5",
  "prevDayPx": "86627.0",
  "dayNtlVlm": "4161029539.6949653625",
  "premium": "-0.0006413454",
  "oraclePx": "84198.0",
  "markPx": "84148.0",
  "midPx": None,
  "impactPxs": None,
  "dayBaseVlm": "49116.08533",
}


def test_one_context_tells_statistics_funding_and_open_interest(venue):
  hyperliquid = venue(
    config.Tickers(symbols=["BTC"], quotes=False),
    config.Funding(symbols=["BTC"]),
    config.OpenInterest(symbols=["BTC"]),
  )
  [request] = hyperliquid.asked
  assert request["subscription"] == {"type": "activeAssetCtx", "coin": "BTC"}
  said = {"coin": "BTC", "ctx": CONTEXT}
  stats, funding, interest = hyperliquid.say("activeAssetCtx", said)
  assert isinstance(stats, Ticker)
  assert (stats.mark, stats.index, stats.volume) == (84148.0, 84198.0, 49116.08533)
  assert isinstance(funding, Funding)
  assert (funding.rate, funding.mark, funding.next_time) == (-0.0000018952, 84148.0, None)
  assert isinstance(interest, OpenInterest)
  assert (interest.amount, interest.value) == (100.5, 100.5 * 84148.0)
  # It comes every second, changed or not.
  assert hyperliquid.say("activeAssetCtx", said) == []
  said["ctx"] = CONTEXT | {"dayBaseVlm": "49117.0"}
  [changed] = hyperliquid.say("activeAssetCtx", said)
  assert changed.volume == 49117.0


def test_a_context_without_a_value_is_a_gap_of_that_value_alone(venue):
  hyperliquid = venue(
    config.Tickers(symbols=["BTC"], quotes=False),
    config.Funding(symbols=["BTC"]),
    config.OpenInterest(symbols=["BTC"]),
  )
  ctx = {key: value for key, value in CONTEXT.items() if key != "funding"}
  stats, gap, interest = hyperliquid.say("activeAssetCtx", {"coin": "BTC", "ctx": ctx})
  assert (type(stats), type(interest)) == (Ticker, OpenInterest)
  assert (gap.channel, gap.missed) == ("funding", 1)
  gaps = hyperliquid.say("activeAssetCtx", {"coin": "BTC", "ctx": {"midPx": "1"}})
  assert [gap.channel for gap in gaps] == ["ticker", "funding", "open_interest"]


def test_spot_has_a_context_of_its_own_name(venue):
  hyperliquid = venue(config.Tickers(symbols=["HYPE/USDC"], quotes=False))
  assert hyperliquid.asked[0]["subscription"] == {"type": "activeAssetCtx", "coin": "@107"}
  ctx = {"prevDayPx": "40", "markPx": "41.0", "midPx": "41.1", "dayBaseVlm": "7", "coin": "@107"}
  [event] = hyperliquid.say("activeSpotAssetCtx", {"coin": "@107", "ctx": ctx})
  assert (event.symbol, event.market_type, event.mark, event.volume) == ("HYPE/USDC", "spot", 41, 7)


def bar(start, count, close="2"):
  start += NOW - NOW % 60_000
  row = {"t": start, "T": start + 59_999, "s": "BTC", "i": "1m", "o": "1", "c": close, "h": "3"}
  return row | {"l": "1", "v": str(count), "n": count}


def test_the_next_candle_shows_that_one_has_closed(venue):
  hyperliquid = venue(config.Candles(symbols=["BTC"]))
  assert hyperliquid.asked[0]["subscription"] == {"type": "candle", "coin": "BTC", "interval": "1m"}
  [event] = hyperliquid.say("candle", bar(0, 1))
  assert isinstance(event, Candle)
  assert (event.end - event.start, event.closed, event.volume) == (60_000, False, 1)
  assert hyperliquid.say("candle", bar(0, 1)) == []
  hyperliquid.say("candle", bar(0, 2, "2.5"))
  closed, new = hyperliquid.say("candle", bar(60_000, 1))
  assert (closed.closed, closed.close, closed.volume, closed.trades) == (True, 2.5, 2, 2)
  assert (new.closed, new.start) == (False, closed.end)


def test_a_candle_closes_as_it_was_last_also_where_a_connection_is_behind(venue):
  hyperliquid = venue(config.Candles(symbols=["BTC"]))
  hyperliquid.open(2, overlap=True)
  hyperliquid.say("candle", bar(0, 2, "2.5"))
  assert hyperliquid.say("candle", bar(0, 1), 2) == []
  closed, _ = hyperliquid.say("candle", bar(60_000, 1))
  assert (closed.closed, closed.close, closed.trades) == (True, 2.5, 2)


def test_no_candle_is_closed_by_one_that_came_after_an_outage(venue):
  hyperliquid = venue(config.Candles(symbols=["BTC"]))
  hyperliquid.say("candle", bar(0, 1))
  hyperliquid.again()
  [event] = hyperliquid.say("candle", bar(60_000, 1))
  assert not event.closed


# Answers -----------------------------------------------------------------------------------------


def test_pongs_and_what_is_subscribed_already(venue):
  hyperliquid = venue(config.Trades(symbols=["BTC"]), confirms=False)
  hyperliquid.feed.on_frames(1, [b'{"channel":"pong"}'], hyperliquid.now)
  hyperliquid.settle()
  assert [type(action) for action in hyperliquid.other] == [Pong]
  again = json.dumps({"type": "trades", "coin": "BTC"})
  hyperliquid.say("error", f"Already subscribed: {again}")
  hyperliquid.later(31)
  assert len(hyperliquid.other) == 1


def test_an_error_is_about_what_it_repeats(venue):
  hyperliquid = venue(config.Trades(symbols=["BTC", "ETH"]), confirms=False)
  request = json.dumps({"method": "subscribe", "subscription": {"type": "trades", "coin": "ETH"}})
  hyperliquid.say("error", f"Error parsing JSON into valid websocket request: {request}")
  [reject] = hyperliquid.other
  assert isinstance(reject, Reject)
  assert reject.subscription.instrument.symbol == "ETH/USDC"


@pytest.mark.parametrize("kind", ["trades", "candle"])
def test_a_subscription_that_the_socket_refuses_is_that_symbols_alone(venue, kind):
  source = config.Trades if kind == "trades" else config.Candles
  hyperliquid = venue(source(symbols=["BTC", "ETH"]), confirms=False)
  wanted = hyperliquid.asked[1]["subscription"]
  assert (wanted["type"], wanted["coin"]) == (kind, "ETH")
  hyperliquid.say("error", f"Invalid subscription {json.dumps(wanted)}")
  hyperliquid.say("subscriptionResponse", hyperliquid.asked[0])
  [reject] = hyperliquid.other
  assert isinstance(reject, Reject)
  assert "ETH/USDC perp" in reject.reason
  assert 'Hyperliquid refused it: Invalid subscription {"type"' in reject.reason
  # It is left out of what is requested on the next connection, and nothing else is.
  assert [state.subscription.instrument.symbol for state in hyperliquid.feed.states()] == [
    "BTC/USDC"
  ]


def test_an_error_that_names_nothing_passes(venue):
  hyperliquid = venue(config.Trades(symbols=["BTC"]), confirms=False)
  hyperliquid.say("error", "Cannot track more than 1000 total subscriptions.")
  [notice] = hyperliquid.other
  assert isinstance(notice, Notice)
  hyperliquid.later(5)
  assert len(hyperliquid.asked) == 2


@pytest.mark.parametrize(
  "frame",
  [
    b"",
    b"[]",
    b"\xff\xfe",
    b'{"channel":"trades","data":[{"coin":"BTC","side":"B"}]}',
    b'{"channel":"trades","data":[{"coin":"BTC"',
    b"[" * 100_000,
  ],
)
def test_what_cannot_be_read_is_a_gap_and_never_an_exception(venue, frame):
  hyperliquid = venue(config.Trades(symbols=["BTC"]))
  [gap] = hyperliquid.feed.on_frames(1, [frame], hyperliquid.now)
  assert (gap.channel, gap.reason, gap.missed) == ("trades", "upstream", 1)


def test_a_message_with_its_keys_in_another_order_is_read(venue):
  hyperliquid = venue(config.Trades(symbols=["BTC"]))
  frame = json.dumps({"data": [trade(9)], "channel": "trades"}).encode()
  [event] = hyperliquid.feed.on_frames(1, [frame], hyperliquid.now)
  assert event.trade_id == "9"


def test_the_greeting_of_a_connection_is_no_loss(venue):
  v = venue(config.Trades(symbols=["BTC"]))
  read = lambda frame: v.feed.on_frames(1, [frame], v.now) + v.settle()  # noqa: E731
  assert read(b"Websocket connection established.") == []
  assert [type(event) for event in read(b"Websocket connection estab")] == [Gap]


def test_a_closed_candle_that_grew_behind_the_beginning_of_the_next_one(venue):
  def bar(start, count, close):
    times = {"t": start, "T": start + 59_999, "s": "BTC", "i": "1m"}
    return times | {"o": "1", "c": str(close), "h": "9", "l": "1", "v": "5.0", "n": count}

  hyperliquid, start = venue(config.Candles(symbols=["BTC"])), NOW - NOW % 60_000
  told = hyperliquid.say("candle", bar(start, 1, 2))
  told += hyperliquid.say("candle", bar(start + 60_000, 1, 3))
  told += hyperliquid.say("candle", bar(start, 2, 2.5))
  told += hyperliquid.say("candle", bar(start, 2, 2.5))
  # Its document has lists.
  told += hyperliquid.say("candle", [bar(start, 2, 2.5), bar(start + 60_000, 2, 3.5)])
  assert [(event.start - start, event.close, event.closed) for event in told] == [
    (0, 2.0, False),
    (0, 2.0, True),
    (60_000, 3.0, False),
    (0, 2.5, True),
    (60_000, 3.5, False),
  ]


def test_a_price_that_is_not_there_yet_is_null(venue):
  hyperliquid = venue(config.Tickers(symbols=["BTC"], quotes=False))
  context = {"markPx": "0.0", "oraclePx": "0", "dayBaseVlm": "0.0", "funding": "0.0"}
  [event] = hyperliquid.say("activeAssetCtx", {"coin": "BTC", "ctx": context})
  assert (event.mark, event.index, event.volume) == (None, None, 0.0)


def test_what_delivers_goes_on_though_it_is_listed_as_delisted(venue):
  hyperliquid = venue(config.Trades(symbols=["BTC", "ETH"]))
  listed = hyperliquid.perps
  hyperliquid.perps = [
    {**dex, "universe": [{**perp, "isDelisted": True} for perp in dex["universe"]]}
    for dex in listed
  ]
  hyperliquid.sent()

  def minutes(count, first):
    told = []
    for number in range(6 * count):
      hyperliquid.later(10)
      told += hyperliquid.say("trades", [trade(first + number, hyperliquid.now_ms)])
    return [event.trade_id for event in told]

  assert minutes(10, 100) == [str(number) for number in range(100, 160)]
  [gone] = hyperliquid.take(Notice)
  assert (gone.subscription.instrument.symbol, gone.unavailable) == ("ETH/USDC", True)
  [left] = hyperliquid.sent()
  assert (left["method"], left["subscription"]["coin"]) == ("unsubscribe", "ETH")
  hyperliquid.perps = listed
  assert len(minutes(7, 200)) == 42
  [back] = hyperliquid.take(Notice)
  assert (back.subscription, back.reason) == (gone.subscription, None)
  [again] = hyperliquid.sent()
  assert (again["method"], again["subscription"]["coin"]) == ("subscribe", "ETH")
