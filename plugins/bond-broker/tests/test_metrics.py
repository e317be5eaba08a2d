"""What /metrics says, against what the clients themselves count. On real sockets."""

import json
import time

import msgspec
import pytest
import trio
import trio.lowlevel
from bond_broker.server.backing import Backing
from bond_server.access.access import OpenAccess
from prometheus_client.parser import text_string_to_metric_families
from readers import connected, serving

from bond_core import Gap, SystemClock, Trade
from bond_core._logs.durable import DurableLog
from bond_core.logs import MemoryLog


def trades(first, count, symbol="BTC/USDT"):
  now = time.time_ns() // 1_000_000
  return [
    Trade(
      exchange="x",
      symbol=symbol,
      market_type="spot",
      price=float(n),
      size=1.0,
      ts_event=now,
      ts_exchange=now - 40,
      ts_internal=time.monotonic_ns(),
    )
    for n in range(first, first + count)
  ]


async def scrape(broker, accept="application/json", path="/metrics"):
  stream = await trio.open_tcp_stream("127.0.0.1", broker.port)
  async with stream:
    await stream.send_all(
      f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: {accept}\r\n\r\n".encode()
    )
    data = b""
    async for part in stream:
      data += part
  head, _, body = data.partition(b"\r\n\r\n")
  assert head.startswith(b"HTTP/1.1 200 ")
  return body.decode()


async def figures(broker):
  return json.loads(await scrape(broker))


async def text_figures(broker):
  text = await scrape(broker, "text/plain; version=0.0.4")
  return {
    (sample.name, tuple(sorted(sample.labels.items()))): sample.value
    for family in text_string_to_metric_families(text)
    for sample in family.samples
  }


async def served_three_clients(broker, batches=20):
  """Publishes to two clients of everything and one of one symbol; how many trades each got."""
  async with connected(broker) as one, connected(broker) as two, connected(broker) as three:
    for reader, symbols in ((one, ["*"]), (two, ["*"]), (three, ["ETH/USDT"])):
      await reader.subscribe(symbols=symbols)
    for number in range(batches):
      broker.log.ring.append(trades(number * 10, 10) + trades(number, 1, "ETH/USDT"))
      await trio.lowlevel.checkpoint()
    await one.take("trade", batches * 11)
    await two.take("trade", batches * 11)
    await three.take("trade", batches)
    yield [batches * 11, batches * 11, batches]


async def test_the_counts_are_the_clients_own():
  async with serving() as broker:
    async for counts in served_three_clients(broker):
      found = await figures(broker)
      assert found["delivered"] == sum(counts)
      assert found["active_subscriptions"] == found["clients"] == 3
      assert found["groups"] == 2
      assert (found["lost"], found["conflated"], found["clients_behind"]) == (0, 0, 0)
      assert sorted(client["sent"] for client in found["slowest"]) == sorted(counts)
      assert {client["state"] for client in found["slowest"]} == {"live"}
      assert len({client["id"] for client in found["slowest"]}) == 3
      assert found["log"]["seq"] == broker.log.head == 220
      by_symbol = {stream["symbol"]: stream for stream in found["streams"]}
      assert by_symbol["BTC/USDT"]["events"] == 200
      assert by_symbol["ETH/USDT"]["events"] == 20
      assert by_symbol["ETH/USDT"]["age_ms"] < 5000
      # A sample a batch: 40 ms since the venue, as the events say, and less since they came in.
      assert found["latency_ms"]["venue"]["count"] == found["latency_ms"]["receive"]["count"] > 0
      assert found["latency_ms"]["venue"]["p50"] >= 50
      assert found["latency_ms"]["receive"]["p50"] <= 50
      assert found["skew_ms"] == {"x": 40}
    found = await figures(broker)
    assert found["clients"] == found["active_subscriptions"] == 0
    assert found["delivered"] == sum(counts)


