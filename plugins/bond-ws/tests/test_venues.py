"""Specs of venues that Bond has no plugin for, as their documents have the messages.

Sources: the WebSocket references of Kraken (v1), Bitfinex (v2), Gate (v4), KuCoin, HTX, Deribit,
Bitstamp, Gemini (v2), Crypto.com, BitMEX, Upbit and Polygon, of 2025 and 2026.
"""

import gzip

import msgspec
import pytest
from bond_ws.feed import MOST_CHANNELS, Connection, WsFeed
from bond_ws.sources import SOURCES

from bond_core import Candle, Gap, Registry, SecretMissing, SpecError, Ticker, Trade, load_spec
from bond_core.feeds import Moment, Pong, Reject, Send

JSON = msgspec.json.encode


def feed_of(spec):
  """The feed of a source as a spec has it, on an open connection."""
  lines = "".join(f"      {line}\n" for line in spec.strip().splitlines())
  sinks = "sinks: {out: {use: core.print, from: venue}}"
  text = f"sources:\n  venue:\n    use: ws.custom\n    with:\n{lines}{sinks}"
  config = load_spec(text, registry=Registry()).sources["venue"].config
  feed = WsFeed(Connection(config))
  subscriptions = SOURCES[0].subscriptions(config)
  for subscription in subscriptions:
    feed.group(subscription)
  feed.on_open(1, subscriptions, overlap=False, now=Moment(0, 0))
  return feed


def told(feed, *messages):
  frames = [message if isinstance(message, bytes) else JSON(message) for message in messages]
  events = feed.on_frames(1, frames, Moment(1000, 5))
  return [rows(event) for event in events]


def rows(event):
  if type(event) is Trade:
    return event.symbol, event.price, event.size, event.side, event.trade_id, event.ts_exchange
  if type(event) is Candle:
    bar = event.open, event.high, event.low, event.close, event.volume
    return event.symbol, event.interval, event.start, event.end, *bar
  if type(event) is Ticker:
    return event.symbol, event.bid, event.bid_size, event.ask, event.ask_size
  return type(event), event.cause


def sent(feed):
  found = [bytes(action.data) for action in feed.actions if type(action) is Send]
  feed.actions.clear()
  return found


KRAKEN = """
url: wss://ws.kraken.com
name: kraken
symbols: {XBT/USD: BTC/USD}
send:
  - {event: subscribe, pair: [XBT/USD], subscription: {name: trade}}
  - {event: subscribe, pair: [XBT/USD], subscription: {name: ticker}}
failures: [{when: {status: error}, text: errorMessage, symbol: pair}]
map:
  - emit: trade
    each: $[1]
    where: {"$[2]": trade}
    symbol: $[3]
    time: "[2]"
    fields: {price: "[0]", size: "[1]", side: "[3]"}
  - emit: ticker
    where: {"[2]": ticker}
    symbol: "[3]"
    fields: {bid: "[1].b[0]", bid_size: "[1].b[2]", ask: "[1].a[0]", ask_size: "[1].a[2]"}
"""


def test_kraken_v1_has_lists_in_lists_and_names_at_their_end():
  feed = feed_of(KRAKEN)
  assert told(
    feed,
    {"event": "heartbeat"},
    [
      0,
      [
        ["5541.20000", "0.15850568", "1534614057.321597", "s", "l", ""],
        ["6060.00000", "0.02455000", "1534614057.324998", "b", "l", ""],
      ],
      "trade",
      "XBT/USD",
    ],
    [
      0,
      {"a": ["5525.4", 1, "1.000"], "b": ["5525.1", 1, "1.5"], "c": ["5525.1", "0.00398963"]},
      "ticker",
      "XBT/USD",
    ],
  ) == [
    ("BTC/USD", 5541.2, 0.15850568, "sell", None, 1534614057321),
    ("BTC/USD", 6060.0, 0.02455, "buy", None, 1534614057324),
    ("BTC/USD", 5525.1, 1.5, 5525.4, 1.0),
  ]
  # One of several pairs is refused, and the others go on.
  [(kind, cause)] = told(
    feed,
    {
      "errorMessage": "Currency pair not in ISO 4217-A3 format FOO",
      "event": "subscriptionStatus",
      "pair": "FOO",
      "status": "error",
    },
  )
  assert kind is Gap
  assert cause == "ws-kraken refused FOO: Currency pair not in ISO 4217-A3 format FOO"
  assert not [action for action in feed.actions if type(action) is Reject]


