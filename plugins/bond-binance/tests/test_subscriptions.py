"""Where streams are asked for, how, and what the venue's answers lead to."""

import json
from urllib.parse import urlsplit

import pytest
from bond_binance import config
from bond_binance.endpoints import Connection
from bond_binance.feed import binance_feed

from bond_core import Instrument, Refused
from bond_core.feeds import Expire, Notice, Reject, Reset, Subscription

SPOT = config.Trades(symbols=["BTC/USDT"])


def urls(*sources):
  """The URL of each connection that the sources need."""
  feed = binance_feed(sources[0].connection)
  groups = {}
  for source in sources:
    for subscription in source.subscriptions():
      groups.setdefault(feed.group(subscription), []).append(subscription)
  return {group: feed.handshake(group, carried).url for group, carried in groups.items()}


def everything(market, endpoint=None):
  common = {"symbols": ["BTC/USDT"], "endpoint": endpoint}
  return [
    config.Trades(**common, market=market),
    config.Books(**common, market=market),
    config.Tickers(**common, market=market),
    config.Candles(**common, market=market, interval="5m"),
    *([config.Funding(**common), config.Liquidations(**common)] if market == "perp" else []),
  ]


SPOT_STREAMS = (
  "btcusdt@trade/btcusdt@depth@100ms/btcusdt@bookTicker/btcusdt@ticker/btcusdt@kline_5m"
)
PUBLIC_STREAMS = "btcusdt@trade/btcusdt@depth@100ms/btcusdt@bookTicker"
MARKET_STREAMS = "btcusdt@ticker/btcusdt@kline_5m/btcusdt@markPrice@1s/btcusdt@forceOrder"


def test_spot_is_one_connection():
  assert urls(*everything("spot")) == {
    "spot": f"wss://stream.binance.com:9443/stream?streams={SPOT_STREAMS}"
  }


def test_futures_are_split_by_path():
  assert urls(*everything("perp")) == {
    "usdm-public": f"wss://fstream.binance.com/public/stream?streams={PUBLIC_STREAMS}",
    "usdm-market": f"wss://fstream.binance.com/market/stream?streams={MARKET_STREAMS}",
  }
  aggregated = config.Trades(symbols=["BTC/USDT_261225".replace("/", "")], aggregate=True)
  assert urls(aggregated) == {
    "usdm-market": "wss://fstream.binance.com/market/stream?streams=btcusdt_261225@aggTrade"
  }


def test_a_simulator_mirrors_the_paths():
  at = "http://127.0.0.1:9001"
  assert urls(*everything("spot", at)) == {
    "spot": f"ws://127.0.0.1:9001/spot/stream?streams={SPOT_STREAMS}"
  }
  assert urls(*everything("perp", f"{at}/")) == {
    "usdm-public": f"ws://127.0.0.1:9001/usdm/public/stream?streams={PUBLIC_STREAMS}",
    "usdm-market": f"ws://127.0.0.1:9001/usdm/market/stream?streams={MARKET_STREAMS}",
  }
  assert Connection(at).snapshot("spot", "BTCUSDT").startswith(f"{at}/spot/api/v3/depth?")
  assert Connection(at).listing("usdm", ["BTCUSDT"]) == f"{at}/usdm/fapi/v1/exchangeInfo"
  assert urls(config.Trades(symbols=["BTC"], endpoint="https://sim.example"))["spot"].startswith(
    "wss://sim.example/spot/"
  )


def test_the_data_only_hosts_are_spots():
  at = config.DATA_ONLY
  assert urls(config.Trades(symbols=["BTC"], endpoint=at))["spot"].startswith(
    "wss://data-stream.binance.vision/stream?"
  )
  assert Connection(at).snapshot("spot", "X").startswith("https://data-api.binance.vision/api/v3/")
  with pytest.raises(Refused, match="leave `endpoint: data-only` out"):
    urls(config.Trades(symbols=["BTC/USDT:USDT"], endpoint=at))


@pytest.mark.parametrize(
  ("channel", "market_type", "told"),
  [
    ("funding", "spot", "only contracts have funding; the perpetual is BTC/USDT:USDT"),
    ("liquidation", "spot", "only contracts have liquidation; the perpetual is BTC/USDT:USDT"),
    (
      "open_interest",
      "perp",
      "Binance does not offer open_interest here; it has trades, orderbook",
    ),
    ("trades", "option", "Binance is served for spot"),
    ("trades", None, "Binance is served for spot"),
  ],
)
def test_what_binance_does_not_have_is_refused_with_a_sentence(channel, market_type, told):
  feed = binance_feed(Connection())
  with pytest.raises(Refused, match=told):
    feed.group(Subscription(channel, Instrument("binance", market_type, "BTC/USDT")))


