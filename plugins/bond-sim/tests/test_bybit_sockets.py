import json

import pytest
import trio
from bond_sim.bybit.config import BybitConfig, serve_bybit
from bond_sim.bybit.generator import BybitGenerator
from bond_simkit import SimulatorError, VenueClock

SPOT, LINEAR, INVERSE = "/v5/public/spot", "/v5/public/linear", "/v5/public/inverse"


def request(operation, *topics, **more):
  return json.dumps({"op": operation, "args": list(topics), **more})


async def data(ws, count):
  """The next `count` messages with data."""
  found = []
  with trio.fail_after(60):
    while len(found) < count:
      message = json.loads(await ws.recv())
      if "topic" in message:
        found.append(message)
  return found


async def test_a_subscription_is_answered_once_with_its_id_before_its_data(start_bybit):
  sim = await start_bybit()
  async with sim.connect(SPOT) as ws:
    await ws.send(request("subscribe", "orderbook.50.BTCUSDT", "tickers.BTCUSDT", req_id="r1"))
    answer = json.loads(await ws.recv())
    assert (answer["success"], answer["op"], answer["req_id"]) == (True, "subscribe", "r1")
    assert (await data(ws, 1))[0]["type"] == "snapshot"


async def test_one_unknown_topic_fails_the_whole_request(start_bybit):
  sim = await start_bybit()
  async with sim.connect(LINEAR) as ws:
    await ws.send(request("subscribe", "orderbook.50.BTCUSDT", "orderbook.50.NONE"))
    answer = json.loads(await ws.recv())
    assert answer["success"] is False
    assert answer["ret_msg"] == "error:handler not found,topic:orderbook.50.NONE"
    with trio.move_on_after(0.3) as quiet:
      await ws.recv()
    assert quiet.cancelled_caught


async def test_updates_of_a_book_are_numbered_without_holes_and_never_cross(start_bybit):
  sim = await start_bybit(speed=5)
  sides = {"b": {}, "a": {}}
  async with sim.connect(LINEAR) as ws:
    await ws.send(request("subscribe", "orderbook.50.BTCUSDT"))
    messages = await data(ws, 20)
  numbers = [message["data"]["u"] for message in messages]
  assert numbers == list(range(numbers[0], numbers[0] + 20))
  for message in messages:
    for name, side in sides.items():
      for price, size in message["data"][name]:
        if size == "0":
          del side[float(price)]
        else:
          side[float(price)] = size
    assert max(sides["b"]) < min(sides["a"])
    assert len(sides["b"]) == len(sides["a"]) == 50
  assert [message["type"] for message in messages] == ["snapshot"] + ["delta"] * 19


async def test_a_late_reader_gets_a_snapshot_that_joins_the_running_numbers(start_bybit):
  sim = await start_bybit(speed=5)
  topic = "orderbook.200.BTCUSDT"
  async with sim.connect(SPOT) as early, sim.connect(SPOT) as late:
    await early.send(request("subscribe", topic))
    await data(early, 3)
    await late.send(request("subscribe", topic))
    first, second = await data(late, 2)
  assert (first["type"], second["type"]) == ("snapshot", "delta")
  assert second["data"]["u"] == first["data"]["u"] + 1


async def test_statistics_of_a_contract_are_told_whole_and_then_as_changes(start_bybit):
  sim = await start_bybit(speed=5)
  async with sim.connect(INVERSE) as ws:
    await ws.send(request("subscribe", "tickers.BTCUSD"))
    whole, *changes = await data(ws, 4)
  assert whole["type"] == "snapshot"
  assert {"markPrice", "fundingRate", "openInterest", "bid1Price"} <= whole["data"].keys()
  for change in changes:
    assert change["type"] == "delta"
    assert change["data"]["symbol"] == "BTCUSD"
    assert len(change["data"]) < len(whole["data"])


