"""The generated market keeps the promises that a real one keeps."""

import itertools
import json
from collections import defaultdict
from datetime import date

import pytest
from bond_sim.binance.config import BinanceConfig
from bond_sim.binance.generator import BinanceGenerator
from bond_sim.binance.markets import BinanceQuery
from bond_sim.market.products import next_quarter, quarter_ends
from hypothesis import given, settings, strategies as st

START = 1_795_400_000_000
SPOT = ("btcusdt@depth@100ms", "btcusdt@bookTicker", "btcusdt@trade", "btcusdt@aggTrade")


class Reader:
  """A connection that reads topics."""


class Heard:
  """A generator driven by hand, and every message it publishes."""

  def __init__(self, **options):
    self.now = START
    self.generator = BinanceGenerator(BinanceConfig(**{"seed": 1, **options}), self)
    self.reader = Reader()
    self.generator.fanout.open(self.reader)
    self.messages = defaultdict(list)
    self.order = []
    self.raw = []
    self.generator.fanout.publish = self.publish

  def now_ms(self):
    return self.now

  def publish(self, stream, data):
    message = json.loads(data)
    self.messages[stream].append(message)
    self.order.append((stream, message))
    self.raw.append((stream, data))

  def open(self, market, *names):
    topics = [self.generator.resolve(market, name) for name in names]
    for topic in topics:
      self.generator.fanout.subscribe(self.reader, topic)
    return topics

  def run(self, seconds, step_ms=10):
    for _ in range(int(seconds * 1000 / step_ms)):
      self.now += step_ms
      self.generator.advance(self.now)

  def snapshot(self, market, symbol, limit=5000):
    return json.loads(self.generator.answer(market, "depth", symbol, BinanceQuery(limit=limit)))


class LocalBook:
  """A book by the venue's recipe in its plainest form: prices and sizes as numbers."""

  def __init__(self, snapshot):
    self.bids = {float(p): float(q) for p, q in snapshot["bids"]}
    self.asks = {float(p): float(q) for p, q in snapshot["asks"]}
    self.last = snapshot["lastUpdateId"]

  def apply(self, update):
    for side, levels in ((self.bids, update["b"]), (self.asks, update["a"])):
      for price, size in levels:
        if float(size):
          side[float(price)] = float(size)
        else:
          side.pop(float(price), None)
    self.last = update["u"]

  def top(self):
    bid, ask = max(self.bids), min(self.asks)
    return bid, self.bids[bid], ask, self.asks[ask]


async def test_the_spot_book_by_the_recipe_is_the_venues_at_every_update():
  heard = Heard()
  depth, ticker, *_ = heard.open("spot", *SPOT)
  heard.run(1)
  snapshot = heard.snapshot("spot", "BTCUSDT")
  book = LocalBook(snapshot)
  heard.run(20)
  updates = heard.messages[depth]
  assert all(b["U"] == a["u"] + 1 for a, b in itertools.pairwise(updates))
  quotes = [(q["u"], float(q["b"]), float(q["B"]), float(q["a"]), float(q["A"]))
            for q in heard.messages[ticker]]  # fmt: skip
  checked = 0
  for update in (u for u in updates if u["u"] > snapshot["lastUpdateId"]):
    assert update["U"] <= book.last + 1
    book.apply(update)
    newest = [quote for quote in quotes if quote[0] <= update["u"]][-1]
    assert book.top() == newest[1:]
    assert max(book.bids) < min(book.asks)
    checked += 1
  assert checked > 150
  final = heard.snapshot("spot", "BTCUSDT")
  assert book.last == final["lastUpdateId"]
  assert book.bids == {float(p): float(q) for p, q in final["bids"]}
  assert book.asks == {float(p): float(q) for p, q in final["asks"]}


async def test_the_futures_chain_is_pu_and_ids_leave_holes():
  heard = Heard()
  depth, fast = heard.open("usdm", "btcusdt@depth@100ms", "btcusdt@depth@0ms")
  heard.run(5)
  snapshot = heard.snapshot("usdm", "BTCUSDT", 1000)
  heard.run(10)
  for stream in (depth, fast):
    updates = heard.messages[stream]
    assert all(b["pu"] == a["u"] for a, b in itertools.pairwise(updates))
    assert any(b["U"] != a["u"] + 1 for a, b in itertools.pairwise(updates))
    applied = [u for u in updates if u["u"] >= snapshot["lastUpdateId"]]
    book = LocalBook(snapshot)
    assert applied[0]["pu"] <= snapshot["lastUpdateId"]
    for update in applied:
      book.apply(update)
      assert max(book.bids) < min(book.asks)
  assert len(heard.messages[fast]) > len(heard.messages[depth])


