"""What messages become, without sockets."""

import msgspec
import pytest
from bond_ws.feed import MOST_ITEMS, Connection, WsFeed
from bond_ws.rules import time_ms
from bond_ws.sources import SOURCES
from hypothesis import given, strategies as st
from ws_feeds import GOOD, TRADE, config_of, fault_of, feed_of, read

from bond_core import Custom, Gap, Refused, Registry, SpecError, Ticker, Trade, load_spec
from bond_core.feeds import Moment, Pong, Reject, Reset, Send


def test_a_trade():
  feed = feed_of(TRADE)
  assert read(feed, GOOD, {"e": "other"}) == [
    Trade(
      exchange="ws-custom",
      symbol="BTC/USD",
      ts_event=1000,
      ts_exchange=1700000000123,
      ts_internal=5,
      price=42.5,
      size=1.0,
      side="buy",
    )
  ]
  assert (feed.mapped, feed.ignored, feed.unmapped) == (1, 1, 0)


@pytest.mark.parametrize(
  ("changed", "cause"),
  [
    ({"p": None}, "price is not there"),
    ({"p": "cheap"}, "price cannot be 'cheap'"),
    ({"p": "nan"}, "price cannot be 'nan'"),
    ({"p": True}, "price cannot be True"),
    ({"p": 10**400}, "could not be mapped"),
    ({"q": [1]}, "size cannot be"),
    ({"s": None}, "symbol is not there"),
    ({"s": 7}, "symbol is no short text"),
    ({"T": "yesterday"}, "time cannot be 'yesterday'"),
    ({"T": None}, "time cannot be None"),
    ({"T": 1e30}, "time cannot be 1e+30"),
    ({"T": -5}, "time cannot be -5"),
  ],
)
def test_a_message_that_cannot_be_read_is_declared_and_the_next_one_counts(changed, cause):
  feed = feed_of(TRADE)
  trade, gap = read(feed, GOOD | changed, GOOD)
  assert type(trade) is Trade
  assert type(gap) is Gap
  assert cause in gap.cause
  assert (gap.missed, gap.exchange, gap.channel, gap.symbol) == (1, "ws-custom", "trades", "*")
  assert feed.unmapped == 1


VALUES = st.recursive(
  st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
  lambda inner: (
    st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["e", "s", "p", "q", "d", "T", "rows"]), inner, max_size=5)
  ),
  max_leaves=8,
)
OBJECTS = VALUES.map(lambda value: {"e": "t"} | value if isinstance(value, dict) else value)


@given(st.binary(max_size=300) | OBJECTS.map(msgspec.json.encode))
def test_no_message_raises_and_each_is_accounted_for(frame):
  anything = {"emit": "custom", "event_type": "x", "where": {"e": None}}
  feed = feed_of(TRADE, TRADE | {"each": "rows"}, anything)
  events = feed.on_frames(1, [frame], Moment(1, 1))
  assert feed.mapped + feed.ignored + feed.unmapped == 1
  assert sum(type(event) is Gap for event in events) == feed.unmapped


def test_deep_and_broken_frames_are_declared():
  feed = feed_of(TRADE)
  [gap] = read(feed, b"[" * 100_000, b"\xff\xfe", b"")
  assert gap.missed == 3


def test_expressions_compute_fields_and_conditions_leave_out():
  rule = TRADE | {
    "fields": {"price": "p", "size": "q", "maker": "m"},
    "set": {"size": "size * 100 / price", "side": "'sell' if maker else 'buy'"},
    "keep": "size > 1",
  }
  feed = feed_of(rule)
  [event] = read(feed, GOOD | {"q": 3, "p": 50, "m": True}, GOOD | {"q": 0.1, "m": False})
  assert (event.size, event.side) == (6.0, "sell")
  assert feed.mapped == 2


def test_a_ticker_and_custom_events():
  feed = feed_of(
    {
      "emit": "ticker",
      "where": {"e": ["k", 1]},
      "symbol": {"value": "ETH/USDT"},
      "fields": {"last": "$.x[0]", "bid": {"path": "b", "default": 1.5}},
    },
    {"emit": "custom", "where": {"e": True}, "event_type": "all"},
    {"emit": "custom", "where": {"e": "f"}, "event_type": "some", "fields": {"rate": 'r["a.b"]'}},
    market_type="perp",
  )
  ticker, whole, some = read(
    feed, {"e": 1, "x": ["7"]}, {"e": True, "z": 1}, {"e": "f", "r": {"a.b": [1]}}
  )
  assert isinstance(ticker, Ticker)
  assert (ticker.last, ticker.bid, ticker.market_type) == (7.0, 1.5, "perp")
  assert isinstance(whole, Custom)
  assert (whole.event_type, whole.data, whole.symbol) == ("all", {"e": True, "z": 1}, "*")
  assert some.data == {"rate": [1]}


