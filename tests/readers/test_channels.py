"""Every channel of every venue reads messages and answers in which one field is left out, null, of
another type, negative or huge: it raises nothing, and what it leaves out is declared or counted.

The messages have the shape of the venues' documentation; the numbers are our own.
"""

import gzip
import json
import os
from itertools import islice
from pathlib import Path

import pytest

from bond_core import Gap, Registry
from bond_core.feeds import Fetch, Moment, Response
from bond_core.testing import problem_of
from tests.readers.fields import changed_fields, counters

TIME = 1_700_000_000_000
SPOT, PERP, INVERSE = "BTC/USDT", "BTC/USDT:USDT", "BTC/USD:BTC"


def combined(stream, **data):
  return {"stream": stream, "data": data}


def inverse(message):
  """A message of USD-M as COIN-M has it."""
  stream = message["stream"].replace("btcusdt@", "btcusd_perp@")
  return combined(stream, **message["data"] | {"s": "BTCUSD_PERP", "ps": "BTCUSD"})


def topic(name, data, **more):
  return {"topic": name, "type": "snapshot", "ts": TIME, "data": data, **more}


def arg(channel, symbol, *data, field="instId", **more):
  return {"arg": {"channel": channel, field: symbol}, **more, "data": list(data)}


def binance_bar(**more):
  bar = {"t": TIME, "T": TIME + 59_999, "s": "BTCUSDT", "i": "1m", "f": 1, "L": 9, "o": "1.5"}
  bar |= {"c": "1.6", "h": "1.7", "l": "1.4", "v": "10", "n": 9, "x": False, "q": "15", "V": "5"}
  return combined("btcusdt@kline_1m", e="kline", E=TIME, s="BTCUSDT", k=bar | {"Q": "7", **more})


def binance_depth(first, last, **more):
  return combined(
    "btcusdt@depth@100ms",
    e="depthUpdate",
    E=TIME,
    s="BTCUSDT",
    U=first,
    u=last,
    b=[["100.1", "2"]],
    a=[["100.2", "3"]],
    **more,
  )


FORCED = {"s": "BTCUSDT", "S": "SELL", "o": "LIMIT", "f": "IOC", "q": "0.5", "p": "9910", "T": TIME}
FORCED |= {"ap": "9909.5", "X": "FILLED", "l": "0.5", "z": "0.5"}
FORCE_ORDER = combined("btcusdt@forceOrder", e="forceOrder", E=TIME, o=FORCED)
OKX_TRADE = {"instId": "BTC-USDT", "tradeId": "7", "px": "42000.5", "sz": "0.1", "side": "buy"}
OKX_TRADE |= {"ts": str(TIME), "count": "1"}
OKX_ROWS = {"bids": [["100", "1", "0", "1"]], "asks": [["101", "2", "0", "1"]], "ts": str(TIME)}
OKX_BAR = [str(TIME), "1.5", "1.7", "1.4", "1.6", "10", "15", "15", "0"]
OKX_STATS = {"instId": "BTC-USDT", "last": "42000.5", "vol24h": "9", "volCcy24h": "8"}
OKX_STATS |= {"ts": str(TIME)}
OKX_FORCED = {"bkPx": "50000", "posSide": "short", "side": "buy", "sz": "13", "ts": str(TIME)}
BYBIT_TRADE = {"T": TIME, "s": "BTCUSDT", "S": "Buy", "v": "0.1", "p": "16578.5", "i": "uuid-1"}
BYBIT_TRADE |= {"BT": False, "seq": 7}
BYBIT_BOOK = {
  "s": "BTCUSDT",
  "b": [["16493.5", "0.006"]],
  "a": [["16611", "0.029"]],
  "u": 18,
  "seq": 9,
}
BYBIT_BAR = {"start": TIME, "end": TIME + 59_999, "interval": "1", "open": "1.5", "close": "1.6"}
BYBIT_BAR |= {"high": "1.7", "low": "1.4", "volume": "10", "turnover": "15", "confirm": False}
BYBIT_STATS = {
  "symbol": "BTCUSDT",
  "lastPrice": "17216",
  "markPrice": "17217.3",
  "indexPrice": "17227.3",
  "openInterest": "68744.7",
  "openInterestValue": "1183601235.9",
  "turnover24h": "1570383121.9",
  "volume24h": "91705.2",
  "fundingRate": "-0.000212",
  "nextFundingTime": "1673280000000",
}
MARK = {"e": "markPriceUpdate", "E": TIME, "s": "BTCUSDT", "p": "1.1", "i": "1.2", "r": "0.0001"}
STATS = {"e": "24hrTicker", "E": TIME, "s": "BTCUSDT", "c": "1.5", "v": "1000"}
QUOTE = {"u": 7, "s": "BTCUSDT", "b": "61000", "B": "1", "a": "61001", "A": "2"}
TRADE = {
  "e": "trade",
  "E": TIME,
  "T": TIME,
  "s": "BTCUSDT",
  "t": 7,
  "p": "9.5",
  "q": "2",
  "m": True,
}
AGGREGATED = {"e": "aggTrade", "E": TIME, "T": TIME, "s": "BTCUSDT", "a": 7, "p": "9.5", "q": "2"}

