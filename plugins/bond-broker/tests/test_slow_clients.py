"""Clients that read slowly or not at all: they harm no other client, and lose nothing
undeclared."""

import gc
import resource
import time
from contextlib import AsyncExitStack

import pytest
import trio
import trio.lowlevel
from bond_broker.delivery.delivery import State
from readers import connected, serving

from bond_core import OrderBook, Ticker, Trade
from bond_core._logs.durable import DurableLog
from bond_core._logs.memory import EVENT_BYTES
from bond_core.logs import MemoryLog

SMALL = 4096


@pytest.fixture(autouse=True)
def _short_memory(monkeypatch):
  """Groups that remember little, so that a few thousand events leave a slow client far behind."""
  monkeypatch.setattr("bond_broker.delivery.groups.REMEMBERED_BYTES", 256 * 1024)
  monkeypatch.setattr("bond_broker.delivery.groups.REMEMBERED_AT_LEAST", 64 * 1024)


def trades(first, count, symbols=1):
  return [
    Trade(
      exchange="x",
      symbol=f"S{n % symbols}/USDT",
      market_type="spot",
      price=float(n),
      size=1.0,
      ts_event=time.time_ns() // 1_000_000,
      ts_internal=time.monotonic_ns(),
    )
    for n in range(first, first + count)
  ]


def small_log(events=3000):
  return DurableLog(MemoryLog("market", stamps=True, max_bytes=events * EVENT_BYTES), None)


async def publish(log, rate, total, batch=20):
  started, first = trio.current_time(), log.head + 1
  for n in range(0, total, batch):
    log.ring.append(trades(first + n, min(batch, total - n)))
    await trio.sleep_until(started + (n + batch) / rate)


def account(messages):
  """The numbers that came, and those that were declared lost."""
  got = [m["seq_internal"] for m in messages if m["type"] == "trade"]
  lost = [
    number
    for m in messages
    if m["type"] == "gap"
    for number in range(m["from_seq"], m["to_seq"] + 1)
  ]
  return got, lost


async def load(fast, slow, rate, total):
  """Fast and slow clients under one load; the fast ones' loss and 99th percentile (ms)."""
  log = small_log()
  latencies, counts = [], []
  async with serving(log) as broker, AsyncExitStack() as stack, trio.open_nursery() as nursery:
    for index in range(slow):
      reader = await stack.enter_async_context(connected(broker, receive_buffer=SMALL))
      await reader.subscribe()
      if index % 2:
        nursery.start_soon(_sip, reader)
    done = trio.Event()

    async def drink(reader):
      count = 0
      while count < total:
        now = time.monotonic_ns()
        for message in await reader.read():
          if message["type"] == "trade":
            count += 1
            if count % 7 == 0:
              latencies.append((now - message["ts_internal"]) / 1e6)
        reader.messages.clear()
      counts.append(count)
      if len(counts) == fast:
        done.set()

    for _ in range(fast):
      reader = await stack.enter_async_context(connected(broker))
      await reader.subscribe()
      nursery.start_soon(drink, reader)
    await publish(log, rate, total)
    with trio.fail_after(20):
      await done.wait()
    behind = sum(session.delivery.state is State.BEHIND for session in broker.sessions)
    nursery.cancel_scope.cancel()
  latencies.sort()
  return counts, latencies[int(len(latencies) * 0.99)], behind


async def _sip(reader):
  while True:
    await reader.stream.receive_some(200)
    await trio.sleep(0.05)


async def test_slow_clients_neither_cost_nor_delay_fast_ones():
  counts, alone, _ = await load(fast=5, slow=0, rate=2000, total=4000)
  assert counts == [4000] * 5
  counts, among, behind = await load(fast=5, slow=10, rate=2000, total=4000)
  assert counts == [4000] * 5
  assert behind >= 5
  # tests/benchmarks/r1_slow.py compares strictly, with clients in processes of their own.
  assert among < max(10 * alone, 100)


