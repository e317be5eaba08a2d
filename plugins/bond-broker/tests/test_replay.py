"""Replay, the boundary to live, and exact resume, on real sockets."""

import random

import pytest
import trio
from readers import Closed, connected, serving

from bond_core import Trade

SYMBOLS = ("BTC/USDT", "ETH/USDT")


def trades(first, count):
  return [
    Trade(
      exchange="x", symbol=SYMBOLS[n % 2], market_type="spot", price=float(n), size=1.0, ts_event=n
    )
    for n in range(first, first + count)
  ]


async def publish(log, rate, total, batch=25):
  """Appends trades whose price is their number, at a rate."""
  started, n = trio.current_time(), log.head + 1
  last = log.head + total
  while n <= last:
    log.ring.append(trades(n, min(batch, last + 1 - n)))
    n += batch
    await trio.sleep_until(started + (n - 1) / rate)


def seqs(messages):
  return [message["seq_internal"] for message in messages if message["type"] == "trade"]


async def resume_everywhere(total, points):
  """Comes back after random numbers and reads on; each time the union equals the original."""
  rng = random.Random(7)
  async with serving() as broker:
    log = broker.log
    for first in range(1, total + 1, 50):
      log.ring.append(trades(first, 50))
    for _ in range(points):
      after = rng.randrange(0, total + 1)
      async with connected(broker) as reader:
        ack = await reader.subscribe(**{"from": f"{log.epoch}:{after}"})
        assert ack["recovered"] is True
        assert ack["seq"] == after
        got = []
        if after < total:
          live = await reader.until(lambda m: m["type"] == "live")
          got = seqs(reader.before)
          assert live["seq"] == total
        assert got == list(range(after + 1, total + 1))


async def test_a_client_that_comes_back_receives_exactly_the_rest():
  await resume_everywhere(total=1500, points=40)


@pytest.mark.slow
async def test_a_client_that_comes_back_at_any_of_10_000_points_receives_exactly_the_rest():
  await resume_everywhere(total=2000, points=10_000)


@pytest.mark.parametrize("form", ["time", "number"])
async def test_replay_passes_into_live_with_one_boundary_and_no_loss(form):
  async with serving() as broker, trio.open_nursery() as nursery:
    log = broker.log
    total = 6000
    nursery.start_soon(publish, log, 5000, total)
    while log.head < 1500:
      await trio.sleep(0.01)
    async with connected(broker) as reader:
      since = "now-1h" if form == "time" else f"{log.epoch}:0"
      ack = await reader.subscribe(**{"from": since}, id="r")
      assert ack["recovered"] is (None if form == "time" else True)
      while not reader.messages or seqs(reader.messages)[-1:] != [total]:
        with trio.fail_after(60):
          await reader.read()
      kinds = [m["type"] for m in reader.messages]
      assert kinds.count("live") == 1
      assert seqs(reader.messages) == list(range(1, total + 1))
      at = kinds.index("live")
      live = reader.messages[at]
      assert live["id"] == "r"
      assert max(seqs(reader.messages[:at])) == live["seq"]
      assert min(seqs(reader.messages[at:])) == live["seq"] + 1


async def test_where_there_is_nothing_to_replay_live_follows_at_once():
  async with serving() as broker:
    log = broker.log
    log.ring.append(trades(1, 50))
    async with connected(broker) as reader:
      ack = await reader.subscribe(**{"from": f"{log.epoch}:50"}, id="r")
      assert ack["recovered"] is True
      live = await reader.until(lambda m: m["type"] == "live")
      assert (live["id"], live["seq"]) == ("r", 50)
      await reader.subscribe(symbols=["ETH/USDT"])
      log.ring.append(trades(51, 1))
      await reader.until(lambda m: m["type"] == "trade")
      assert not any(m["type"] == "live" for m in reader.before)