CHANNELS = [
  ("binance.trades", SPOT, {}, [combined("btcusdt@trade", **TRADE)]),
  ("binance.trades", PERP, {}, [combined("btcusdt@trade", X="MARKET", **TRADE)]),
  (
    "binance.trades",
    PERP,
    {"aggregate": True},
    [combined("btcusdt@aggTrade", **AGGREGATED, f=11, l=13, m=True)],
  ),
  ("binance.ticker", SPOT, {"stats": False}, [combined("btcusdt@bookTicker", **QUOTE)]),
  ("binance.ticker", SPOT, {"quotes": False}, [combined("btcusdt@ticker", **STATS)]),
  ("binance.funding", PERP, {}, [combined("btcusdt@markPrice@1s", T=TIME, **MARK)]),
  ("binance.liquidation", PERP, {}, [FORCE_ORDER]),
  ("binance.candle", SPOT, {}, [binance_bar()]),
  ("binance.orderbook", SPOT, {}, [binance_depth(101, 103), binance_depth(104, 105)]),
  ("binance.orderbook", PERP, {}, [binance_depth(99, 101, pu=98), binance_depth(102, 105, pu=101)]),
  (
    "binance.trades",
    INVERSE,
    {},
    [inverse(combined("btcusdt@aggTrade", **AGGREGATED, f=11, l=13, m=True))],
  ),
  (
    "binance.orderbook",
    INVERSE,
    {},
    [inverse(binance_depth(99, 101, pu=98)), inverse(binance_depth(102, 105, pu=101))],
  ),
  ("binance.candle", INVERSE, {}, [inverse(binance_bar())]),
  ("binance.liquidation", INVERSE, {}, [inverse(FORCE_ORDER)]),
  ("okx.trades", SPOT, {}, [arg("trades", "BTC-USDT", OKX_TRADE)]),
  (
    "okx.trades",
    PERP,
    {},
    [arg("trades", "BTC-USDT-SWAP", OKX_TRADE)],
  ),
  (
    "okx.orderbook",
    PERP,
    {},
    [
      arg("books", "BTC-USDT-SWAP", OKX_ROWS | {"seqId": 10, "prevSeqId": -1}, action="snapshot"),
      arg("books", "BTC-USDT-SWAP", OKX_ROWS | {"seqId": 11, "prevSeqId": 10}, action="update"),
    ],
  ),
  ("okx.ticker", SPOT, {"stats": False}, [arg("bbo-tbt", "BTC-USDT", OKX_ROWS | {"seqId": 10})]),
  ("okx.ticker", SPOT, {"quotes": False}, [arg("tickers", "BTC-USDT", OKX_STATS)]),
  (
    "okx.funding",
    PERP,
    {},
    [
      arg(
        "funding-rate",
        "BTC-USDT-SWAP",
        {"fundingRate": "-0.0001", "fundingTime": str(TIME), "ts": str(TIME)},
      )
    ],
  ),
  (
    "okx.open_interest",
    PERP,
    {},
    [
      arg(
        "open-interest",
        "BTC-USDT-SWAP",
        {"oi": "5000", "oiCcy": "555.5", "oiUsd": "50000", "ts": str(TIME)},
      )
    ],
  ),
  (
    "okx.liquidation",
    PERP,
    {},
    [
      arg(
        "liquidation-orders",
        "SWAP",
        {"instId": "BTC-USDT-SWAP", "details": [OKX_FORCED]},
        field="instType",
      )
    ],
  ),
  ("okx.candle", SPOT, {}, [arg("candle1m", "BTC-USDT", OKX_BAR)]),
  ("bybit.trades", SPOT, {}, [topic("publicTrade.BTCUSDT", [BYBIT_TRADE])]),
  (
    "bybit.orderbook",
    SPOT,
    {},
    [
      topic("orderbook.50.BTCUSDT", BYBIT_BOOK, cts=TIME),
      topic("orderbook.50.BTCUSDT", BYBIT_BOOK | {"u": 19}, cts=TIME) | {"type": "delta"},
    ],
  ),
  ("bybit.ticker", SPOT, {"stats": False}, [topic("orderbook.1.BTCUSDT", BYBIT_BOOK, cts=TIME)]),
  ("bybit.ticker", PERP, {"quotes": False}, [topic("tickers.BTCUSDT", BYBIT_STATS)]),
  ("bybit.funding", PERP, {}, [topic("tickers.BTCUSDT", BYBIT_STATS)]),
  ("bybit.open_interest", PERP, {}, [topic("tickers.BTCUSDT", BYBIT_STATS)]),
  (
    "bybit.liquidation",
    PERP,
    {},
    [
      topic(
        "allLiquidation.BTCUSDT",
        [{"T": TIME, "s": "BTCUSDT", "S": "Sell", "v": "20000", "p": "0.04499"}],
      )
    ],
  ),
  ("bybit.candle", SPOT, {}, [topic("kline.1.BTCUSDT", [BYBIT_BAR | {"timestamp": TIME}])]),
]  # fmt: skip