def test_many_streams_fill_the_url_and_then_messages(venue):
  symbols = [f"C{i}/USDT" for i in range(1024)]
  v = venue(config.Trades(symbols=symbols))
  subscriptions = v.groups["spot"]
  url = v.feed.handshake("spot", subscriptions).url
  assert len(url) < 4100
  in_url = urlsplit(url).query.removeprefix("streams=").split("/")
  sent = v.sent()
  assert all(m["method"] == "SUBSCRIBE" and len(m["params"]) <= 100 for m in sent)
  assert len({m["id"] for m in sent}) == len(sent)
  asked = in_url + [name for m in sent for name in m["params"]]
  assert asked == [f"c{i}usdt@trade" for i in range(1024)]
  planned = [json.loads(m) for m in v.feed.opening_messages("spot", subscriptions)]
  assert [m["params"] for m in planned] == [m["params"] for m in sent]


@pytest.mark.parametrize(
  ("group", "messages", "weight"),
  [("spot", 5, 6000), ("usdm-public", 10, 2400), ("usdm-market", 10, 2400), ("usdm", 10, 2400)],
)
def test_the_published_limits_are_kept(group, messages, weight):
  limits = binance_feed(Connection()).limits(group)
  assert limits.messages[0] < messages
  assert limits.messages[1] == 1.0
  assert limits.weight == (weight, 60.0)
  assert limits.subscriptions_per_connection == 1024
  assert limits.connects == (300, 300.0)
  assert limits.max_age == 24 * 3600


def test_only_books_weigh():
  feed = binance_feed(Connection())
  for market, weight in (("spot", 50), ("perp", 20)):
    weights = [feed.snapshot_weight(s) for c in everything(market) for s in c.subscriptions()]
    assert sorted(set(weights)) == [0, weight]


def sent(v):
  return v.sent()


def change(v, added=(), removed=(), on=1):
  v.feed.on_change(
    on,
    [s for source in added for s in source.subscriptions()],
    [s for source in removed for s in source.subscriptions()],
    v.now,
  )
  v.settle()


ETH = config.Trades(symbols=["ETH/USDT"])
TRADE = {"t": 1, "p": "1", "q": "1", "T": 1, "m": True}


def test_subscriptions_change_on_an_open_connection(venue):
  v = venue(SPOT)
  assert v.say("ethusdt@trade", TRADE) == []
  assert v.feed.unknown == 1
  change(v, added=[ETH], removed=[SPOT])
  assert sent(v) == [
    {"method": "UNSUBSCRIBE", "params": ["btcusdt@trade"], "id": 1},
    {"method": "SUBSCRIBE", "params": ["ethusdt@trade"], "id": 2},
  ]
  assert v.hear(b'{"result":null,"id":1}', b'{"result":null,"id":2}') == []
  assert [e.symbol for e in v.say("ethusdt@trade", TRADE)] == ["ETH/USDT"]
  assert v.say("btcusdt@trade", TRADE) == []
  assert v.feed.unknown == 2


def test_trades_that_nobody_wanted_are_no_gap(venue):
  v = venue(SPOT, ETH)
  v.say("ethusdt@trade", TRADE)
  change(v, removed=[ETH])
  change(v, added=[ETH])
  assert len(v.say("ethusdt@trade", {**TRADE, "t": 900})) == 1
  assert v.later(2) == []


def test_a_subscription_added_during_a_change_over_starts_once(venue):
  v = venue(config.Books(symbols=["BTC/USDT"]))
  v.open(2, overlap=True)
  books = config.Books(symbols=["ETH/USDT"])
  for connection in (1, 2):
    change(v, added=[books], on=connection)
  update = {"E": 5, "U": 9, "u": 12, "b": [["1", "1"]], "a": []}
  v.say("ethusdt@depth@100ms", update, on=1)
  v.say("ethusdt@depth@100ms", update, on=2)
  (fetch,) = v.snapshots()
  events = v.answer(fetch, {"lastUpdateId": 10, "bids": [["1", "2"]], "asks": []})
  assert [e.update_type for e in events] == ["snapshot", "delta"]


def test_a_refused_batch_is_halved_until_the_wrong_name_is_found(venue):
  symbols = [f"C{i}/USDT" for i in range(8)]
  v = venue(SPOT)
  change(v, added=[config.Trades(symbols=symbols)])
  questions = sent(v)
  rounds = 0
  while questions:
    rounds += 1
    message = questions.pop(0)
    if "c5usdt@trade" in message["params"]:
      v.hear(json.dumps({"code": 2, "msg": "Invalid request: no c5", "id": message["id"]}).encode())
    else:
      v.hear(json.dumps({"result": None, "id": message["id"]}).encode())
    questions += [m for m in sent(v) if m["method"] == "SUBSCRIBE"]
  assert rounds == 7
  (reject,) = v.take(Reject)
  assert reject.subscription.instrument.symbol == "C5/USDT"
  assert reject.reason == (
    "trades of binance C5/USDT spot: Binance refused it: Invalid request: no c5"
  )
  assert v.take(Reset) == []
  assert len(v.say("c6usdt@trade", TRADE)) == 1