@pytest.mark.parametrize(
  ("value", "unit", "expected"),
  [
    (1700000000, "auto", 1700000000000),
    (1700000000.25, "auto", 1700000000250),
    ("1700000000123", "auto", 1700000000123),
    (1700000000123456, "auto", 1700000000123),
    (1700000000123456789, "auto", 1700000000123),
    ("2023-11-14T22:13:20.123Z", "auto", 1700000000123),
    ("2023-11-14t22:13:20.123z", "auto", 1700000000123),
    ("2023-11-14T22:13:20", "text", 1700000000000),
    (5, "s", 5000),
  ],
)
def test_times(value, unit, expected):
  [event] = read(feed_of(TRADE | {"unit": unit}), GOOD | {"T": value})
  assert event.ts_exchange == expected


@pytest.mark.parametrize(
  ("written", "symbol"),
  [
    ("BTC-USD", "BTC/USD"),
    ("btcusdt", "BTC/USDT"),
    ("XBTUSD", "BTC/USD"),
    ("AAPL", "AAPL"),
    ("#1", "#1"),
    ("DOTUSD", "DOTUSD"),
    ("WBTC", "WBTC"),
    ("BTC-USD_UM-SWAP", "BTC-USD_UM-SWAP"),
    ("BTC-31DEC26", "BTC-31DEC26"),
    ("ETH-5SEP26", "ETH-5SEP26"),
    ("PF_XBTUSD", "PF_XBTUSD"),
    ("FI_XBTUSD_261225", "FI_XBTUSD_261225"),
    ("PI_USDT", "PI/USDT"),
    ("xyz:TSLA", "xyz:TSLA"),
    ("tDOGE:USD", "tDOGE:USD"),
    ("BTC:USD", "BTC/USD"),
    ("BINANCE:BTCUSDT", "BINANCE:BTCUSDT"),
    ("NASDAQ:AAPL", "NASDAQ:AAPL"),
    ("COINBASE:BTC-USD", "COINBASE:BTC-USD"),
    ("BTC/USDT:USDT", "BTC/USDT"),
    ("btc:usd", "BTC/USD"),
    ("币安人生USDT", "币安人生/USDT"),
  ],
)
def test_symbols(written, symbol):
  [event] = read(feed_of(TRADE, symbols={"XBTUSD": "BTC/USD"}), GOOD | {"s": written})
  assert event.symbol == symbol


@pytest.mark.parametrize(
  ("written", "symbol"),
  [
    ("DOTUSD", "DOT/USD"),
    ("btcaed", "BTC/AED"),
    ("BTCFDUSD", "BTC/FDUSD"),
    ("WBTC", "WBTC"),
    ("USD", "USD"),
    ("BTC-EUR", "BTC/EUR"),
  ],
)
def test_the_quotes_of_a_spec_split_names(written, symbol):
  feed = feed_of(TRADE, quotes=["USD", "FDUSD", "AED"])
  [event] = read(feed, GOOD | {"s": written})
  assert event.symbol == symbol


def test_a_quote_is_a_currency():
  with pytest.raises(AssertionError, match="'usd' is no quote currency; write capital letters"):
    feed_of(TRADE, quotes=["usd"])


def test_pings_of_both_sides():
  feed = feed_of(
    TRADE,
    heartbeat={"every": "5s", "send": "ping", "answer": "pong"},
    replies=[
      {"when": {"op": "ping"}, "send": {"op": "pong", "ts": "${ts}", "x": ["${no}"]}},
      {"when": "are you there?", "send": "yes"},
    ],
  )
  assert read(feed, b"pong", {"op": "ping", "ts": 7}, b"are you there?") == []
  assert [*feed.actions] == [
    Pong(1),
    Send(1, b'{"op":"pong","ts":7,"x":[null]}'),
    Send(1, b"yes"),
  ]
  assert feed.limits("ws-custom").ping_text == b"ping"
  assert feed.limits("ws-custom").ping_every == 5


def test_what_is_no_data_is_known_without_a_reply():
  feed = feed_of(TRADE, replies=[{"when": "hello"}, {"when": {"type": "welcome"}}])
  assert read(feed, b"hello", {"type": "welcome", "e": "t"}) == []
  assert [*feed.actions] == []
  [gap] = read(feed, b"hello again")
  assert gap.missed == 1