BITFINEX = """
url: wss://api-pub.bitfinex.com/ws/2
name: bitfinex
quotes: [USD, UST]
symbols: {tBTCUSD: BTC/USD}
channels: {opened: {event: subscribed}, id: chanId, of: "[0]"}
send:
  - {event: conf, flags: 65536}
  - {event: subscribe, channel: trades, symbol: tBTCUSD}
  - {event: subscribe, channel: candles, key: "trade:1m:tBTCUSD"}
failures: [{when: {event: error}, text: msg, symbol: symbol}]
sequence: "[-1]"
map:
  - emit: trade
    where: {"@.channel": trades, "[1]": te}
    symbol: "@.pair"
    time: "[2][1]"
    fields: {price: "[2][3]", size: "[2][2]", trade_id: "[2][0]"}
    set: {side: "'buy' if size > 0 else 'sell'", size: abs(size)}
  - emit: candle
    where: {"@.channel": candles, "[1][0]": {has: true}, "[1][0][0]": {has: false}}
    symbol: {path: "@.key", split: ":", part: 2}
    fields:
      interval: {path: "@.key", split: ":", part: 1}
      start: "[1][0]"
      open: "[1][1]"
      close: "[1][2]"
      high: "[1][3]"
      low: "[1][4]"
      volume: "[1][5]"
  - emit: candle
    each: $[1]
    where: {"@.channel": candles, "[0]": {has: true}}
    symbol: {path: "@.key", split: ":", part: 2}
    fields:
      interval: {path: "@.key", split: ":", part: 1}
      start: "[0]"
      open: "[1]"
      close: "[2]"
      high: "[3]"
      low: "[4]"
      volume: "[5]"
"""


def test_bitfinex_names_only_the_number_of_a_channel():
  feed = feed_of(BITFINEX)
  opened = (
    {"event": "info", "version": 2},
    {
      "event": "subscribed",
      "channel": "trades",
      "chanId": 19111,
      "symbol": "tBTCUSD",
      "pair": "BTCUSD",
    },
    {"event": "subscribed", "channel": "candles", "chanId": 343351, "key": "trade:1m:tBTCUSD"},
  )
  data = (
    [19111, [[401597393, 1574694475039, 0.005, 7244.9]], 1],
    [19111, "te", [401597395, 1574694478808, -0.005, 7245.3], 2],
    [19111, "tu", [401597395, 1574694478808, -0.005, 7245.3], 3],
    [19111, "hb", 4],
    [343351, [[1574698260000, 7379.7, 7383.8, 7388.3, 7379.7, 1.68]], 5],
    [343351, [1574698200000, 7399.9, 7379.7, 7399.9, 7371.8, 41.63], 6],
  )
  assert told(feed, *opened, *data) == [
    ("BTC/USD", 7245.3, 0.005, "sell", "401597395", 1574694478808),
    ("BTC/USD", "1m", 1574698260000, 1574698320000, 7379.7, 7388.3, 7379.7, 7383.8, 1.68),
    ("BTC/USD", "1m", 1574698200000, 1574698260000, 7399.9, 7399.9, 7371.8, 7379.7, 41.63),
  ]
  # Two messages are missing, and a number begins anew with a new connection.
  [(kind, cause)] = told(feed, [19111, "hb", 9])
  assert kind is Gap
  assert cause == "numbers at [-1] are missing"
  feed.on_close(1)
  feed.on_open(1, SOURCES[0].subscriptions(feed._config), overlap=False, now=Moment(0, 0))
  assert told(feed, *opened, [19111, "hb", 30], [343351, "te", [1, 1, 1, 1], 31]) == []


GATE = """
url: wss://api.gateio.ws/ws/v4/
name: gate
send:
  - {time: 1, channel: spot.trades, event: subscribe, payload: [GT_USDT]}
  - {time: 1, channel: spot.candlesticks, event: subscribe, payload: [1m, GT_USDT]}
heartbeat: {every: 15s, send: {time: 1, channel: spot.ping}, answer: {channel: spot.pong}}
failures: [{when: {error.message: {has: true}}, text: error.message}]
map:
  - emit: trade
    where: {channel: spot.trades, event: update}
    symbol: result.currency_pair
    time: result.create_time_ms
    consecutive: result.id
    fields: {price: result.price, size: result.amount, side: result.side, trade_id: result.id}
  - emit: candle
    where: {channel: spot.candlesticks, event: update}
    symbol: {path: result.n, split: _, part: [1, 2]}
    fields:
      interval: {path: result.n, split: _}
      start: result.t
      open: result.o
      high: result.h
      low: result.l
      close: result.c
      volume: result.a
      quote_volume: result.v
      closed: result.w
"""


