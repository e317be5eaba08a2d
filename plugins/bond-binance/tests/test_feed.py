"""The dialect without network or clock: what goes wrong, and what is asked of the venue."""

import json
import random

import pytest
from bond_binance import config, venue
from bond_binance.feed import BinanceFeed
from hypothesis import given, settings
from hypothesis import strategies as st

from bond_core import Candle, Funding, Gap, Liquidation, OrderBook, Refused, Ticker, Trade
from bond_core.feed.dialect import (
  Expire,
  Fetch,
  Received,
  Reject,
  Reset,
  Response,
  Send,
  Subscription,
)
from bond_core.instruments import parse_market


def now(seconds=0.0):
  return Received(int(seconds * 1000), int(seconds * 1e9))


def opened(*sources, connection=1, aggregate=False):
  feed = BinanceFeed(config.Connection(aggregate=aggregate))
  subscriptions = [s for source in sources for s in source.subscriptions()]
  feed.on_open(connection, subscriptions, overlap=False, now=now())
  return feed


def trades(*symbols, **more):
  return config.Trades(symbols=list(symbols or ["BTC/USDT"]), **more)


def trade(number, name="btcusdt", **more):
  data = {"e": "trade", "s": name.upper(), "t": number, "p": "1.5", "q": "2", "T": 7, "m": True}
  return json.dumps({"stream": f"{name}@trade", "data": data | more}).replace(" ", "").encode()


def depth(first, last, bids=(), asks=(), prev=None, name="btcusdt"):
  data = {"e": "depthUpdate", "E": 5, "U": first, "u": last, "b": list(bids), "a": list(asks)}
  if prev is not None:
    data |= {"pu": prev, "T": 5}
  return json.dumps({"stream": f"{name}@depth@100ms", "data": data}).replace(" ", "").encode()


def snapshot(feed, last, at=1.0, bids=(("10", "1"),), asks=(("11", "1"),)):
  fetch = next(a for a in feed.actions if isinstance(a, Fetch) and a.purpose.startswith("snapshot"))
  feed.actions.remove(fetch)
  body = json.dumps({"lastUpdateId": last, "bids": list(bids), "asks": list(asks)}).encode()
  return feed.on_response(fetch, Response(200, {}, body), now(at))


def numbers(events):
  return [int(e.trade_id) for e in events if isinstance(e, Trade)]


def test_a_hole_in_the_trade_numbers_is_declared_right_before_what_follows():
  feed = opened(trades())
  events = feed.on_frames(1, [trade(n) for n in (1, 2, 6, *range(7, 25))], now())
  assert numbers(events) == [1, 2, *range(6, 25)]
  gap = events[2]
  assert isinstance(gap, Gap)
  assert (gap.channel, gap.symbol, gap.market_type) == ("trades", "BTC/USDT", "spot")
  assert (gap.venue_from, gap.venue_to, gap.missed) == (3, 5, 3)


def test_a_hole_at_the_end_is_declared_after_a_second():
  feed = opened(trades())
  events = feed.on_frames(1, [trade(1), trade(4)], now(10))
  assert numbers(events) == [1]
  assert feed.on_timer(now(10.5)) == []
  gap, late = feed.on_timer(now(11.5))
  assert (gap.missed, late.trade_id) == (2, "4")


@given(st.permutations(range(1, 13)))
def test_trades_that_overtake_each_other_come_out_in_order_and_none_is_lost(order):
  feed = opened(trades())
  events = feed.on_frames(1, [trade(0), *(trade(n) for n in order)], now())
  assert numbers(events) == list(range(13))
  assert not [e for e in events if isinstance(e, Gap)]


def test_what_comes_twice_is_dropped_and_counted():
  feed = opened(trades())
  assert numbers(feed.on_frames(1, [trade(n) for n in (1, 2, 1, 2, 3)], now())) == [1, 2, 3]
  assert feed._by_subscription[trades().subscriptions()[0]].duplicates == 2


def test_after_an_outage_the_missing_are_counted_but_not_declared_again():
  feed = opened(trades())
  feed.on_frames(1, [trade(1)], now())
  feed.on_close(1)
  feed.on_open(2, trades().subscriptions(), overlap=False, now=now())
  events = feed.on_frames(2, [trade(10), trade(11)], now())
  assert numbers(events) == [10, 11]
  assert not [e for e in events if isinstance(e, Gap)]
  assert feed._by_subscription[trades().subscriptions()[0]].missed == 8