async def test_a_late_reader_of_statistics_ends_up_with_what_the_early_one_has(start_bybit):
  sim = await start_bybit(speed=20)
  topic = "tickers.BTCUSDT"
  early_view, late_view = {}, {}
  async with sim.connect(LINEAR) as early, sim.connect(LINEAR) as late:
    await early.send(request("subscribe", topic))
    for message in await data(early, 2):
      early_view.update(message["data"])
    await late.send(request("subscribe", topic))
    late_messages = await data(late, 6)
    for message in late_messages:
      late_view.update(message["data"])
    with trio.fail_after(60):
      while True:
        [message] = await data(early, 1)
        early_view.update(message["data"])
        if message["ts"] >= late_messages[-1]["ts"] and message["type"] == "delta":
          break
  assert early_view == late_view


async def test_trades_candles_and_liquidations_of_a_category(start_bybit):
  sim = await start_bybit(speed=100)
  topics = ["publicTrade.BTCUSDT", "kline.1.BTCUSDT", "allLiquidation.BTCUSDT"]
  async with sim.connect(LINEAR) as ws:
    await ws.send(request("subscribe", *topics))
    seen = {}
    with trio.fail_after(60):
      while len(seen) < 3:
        [message] = await data(ws, 1)
        seen[message["topic"]] = message["data"][0]
  assert seen[topics[0]].keys() >= {"T", "s", "S", "v", "p", "i", "seq"}
  assert seen[topics[1]]["end"] - seen[topics[1]]["start"] == 59_999
  assert seen[topics[2]]["S"] in ("Buy", "Sell")


async def test_unsubscribing_ends_a_topic_and_nothing_else(start_bybit):
  sim = await start_bybit()
  async with sim.connect(SPOT) as ws:
    await ws.send(request("subscribe", "orderbook.1.BTCUSDT", "orderbook.1.ETHUSDT"))
    await data(ws, 4)
    await ws.send(request("unsubscribe", "orderbook.1.BTCUSDT", req_id="u"))
    with trio.fail_after(60):
      while json.loads(await ws.recv()).get("op") != "unsubscribe":
        pass
    assert {message["topic"] for message in await data(ws, 10)} == {"orderbook.1.ETHUSDT"}


async def test_a_books_numbers_go_on_while_nobody_reads_it(start_bybit):
  sim = await start_bybit(speed=5)
  topic = "orderbook.50.BTCUSDT"
  async with sim.connect(SPOT) as ws:
    await ws.send(request("subscribe", topic))
    last = (await data(ws, 10))[-1]["data"]["u"]
    await ws.send(request("unsubscribe", topic))
    # Where nobody reads it for a second, it is not kept up any more.
    await trio.sleep(1.5)
    await ws.send(request("subscribe", topic))
    with trio.fail_after(60):
      while (again := (await data(ws, 1))[0])["type"] != "snapshot":
        last = again["data"]["u"]
    assert again["data"]["u"] >= last


async def test_a_ping_is_answered_with_its_id(start_bybit):
  sim = await start_bybit()
  async with sim.connect(LINEAR) as ws:
    await ws.send(json.dumps({"op": "ping", "req_id": "7"}))
    answer = json.loads(await ws.recv())
  assert (answer["success"], answer["ret_msg"], answer["req_id"]) == (True, "pong", "7")


async def test_more_than_ten_topics_in_a_request_are_refused_on_spot_only(start_bybit):
  sim = await start_bybit()
  topics = [
    f"orderbook.{levels}.{base}USDT" for levels in (1, 50, 200) for base in ("BTC", "ETH", "SOL")
  ]
  topics += ["tickers.BTCUSDT", "tickers.ETHUSDT"]
  answers = {}
  for path in (SPOT, LINEAR):
    async with sim.connect(path) as ws:
      await ws.send(request("subscribe", *topics))
      answers[path] = json.loads(await ws.recv())["success"]
  assert answers == {SPOT: False, LINEAR: True}
  assert (await sim.stats())["violations"] == {"topics a request": 1}


async def test_more_than_21000_characters_of_topics_are_refused_and_counted(start_bybit):
  sim = await start_bybit()
  async with sim.connect(LINEAR) as ws:
    await ws.send(request("subscribe", *(f"orderbook.50.{number:016d}" for number in range(800))))
    assert json.loads(await ws.recv())["success"] is False
  assert (await sim.stats())["violations"] == {"characters of topics": 1}