def test_a_venue_that_wants_too_many_replies_is_left():
  feed = feed_of(TRADE, replies=[{"when": "ping", "send": "pong"}])
  read(feed, *[b"ping"] * 1000)
  assert [type(action) for action in feed.actions] == [Send] * 10 + [Reset]


def test_a_venue_that_only_answers_pings_is_silent():
  feed = feed_of(TRADE, silence="10s", heartbeat={"every": "5s", "send": "ping", "answer": "pong"})
  subscription = SOURCES[0].subscriptions(config_of(TRADE))[0]
  assert feed.silence(subscription) == 10
  read(feed, b"pong")
  assert feed.last_received(subscription) == 0
  read(feed, {"e": "other"})
  assert feed.last_received(subscription) == 5


def test_a_heartbeat_without_a_known_answer_is_only_sent():
  feed = feed_of(TRADE, heartbeat={"every": "5s", "send": {"op": "beat"}})
  for second in range(1, 12):
    feed.on_timer(Moment(0, second * 10**9))
  assert [*feed.actions] == [Send(1, b'{"op":"beat"}')] * 2
  assert feed.limits("ws-custom").ping_text is None


def test_a_failure_ends_with_its_words():
  feed = feed_of(TRADE, failures=[{"when": {"e": "error"}, "text": "why"}])
  read(feed, {"e": "error", "why": "no such market"})
  [reject] = feed.actions
  assert isinstance(reject, Reject)
  assert reject.reason == "ws-custom refused: no such market"


def own_reader(message, received):
  if message == "boom":
    raise RuntimeError("no")
  if isinstance(message, dict):
    return Trade(exchange="mine", symbol="BTC/USD", price=message["p"], size=1)
  return None


def test_a_function_instead_of_rules(monkeypatch):
  import sys

  monkeypatch.setitem(sys.modules, "my_readers", sys.modules[__name__])
  feed = feed_of(function="my_readers:own_reader")
  trade, gap = read(feed, {"p": 5}, b"boom", [1])
  assert (trade.exchange, trade.price, trade.ts_event) == ("mine", 5, 1000)
  assert "my_readers:own_reader raised RuntimeError: no" in gap.cause


def test_a_function_that_is_not_there_is_refused():
  config = config_of(function="no_such_module_here:f")
  feed = WsFeed(Connection(config))
  with pytest.raises(Refused, match=r"ws\.custom: there is no module 'no_such_module_here'"):
    feed.group(SOURCES[0].subscriptions(config)[0])


def test_secrets_go_into_headers_and_the_query_only(monkeypatch):
  monkeypatch.setenv("WS_KEY", "canary 7f3a&")
  feed = feed_of(
    TRADE,
    url="wss://ws.example.com?v=2",
    headers={"X-Key": {"secret": "WS_KEY"}, "X-Plain": "a"},
    query={"key": {"secret": "WS_KEY"}},
  )
  subscription = SOURCES[0].subscriptions(config_of(TRADE))[0]
  shake = feed.handshake("ws-custom", [subscription])
  assert shake.headers == (("X-Key", "canary 7f3a&"), ("X-Plain", "a"))
  assert shake.url == "wss://ws.example.com/?v=2&key=canary+7f3a%26"
  assert shake.allowance is not None
  assert "canary" not in feed.group(subscription)
  monkeypatch.delenv("WS_KEY")
  with pytest.raises(Refused, match="WS_KEY is not in the environment"):
    feed.group(subscription)