@given(st.integers(0, 10_000), st.integers(0, 60), st.booleans())
@settings(max_examples=60, deadline=None)
def test_two_sockets_of_a_rollover_make_one_sequence_however_far_one_is_ahead(seed, lead, book):
  rng = random.Random(seed)
  source = config.Books(symbols=["BTC/USDT"]) if book else trades()
  frames = (
    [depth(n, n, [["10", str(n)]]) for n in range(1, 101)]
    if book
    else [trade(n) for n in range(1, 101)]
  )
  feed = opened(source)
  events = snapshot(feed, 0) if book else []
  start = rng.randint(1, 60)
  events += feed.on_frames(1, frames[:start], now())
  feed.on_open(2, source.subscriptions(), overlap=True, now=now())
  # The new socket begins somewhere at or before what the old one will still deliver.
  old, new = start, rng.randint(start, min(99, start + lead))
  end_of_old = rng.randint(new, 100)
  while old < end_of_old or new < 100:
    if old < end_of_old and (new == 100 or rng.random() < 0.5):
      events += feed.on_frames(1, [frames[old]], now())
      old += 1
    elif new < 100:
      events += feed.on_frames(2, [frames[new]], now())
      new += 1
  feed.on_close(1)
  events += feed.on_timer(now(100))
  assert not [e for e in events if isinstance(e, Gap)]
  told = [e.sequence for e in events if isinstance(e, OrderBook)] if book else numbers(events)
  assert told == list(range(0 if book else 1, 101))


def test_insurance_fund_prints_are_no_trades_but_their_numbers_count():
  feed = opened(trades("BTC/USDT:USDT"))
  events = feed.on_frames(1, [trade(1), trade(2, X="INSURANCE_FUND"), trade(3)], now())
  assert numbers(events) == [1, 3]
  assert not [e for e in events if isinstance(e, Gap)]


def test_a_book_waits_for_its_snapshot_and_follows_the_chain():
  feed = opened(config.Books(symbols=["BTC/USDT"]))
  assert feed.on_frames(1, [depth(5, 8, [["10", "2"]]), depth(9, 9, [["9", "1"]])], now()) == []
  first, second, third = snapshot(feed, 4)
  assert (first.is_reset, first.sequence, first.bids) == (True, 4, [(10.0, 1.0)])
  assert (second.update_type, second.prev_sequence, second.sequence) == ("delta", 4, 8)
  assert (third.prev_sequence, third.bids) == (8, [(9.0, 1.0)])


def test_a_broken_chain_is_declared_withheld_and_fetched_again_for_that_book_alone():
  feed = opened(config.Books(symbols=["BTC/USDT", "ETH/USDT"]))
  snapshot(feed, 4)
  snapshot(feed, 4)
  events = feed.on_frames(
    1, [depth(9, 9, [["9", "1"]]), depth(5, 5, [["9", "2"]], name="ethusdt")], now(100)
  )
  gap, other = events
  assert (gap.channel, gap.symbol, gap.venue_from, gap.venue_to) == ("orderbook", "BTC/USDT", 5, 8)
  assert (other.symbol, other.update_type) == ("ETH/USDT", "delta")
  reset, delta = snapshot(feed, 8)
  assert (reset.is_reset, reset.symbol, delta.sequence) == (True, "BTC/USDT", 9)


def test_a_book_that_keeps_breaking_does_not_storm_the_venue():
  feed = opened(config.Books(symbols=["BTC/USDT"]))
  asked = 0
  number = 10
  for step in range(600):
    at = step / 10
    asked += sum(isinstance(a, Fetch) and a.purpose.startswith("snapshot") for a in feed.actions)
    if any(isinstance(a, Fetch) and a.purpose.startswith("snapshot") for a in feed.actions):
      snapshot(feed, number, at)
    feed.actions.clear()
    number += 10
    feed.on_frames(1, [depth(number, number)], now(at))
    feed.on_timer(now(at))
  assert 3 <= asked <= 30


@pytest.mark.parametrize(
  "frame",
  [
    b"",
    b"{",
    b"\xff\xfe",
    b'{"stream":"btcusdt@trade","data":{"t":"x"}}',
    b'{"stream":"btcusdt@trade","data":null}',
    b'{"stream":"btcusdt@trade"',
    b'{"stream":"nobody@trade","data":{}}',
    b"[]",
    b"1",
    b'{"result":null,"id":1}',
    b'{"stream":"btcusdt@depth@100ms","data":{"U":1}}',
    b'{"stream":"btcusdt@bookTicker","data":{"u":1e400,"b":"x","B":"1","a":"1","A":"1"}}',
    b'{"stream":"btcusdt@depth@100ms","data":{"E":1,"U":5,"u":5,"b":[["NaN","1"]],"a":[]}}',
  ],
)
def test_a_frame_that_makes_no_sense_never_raises_and_harms_nobody_else(frame):
  feed = opened(trades(), config.Books(symbols=["BTC/USDT"]), config.Tickers(symbols=["BTC/USDT"]))
  events = feed.on_frames(1, [trade(1), frame, trade(2)], now())
  assert numbers(events) == [1, 2]


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_damaged_frames_never_raise(data):
  feed = opened(trades(), config.Books(symbols=["BTC/USDT"]), config.Tickers(symbols=["BTC/USDT"]))
  snapshot(feed, 4)
  for _ in range(5):
    frame = bytearray(
      data.draw(st.sampled_from([trade(3), depth(5, 6, [["9", "1"]]), b'{"result":null,"id":1}']))
    )
    for _ in range(data.draw(st.integers(0, 4))):
      frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    feed.on_frames(1, [bytes(frame[: data.draw(st.integers(0, len(frame)))])], now())


