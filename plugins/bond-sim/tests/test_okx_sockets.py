import json

import pytest
import trio
from bond_sim.okx.config import OkxConfig
from bond_sim.okx.generator import OkxGenerator
from bond_simkit import VenueClock
from websockets.exceptions import ConnectionClosed, InvalidStatus

PUBLIC, BUSINESS = "/ws/v5/public", "/ws/v5/business"


def request(operation, *args, **more):
  return json.dumps({"op": operation, "args": list(args), **more})


def channel(name, symbol):
  return {"channel": name, "instId": symbol}


async def receive(ws, found):
  """The first message for which `found` is true."""
  with trio.fail_after(60):
    while True:
      text = await ws.recv()
      if text != "pong" and found(message := json.loads(text)):
        return message


async def data(ws, count):
  """The next `count` messages with data."""
  return [await receive(ws, lambda message: "data" in message) for _ in range(count)]


async def test_a_subscription_is_confirmed_with_its_id_before_its_data(start_okx):
  sim = await start_okx()
  async with sim.connect(PUBLIC) as ws:
    await ws.send(request("subscribe", channel("books", "BTC-USDT"), id="a1"))
    answer, first = json.loads(await ws.recv()), json.loads(await ws.recv())
  assert answer["event"] == "subscribe"
  assert answer["id"] == "a1"
  assert answer["arg"] == channel("books", "BTC-USDT") == first["arg"]
  assert first["action"] == "snapshot"


async def test_books_chain_from_the_snapshot_on_and_never_cross(start_okx):
  sim = await start_okx(speed=5)
  sides = {"bids": {}, "asks": {}}
  async with sim.connect(PUBLIC) as ws:
    await ws.send(request("subscribe", channel("books", "BTC-USDT-SWAP")))
    messages = await data(ws, 8)
  last = -1
  for message in messages:
    [update] = message["data"]
    assert update["prevSeqId"] == last
    assert update["checksum"] == 0
    last = update["seqId"]
    for name, side in sides.items():
      for price, size, _, orders in update[name]:
        assert (size == "0") == (orders == "0")
        if size == "0":
          del side[float(price)]
        else:
          side[float(price)] = size
    assert max(sides["bids"]) < min(sides["asks"])
    assert len(sides["bids"]) == len(sides["asks"]) == 400
  assert [message["action"] for message in messages] == ["snapshot"] + ["update"] * 7


async def test_trades_of_one_message_are_counted_so_that_their_ids_are_contiguous(start_okx):
  sim = await start_okx(speed=20)
  async with sim.connect(PUBLIC) as ws:
    await ws.send(request("subscribe", channel("trades", "BTC-USDT")))
    trades = [message["data"][0] for message in await data(ws, 60)]
  assert any(int(trade["count"]) > 1 for trade in trades)
  for before, trade in zip(trades, trades[1:], strict=False):
    assert int(trade["tradeId"]) - int(trade["count"]) == int(before["tradeId"])


async def test_each_kind_of_channel_is_served_on_its_path_only(start_okx):
  sim = await start_okx(speed=10)
  swap = "BTC-USD-SWAP"
  public = ["trades", "books", "bbo-tbt", "tickers", "open-interest", "mark-price", "funding-rate"]
  async with sim.connect(PUBLIC) as ws:
    await ws.send(request("subscribe", *(channel(name, swap) for name in public)))
    seen = set()
    with trio.fail_after(60):
      while seen != set(public):
        message = json.loads(await ws.recv())
        if "data" in message:
          assert message["data"][0].get("instId", swap) == swap
          seen.add(message["arg"]["channel"])
    await ws.send(request("subscribe", channel("candle1m", swap), id="c"))
    refused = await receive(ws, lambda message: message.get("event") == "error")
    assert (refused["code"], refused["id"]) == ("60018", "c")
  async with sim.connect(BUSINESS) as ws:
    await ws.send(request("subscribe", channel("candle1m", swap)))
    [candle] = await data(ws, 1)
    assert candle["arg"] == channel("candle1m", swap)
    assert len(candle["data"][0]) == 9
    assert candle["data"][0][8] == "0"
    await ws.send(request("subscribe", channel("trades", swap)))
    refused = await receive(ws, lambda message: message.get("event") == "error")
    assert refused["code"] == "60018"


