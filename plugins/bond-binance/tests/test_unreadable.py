"""Whatever bytes come, nothing raises, and a loss is never silent."""

import random

import pytest
from bond_binance import config
from hypothesis import HealthCheck, given, settings, strategies as st

from bond_core import Gap, Trade, encode

PERP = {"symbols": ["BTC/USDT:USDT"]}
ALL = [
  config.Trades(**PERP),
  config.Books(**PERP),
  config.Tickers(**PERP),
  config.Funding(**PERP),
  config.Liquidations(**PERP),
  config.Candles(**PERP),
]
FRAMES = [
  (
    b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1,"T":2,"s":"BTCUSDT","t":7,"p":"1.0",'
    b'"q":"0.5","X":"MARKET","m":false}}'
  ),
  (
    b'{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1,"T":1,"s":"BTCUSDT","U":9,'
    b'"u":12,"pu":8,"b":[["1.5","2"]],"a":[["2.5","0"]]}}'
  ),
  (
    b'{"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":5,"s":"BTCUSDT","b":"1","B":"2",'
    b'"a":"3","A":"4","T":5,"E":6}}'
  ),
  b'{"stream":"btcusdt@ticker","data":{"e":"24hrTicker","E":1,"s":"BTCUSDT","c":"1","v":"2"}}',
  (
    b'{"stream":"btcusdt@markPrice@1s","data":{"E":1,"p":"1","i":"1","P":"1","r":"0.0001",'
    b'"T":1790000000000}}'
  ),
  (
    b'{"stream":"btcusdt@forceOrder","data":{"E":1,"o":{"S":"SELL","q":"1","p":"1","ap":"1",'
    b'"X":"FILLED","l":"1","z":"1","T":1}}}'
  ),
  (
    b'{"stream":"btcusdt@kline_1m","data":{"E":1,"k":{"t":1,"T":59,"i":"1m","o":"1","c":"2","h":"3",'
    b'"l":"1","v":"1","n":1,"x":false,"q":"1"}}}'
  ),
  b'{"result":null,"id":1}',
  b'{"code":2,"msg":"Invalid request","id":1}',
  b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}',
  b'{"e":"forceOrder","E":1,"o":{"s":"BTCUSDT"}}',
  b'{"e":"kline","s":"BTCUSDT","k":{"i":"1m"}}',
]


def mutated(frame, draw):
  """A frame with some of its bytes changed, cut out, doubled or put elsewhere."""
  data = bytearray(frame)
  for _ in range(draw(1, 4)):
    if not data:
      break
    at = draw(0, len(data) - 1)
    kind = draw(0, 5)
    if kind == 0:
      data[at] = draw(0, 255)
    elif kind == 1:
      del data[at : at + draw(1, 20)]
    elif kind == 2:
      data[at:at] = data[at : at + draw(1, 20)]
    elif kind == 3:
      del data[at:]
    elif kind == 4:
      data[at:at] = [b"[", b"{", b'"', b"null", b"1e999", b"-1", b"NaN", b"\x00", b"\xff"][
        draw(0, 8)
      ]
    else:
      data = data[at:] + data[:at]
  return bytes(data)


def check(v, frames):
  """Feeds everything that a connection can bring; what comes out must be events that encode."""
  for connection in (1, 2):
    events = v.hear(*frames, on=connection)
    v.now_ms += 400
    events += v.feed.on_timer(v.now)
    for event in events:
      encode(event)
    for fetch in v.snapshots():
      v.answer(fetch, frames[0])
      v.answer(fetch, {"lastUpdateId": 10, "bids": [["1", "2"]], "asks": []})
  v.other.clear()


@settings(
  deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_mutated_messages_never_raise(venue, data):
  def draw(low, high):
    return data.draw(st.integers(low, high))

  v = venue(*ALL)
  check(v, [mutated(data.draw(st.sampled_from(FRAMES)), draw) for _ in range(draw(1, 8))])


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frames=st.lists(st.binary(max_size=200), min_size=1, max_size=5))
def test_any_bytes_never_raise(venue, frames):
  check(venue(*ALL), frames)


def test_twenty_thousand_mutations_in_one_life_never_raise(venue):
  rng = random.Random(7)
  v = venue(*ALL)
  for _ in range(2500):
    check(v, [mutated(rng.choice(FRAMES), rng.randint) for _ in range(8)])


def test_deep_nesting_is_a_gap_like_anything_unreadable(venue):
  v = venue(*ALL)
  (gap,) = v.hear(b'{"stream":"btcusdt@trade","data":{"x":' + b"[" * 200_000)
  assert type(gap) is Gap
  assert gap.channel == "trades"
  v.hear(b'{"x":' + b'{"a":' * 200_000)
  assert v.feed.unreadable == 1


@pytest.mark.parametrize("frame", FRAMES[2:7], ids=lambda frame: frame[:40].decode())
def test_an_unreadable_state_is_a_gap_of_its_stream(venue, frame):
  v = venue(*ALL)
  on = 1 if b"bookTicker" in frame else 2
  (gap,) = v.hear(frame[:-10], on=on)
  assert gap.reason == "upstream"
  assert gap.missed == 1
  assert gap.cause.startswith("a message could not be read: ")
  (event,) = v.hear(frame, on=on)
  assert (gap.channel, gap.symbol, gap.market_type) == (
    *(event.channel, event.symbol, event.market_type),
  )


def test_a_message_without_a_name_is_a_gap_of_what_would_not_show_it(venue):
  """Trades and books tell by their numbers; quotes and the like have none that are contiguous."""
  v = venue(*ALL)
  (gap,) = v.hear(b'{"stre', b"\xff\xff", on=1)
  assert (gap.channel, gap.symbol, gap.market_type, gap.missed) == ("ticker", "BTC/USDT", "perp", 2)
  (gap,) = v.hear(b"?", on=2)
  assert (gap.channel, gap.symbol) == ("*", "BTC/USDT")
  assert len(gap.streams) == 4
  assert v.feed.unreadable == 3
  v = venue(config.Trades(**PERP))
  assert v.hear(b"?") == []


def test_one_broken_stream_leaves_the_others_alone(venue):
  v = venue(*ALL)
  events = v.hear(FRAMES[2][:-9], FRAMES[0], FRAMES[1][:-9], FRAMES[2])
  assert [type(e).__name__ for e in events] == ["Gap", "Trade", "Ticker"]
  assert isinstance(events[1], Trade)


@pytest.mark.parametrize("index", ["", None])
def test_a_contract_without_an_index_price_has_its_funding(venue, index):
  v = venue(config.Funding(symbols=["BTC/USDT:USDT"]))
  mark = {"e": "markPriceUpdate", "E": 1, "s": "BTCUSDT", "p": "1", "i": index, "r": "0.1"}
  mark["T"] = 1_790_000_000_000
  [event] = v.say("btcusdt@markPrice@1s", mark)
  assert (event.mark, event.index, event.rate) == (1.0, None, 0.1)