def gate_trade(number):
  return {
    "time": 1606292218,
    "channel": "spot.trades",
    "event": "update",
    "result": {
      "id": number,
      "create_time": 1606292218,
      "create_time_ms": "1606292218213.4578",
      "side": "sell",
      "currency_pair": "GT_USDT",
      "amount": "16.47",
      "price": "0.4705",
    },
  }


def test_gate_counts_trades_and_names_a_candle_in_one_text():
  feed = feed_of(GATE)
  candle = {"t": "1606292580", "v": "2362.32", "c": "19128.1", "h": "19130", "l": "19120"}
  candle |= {"o": "19121", "n": "1m_BTC_USDT", "a": "3.8283", "w": True}
  assert told(
    feed,
    {"time": 1, "channel": "spot.trades", "event": "subscribe", "error": None, "result": {}},
    gate_trade(7),
    gate_trade(10),
    {"time": 1, "channel": "spot.candlesticks", "event": "update", "result": candle},
  ) == [
    ("GT/USDT", 0.4705, 16.47, "sell", "7", 1606292218213),
    (Gap, "numbers at result.id are missing"),
    ("GT/USDT", 0.4705, 16.47, "sell", "10", 1606292218213),
    ("BTC/USDT", "1m", 1606292580000, 1606292640000, 19121, 19130, 19120, 19128.1, 3.8283),
  ]
  feed.actions.clear()
  told(feed, {"time": 1, "channel": "spot.pong", "event": "", "result": None})
  assert list(feed.actions) == [Pong(1)]


KUCOIN = """
url: wss://ws-api-spot.kucoin.com/
name: kucoin
query: {token: {secret: KUCOIN_TOKEN}}
send: [{id: 1, type: subscribe, topic: "/market/match:BTC-USDT", response: true}]
heartbeat: {every: 18s, send: {id: "1", type: ping}, answer: {type: pong}}
failures: [{when: {type: error}, text: data}]
map:
  - emit: trade
    where: {subject: trade.l3match}
    symbol: data.symbol
    time: data.time
    fields: {price: data.price, size: data.size, side: data.side, trade_id: data.tradeId}
  - emit: ticker
    where: {subject: level1}
    symbol: {path: topic, split: ":", part: 1}
    time: data.timestamp
    fields:
      {bid: "data.bids[0]", bid_size: "data.bids[1]", ask: "data.asks[0]", ask_size: "data.asks[1]"}
  - emit: candle
    where: {subject: trade.candles.update}
    symbol: data.symbol
    fields:
      interval: {path: topic, split: _, part: -1, map: {1min: 1m, 1hour: 1h}}
      start: data.candles[0]
      open: data.candles[1]
      close: data.candles[2]
      high: data.candles[3]
      low: data.candles[4]
      volume: data.candles[5]
"""


def test_kucoin_has_times_in_ns_and_names_in_topics(monkeypatch):
  monkeypatch.setenv("KUCOIN_TOKEN", "2neAiu")
  match = {"symbol": "BTC-USDT", "side": "buy", "size": "0.00536577", "price": "9345"}
  match |= {"time": "1580559434436443257", "type": "match", "tradeId": "5e356c4a"}
  candles = ["1624881240", "34138.8", "34121.6", "34140.1", "34097.9", "3.06097133", "1.5"]
  assert told(
    feed_of(KUCOIN),
    {"id": "1", "type": "ack"},
    {"topic": "/market/match:BTC-USDT", "subject": "trade.l3match", "data": match},
    {
      "topic": "/spotMarket/level1:ETH-USDT",
      "type": "message",
      "subject": "level1",
      "data": {
        "asks": ["3347.42", "2.07"],
        "bids": ["3347.41", "6.04"],
        "timestamp": 1712231142085,
      },
    },
    {
      "topic": "/market/candles:BTC-USDT_1min",
      "subject": "trade.candles.update",
      "data": {"symbol": "BTC-USDT", "candles": candles, "time": 1624881284466023700},
    },
  ) == [
    ("BTC/USDT", 9345.0, 0.00536577, "buy", "5e356c4a", 1580559434436),
    ("ETH/USDT", 3347.41, 6.04, 3347.42, 2.07),
    (
      "BTC/USDT",
      "1m",
      1624881240000,
      1624881300000,
      34138.8,
      34140.1,
      34097.9,
      34121.6,
      3.06097133,
    ),
  ]