SNAPSHOT = {"lastUpdateId": 100, "bids": [["100", "1"]], "asks": [["101", "2"]]}
CONTRACT = {"instId": "BTC-USDT-SWAP", "ctVal": "0.01", "ctMult": "1", "ctType": "linear"}
LISTED = {"symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT"}
COIN_M = {"symbol": "BTCUSD_PERP", "contractStatus": "TRADING", "contractSize": 100}
COIN_M |= {"baseAsset": "BTC", "quoteAsset": "USD"}
MARKET = {"instType": "SWAP", "instFamily": "BTC-USDT", "uly": "BTC-USDT", "state": "live"}
ANSWERS = {
  "snapshot": SNAPSHOT | {"T": TIME, "E": TIME},
  "list": {"symbols": [LISTED, COIN_M, LISTED | {"symbol": "CTKUSDT", "baseAsset": "CTK"}]},
  "contracts": {
    "code": "0",
    "msg": "",
    "data": [CONTRACT | MARKET | {"lotSz": "0.01", "tickSz": "0.1"}],
  },
}

REGISTRY = Registry()

PARTIAL = frozenset(("bybit.ticker", "bybit.funding", "bybit.open_interest"))
"""Channels whose messages may leave out what has not changed."""


def frame_of(message):
  return json.dumps(message, separators=(",", ":")).encode()


def answer_to(fetch):
  kind = (
    "snapshot"
    if "napshot" in fetch.purpose
    else "contracts"
    if "/api/v5/public/instruments" in fetch.url
    else "list"
  )
  return frame_of(ANSWERS[kind])