@pytest.mark.parametrize(
  ("changes", "told"),
  [
    ({"url": "ws://127.0.0.1/"}, "private: true"),
    ({"url": "http://ws.example.com/"}, "not one of a websocket"),
    ({"name": "Coin Base"}, "is no name"),
    ({"headers": {"Host": "x"}}, "cannot be set here"),
    ({"headers": {"Sec-WebSocket-Key": "x"}}, "cannot be set here"),
    ({"headers": {"X": "a\r\nHost: b"}}, "characters that headers do not have"),
    ({"send": [1]}, "a message is a text"),
    ({"send": ["x" * 70_000]}, "longer than 64 KiB"),
    ({"silence": "1ms"}, "is out of range"),
    ({"heartbeat": {"every": "10ms"}}, "is out of range"),
    ({"heartbeat": {"every": "10s", "answer": "pong"}}, "leave answer out"),
    ({"max_message": "1GiB"}, "1KiB to 16MiB"),
    ({"map": []}, "with rules in map, or with a function"),
    ({"map": [TRADE] * 40}, "more than 32"),
    ({"map": [TRADE | {"symbol": ""}]}, "is of a symbol"),
    (
      {"map": [TRADE | {"fields": {"price": "p"}}]},
      "a trade has price and size; map size in fields",
    ),
    ({"map": [TRADE | {"fields": {"price": "p", "size": "q", "cost": "c"}}]}, "no field 'cost'"),
    ({"map": [TRADE | {"where": {"a..b": 1}}]}, "is no path"),
    ({"map": [TRADE | {"where": {"a": {}}}]}, "compared with {has: true}"),
    ({"map": [TRADE | {"time": "a[x]"}]}, "is no path"),
    ({"map": [TRADE | {"set": {"side": "open('x')"}}]}, "no function 'open'"),
    ({"map": [TRADE | {"keep": "__import__"}]}, "__import__"),
    ({"map": [{"emit": "custom"}]}, "needs a name"),
  ],
)
def test_what_cannot_be_is_refused_with_a_sentence(changes, told):
  rules = changes.pop("map", [TRADE])
  assert told in fault_of(*rules, **changes)


OUTSIDE = """
sources:
  a:
    use: ws.custom
    with:
      url: wss://ws.example.com/
      EXTRA
      map: [{emit: custom, event_type: x}]
"""


@pytest.mark.parametrize(
  "extra",
  [
    "exchange: binance",
    "private: true",
    "function: 'os:system'",
    "headers: {X: {secret: HOME}}",
    "query: {x: {secret: {file: /etc/passwd}}}",
  ],
)
def test_what_is_for_ones_own_specs_is_refused_from_outside(extra):
  with pytest.raises(SpecError):
    load_spec(OUTSIDE.replace("EXTRA", extra), registry=Registry(), trusted=False)


def test_a_spec_from_outside_is_taken_and_cannot_use_another_venues_name():
  text = OUTSIDE.replace("EXTRA", "name: binance")
  spec = load_spec(text, registry=Registry(), trusted=False)
  assert SOURCES[0].exchange_of(spec.sources["a"].config) == "ws-binance"


def test_an_operator_can_allow_a_host_to_specs_from_outside(monkeypatch):
  monkeypatch.setenv("BOND_WS_ALLOW", "127.0.0.1:9000")
  config = config_of(TRADE, url="ws://127.0.0.1:9000/")
  shake = WsFeed(Connection(config)).handshake("ws-custom", [])
  assert shake.allowance is not None
  assert shake.allowance.hosts == {"127.0.0.1:9000"}


@pytest.mark.parametrize(
  ("value", "unit"),
  [
    ("2023-11-14T22:13:20.123999Z", "auto"),
    (1_700_000_000.123999, "s"),
    ("1700000000.123999", "auto"),
    (1_700_000_000_123.999, "ms"),
    (1_700_000_000_123_999, "us"),
    (1_700_000_000_123_999_999, "auto"),
  ],
)
def test_a_time_is_cut_off_to_milliseconds_however_it_is_written(value, unit):
  assert time_ms(value, unit) == 1_700_000_000_123


def test_one_item_of_a_list_fails_alone():
  feed = feed_of({**TRADE, "where": {}, "each": "data"})
  events = read(feed, {"data": [GOOD, {**GOOD, "p": None}, {**GOOD, "T": []}, GOOD]})
  assert [type(event) for event in events] == [Trade, Trade, Gap]
  assert (events[2].missed, feed.unmapped, feed.mapped) == (2, 2, 1)


@pytest.mark.parametrize("rules", [20, 32])
def test_all_rules_together_look_at_a_bounded_number_of_items_of_a_message(rules):
  row = {"s": "BTC-USD", "p": 1, "q": 1}
  rule = {"emit": "trade", "each": "$.d", "symbol": "s", "fields": {"price": "p", "size": "q"}}
  once = {"emit": "custom", "event_type": "it", "fields": {"n": "n"}}
  feed = feed_of(*[rule] * (rules - 1), once)
  most = (MOST_ITEMS - 1) // (rules - 1)
  found = read(feed, {"n": 1, "d": [row] * most})
  assert len(found) == most * (rules - 1) + 1
  more = read(feed, {"n": 2, "d": [row] * (most + 1)}, {"n": 3})
  # It alone is lost, and said to be.
  assert [type(event) for event in more] == [Custom, Gap]
  assert more[0].data == {"n": 3}
  assert f"{MOST_ITEMS} is most" in more[1].cause
  assert more[1].missed == 1