async def test_liquidations_of_all_swaps_come_by_their_type(start_okx):
  sim = await start_okx(speed=100)
  arg = {"channel": "liquidation-orders", "instType": "SWAP"}
  async with sim.connect(PUBLIC) as ws:
    await ws.send(request("subscribe", arg))
    symbols = set()
    with trio.fail_after(60):
      while len(symbols) < 2:
        [message] = await data(ws, 1)
        assert message["arg"] == arg
        [order] = message["data"]
        assert order["instType"] == "SWAP"
        symbols.add(order["instId"])


async def test_unsubscribing_ends_a_channel_and_nothing_else(start_okx):
  sim = await start_okx()
  async with sim.connect(PUBLIC) as ws:
    both = channel("bbo-tbt", "BTC-USDT"), channel("bbo-tbt", "ETH-USDT")
    await ws.send(request("subscribe", *both))
    await data(ws, 4)
    await ws.send(request("unsubscribe", both[0]))
    await receive(ws, lambda message: message.get("event") == "unsubscribe")
    assert {message["arg"]["instId"] for message in await data(ws, 10)} == {"ETH-USDT"}


async def test_ping_is_a_text_and_nonsense_is_answered_60012(start_okx):
  sim = await start_okx()
  async with sim.connect(PUBLIC) as ws:
    await ws.send("ping")
    assert await ws.recv() == "pong"
    for nonsense in ("{", '{"op":"watch","args":[]}', '{"op":"subscribe","args":["x"]}'):
      await ws.send(nonsense)
      assert json.loads(await ws.recv())["code"] == "60012"


async def test_a_fourth_connection_in_a_second_is_refused_and_counted(start_okx):
  sim = await start_okx()
  for _ in range(3):
    stream = await trio.open_tcp_stream(sim.host, sim.port)
    # No key: the attempt counts, the handshake fails.
    await stream.send_all(
      f"GET {PUBLIC} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n".encode()
    )
    assert (await stream.receive_some()).startswith(b"HTTP/1.1 426")
    await stream.aclose()
  with pytest.raises(InvalidStatus) as refused:
    async with sim.connect(PUBLIC):
      pass
  assert refused.value.response.status_code == 429
  assert (await sim.stats())["violations"] == {"connects a second": 1}


async def test_the_481st_request_of_an_hour_is_refused_and_counted(start_okx):
  sim = await start_okx()
  async with sim.connect(PUBLIC) as ws:
    for _ in range(481):
      await ws.send(request("unsubscribe", channel("trades", "BTC-USDT")))
    events = [json.loads(await ws.recv())["event"] for _ in range(481)]
  assert events == ["unsubscribe"] * 480 + ["error"]
  assert (await sim.stats())["violations"] == {"requests an hour": 1}


async def test_channels_of_more_than_64_kb_are_refused_whole_and_counted(start_okx):
  sim = await start_okx()
  async with sim.connect(PUBLIC) as ws:
    await ws.send(request("subscribe", *[channel("trades", "BTC-USDT")] * 1600))
    assert json.loads(await ws.recv())["code"] == "60012"
  stats = await sim.stats()
  assert stats["violations"] == {"bytes of channels": 1}
  assert stats["awake"] == []


async def test_before_a_connection_is_closed_for_an_upgrade_there_is_a_notice(start_okx):
  sim = await start_okx()
  async with sim.connect(PUBLIC) as ws:
    await ws.send("ping")
    assert await ws.recv() == "pong"
    await sim.fault("close-24h:200ms")
    notice = json.loads(await ws.recv())
    assert (notice["event"], notice["code"]) == ("notice", "64008")
    with trio.fail_after(5), pytest.raises(ConnectionClosed):
      await ws.recv()