HTX = """
url: wss://api.huobi.pro/ws
name: htx
decode: gzip
send: [{sub: market.btcusdt.trade.detail, id: a}, {sub: market.ethusdt.kline.1min, id: b}]
replies: [{when: {ping: {has: true}}, send: {pong: "${ping}"}}]
failures: [{when: {status: error}, text: err-msg, symbol: id}]
map:
  - emit: trade
    each: $.tick.data
    symbol: {path: $.ch, split: ., part: 1}
    time: ts
    fields: {price: price, size: amount, side: direction, trade_id: tradeId}
  - emit: candle
    where: {tick.open: {has: true}}
    symbol: {path: ch, split: ., part: 1}
    time: ts
    fields:
      interval: {path: ch, split: ., part: 3, map: {1min: 1m}}
      start: tick.id
      open: tick.open
      high: tick.high
      low: tick.low
      close: tick.close
      volume: tick.amount
"""


def test_htx_compresses_and_names_markets_in_channels():
  feed = feed_of(HTX)
  feed.actions.clear()
  trade = {"id": 1.05e22, "ts": 1583495833751, "tradeId": 102090727790}
  trade |= {"amount": 0.003893, "price": 9150.01, "direction": "sell"}
  bar = {"id": 1583501760, "open": 9094.5, "close": 9094.51, "low": 9094.4}
  bar |= {"high": 9095, "amount": 0.4464, "vol": 4059.77, "count": 16}
  messages = [
    {"ping": 1492420473027},
    {"id": "a", "status": "ok", "subbed": "market.btcusdt.trade.detail", "ts": 1},
    {"ch": "market.btcusdt.trade.detail", "ts": 1, "tick": {"id": 1, "ts": 1, "data": [trade]}},
    {"ch": "market.ethusdt.kline.1min", "ts": 1583501786794, "tick": bar},
    {"status": "error", "ts": 1, "id": "c", "err-code": "bad-request", "err-msg": "invalid topic"},
  ]
  assert told(feed, *(gzip.compress(JSON(message)) for message in messages)) == [
    ("BTC/USDT", 9150.01, 0.003893, "sell", "102090727790", 1583495833751),
    (
      "ETH/USDT",
      "1m",
      1583501760000,
      1583501820000,
      9094.5,
      9095.0,
      9094.4,
      9094.51,
      0.4464,
    ),
    (Gap, "ws-htx refused c: invalid topic"),
  ]
  assert sent(feed) == [b'{"pong":1492420473027}']


DERIBIT = """
url: wss://www.deribit.com/ws/api/v2
name: deribit
market_type: perp
send:
  - {jsonrpc: "2.0", id: 1, method: public/set_heartbeat, params: {interval: 30}}
  - {id: 2, method: public/subscribe, params: {channels: [trades.BTC-PERPETUAL.raw]}}
replies:
  - when: {method: heartbeat, params.type: test_request}
    send: {jsonrpc: "2.0", id: 3, method: public/test}
  - when: {method: heartbeat}
failures: [{when: {error: {has: true}}, text: error.message}]
map:
  - emit: trade
    each: $.params.data
    where: {$.method: subscription, trade_seq: {has: true}}
    symbol: instrument_name
    time: timestamp
    consecutive: trade_seq
    fields: {price: price, size: amount, side: direction, trade_id: trade_id}
    set: {size: size / price}
  - emit: ticker
    where: {method: subscription, params.data.best_bid_price: {has: true}}
    symbol: params.data.instrument_name
    time: params.data.timestamp
    fields:
      bid: params.data.best_bid_price
      bid_size: params.data.best_bid_amount
      ask: params.data.best_ask_price
      ask_size: params.data.best_ask_amount
"""


def test_deribit_asks_for_answers_and_counts_trades_of_each_instrument():
  feed = feed_of(DERIBIT)
  feed.actions.clear()

  def trades(*numbers, name="BTC-PERPETUAL"):
    row = {"timestamp": 1655397355998, "price": 20000, "instrument_name": name}
    row |= {"direction": "buy", "amount": 100}
    data = [row | {"trade_seq": number, "trade_id": str(number)} for number in numbers]
    params = {"channel": f"trades.{name}.raw", "data": data}
    return {"jsonrpc": "2.0", "method": "subscription", "params": params}

  got = told(
    feed,
    {"jsonrpc": "2.0", "id": 1, "result": "ok"},
    {"jsonrpc": "2.0", "method": "heartbeat", "params": {"type": "test_request"}},
    trades(501899, 501900),
    trades(3, name="ETH-PERPETUAL"),
    trades(501903),
  )
  assert [row[0] for row in got] == ["BTC-PERPETUAL"] * 2 + ["ETH-PERPETUAL", Gap, "BTC-PERPETUAL"]
  assert got[0] == ("BTC-PERPETUAL", 20000.0, 0.005, "buy", "501899", 1655397355998)
  assert sent(feed) == [b'{"jsonrpc":"2.0","id":3,"method":"public/test"}']
  [gap] = [e for e in feed.on_frames(1, [JSON(trades(501906))], Moment(1, 1)) if type(e) is Gap]
  assert (gap.symbol, gap.channel, gap.venue_from, gap.venue_to, gap.missed) == (
    "BTC-PERPETUAL",
    "trades",
    501904,
    501905,
    2,
  )
  # A lower number is a restart.
  assert Gap not in [row[0] for row in told(feed, trades(1), trades(2))]