def test_an_announced_close_and_a_refused_request_become_actions():
  feed = opened(trades())
  feed.actions.clear()
  frames = [
    b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}',
    b'{"code":2,"msg":"Invalid request: too many parameters"}',
  ]
  assert feed.on_frames(1, frames, now()) == []
  expire, reset = feed.actions
  assert isinstance(expire, Expire)
  assert isinstance(reset, Reset)
  assert "too many parameters" in reset.reason


def test_other_messages_become_their_events():
  feed = BinanceFeed(config.Connection())
  sources = [
    config.Funding(symbols=["BTC/USDT"]),
    config.Liquidations(symbols=["BTC/USDT"]),
    config.Candles(symbols=["BTC/USDT"], market="perp"),
    config.Tickers(symbols=["BTC/USDT"], quotes=False, market="perp"),
  ]
  feed.on_open(1, [s for c in sources for s in c.subscriptions()], overlap=False, now=now())
  order = {
    "S": "SELL",
    "q": "0.014",
    "p": "9910",
    "ap": "9900",
    "X": "FILLED",
    "z": "0.014",
    "T": 8,
  }
  bar = {"t": 60000, "T": 119999, "i": "1m", "o": "1", "h": "3", "l": "0.5", "c": "2", "v": "9"}
  data = {
    "markPrice@1s": {"E": 9, "p": "11.5", "i": "11.4", "r": "0.0001", "T": 28800},
    "forceOrder": {"E": 9, "o": order},
    "kline_1m": {"E": 9, "k": bar | {"q": "18", "n": 4, "x": True}},
    "ticker": {"E": 9, "c": "11", "v": "1000"},
  }
  frames = [
    json.dumps({"stream": f"btcusdt@{name}", "data": d}, separators=(",", ":")).encode()
    for name, d in data.items()
  ]
  funding, forced, candle, ticker = feed.on_frames(1, frames * 2, now(1))
  assert isinstance(funding, Funding)
  assert (funding.rate, funding.next_time, funding.mark, funding.index) == (1e-4, 28800, 11.5, 11.4)
  assert isinstance(forced, Liquidation)
  assert (forced.side, forced.price, forced.average_price, forced.ts_exchange) == (
    "sell",
    9910.0,
    9900.0,
    8,
  )
  assert isinstance(candle, Candle)
  assert (candle.start, candle.end, candle.closed, candle.trades) == (60000, 120000, True, 4)
  assert isinstance(ticker, Ticker)
  assert (ticker.last, ticker.volume, ticker.bid) == (11.0, 1000.0, None)
  assert {e.market_type for e in (funding, forced, candle, ticker)} == {"perp"}


def test_spot_perpetual_and_dated_contracts_never_collide():
  spellings = ["BTC/USDT", "BTC/USDT:USDT", "BTC/USDT:USDT-261225", "BTC/USDT:USDT-270326"]
  feed = BinanceFeed(config.Connection())
  seen = set()
  for s in trades(*spellings).subscriptions():
    seen.add((feed.group(s), venue.stream_name(s, "trades")))
  assert seen == {
    ("spot", "btcusdt@trade"),
    ("usdm-public", "btcusdt@trade"),
    ("usdm-public", "btcusdt_261225@trade"),
    ("usdm-public", "btcusdt_270326@trade"),
  }


def test_equal_stream_names_of_spot_and_futures_stay_apart():
  feed = BinanceFeed(config.Connection())
  spot, perp = trades("BTC/USDT", "BTC/USDT:USDT").subscriptions()
  feed.on_open(1, [spot], overlap=False, now=now())
  feed.on_open(2, [perp], overlap=False, now=now())
  events = feed.on_frames(1, [trade(1), trade(2)], now()) + feed.on_frames(2, [trade(1)], now())
  assert [(e.market_type, e.trade_id) for e in events] == [
    ("spot", "1"),
    ("spot", "2"),
    ("perp", "1"),
  ]