class Reading:
  """A feed that is open for one source, at the start of its messages."""

  def __init__(self, name, symbol, settings, answer=answer_to):
    source = REGISTRY.source(name)
    config = source.config(symbols=[symbol], **settings)
    self.feed = source.feed(source.connection(config))
    self._answer = answer
    self.now = Moment(TIME, 10**9)
    subscriptions = list(source.subscriptions(config))
    self.feed.group(subscriptions[0])
    self.feed.on_open(1, subscriptions, overlap=False, now=self.now)
    self.events = self.settle()

  def settle(self):
    """The events of answers to what the feed fetches; the other actions stay."""
    events, others = [], []
    for _ in range(20):
      if not self.feed.actions:
        break
      action = self.feed.actions.popleft()
      if not isinstance(action, Fetch):
        others.append(action)
        continue
      answer = Response(200, {}, self._answer(action))
      events += self.feed.on_response(action, answer, self.now)
    self.feed.actions.extend(others)
    return events

  def read(self, *frames):
    events = self.feed.on_frames(1, list(frames), self.now)
    return events + self.settle()

  def later(self, seconds):
    self.now = Moment(self.now.ts_ms + seconds * 1000, self.now.mono_ns + seconds * 10**9)
    return self.feed.on_timer(self.now) + self.settle()


def check(events):
  """Every event is right. The venue's own time may be of any year: the core looks at that."""
  problems = [problem for event in events if (problem := problem_of(event)) is not None]
  assert [problem for problem in problems if "ts_exchange" not in problem] == []


def endures(source, frames, first=0):
  """Each frame from the `first` on with one field of another kind, behind those before it: nothing
  is raised, and what is left out is declared or counted."""
  for at, frame in enumerate(frames[first:], first):
    usual = Reading(*source)
    usual.read(*frames[:at])
    come = len(usual.read(frame))
    for broken in changed_fields(frame):
      reading = Reading(*source)
      reading.read(*frames[:at])
      reading.feed.actions.clear()
      before = counters(reading.feed)
      events = reading.read(broken)
      check(events)
      told = bool(reading.feed.actions) or counters(reading.feed) != before
      events += reading.later(60)
      told = told or bool(reading.feed.actions) or any(type(event) is Gap for event in events)
      told = told or source[0] in PARTIAL
      assert told or len(events) >= come, f"left out without a word: {broken.decode()}"


@pytest.mark.parametrize("row", CHANNELS, ids=lambda row: f"{row[0]}-{row[1]}")
def test_a_field_of_any_kind_ends_no_channel(row):
  *source, messages = row
  endures(source, [frame_of(message) for message in messages])