async def test_trades_are_contiguous_and_take_from_the_book():
  heard = Heard()
  _depth, ticker, trade, agg = heard.open("spot", *SPOT)
  heard.run(20)
  trades = heard.messages[trade]
  assert 200 < len(trades) < 1200
  assert [t["t"] for t in trades] == list(range(trades[0]["t"], trades[0]["t"] + len(trades)))
  quote = None
  inside = beyond = 0
  for stream, message in heard.order:
    if stream == ticker:
      quote = message
    elif stream == trade and quote is not None:
      # A taker begins at the best price; a large order goes on through worse levels.
      best = float(quote["b"] if message["m"] else quote["a"])
      price = float(message["p"])
      assert price <= best if message["m"] else price >= best
      inside, beyond = inside + (price == best), beyond + (price != best)
  assert inside > beyond
  summed = defaultdict(float)
  by_id = {t["t"]: t for t in trades}
  for trade_of_order in heard.messages[agg]:
    parts = [by_id[i] for i in range(trade_of_order["f"], trade_of_order["l"] + 1)]
    assert {(p["p"], p["m"], p["T"]) for p in parts} == {
      (trade_of_order["p"], trade_of_order["m"], trade_of_order["T"])
    }
    assert sum(float(p["q"]) for p in parts) == pytest.approx(float(trade_of_order["q"]))
    summed[trade_of_order["m"]] += len(parts)
  assert sum(summed.values()) == len(trades)
  ids = [message["a"] for message in heard.messages[agg]]
  assert ids == list(range(ids[0], ids[0] + len(ids)))


async def test_candles_and_the_day_are_computed_from_the_trades():
  heard = Heard()
  trade, second, minute, day, mini = heard.open(
    "spot",
    "ethusdt@trade",
    "ethusdt@kline_1s",
    "ethusdt@kline_1m",
    "ethusdt@ticker",
    "ethusdt@miniTicker",
  )
  heard.run(65)
  trades = heard.messages[trade]
  closed = [m["k"] for m in heard.messages[second] if m["k"]["x"]]
  assert len(closed) >= 60
  assert [k["t"] for k in closed] == list(range(closed[0]["t"], closed[-1]["t"] + 1, 1000))
  for k in closed[1:]:
    mine = [t for t in trades if k["t"] <= t["T"] <= k["T"]]
    assert k["n"] == len(mine)
    assert float(k["v"]) == pytest.approx(sum(float(t["q"]) for t in mine))
    assert float(k["V"]) == pytest.approx(sum(float(t["q"]) for t in mine if not t["m"]))
    if mine:
      prices = [float(t["p"]) for t in mine]
      assert (float(k["o"]), float(k["c"])) == (prices[0], prices[-1])
      assert (float(k["h"]), float(k["l"])) == (max(prices), min(prices))
      assert (k["f"], k["L"]) == (mine[0]["t"], mine[-1]["t"])
    else:
      assert (k["f"], k["L"]) == (-1, -1)
  assert sum(m["k"]["x"] for m in heard.messages[minute]) == 1
  last = heard.messages[day][-1]
  assert last["L"] - last["F"] + 1 == last["n"]
  before = [t for t in trades if t["T"] < last["E"]]
  assert (last["L"], last["c"]) == (before[-1]["t"], before[-1]["p"])
  assert heard.messages[mini][-1]["c"] == last["c"]


async def test_partial_depth_is_the_top_of_the_book():
  heard = Heard()
  spot, ticker = heard.open("spot", "btcusdt@depth5@100ms", "btcusdt@bookTicker")
  (futures,) = heard.open("usdm", "btcusdt@depth10@100ms")
  heard.run(5)
  for partial in heard.messages[spot]:
    quote = [q for q in heard.messages[ticker] if q["u"] <= partial["lastUpdateId"]][-1]
    assert partial["bids"][0] == [quote["b"], quote["B"]]
    assert partial["asks"][0] == [quote["a"], quote["A"]]
    assert len(partial["bids"]) == len(partial["asks"]) == 5
  chain = heard.messages[futures]
  assert {len(update["b"]) for update in chain} == {10}
  assert all(b["pu"] == a["u"] for a, b in itertools.pairwise(chain))