BITSTAMP = """
url: wss://ws.bitstamp.net
name: bitstamp
quotes: [USD, EUR, BTC]
send: [{event: "bts:subscribe", data: {channel: live_trades_btcusd}}]
heartbeat: {every: 20s, send: {event: "bts:heartbeat"}, answer: {event: "bts:heartbeat"}}
failures: [{when: {event: "bts:error"}, text: data.message}]
map:
  - emit: trade
    where: {event: trade}
    symbol: {path: channel, split: _, part: 2}
    time: data.microtimestamp
    unit: us
    fields:
      price: data.price_str
      size: data.amount_str
      side: {path: data.type, map: {"0": buy, "1": sell}}
      trade_id: data.id
"""


def test_bitstamp_has_sides_as_flags_and_times_in_us():
  data = {"amount_str": "0.14406384", "microtimestamp": "1583691851934000", "id": 106833903}
  data |= {"type": 1, "price_str": "8302.92", "price": 8302.92}
  assert told(
    feed_of(BITSTAMP),
    {"event": "bts:subscription_succeeded", "channel": "live_trades_btcusd", "data": {}},
    {"data": data, "event": "trade", "channel": "live_trades_btcusd"},
  ) == [("BTC/USD", 8302.92, 0.14406384, "sell", "106833903", 1583691851934)]


GEMINI = """
url: wss://api.gemini.com/v2/marketdata
name: gemini
quotes: [USD]
send: [{type: subscribe, subscriptions: [{name: candles_1m, symbols: [BTCUSD]}]}]
map:
  - emit: trade
    where: {type: trade}
    symbol: symbol
    time: timestamp
    fields: {price: price, size: quantity, side: side, trade_id: event_id}
  - emit: candle
    each: $.changes
    where: {$.type: [candles_1m_updates, candles_1h_updates]}
    symbol: ^.symbol
    fields:
      interval: {path: $.type, split: _, part: 1}
      start: "[0]"
      open: "[1]"
      high: "[2]"
      low: "[3]"
      close: "[4]"
      volume: "[5]"
"""


def test_gemini_has_candles_in_lists_of_lists():
  assert told(
    feed_of(GEMINI),
    {
      "type": "candles_1m_updates",
      "symbol": "BTCUSD",
      "changes": [
        [1561054500000, 9350.18, 9358.35, 9350.17, 9355.51, 2.07],
        [1561053600000, 9357.33, 9357.33, 9350.18, 9350.18, 1.5900161],
      ],
    },
    {"type": "l2_updates", "symbol": "BTCUSD", "changes": [["buy", "22252.37", "0.02"]]},
    {
      "type": "trade",
      "symbol": "BTCUSD",
      "event_id": 122278173770,
      "timestamp": 1655335880981,
      "price": "22530.80",
      "quantity": "0.04",
      "side": "buy",
    },
  ) == [
    ("BTC/USD", "1m", 1561054500000, 1561054560000, 9350.18, 9358.35, 9350.17, 9355.51, 2.07),
    ("BTC/USD", "1m", 1561053600000, 1561053660000, 9357.33, 9357.33, 9350.18, 9350.18, 1.5900161),
    ("BTC/USD", 22530.8, 0.04, "buy", "122278173770", 1655335880981),
  ]


CRYPTO_COM = """
url: wss://stream.crypto.com/exchange/v1/market
name: crypto-com
send: [{id: 1, method: subscribe, params: {channels: [trade.BTC_USDT]}}]
replies:
  - {when: {method: public/heartbeat}, send: {id: "${id}", method: public/respond-heartbeat}}
failures: [{when: {method: subscribe, code: [40003, 40004, 40101]}, text: message, symbol: channel}]
map:
  - emit: trade
    each: $.result.data
    where: {$.result.channel: trade}
    symbol: i
    time: t
    fields: {price: p, size: q, side: s, trade_id: d}
"""