async def test_memory_is_bounded_by_the_ring_and_not_by_clients():
  log = small_log()
  async with serving(log) as broker, AsyncExitStack() as stack:
    for _ in range(40):
      reader = await stack.enter_async_context(connected(broker, receive_buffer=SMALL))
      await reader.subscribe()
    await publish(log, 20_000, 20_000, batch=200)
    await trio.sleep(0.2)
    held = [session.delivery.unsent_bytes for session in broker.sessions]
    assert len(held) == 40
    # What one step weighs is all that a client can hold, and it shares that with the others.
    assert max(held) < 256 * 1024
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    await publish(log, 20_000, 20_000, batch=200)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 8 * 1024


@pytest.mark.parametrize("policy", ["auto", "conflate"])
async def test_what_came_and_what_was_declared_is_what_was_published(policy):
  log = small_log()
  total = 30_000
  async with serving(log) as broker, connected(broker, receive_buffer=SMALL) as reader:
    await reader.subscribe(policy=policy)
    await publish(log, 60_000, total, batch=200)
    got, lost = [], []
    with trio.fail_after(20):
      while max([0, *got, *lost]) < total:
        await reader.read()
        got, lost = account(reader.messages)
    assert len(got) == len(set(got))
    assert not set(got) & set(lost)
    assert sorted([*got, *lost]) == list(range(1, total + 1))
    assert lost, "the load was too small to lose anything"
    (session,) = broker.sessions
    assert session.delivery.lost == len(lost)


@pytest.mark.slow
async def test_the_account_is_exact_over_10_million_deliveries():
  log = small_log(20_000)
  total, clients = 100_000, 100
  async with serving(log) as broker, AsyncExitStack() as stack, trio.open_nursery() as nursery:
    accounts = []

    async def drink(reader, pause):
      messages = []
      while True:
        new = await reader.read()
        messages += [m for m in new if m["type"] in ("trade", "gap")]
        reader.messages.clear()
        if messages and (messages[-1].get("seq_internal") or 0) >= total:
          break
        if pause and len(messages) % pause == 0:
          await trio.sleep(0.2)
      accounts.append(account(messages))

    for index in range(clients):
      buffer = SMALL if index % 3 == 0 else None
      reader = await stack.enter_async_context(connected(broker, receive_buffer=buffer))
      await reader.subscribe()
      nursery.start_soon(drink, reader, 3 if index % 3 == 0 else 0)
    await publish(log, 3000, total, batch=50)
    with trio.fail_after(300):
      while len(accounts) < clients:
        await trio.sleep(0.1)
  for got, lost in accounts:
    assert sorted([*got, *lost]) == list(range(1, total + 1))


async def test_a_lossless_client_is_closed_and_comes_back_for_the_rest():
  log = small_log(2000)
  async with serving(log) as broker:
    async with connected(broker, receive_buffer=SMALL) as reader:
      await reader.subscribe(policy="lossless")
      await publish(log, 60_000, 20_000, batch=200)
      closed = await reader.to_the_end()
      assert (closed.code, closed.reason.split(":")[0]) == (4008, "too slow")
      got, lost = account(reader.messages)
      assert lost == []
      assert got == list(range(1, len(got) + 1))
    async with connected(broker) as reader:
      ack = await reader.subscribe(policy="lossless", **{"from": f"{log.epoch}:{got[-1]}"})
      # The ring of this test is smaller than what was missed, and that is said.
      assert ack["recovered"] is False


async def test_after_conflation_the_last_state_of_every_instrument_is_right():
  log = small_log(20_000)
  async with serving(log) as broker, connected(broker, receive_buffer=SMALL) as reader:
    await reader.subscribe(["ticker"])
    for n in range(1, 15_001):
      log.ring.append(
        [
          Ticker(
            exchange="x",
            symbol=f"S{n % 50}/USDT",
            bid=float(n) if n % 3 else None,
            last=None if n % 3 else float(n),
          )
        ]
      )
      if n % 100 == 0:
        await trio.lowlevel.checkpoint()
    expected = {}
    for n in range(1, 15_001):
      expected.setdefault(f"S{n % 50}/USDT", {})["bid" if n % 3 else "last"] = float(n)
    state = {}
    with trio.fail_after(10):
      while (
        not all(session.delivery.state is State.LIVE for session in broker.sessions)
        or state != expected
      ):
        for message in await reader.read():
          if message["type"] == "ticker":
            fields = {k: message[k] for k in ("bid", "last") if message[k] is not None}
            state.setdefault(message["symbol"], {}).update(fields)
    (session,) = broker.sessions
    assert session.delivery.conflated > 0
    assert state == expected
    assert not [m for m in reader.messages if m["type"] == "gap"]