@pytest.mark.parametrize(
  "error",
  [
    b'{"code":3,"msg":"Invalid JSON: expected value at line 1 column 1"}',
    b'{"error":{"code":2,"msg":"Invalid request: unknown variant"},"id":7}',
    b'{"code":0,"msg":"Unknown property"}',
  ],
)
def test_an_error_about_nothing_we_asked_resets_the_connection(venue, error):
  v = venue(SPOT)
  assert v.hear(error) == []
  (reset,) = v.take(Reset)
  assert reset.connection == 1
  assert reset.reason.startswith("Binance refused a message: ")


def test_an_error_without_a_number_is_about_the_oldest_question_and_no_verdict_on_it(venue):
  v = venue(SPOT)
  change(v, added=[ETH])
  v.sent()
  v.hear(b'{"code":2,"msg":"Invalid request: too many parameters"}')
  assert [n.subscription.instrument.symbol for n in v.take(Notice)] == ["ETH/USDT"]
  assert v.take(Reject) == []
  v.later(3)
  assert [request["method"] for request in v.sent()] == ["SUBSCRIBE"]


def test_a_question_without_an_answer_resets_the_connection(venue):
  v = venue(SPOT)
  change(v, added=[ETH])
  v.later(20)
  assert v.take(Reset) == []
  v.later(20)
  (reset,) = v.take(Reset)
  assert reset.reason == "Binance did not answer a request to subscribe within 30 s"


@pytest.mark.parametrize(
  "notice",
  [
    b'{"e":"serverShutdown","E":1770123456789}',
    b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}',
  ],
)
def test_a_shutdown_notice_asks_for_a_successor(venue, notice):
  v = venue(SPOT)
  assert v.hear(notice) == []
  (expire,) = v.take(Expire)
  assert expire.connection == 1


def test_what_came_for_a_closed_connection_is_nothing(venue):
  v = venue(SPOT)
  v.close(1)
  assert v.say("btcusdt@trade", TRADE) == []


def test_a_steady_stream_is_held_to_its_rhythm_once_it_had_the_time(venue):
  v = venue(config.Funding(symbols=["BTC/USDT"]))
  (btc,) = v.groups["usdm-market"]
  v.later(5)
  assert v.feed.silence(btc) is None
  v.later(10)
  assert v.feed.silence(btc) == 10.0
  # One that is added to an old connection has its own time to begin.
  more = config.Funding(symbols=["ETH/USDT"])
  change(v, added=[more])
  (eth,) = more.subscriptions()
  v.later(5)
  assert v.feed.silence(eth) is None
  v.later(6)
  assert v.feed.silence(eth) == 10.0
  assert v.feed.last_received(eth) is None
  mark = {"E": 1, "p": "1", "i": "1", "r": "0.0001", "T": 1_790_000_000_000}
  v.say("ethusdt@markPrice@1s", mark)
  assert v.feed.last_received(eth) == v.now.mono_ns


def test_no_other_stream_promises_a_rhythm(venue):
  v = venue(*everything("spot"))
  v.later(20)
  assert {v.feed.silence(s) for s in v.groups["spot"]} == {None}


def test_the_end_of_a_candle_behind_the_beginning_of_the_next_one(venue):
  def bar(start, close, closed, sent):
    data = {"t": start, "T": start + 59_999, "i": "1m", "o": "1", "c": close, "h": "9", "l": "1"}
    data |= {"v": "5", "n": 3, "x": closed, "q": "1"}
    return {"e": "kline", "E": sent, "s": "BTCUSDT", "k": data}

  binance, start = venue(config.Candles(symbols=["BTC/USDT"])), 1_790_000_040_000
  told = binance.say(
    "btcusdt@kline_1m",
    bar(start, "2", False, start + 10),
    bar(start + 60_000, "3", False, start + 60_001),
    bar(start, "2.5", True, start + 60_002),
    bar(start + 60_000, "3.5", False, start + 62_002),
  )
  assert [(event.start - start, event.close, event.closed) for event in told] == [
    (0, 2.0, False),
    (60_000, 3.0, False),
    (0, 2.5, True),
    (60_000, 3.5, False),
  ]


def test_a_price_that_is_not_there_yet_is_null(venue):
  binance = venue(config.Tickers(symbols=["BTC/USDT"], quotes=False))
  stats = {"e": "24hrTicker", "E": 1_790_000_000_000, "c": "0.00000000", "v": "0.0", "q": "0"}
  [event] = binance.say("btcusdt@ticker", stats)
  assert (event.last, event.volume) == (None, 0.0)
  binance = venue(config.Funding(symbols=["BTC/USDT"]))
  mark = {"e": "markPriceUpdate", "E": 1_790_000_000_000, "p": "0.00", "i": "0", "r": "", "T": 0}
  [event] = binance.say("btcusdt@markPrice@1s", mark)
  assert (event.mark, event.index, event.rate) == (None, None, None)