async def test_a_skipped_update_leaves_a_hole_and_is_accounted_for(start_bybit):
  sim = await start_bybit(speed=5)
  async with sim.connect(LINEAR) as ws:
    await ws.send(request("subscribe", "orderbook.50.ETHUSDT"))
    steps, last = [], (await data(ws, 2))[-1]["data"]["u"]
    await sim.fault("gap:1/orderbook")
    with trio.fail_after(60):
      while steps[-4:-3] != [2]:
        number = (await data(ws, 1))[0]["data"]["u"]
        steps.append(number - last)
        last = number
  assert set(steps[:-4]) <= {1}
  assert steps[-3:] == [1, 1, 1]
  [fault] = await sim.faults()
  assert (fault["state"], fault["frames"]) == ("done", 1)


async def test_a_best_price_that_stays_is_told_again_with_its_number_every_three_seconds():
  config = BybitConfig(seed=1, speed=1e-9, symbols=["BTCUSDT"])
  generator = BybitGenerator(config, VenueClock(1_700_000_000_000))
  published = []
  generator.markets.fanout.publish = lambda name, message: published.append(json.loads(message))
  [first] = map(json.loads, generator.find("linear", "orderbook.1.BTCUSDT").first())
  market = generator.markets.market("linear BTCUSDT")
  market.advance(market.trading.now + 7_000)
  assert [message["type"] for message in published] == ["snapshot"] * 2
  assert [message["data"] for message in published] == [first["data"]] * 2


RECORDED = """\
wss://stream.bybit.com/v5/public/spot <-> 1.0
1.1: {"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1,"data":[{"i":"spot"}]}
wss://stream.bybit.com/v5/public/linear <-> 1.1
1.2: {"success":true,"op":"subscribe"}
1.2: {"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1,"data":[{"i":"linear"}]}
1.3: {"topic":"orderbook.50.BTCUSDT","type":"snapshot","ts":1,"data":{"s":"BTCUSDT",\
"b":[["9","1"],["8","1"]],"a":[["10","1"]],"u":1,"seq":1}}
1.4: {"topic":"orderbook.50.BTCUSDT","type":"delta","ts":2,"data":{"s":"BTCUSDT",\
"b":[["9","0"],["8.5","2"]],"a":[["10","3"]],"u":2,"seq":2}}
1.5: {"topic":"tickers.BTCUSDT","type":"snapshot","ts":1,"data":{"lastPrice":"9","markPrice":"9"}}
1.6: {"topic":"tickers.BTCUSDT","type":"delta","ts":2,"data":{"lastPrice":"10"}}
"""
TOPICS = "publicTrade.BTCUSDT", "orderbook.50.BTCUSDT", "tickers.BTCUSDT"


async def test_a_recording_plays_by_category_and_a_later_reader_begins_with_what_is(
  start_bybit, tmp_path
):
  path = tmp_path / "bybit.0"
  path.write_text(RECORDED)
  sim = await start_bybit(capture=[str(path)], speed=0, settle=0.05)
  async with sim.connect(LINEAR) as ws:
    await ws.send(request("subscribe", *TOPICS))
    played = await data(ws, 5)
  lines = [line.partition(": ")[2] for line in RECORDED.splitlines() if ': {"topic"' in line]
  assert played == [json.loads(line) for line in lines[1:]]
  await sim.finished()
  async with sim.connect(LINEAR) as ws:
    await ws.send(request("subscribe", *TOPICS))
    book, ticker = await data(ws, 2)
  assert (book["type"], book["data"]["u"]) == ("snapshot", 2)
  assert book["data"]["b"] == [["8.5", "2"], ["8", "1"]]
  assert book["data"]["a"] == [["10", "3"]]
  assert (ticker["type"], ticker["data"]) == ("snapshot", {"lastPrice": "10", "markPrice": "9"})
  missing = (await sim.get("/v5/market/instruments-info?category=linear")).json()
  assert (missing["retCode"], "holds no answer" in missing["retMsg"]) == (10001, True)


async def test_a_recording_without_the_category_of_its_frames_is_a_clear_sentence(tmp_path):
  path = tmp_path / "bybit.0"
  path.write_text(RECORDED.splitlines()[1] + "\n")
  with pytest.raises(SimulatorError, match="which says the category"):
    await serve_bybit(BybitConfig(port=0, capture=[str(path)]))
