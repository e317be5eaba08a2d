"""What the broker says, frozen byte for byte: clients parse it. A failure here means that a client
breaks; new fields come at the end of an object."""

import json

import pytest
from bond_broker.protocol.frames import compact, full, of_stream, raw
from bond_broker.protocol.messages import (
  CloseCode,
  ack,
  error_message,
  gap_message,
  heartbeat_message,
  live_message,
  pong_message,
  shutdown_message,
)
from wire_vectors import FOLDER

from bond_core._events import Gap, OrderBook, Ticker, Trade, Window
from bond_core._ws.frames import text_frame

LINES = (FOLDER / "messages.jsonl").read_text(encoding="utf-8").splitlines()
GOLDEN = {json.loads(line)["name"]: line for line in LINES}

SUBSCRIBE = {"type": "subscribe", "id": "btc", "channels": ["trades"], "symbols": ["BTC/USDT"]}
LISTED = {
  "id": "btc",
  "channels": ["trades"],
  "symbols": ["BTC/USDT"],
  "exchanges": ["*"],
  "depth": 20,
  "speed_ms": 100,
  "raw": False,
  "compact": False,
  "deltas": False,
  "policy": "auto",
}
REJECTED = {
  "channel": "trades",
  "symbol": "BTC/USDT",
  "exchange": "kraken",
  "reason": "no source of kraken is installed, try pip install bond-kraken; there is binance",
}
TRADE = Trade(
  exchange="binance",
  symbol="BTC/USDT",
  ts_event=1795440600005,
  ts_exchange=1795440600000,
  market_type="spot",
  ts_internal=7851811294421,
  seq_internal=391,
  price=57019.38,
  size=0.1296,
  side="buy",
  trade_id="482599833",
  maker=False,
)
BOOK = OrderBook(
  exchange="binance",
  symbol="BTC/USDT",
  ts_event=1795440600005,
  market_type="perp",
  seq_internal=392,
  bids=[(57019.38, 0.5), (57019.0, 2.0)],
  asks=[(57019.39, 1e-08)],
  depth=20,
  sequence=17,
  is_reset=True,
)
TICKER = Ticker(exchange="okx", symbol="ETH/USDT", seq_internal=393, last=2500.0, bid=2499.99)
OWN = Trade(
  exchange="okx", symbol="ETH/USDT", seq_internal=394, price=1.0, size=2.0, raw={"px": "1"}
)
WINDOW = Window(
  ts="2026-11-23T13:30:05Z",
  window_start="2026-11-23T13:30:00Z",
  window_end="2026-11-23T13:30:05Z",
  symbol="BTC/USDT",
  price_avg=68123.5,
  volume_sum=134.2,
  tweets=8,
  seq=1042,
  raw_data={"trades": 15, "sources": ["binance", "okx"]},
)
SLOW = Gap(
  exchange="*",
  symbol="*",
  channel="*",
  reason="slow",
  from_seq=100,
  to_seq=140,
  ts_event=1795440600000,
  missed=41,
  cause="this client reads more slowly than events come",
)


def said(status, **fields):
  usual = {
    "received": SUBSCRIBE,
    "request_id": "btc",
    "subscriptions": [LISTED],
    "rejected": [],
    "epoch": "9f86d081884c7d65",
    "seq": 390,
    "recovered": None,
  }
  return ack(status, **{**usual, **fields})


MESSAGES = {
  "ack": said("subscribed"),
  "ack of a resume": said("subscribed", recovered=True),
  "ack of a resume that did not reach": said("subscribed", recovered=False),
  "ack of what nobody carries": said("subscribed", subscriptions=[], rejected=[REJECTED]),
  "ack of unsubscribe": said(
    "unsubscribed", received={"type": "unsubscribe", "id": "btc"}, subscriptions=[]
  ),
  "ack of subscriptions": said(
    "subscriptions", received={"type": "subscriptions"}, request_id=None
  ),
  "error": error_message(
    4501, "bad_subscribe", "raw is 'yes'; it is true or false", request_id="btc"
  ),
  "error that passes": error_message(4008, "slow", "too slow", retryable=True),
  "gap": gap_message(SLOW),
  "gap of some subscriptions": gap_message(SLOW, ["btc", 7, None]),
  "live": live_message("btc", 420),
  "shutdown": shutdown_message(1000),
  "pong": pong_message({"type": "ping"}),
  "pong of anything": pong_message({"id": [1], "type": "ping", "sent": 1.5, "x": {"a": None}}),
  "heartbeat": heartbeat_message(
    1795440600000,
    {
      "seq": 390,
      "epoch": "9f86d081884c7d65",
      "sources": {"binance": "live"},
      "conflated": 0,
      "lost": 0,
    },
  ),
  "trade": text_frame(full(TRADE)),
  "trade, compact": text_frame(compact(TRADE)),
  "orderbook": text_frame(full(BOOK)),
  "orderbook, compact": text_frame(compact(BOOK)),
  "ticker, compact": text_frame(compact(TICKER)),
  "trade before its raw": text_frame(full(OWN)),
  "raw": text_frame(raw(OWN)),
  "raw, compact": text_frame(raw(OWN, compact=True)),
  "window of a stream": text_frame(of_stream(WINDOW)),
}


def payload(frame):
  """What a client is given by its library."""
  assert frame[0] == 0x81, "one final text frame"
  length, start = frame[1], 2
  if length == 126:
    length, start = int.from_bytes(frame[2:4], "big"), 4
  assert len(frame) == start + length
  return frame[start:].decode()


def test_every_message_is_frozen():
  assert list(GOLDEN) == list(MESSAGES)


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_is_byte_for_byte_what_it_was(name):
  assert f'{{"name":"{name}","message":{payload(MESSAGES[name])}}}' == GOLDEN[name]


def test_every_message_names_its_type_first():
  for name, line in GOLDEN.items():
    if name != "window of a stream":
      assert next(iter(json.loads(line)["message"])) == "type"


def test_the_close_codes_are_those_of_the_contract():
  assert {code.name: int(code) for code in CloseCode} == {
    "NORMAL": 1000,
    "UNSUPPORTED": 1003,
    "GONE": 1006,
    "SHUTDOWN": 4001,
    "EXPIRED": 4005,
    "SLOW": 4008,
    "BAD_TOKEN": 4500,
    "BAD_REQUEST": 4501,
    "LIMIT": 4504,
  }


def test_a_gap_whose_cause_cannot_be_written_is_sent_all_the_same():
  gap = Gap(
    exchange="x\udcff",
    symbol="BTC/USDT",
    channel="trades",
    reason="upstream",
    from_seq=5,
    to_seq=8,
    missed=4,
    cause="no such file: \udcff",
  )
  for frame in (gap_message(gap), gap_message(gap, ["btc"])):
    message = json.loads(payload(frame))
    assert (message["type"], message["symbol"]) == ("gap", "BTC/USDT")
    assert (message["from_seq"], message["to_seq"], message["missed"]) == (5, 8, 4)