async def test_futures_follow_spot_and_have_marks_funding_and_liquidations():
  heard = Heard(speed=5.0)
  spot, perp, dated, mark, dated_mark, forced = (
    *heard.open("spot", "btcusdt@bookTicker"),
    *heard.open(
      "usdm",
      "btcusdt@bookTicker",
      "btcusdt_261225@bookTicker",
      "btcusdt@markPrice@1s",
      "btcusdt_261225@markPrice@1s",
      "btcusdt@forceOrder",
    ),
  )
  heard.run(60)
  middles = [
    (float(heard.messages[s][-1]["b"]) + float(heard.messages[s][-1]["a"])) / 2
    for s in (spot, perp, dated)
  ]
  assert middles[1] == pytest.approx(middles[0], rel=0.002)
  assert 1.001 < middles[2] / middles[0] < 1.01
  marks = heard.messages[mark]
  assert len(marks) == 60
  assert all(abs(float(m["p"]) / float(m["i"]) - 1) < 0.002 for m in marks)
  assert all(-0.01 < float(m["r"]) < 0.01 and m["T"] % 28_800_000 == 0 for m in marks)
  assert {(m["r"], m["T"]) for m in heard.messages[dated_mark]} == {("", 0)}
  orders = [m["o"] for m in heard.messages[forced]]
  assert orders
  for order in orders:
    worse = float(order["p"]) - float(order["ap"])
    assert worse >= -0.01 if order["S"] == "BUY" else worse <= 0.01
    assert order["q"] == order["z"]


async def test_equal_seeds_give_equal_messages_however_often_the_markets_advance():
  def messages(step_ms, seed=7):
    heard = Heard(seed=seed)
    heard.open("spot", *SPOT)
    heard.open("usdm", "btcusdt@depth@100ms", "btcusdt@markPrice@1s")
    heard.run(4, step_ms=step_ms)
    per_stream = defaultdict(list)
    for stream, data in heard.raw:
      per_stream[stream].append(data)
    return per_stream

  assert messages(10) == messages(50)
  assert messages(10) != messages(10, seed=8)


async def test_a_market_that_slept_goes_on_with_its_numbers():
  heard = Heard()
  (trade,) = heard.open("spot", "solusdt@trade")
  heard.run(5)
  heard.generator.fanout.unsubscribe(heard.reader, trade)
  asleep_at = heard.messages[trade][-1]["t"]
  for _ in range(400):
    heard.now += 1000
    heard.generator.advance(heard.now)
  assert heard.generator.progress()["awake"] == []
  heard.open("spot", "solusdt@trade")
  heard.run(5)
  numbers = [t["t"] for t in heard.messages[trade]]
  assert numbers[-1] > asleep_at
  assert len(numbers) == len(set(numbers))
  times = [t["T"] for t in heard.messages[trade]]
  assert times == sorted(times)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10**9), speed=st.sampled_from([0.5, 1.0, 4.0]))
async def test_no_seed_crosses_a_book_or_loses_its_chain(seed, speed):
  heard = Heard(seed=seed, speed=speed)
  for symbol in ("dogeusdt", "ethbtc"):
    (depth, ticker) = heard.open("spot", f"{symbol}@depth@100ms", f"{symbol}@bookTicker")
    book = LocalBook(heard.snapshot("spot", symbol.upper()))
    heard.run(8, step_ms=100)
    assert heard.messages[ticker]
    assert all(float(q["b"]) < float(q["a"]) for q in heard.messages[ticker])
    for update in heard.messages[depth]:
      assert update["U"] <= book.last + 1 <= update["u"] + 1
      book.apply(update)
      assert max(book.bids) < min(book.asks)


def test_deliveries_are_the_last_fridays_of_quarters():
  def deliveries(today):
    return tuple(itertools.islice(quarter_ends(today), 2))

  assert deliveries(date(2026, 11, 23)) == (date(2026, 12, 25), date(2027, 3, 26))
  assert deliveries(date(2026, 12, 25)) == (date(2027, 3, 26), date(2027, 6, 25))
  assert deliveries(date(2024, 2, 1)) == (date(2024, 3, 29), date(2024, 6, 28))
  assert next_quarter(date(2026, 12, 10)) == date(2026, 12, 25)
  assert next_quarter(date(2026, 12, 11)) == date(2027, 3, 26)