async def test_a_client_that_takes_nothing_is_closed_in_the_end():
  log = small_log()
  async with (
    serving(log, stalled_after=0.3) as broker,
    connected(broker, receive_buffer=SMALL) as reader,
  ):
    await reader.subscribe()
    await publish(log, 60_000, 20_000, batch=200)
    with trio.fail_after(5):
      while broker.sessions:
        await trio.sleep(0.05)
    closed = await reader.to_the_end()
    assert closed.code in (4008, 1006)


@pytest.mark.parametrize("books", [False, True], ids=["trades", "books"])
async def test_what_stalled_clients_hold_together_is_bounded(books):
  log = small_log(200_000)
  most = 3_000_000 if books else 1_000_000
  async with serving(log, max_unread=most) as broker, AsyncExitStack() as stack:
    if books:
      levels = [(1000.0 - n, 1.0) for n in range(5_000)]
      book = {"exchange": "x", "symbol": "S0/USDT", "market_type": "spot", "sequence": 0}
      log.ring.append([OrderBook(**book, bids=levels, asks=[], is_reset=True)])
    await publish(log, 200_000, 50_000, batch=1000)

    async def replaying():
      reader = await stack.enter_async_context(connected(broker, receive_buffer=SMALL))
      channels = ["orderbook", "trades"] if books else ["trades"]
      ack = await reader.subscribe(channels, **{"from": "now-1m"})
      assert ack["type"] == "system"
      return reader

    moving, stalled = await replaying(), [await replaying() for _ in range(40)]
    live = False
    with trio.fail_after(30):
      while (held := sum(s.delivery.held(set()) for s in broker.sessions)) > most:
        if live:
          await trio.sleep(0.1)
        else:
          live = any(message["type"] == "live" for message in await moving.read())
    # What is left has room, and who reads has all of it.
    assert most / 3 < held <= most
    if not live:
      await moving.until(lambda message: message["type"] == "live", within=30)
    # The first has stalled longest.
    assert (await stalled[0].to_the_end()).code in (4008, 1006)
    # Those who have room stay: it comes to rest before all are gone.
    closed = -1
    with trio.fail_after(60):
      while closed != broker.refused["unread"]:
        closed = broker.refused["unread"]
        await trio.sleep(1.2)
    assert 40 - most // 64_000 <= closed < 40


def delta(sequence, bids, asks):
  return OrderBook(
    exchange="x",
    symbol="S0/USDT",
    market_type="spot",
    bids=bids,
    asks=asks,
    update_type="delta",
    sequence=sequence,
    prev_sequence=sequence - 1,
  )


async def test_views_of_a_book_end_with_its_state_after_a_stall():
  log = small_log(50_000)
  async with serving(log) as broker, connected(broker, receive_buffer=SMALL) as reader:
    log.ring.append(
      [
        OrderBook(
          exchange="x",
          symbol="S0/USDT",
          market_type="spot",
          bids=[(1.0, 1.0)],
          asks=[(2.0, 1.0)],
          sequence=0,
          is_reset=True,
        )
      ]
    )
    await reader.subscribe(["orderbook", "trades"], depth=1, speed_ms=1)
    for n in range(1, 10_001):
      log.ring.append([delta(n, [(1.0, float(n))], []), *trades(n, 1)])
      if n % 100 == 0:
        await trio.lowlevel.checkpoint()
    views = []
    with trio.fail_after(10):
      while not views or views[-1]["bids"] != [[1.0, 10_000.0]]:
        views += [m for m in await reader.read() if m["type"] == "orderbook"]
    sizes = [view["bids"][0][1] for view in views]
    assert sizes == sorted(set(sizes))
    assert len(sizes) < 9000