def test_crypto_com_wants_its_heartbeats_answered_with_their_number():
  feed = feed_of(CRYPTO_COM)
  feed.actions.clear()
  row = {"d": "2358394540212355488", "s": "SELL", "p": 42980.85, "q": 0.002325}
  row |= {"t": 1648122434404, "i": "BTC_USDT"}
  assert told(
    feed,
    {"id": 1587523073344, "method": "public/heartbeat", "code": 0},
    {"code": 0, "method": "subscribe", "result": {"channel": "trade", "data": [row]}},
  ) == [("BTC/USDT", 42980.85, 0.002325, "sell", "2358394540212355488", 1648122434404)]
  assert sent(feed) == [b'{"id":1587523073344,"method":"public/respond-heartbeat"}']


BITMEX = """
url: wss://ws.bitmex.com/realtime
name: bitmex
market_type: perp
symbols: {XBTUSD: BTC/USD}
send: [{op: subscribe, args: ["trade:XBTUSD", "quote:XBTUSD"]}]
heartbeat: {every: 5s, send: ping, answer: pong}
failures: [{when: {error: {has: true}}, text: error, symbol: request.args}]
map:
  - emit: trade
    each: $.data
    where: {$.table: trade, $.action: insert}
    symbol: symbol
    time: timestamp
    fields: {price: price, size: homeNotional, side: side, trade_id: trdMatchID}
  - emit: ticker
    each: $.data
    where: {$.table: quote, $.action: [partial, insert]}
    symbol: symbol
    time: timestamp
    fields: {bid: bidPrice, bid_size: bidSize, ask: askPrice, ask_size: askSize}
"""


def test_bitmex_tells_what_was_before_from_what_is_new():
  feed = feed_of(BITMEX)
  trade = {"timestamp": "2024-05-01T10:00:00.123Z", "symbol": "XBTUSD", "side": "Buy", "size": 100}
  trade |= {"price": 50000, "trdMatchID": "a-1", "homeNotional": 0.002}
  quote = {"timestamp": "2024-05-01T10:00:00.123Z", "symbol": "XBTUSD", "bidSize": 5}
  quote |= {"bidPrice": 49999.5, "askPrice": 50000, "askSize": 7}
  assert told(
    feed,
    {"success": True, "subscribe": "trade:XBTUSD"},
    {"table": "trade", "action": "partial", "data": [trade]},
    {"table": "trade", "action": "insert", "data": [trade]},
    {"table": "quote", "action": "partial", "data": [quote]},
    {"status": 400, "error": "Unknown table: trades", "request": {"args": ["trades:XBTUSD"]}},
    b"pong",
  ) == [
    ("BTC/USD", 50000.0, 0.002, "buy", "a-1", 1714557600123),
    ("BTC/USD", 49999.5, 5.0, 50000.0, 7.0),
    (Gap, "ws-bitmex refused trades:XBTUSD: Unknown table: trades"),
  ]
  assert Pong(1) in feed.actions


UPBIT = """
url: wss://api.upbit.com/websocket/v1
name: upbit
send:
  - [{ticket: bond}, {type: trade, codes: [KRW-BTC], is_only_realtime: true}, {format: SIMPLE_LIST}]
heartbeat: {every: 60s}
failures: [{when: {error.name: {has: true}}, text: error.message}]
map:
  - emit: trade
    each: $
    where: {ty: trade}
    symbol: {path: cd, split: "-", part: [1, 0]}
    time: ttms
    fields:
      price: tp
      size: tv
      side: {path: ab, map: {ASK: sell, BID: buy}}
      trade_id: sid
"""


def test_upbit_writes_the_quote_first_and_lists_as_whole_messages():
  row = {"ty": "trade", "cd": "KRW-BTC", "tp": 6747000, "tv": 0.06499468, "ab": "ASK"}
  row |= {"ttms": 1584508285000, "sid": 1584508285000002}
  assert told(feed_of(UPBIT), [row], {"error": {"name": "NO_CODES", "message": "x"}}) == [
    ("BTC/KRW", 6747000.0, 0.06499468, "sell", "1584508285000002", 1584508285000)
  ]