@pytest.mark.parametrize("row", CHANNELS, ids=lambda row: f"{row[0]}-{row[1]}")
def test_a_time_in_another_unit_is_told_in_no_channel(row):
  *source, messages = row
  frames = [frame_of(message) for message in messages]
  for at, frame in enumerate(frames):
    for broken in changed_fields(frame, (TIME // 1000, TIME * 1000, str(TIME // 1000))):
      reading = Reading(*source)
      check(reading.read(*frames[:at], broken))


@pytest.mark.parametrize("row", CHANNELS, ids=lambda row: f"{row[0]}-{row[1]}")
def test_every_sample_becomes_an_event(row):
  *source, messages = row
  reading = Reading(*source)
  events = [event for message in messages for event in reading.read(frame_of(message))]
  assert events
  assert not [event for event in events + reading.later(1) if type(event) is Gap]


WITH_ANSWERS = [row for row in CHANNELS if row[:2] in (
  ("binance.orderbook", SPOT), ("binance.orderbook", PERP), ("okx.orderbook", PERP)
)]  # fmt: skip


@pytest.mark.parametrize("row", WITH_ANSWERS, ids=lambda row: f"{row[0]}-{row[1]}")
def test_an_answer_with_a_field_of_any_kind_ends_nothing(row):
  *source, messages = row
  frames = [frame_of(message) for message in messages]
  for kind, right in ANSWERS.items():
    for broken in changed_fields(frame_of(right)):
      wrong = {kind: True}

      def answer(fetch, wrong=wrong, broken=broken, kind=kind):
        found = answer_to(fetch)
        return broken if found == frame_of(ANSWERS[kind]) and wrong.pop(kind, False) else found

      reading = Reading(*source, answer=answer)
      events = reading.events + reading.read(*frames) + reading.later(60) + reading.read(*frames)
      check(events)


OKX_TRADES = [{**OKX_TRADE, "tradeId": number} for number in "789"]
BYBIT_TRADES = [{**BYBIT_TRADE, "i": number} for number in "789"]
ROWS = [
  ("okx.trades", SPOT, {}, [arg("trades", "BTC-USDT", *OKX_TRADES)]),
  ("bybit.trades", SPOT, {}, [topic("publicTrade.BTCUSDT", BYBIT_TRADES)]),
  (
    "bybit.candle",
    SPOT,
    {},
    [
      topic(
        "kline.1.BTCUSDT", [{**BYBIT_BAR, "start": TIME + n, "timestamp": TIME} for n in (1, 2, 3)]
      )
    ],
  ),
  (
    "okx.liquidation",
    PERP,
    {},
    [
      arg(
        "liquidation-orders",
        "SWAP",
        *[{"instId": "BTC-USDT-SWAP", "details": [OKX_FORCED]} for _ in range(3)],
        field="instType",
      )
    ],
  ),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
@pytest.mark.parametrize("wrong", [None, {}, "abc"])
def test_one_row_of_a_message_fails_alone(row, wrong):
  *source, (message,) = row
  assert len(Reading(*source).read(frame_of(message))) == 3
  message = json.loads(json.dumps(message))
  message["data"][1] = wrong
  events = Reading(*source).read(frame_of(message))
  assert [type(event) is Gap for event in events] == [False, True, False]
  assert events[1].missed == 1


SHARED = Path(os.environ.get("BOND_SHARED", Path(__file__).parents[2].parent / "shared"))
RECORDED = [
  ("binance-2024/spot_btcusdt_20240808", "btcusdt@trade", "binance.trades", SPOT, {}),
  ("binance-2024/usdm_btcusdt_20240808", "btcusdt@trade", "binance.trades", PERP, {}),
  ("binance-2024/spot_btcusdt_20240808", "@bookTicker", "binance.ticker", SPOT, {"stats": False}),
  ("binance-2024/usdm_btcusdt_20240808", "@bookTicker", "binance.ticker", PERP, {"stats": False}),
  ("captures/BINANCE_FUTURES.ws.1.0", "ctkusdt@kline", "binance.candle", "CTK/USDT:USDT", {}),
  (
    "captures/BINANCE_FUTURES.ws.1.0",
    "ctkusdt@aggTrade",
    "binance.trades",
    "CTK/USDT:USDT",
    {"aggregate": True},
  ),
  ("captures/OKX.ws.1.0", '"trades","instId":"BTC-USDT"', "okx.trades", SPOT, {}),
  ("captures/OKX.ws.1.0", '"tickers","instId":"BTC-USDT"', "okx.ticker", SPOT, {"quotes": False}),
  ("captures/OKX.ws.1.0", '"books","instId":"BTC-USDT"', "okx.orderbook", SPOT, {}),
]


@pytest.mark.parametrize("row", RECORDED, ids=lambda row: f"{row[2]}-{row[3]}-{row[1]}")
def test_a_field_of_any_kind_in_a_recorded_message_ends_no_channel(row):
  path, of, *source = row
  file = SHARED / "data" / f"{path}.gz"
  if not file.exists():
    pytest.skip(f"the recorded frames {path} are not on this machine")
  with gzip.open(file, "rb") as lines:
    received = (line for line in lines if of.encode() in line and b'"data":' in line)
    frames = [b"{" + line.rstrip().partition(b"{")[2] for line in islice(received, 2)]
  assert len(frames) == 2
  reading = Reading(*source)
  assert reading.read(*frames)
  endures(source, frames, first=1)