async def test_one_subscription_replays_while_another_is_live():
  async with serving() as broker, trio.open_nursery() as nursery:
    log = broker.log
    total = 5000
    nursery.start_soon(publish, log, 5000, total)
    while log.head < 1000:
      await trio.sleep(0.01)
    async with connected(broker) as reader:
      first = await reader.subscribe(symbols=["BTC/USDT"], id="live")
      await reader.take("trade", 100)
      second = await reader.subscribe(symbols=["ETH/USDT"], id="old", **{"from": f"{log.epoch}:0"})
      got = {symbol: [] for symbol in SYMBOLS}
      # Even numbers are BTC's, so the last trade is one.
      while got["BTC/USDT"][-1:] != [total]:
        for message in reader.messages:
          if message["type"] == "trade":
            got[message["symbol"]].append(message["seq_internal"])
        reader.messages.clear()
        if got["BTC/USDT"][-1:] != [total]:
          with trio.fail_after(60):
            await reader.read()
      assert first["recovered"] is None
      assert second["recovered"] is True
      assert got["ETH/USDT"] == list(range(1, total + 1, 2))
      btc = got["BTC/USDT"]
      assert btc == list(range(btc[0], btc[-1] + 1, 2))


async def test_another_epoch_or_a_number_that_is_gone_is_not_recovered():
  async with serving() as broker:
    broker.log.ring.append(trades(1, 10))
    async with connected(broker) as reader:
      ack = await reader.subscribe(**{"from": "feedbeef:5"})
      assert ack["recovered"] is False
      assert seqs(await reader.take("trade", 10)) == list(range(1, 11))
    async with connected(broker) as reader:
      ack = await reader.subscribe(**{"from": f"{broker.log.epoch}:99"})
      assert ack["recovered"] is False


async def test_a_connection_ends_with_the_epoch_that_its_numbers_are_of():
  async with serving() as broker:
    log = broker.log
    log.ring.append(trades(1, 10))
    async with connected(broker) as reader:
      ack = await reader.subscribe()
      log.ring.epoch = "another"
      closed = await reader.to_the_end()
      assert (closed.code, closed.reason) == (
        4001,
        "the log has begun again; come back with from",
      )
    async with connected(broker) as reader:
      again = await reader.subscribe(**{"from": f"{ack['epoch']}:{ack['seq']}"})
      assert (again["recovered"], again["epoch"]) == (False, "another")


async def test_a_time_before_the_log_begins_is_declared_with_a_gap():
  async with serving() as broker:
    broker.log.ring.append(trades(1, 10))
    async with connected(broker) as reader:
      ack = await reader.subscribe(**{"from": "now-1d"})
      assert ack["recovered"] is None
      gap = await reader.until(lambda m: m["type"] == "gap")
      assert gap["reason"] == "expired"
      assert gap["ts_to"] - gap["ts_from"] > 86_000_000
      assert seqs(await reader.take("trade", 10)) == list(range(1, 11))


async def test_what_comes_after_a_bad_place_is_an_error_that_shows_the_forms():
  async with serving() as broker, connected(broker) as reader:
    error = await reader.subscribe(**{"from": "yesterday"})
    assert error["name"] == "bad_from"
    assert "now-60s" in error["message"]
    assert (await reader.subscribe())["status"] == "subscribed"


async def test_raw_and_a_closed_broker():
  async with serving() as broker:
    broker.log.ring.append(trades(1, 10))
    async with connected(broker, "/raw?from=now-1h&symbol=ETH/USDT") as reader:
      assert seqs(await reader.take("trade", 5)) == [1, 3, 5, 7, 9]
      await broker.shut_down()
      with pytest.raises(Closed) as closed:
        while True:
          await reader.read()
      assert closed.value.code == 4001
      assert reader.messages[-1] == {"type": "shutdown", "retry_after_ms": 1000}


async def test_where_no_ack_is_sent_a_heartbeat_has_the_epoch_and_a_gap_tells_what_is_gone():
  async with serving() as broker:
    log = broker.log
    log.ring.append(trades(1, 50))
    async with connected(broker, f"/raw?from={log.epoch}:40") as reader:
      beat = await reader.until(lambda m: m["type"] == "heartbeat")
      assert beat["info"]["epoch"] == log.epoch
      await reader.until(lambda m: m["type"] == "trade" and m["seq_internal"] == 50)
      assert not any(m["type"] == "gap" for m in reader.before)
    async with connected(broker, "/raw?from=0123456789abcdef:40") as reader:
      gap = await reader.until(lambda m: m["type"] == "gap")
      assert (gap["reason"], gap["from_seq"], gap["missed"]) == ("expired", None, None)
      await reader.until(lambda m: m["type"] == "trade" and m["seq_internal"] == 1)