POLYGON = """
url: wss://socket.polygon.io/stocks
name: polygon
secrets: {key: {secret: POLYGON_KEY}}
replies:
  - when: {"[0].status": connected}
    send: {action: auth, params: "${secret:key}"}
  - when: {"[0].status": auth_success}
    send: {action: subscribe, params: "T.MSFT,Q.MSFT"}
failures: [{when: {"[0].status": [auth_failed, error]}, text: "[0].message"}]
map:
  - emit: trade
    each: $
    where: {ev: T}
    symbol: sym
    time: t
    fields: {price: p, size: s, trade_id: i, sequence: q}
  - emit: ticker
    each: $
    where: {ev: Q}
    symbol: sym
    time: t
    fields: {bid: bp, bid_size: bs, ask: ap, ask_size: as}
"""


def test_polygon_takes_its_key_in_a_message_and_no_words_of_its_own_repeat_it(monkeypatch):
  monkeypatch.setenv("POLYGON_KEY", "canary-7f3a91-key")
  feed = feed_of(POLYGON)
  assert told(
    feed,
    [{"ev": "status", "status": "connected", "message": "Connected Successfully"}],
    [{"ev": "status", "status": "auth_success", "message": "authenticated"}],
    [
      {"ev": "T", "sym": "MSFT", "i": "12345", "p": 114.125, "s": 100, "t": 1536036818784, "q": 3},
      {"ev": "Q", "sym": "MSFT", "bp": 114.1, "bs": 2, "ap": 114.2, "as": 1, "t": 1536036818784},
    ],
  ) == [
    ("MSFT", 114.125, 100.0, "unknown", "12345", 1536036818784),
    ("MSFT", 114.1, 2.0, 114.2, 1.0),
  ]
  assert sent(feed) == [
    b'{"action":"auth","params":"canary-7f3a91-key"}',
    b'{"action":"subscribe","params":"T.MSFT,Q.MSFT"}',
  ]
  told(feed, [{"ev": "status", "status": "auth_failed", "message": "bad key canary-7f3a91-key"}])
  [reject, _] = feed.actions
  assert "bad key" in reject.reason
  assert "canary" not in reject.reason
  assert "canary" not in repr(feed._config)


@pytest.mark.parametrize(
  ("each", "fields", "message", "expected"),
  [
    # A list of lists, each of which is an event.
    ("$", ("[0]", "[1]"), [[10, 1], [20, 2]], [(10, 1), (20, 2)]),
    # Lists within lists, whose items are values of what holds them.
    (
      "$.data[*].trades",
      ("[0]", "[1]"),
      {"data": [{"s": "A", "trades": [[10, 1], [20, 2]]}, {"s": "B", "trades": [[30, 3]]}, {}]},
      [(10, 1), (20, 2), (30, 3)],
    ),
    # Three deep, the price two levels further out.
    ("a[*].b[*][*]", ("^^.p", "q"), {"a": [{"p": 5, "b": [[{"q": 1}]]}]}, [(5, 1)]),
    # A trailing mark is the list itself.
    ("$.data[*]", ("p", "^.q"), {"q": 4, "data": [{"p": 3}]}, [(3, 4)]),
    # An object by name.
    ("$.prices{*}", ("[1]", "[1]"), {"prices": {"a": 1, "b": 2}}, [(1, 1), (2, 2)]),
    ("$.m{*}[1]", ("p", "^^.q"), {"q": 2, "m": {"a": [{"p": 1}]}}, [(1, 2)]),
  ],
)
def test_items_at_any_depth(each, fields, message, expected):
  price, size = fields
  feed = feed_of(f"""
url: wss://ws.example.com/
map:
  - emit: trade
    each: {each!r}
    symbol: {{value: A}}
    fields: {{price: {price!r}, size: {size!r}}}
""")
  assert [row[1:3] for row in told(feed, message)] == expected


@pytest.mark.parametrize(
  ("rule", "more", "told"),
  [
    ("each: $.a, symbol: ^^.s", "", "'^^.s' leads out of the message"),
    ("symbol: ^.s", "", "'^.s' leads out of the message"),
    ("each: '$.a[*.b', symbol: s", "", "is no path"),
    ("symbol: {path: s, part: 1}", "", "say with split what parts the text"),
    ("symbol: s, consecutive: 'a..b'", "", "is no path"),
    ("symbol: s", "sequence: 'a..b'", "is no path"),
    ("symbol: s", "channels: {opened: {a: 1}, id: 'a..b', of: c}", "is no path"),
    ("symbol: s", "failures: [{when: {a: 1}, symbol: 'a..b'}]", "is no path"),
    ("symbol: s", "send: [{key: '${secret:k}'}]", "write secrets: {k: {secret: VARIABLE}}"),
  ],
)
def test_what_cannot_be_is_refused_with_a_remedy(rule, more, told):
  text = f"url: wss://ws.example.com/\n{more}\n"
  text += f"map: [{{emit: trade, {rule}, fields: {{price: p, size: q}}}}]"
  with pytest.raises(SpecError) as raised:
    feed_of(text)
  assert told in str(raised.value)