async def test_a_skipped_update_is_seen_in_the_chain_and_accounted_for(start_okx):
  sim = await start_okx(speed=5)
  async with sim.connect(PUBLIC) as ws:
    await ws.send(request("subscribe", channel("books", "BTC-USDT")))
    last, broken, after = (await data(ws, 2))[-1]["data"][0]["seqId"], 0, 0
    await sim.fault("gap:1/books")
    with trio.fail_after(60):
      while after < 3:
        [message] = await data(ws, 1)
        [update] = message["data"]
        broken += update["prevSeqId"] != last
        after += broken
        last = update["seqId"]
  assert broken == 1
  [fault] = await sim.faults()
  assert (fault["state"], fault["frames"]) == ("done", 1)


async def test_the_list_is_pushed_in_full_and_then_what_changes_before_it_counts(start_okx):
  sim = await start_okx(speed=5)
  instruments = {"channel": "instruments", "instType": "SWAP"}
  async with sim.connect(PUBLIC) as ws:
    await ws.send(request("subscribe", {**instruments, "instType": "NONE"}))
    assert json.loads(await ws.recv())["code"] == "60018"
    await ws.send(request("subscribe", instruments))
    [listed] = await data(ws, 1)
    answer = await sim.get("/api/v5/public/instruments?instType=SWAP")
    assert listed == {"arg": instruments, "data": answer.json()["data"]}
    await ws.send(request("subscribe", channel("trades", "BTC-USDT-SWAP")))
    await data(ws, 1)
    await sim.fault("resize/BTC-USDT")
    messages = await data(ws, 1)
    while messages[-1]["arg"]["channel"] == "trades" and len(messages) < 100:
      messages += await data(ws, 1)
  assert messages[-1]["arg"] == instruments
  assert [(row["instId"], row["ctVal"]) for row in messages[-1]["data"]] == [
    ("BTC-USDT-SWAP", "0.10")
  ]


async def test_all_trades_come_one_by_one_on_business(start_okx):
  sim = await start_okx(speed=20)
  async with sim.connect(BUSINESS) as ws:
    await ws.send(request("subscribe", channel("trades-all", "BTC-USDT")))
    trades = [message["data"][0] for message in await data(ws, 40)]
  ids = [int(trade["tradeId"]) for trade in trades]
  assert ids == list(range(ids[0], ids[0] + 40))
  assert not any("count" in trade for trade in trades)


async def test_books5_is_five_levels_whole_each_time(start_okx):
  sim = await start_okx()
  async with sim.connect(PUBLIC) as ws:
    await ws.send(request("subscribe", channel("books5", "BTC-USDT")))
    messages = await data(ws, 3)
  assert all("action" not in message for message in messages)
  for message in messages:
    [book] = message["data"]
    assert (len(book["bids"]), len(book["asks"]), book["instId"]) == (5, 5, "BTC-USDT")


async def test_a_book_in_which_nothing_changes_is_published_again_after_a_minute():
  config = OkxConfig(seed=1, speed=1e-9, symbols=["BTC-USDT"])
  generator = OkxGenerator(config, VenueClock(1_700_000_000_000))
  markets = generator.markets
  published = []
  markets.fanout.publish = lambda name, message: published.append(json.loads(message)["data"][0])
  first = json.loads(
    markets.open("BTC-USDT", generator.topic("public", "books", "BTC-USDT"), "books BTC-USDT")
  )
  number = first["data"][0]["seqId"]
  market = markets.market("BTC-USDT")
  market.advance(market.trading.now + 130_000)
  assert [(update["prevSeqId"], update["seqId"]) for update in published] == [(number, number)] * 2
  assert [(update["asks"], update["bids"]) for update in published] == [([], [])] * 2