async def test_a_clock_that_is_out_of_bounds_stands_in_heartbeats_and_health():
  async with serving(heartbeat=0.2) as broker, connected(broker) as reader:
    await reader.subscribe()
    for number, skew in ((0, 40), (1, 4_000), (2, -300_000)):
      exchange = f"x{number}"
      now = time.time_ns() // 1_000_000
      [event] = trades(number, 1)
      broker.log.ring.append(
        [msgspec.structs.replace(event, exchange=exchange, ts_event=now, ts_exchange=now - skew)]
      )
      await reader.take("trade", 1)
    beat = await reader.until(lambda m: m["type"] == "heartbeat" and "skew_ms" in m["info"])
    assert beat["info"]["skew_ms"] == {"x2": -300_000}
    assert json.loads(await scrape(broker, path="/health"))["skew_ms"] == {"x2": -300_000}


async def test_prometheus_has_the_same_figures():
  async with serving() as broker:
    async for counts in served_three_clients(broker):
      reported, plain = await text_figures(broker), await figures(broker)
      assert reported["bond_delivered_total", ()] == sum(counts) == plain["delivered"]
      for name in ("clients", "active_subscriptions", "groups", "clients_behind", "lag_max"):
        assert reported[f"bond_{name}", ()] == plain[name]
      for name in ("lost", "conflated", "reconnects"):
        assert reported[f"bond_{name}_total", ()] == plain[name]


async def test_gaps_and_refusals_are_counted_where_they_happen():
  async with serving(max_per_principal=1) as broker, connected(broker) as reader:
    await reader.subscribe()
    for number in range(3):
      gap = Gap(exchange="x", symbol="BTC/USDT", reason="upstream", cause="cut", channel="trades")
      broker.log.ring.append([gap, *trades(number, 1)])
    await reader.take("gap", 3)
    async with connected(broker) as second:
      await second.to_the_end()
    async with connected(broker, headers=["Origin: https://elsewhere.example"]) as foreign:
      assert " 403 " in foreign.head.decode()
    found = await figures(broker)
    assert found["gaps"] == [{"exchange": "x", "reason": "upstream", "count": 3}]
    assert found["refused"] == {"limit": 1, "origin": 1}


async def test_what_a_client_that_stalls_loses_is_counted_as_it_is_declared():
  log = DurableLog(MemoryLog("market", max_bytes=1 << 20, stamps=True), None)
  async with serving(log) as broker, connected(broker, receive_buffer=4096) as slow:
    await slow.subscribe(policy="auto")
    total = 40_000
    for first in range(1, total + 1, 500):
      broker.log.ring.append(trades(first, 500))
      await trio.sleep(0.001)
    async with connected(broker) as quick:
      await quick.subscribe()
      found = await figures(broker)
    assert found["clients_behind"] == 1
    behind, level = found["slowest"]
    assert behind["state"] == "behind"
    assert behind["lag"] == found["lag_max"] > 0 == level["lag"]
    assert behind["unsent_bytes"] > 0
    received = lost = 0
    with trio.fail_after(60):
      while received + lost < total:
        for message in await slow.read():
          received += message["type"] == "trade"
          if message["type"] == "gap":
            lost += message["missed"]
    found = await figures(broker)
    assert received + lost == total
    assert found["lost"] == lost > 0


@pytest.mark.parametrize("name", ["latency", "exchange_connected"])
async def test_prometheus_names_of_figures_with_labels(name):
  async with serving() as broker:
    async for _ in served_three_clients(broker, batches=2):
      text = await scrape(broker, "text/plain")
      assert f"# TYPE bond_{name}" in text


async def test_what_sources_report_of_themselves_is_passed_on():
  log = DurableLog(MemoryLog("market", stamps=True), None)
  reported = {"x": {"spent_usd": 0.15}}
  clock = SystemClock()
  backing = Backing(clock=clock, access=OpenAccess(clock), log=log, figures=lambda: reported)
  async with serving(log, backing=backing) as broker:
    assert (await figures(broker))["figures"] == reported
    by_label = await text_figures(broker)
    labels = (("exchange", "x"), ("figure", "spent_usd"))
    assert by_label["bond_source_figure", labels] == 0.15