def test_many_streams_are_subscribed_in_bounded_messages():
  symbols = [f"A{n}/USDT" for n in range(350)]
  feed = opened(trades(*symbols))
  handshake = feed.handshake("spot", trades(*symbols).subscriptions())
  assert handshake.url.count("@trade") == venue.URL_STREAMS
  assert len(handshake.url) < 4096
  sent = [json.loads(a.data) for a in feed.actions if isinstance(a, Send)]
  assert [len(m["params"]) for m in sent] == [100, 100, 50]
  assert {m["method"] for m in sent} == {"SUBSCRIBE"}
  assert len({m["id"] for m in sent}) == 3


def test_subscriptions_change_on_an_open_connection():
  feed = opened(trades("BTC/USDT"))
  feed.actions.clear()
  eth = trades("ETH/USDT").subscriptions()
  feed.on_change(1, eth, trades("BTC/USDT").subscriptions(), now())
  sent = [json.loads(a.data) for a in feed.actions if isinstance(a, Send)]
  assert [(m["method"], m["params"]) for m in sent] == [
    ("UNSUBSCRIBE", ["btcusdt@trade"]),
    ("SUBSCRIBE", ["ethusdt@trade"]),
  ]
  events = feed.on_frames(1, [trade(1), trade(1, name="ethusdt")], now())
  assert [e.symbol for e in events] == ["ETH/USDT"]


def test_a_market_that_does_not_exist_is_rejected_and_found_among_many():
  symbols = [f"A{n}/USDT" for n in range(8)]
  feed = opened(trades(*symbols))
  rejected = []
  while feed.actions:
    action = feed.actions.popleft()
    if isinstance(action, Reject):
      rejected.append(action)
    elif isinstance(action, Fetch):
      bad = "A5USDT" in action.url
      listed = [{"symbol": f"A{n}USDT", "status": "TRADING"} for n in range(8) if n != 5]
      body = {"code": -1121, "msg": "Invalid symbol."} if bad else {"symbols": listed}
      response = Response(400 if bad else 200, {}, json.dumps(body).encode())
      feed.on_response(action, response, now())
  assert [str(r.subscription.instrument) for r in rejected] == ["binance A5/USDT spot"]
  assert rejected[0].reason == "binance has no A5/USDT in spot; check the spelling"


def test_what_binance_does_not_have_is_refused_in_a_sentence():
  feed = BinanceFeed(config.Connection())
  spot = parse_market("BTC/USDT").on("binance")
  with pytest.raises(
    Refused, match="no funding of spot markets; name the perpetual, such as BTC/U"
  ):
    feed.group(Subscription("funding", spot))
  perp = parse_market("BTC/USDT:USDT").on("binance")
  with pytest.raises(Refused, match="1s candles of spot markets only"):
    feed.group(Subscription("candle", perp, (("interval", "1s"),)))


@pytest.mark.parametrize(
  ("status", "body", "told"),
  [
    (451, b'{"code":0}', "does not serve this location"),
    (403, b"<html>", "firewall refused this address"),
    (418, b"{}", "banned this address for a while"),
    (429, b"{}", "request weight is used up"),
    (503, b"Service Unavailable.", "a fault of its own"),
    (503, b'{"code":-1016,"msg":"This service is no longer available."}', "in maintenance"),
  ],
)
def test_each_refusal_says_what_to_do(status, body, told):
  assert told in BinanceFeed(config.Connection()).explain(status, body)


def test_the_real_endpoints_are_the_default():
  feed = BinanceFeed(config.Connection())
  spot, perp = trades("BTC/USDT", "BTC/USDT:USDT").subscriptions()
  funding = config.Funding(symbols=["BTC/USDT"]).subscriptions()[0]
  assert feed.handshake("spot", [spot]).url == (
    "wss://stream.binance.com:9443/stream?streams=btcusdt@trade"
  )
  assert feed.handshake(feed.group(perp), [perp]).url == (
    "wss://fstream.binance.com/public/stream?streams=btcusdt@trade"
  )
  assert feed.handshake(feed.group(funding), [funding]).url == (
    "wss://fstream.binance.com/market/stream?streams=btcusdt@markPrice@1s"
  )
  opened_feed = opened(config.Books(symbols=["BTC/USDT", "BTC/USDT:USDT"]))
  urls = {a.url.partition("?")[0] for a in opened_feed.actions if isinstance(a, Fetch)}
  assert urls == {
    "https://api.binance.com/api/v3/depth",
    "https://api.binance.com/api/v3/exchangeInfo",
    "https://fapi.binance.com/fapi/v1/depth",
    "https://fapi.binance.com/fapi/v1/exchangeInfo",
  }