def test_a_candle_says_what_it_lacks_and_how_long_it_is():
  start = "url: wss://ws.example.com/\nmap: [{emit: candle, symbol: s, fields: "
  most = "start: t, open: o, high: h, low: l, close: c, volume: v"
  for fields, told in (
    (most, "map interval in fields"),
    (f"{most}, interval: {{value: 1min}}", "the interval '1min' has no length"),
  ):
    with pytest.raises(SpecError) as raised:
      feed_of(f"{start}{{{fields}}}}}]")
    assert told in str(raised.value)


def test_the_lists_of_a_message_are_bounded_before_they_are_looked_at():
  feed = feed_of(
    """
url: wss://ws.example.com/
map: [{emit: trade, each: "$[*]", symbol: {value: A}, fields: {price: p, size: q}}]
""".replace('"$[*]"', '"$[*][*]"')
  )
  [(kind, cause)] = told(feed, [[0] * 300] * 300)
  assert kind is Gap
  assert "40000 is most" in cause


def test_channels_that_a_venue_opens_are_bounded():
  feed = feed_of("""
url: wss://ws.example.com/
channels: {opened: {e: open}, id: id, of: id}
map: [{emit: trade, symbol: "@.s", fields: {price: p, size: q}}]
""")
  opening = [{"e": "open", "id": number, "s": f"A{number}"} for number in range(MOST_CHANNELS)]
  assert told(feed, *opening) == []
  assert told(feed, {"id": 7, "p": 1, "q": 1}) == [("A7", 1, 1, "unknown", None, None)]
  for extra in ({"e": "open", "id": "x"}, {"e": "open", "id": 1, "s": "A" * 5000}, {"e": "open"}):
    assert [row[0] for row in told(feed, extra)] == [Gap]
  # One that is opened again takes the place of itself.
  assert told(feed, {"e": "open", "id": 7, "s": "B"}, {"id": 7, "p": 1, "q": 1})[0][0] == "B"


def test_a_ping_is_counted_and_what_is_missing_is_said_beside_what_cannot_be_read(monkeypatch):
  monkeypatch.setenv("WS_KEY", "canary")
  feed = feed_of("""
url: wss://ws.example.com/
sequence: n
secrets: {key: {secret: WS_KEY}}
heartbeat: {every: 5s, send: {op: ping, key: "${secret:key}"}, answer: {op: pong}}
replies: [{when: {op: ping}, send: {op: pong}}]
map: [{emit: trade, where: {op: t}, symbol: {value: A}, fields: {price: p, size: q}}]
""")
  trade = {"op": "t", "p": 1, "q": 1}
  assert told(feed, {"n": 1, "op": "ping"}, trade | {"n": 2}, {"op": "other"}) == [
    ("A", 1, 1, "unknown", None, None)
  ]
  causes = [cause for _, cause in told(feed, {"n": 7, "op": "t", "p": None, "q": 1})]
  assert causes == [
    "numbers at n are missing",
    "a message could not be mapped: price is not there",
  ]
  assert feed.limits("").ping_text == b'{"op":"ping","key":"canary"}'


def test_what_is_not_numbered_is_no_loss():
  feed = feed_of("""
url: wss://ws.example.com/
sequence: "[-1]"
map: [{emit: trade, where: {"[0]": t}, symbol: {value: A}, fields: {price: "[1]", size: "[2]"}}]
""")
  assert told(feed, ["t", 1, 1, 7], ["hello", "hb"], ["t", [2]], {"n": 1}, ["t", 2, 2, 8]) == [
    ("A", 1, 1, "unknown", None, None),
    ("A", 2, 2, "unknown", None, None),
    (Gap, "a message could not be mapped: price cannot be [2]"),
  ]


def test_a_secret_that_is_missing_ends_the_source_before_it_connects(monkeypatch):
  monkeypatch.delenv("WS_KEY", raising=False)
  with pytest.raises(SecretMissing, match="WS_KEY is not in the environment"):
    feed_of("""
url: wss://ws.example.com/
secrets: {key: {secret: WS_KEY}}
replies: [{when: {hello: 1}, send: {auth: "${secret:key}"}}]
map: [{emit: custom, event_type: it}]
""")
