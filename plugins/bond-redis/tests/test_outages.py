"""A server that hangs, is gone, comes back, comes back empty or with an older state."""

import random

import coredis
import pytest
import trio
import trio.testing
from bond_redis import _open, config
from bond_redis.engine import open_engine
from redis_server import events, numbers, same

from bond_core import LogType, Size
from bond_core._logs.durable import open_log
from bond_core._logs.memory import EVENT_BYTES
from bond_core.logs import EngineError, Record

SPEC = LogType(
  name="redis.streams", summary="", config=config.Streams, open=_open, ring=config.Streams.ring
)


def kept(server, name="market", **settings):
  return open_log(SPEC, config.Streams(url=server.url, timeout=5.0, **settings), name)


def opened(server, name="market", **settings):
  return open_engine(
    config.Streams(url=server.url, timeout=settings.pop("timeout", 30.0), **settings), name
  )


async def all_of(log, first):
  found = []
  while records := await log.records(first):
    found += records
    first = records[-1].last + 1
  return found


async def publish(log, count, each=20):
  """Events at up to 10,000 a second, which keep the keeper busy."""
  for _ in range(0, count, each):
    log.ring.append(events(log.head + 1, each))
    await trio.sleep(0.002)


async def acknowledged(log, number):
  with trio.fail_after(20):
    while log.kept < number:
      await trio.sleep(0.01)


@pytest.mark.parametrize("how", ["hangs", "is gone"])
async def test_a_call_ends_in_time_when_the_server(start_server, how):
  server = start_server()
  message = r"did not answer within 0\.2 s|cannot be reached"
  async with opened(server) as engine:
    await engine.write([Record(1, 5, events(1))])
    server.pause() if how == "hangs" else server.kill()
    engine._link._timeout = 0.2
    for call in (
      lambda: engine.write([Record(2, 5, events(2))]),
      lambda: engine.read(1, 10),
      lambda: engine.find(0),
      engine.finish,
    ):
      with trio.fail_after(2), pytest.raises(EngineError, match=message):
        await call()
    with trio.fail_after(2), pytest.raises(EngineError, match=message):
      async with opened(server, timeout=0.2):
        raise AssertionError("it was opened")


async def test_what_a_hanging_server_takes_after_all_is_there_once(start_server):
  server = start_server()
  async with opened(server) as engine:
    await engine.write([Record(1, 5, events(1, 10))])
    for first in (11, 26):
      server.pause()
      engine._link._timeout = 0.3
      with pytest.raises(EngineError, match="did not answer"):
        await engine.write([Record(first, 5, events(first, 10))])
      server.go_on()
      engine._link._timeout = 30.0
      # The next try brings more: what came meanwhile.
      await engine.write([Record(first, 5, events(first, 15))])
      assert numbers(await engine.read(1, 50_000)) == same(range(1, first + 15))


async def test_a_hanging_server_gathers_nothing(start_server):
  server = start_server()
  async with opened(server) as engine, coredis.Redis(port=server.port) as client:
    await engine.write([Record(1, 5, events(1))])
    await client.ping()
    tasks = trio.lowlevel.current_statistics().tasks_living
    server.pause()
    engine._link._timeout = 0.2
    for _ in range(5):
      with pytest.raises(EngineError):
        await engine.write([Record(2, 5, events(2, 5000))])
    await trio.testing.wait_all_tasks_blocked()
    assert trio.lowlevel.current_statistics().tasks_living <= tasks
    server.go_on()
    engine._link._timeout = 30.0
    await engine.write([Record(2, 5, events(2, 5000))])
    assert engine.head == 5001
    with trio.fail_after(20):
      # Of all those connections there is one, and this one.
      while len(await client.client_list()) > 2:
        await trio.sleep(0.01)


async def test_many_that_give_up_waiting_leave_the_client_usable(server):
  async with opened(server, "stream:ab") as engine:
    await engine.write([Record(1, 5, events(1, 1000))])
    for _ in range(100):
      async with trio.open_nursery() as nursery:
        nursery.start_soon(engine.read, 1, 100)
        await trio.sleep(random.random() * 0.002)
        nursery.cancel_scope.cancel()
    assert numbers(await engine.read(990, 100)) == same(range(990, 1001))


async def test_with_aof_a_kill_under_load_loses_nothing_that_was_acknowledged(start_server, caplog):
  server = start_server("--appendonly", "yes", "--appendfsync", "always")
  async with kept(server, market_maxlen=50_000) as log, trio.open_nursery() as nursery:
    epoch = log.epoch
    nursery.start_soon(publish, log, 6000)
    for reached in (1500, 4000):
      await acknowledged(log, reached)
      server.kill()
      before = log.kept
      await trio.sleep(0.1)
      await trio.to_thread.run_sync(server.start)
      async with opened(server) as other:
        assert other.epoch == epoch
        assert other.head >= before
    await acknowledged(log, 6000)
    assert (log.epoch, log.lost, log.broken_at) == (epoch, 0, 1)
    async with opened(server) as other:
      assert numbers(await other.read(1, 50_000)) == same(range(1, 6001))


async def test_without_persistence_a_kill_under_load_begins_a_new_epoch(start_server, caplog):
  server = start_server()
  ring = Size(2800 * EVENT_BYTES)
  async with kept(server, size=ring) as log, trio.open_nursery() as nursery:
    epoch = log.epoch
    nursery.start_soon(publish, log, 5000)
    await acknowledged(log, 3000)
    server.kill()
    await trio.sleep(0.1)
    await trio.to_thread.run_sync(server.start)
    # Known or not yet, every call raises.
    assert not await log.continues(epoch, 1)
    await acknowledged(log, 5000)
    assert log.epoch != epoch
    async with opened(server) as other:
      assert other.epoch == log.epoch
      found = numbers(await other.read(1, 500_000))
    # What the ring still had was written again, under the numbers it had.
    assert found == same(range(found[0][0], 5001))
    assert 1 < found[0][0] < 3000
    assert numbers(await all_of(log, log.oldest))[-1] == (5000, 5000)
  assert f"market begins a new epoch with number {found[0][0]}" in caplog.text


@pytest.mark.parametrize("loss", ["everything", "the stream", "what is beside it"])
@pytest.mark.parametrize("found_by", ["write", "read", "find"])
async def test_a_loss_is_found_by_the_next_call(server, loss, found_by):
  keys = {"the stream": ["market"], "what is beside it": ["bond:{market}"]}
  async with opened(server) as engine, coredis.Redis(port=server.port) as client:
    await engine.write([Record(1, 5, events(1, 10))])
    epoch = engine.epoch
    await (client.flushall() if loss == "everything" else client.delete(keys[loss]))
    if loss == "the stream" and found_by != "write":
      # Its numbers mean the same events; they are only not there.
      assert await engine.read(1, 10) == []
      assert await engine.find(0) == 11
      return
    call = {
      "write": lambda: engine.write([Record(11, 5, events(11))]),
      "read": lambda: engine.read(1, 10),
      "find": lambda: engine.find(0),
    }[found_by]
    with pytest.raises(EngineError, match="a new epoch begins"):
      await call()
    assert engine.epoch != epoch
    assert (engine.head, engine.oldest) == (0, 1)
    begun = engine.epoch
    await engine.write([Record(5, 5, events(5, 7))])
    assert engine.epoch == begun
    assert numbers(await engine.read(1, 50_000)) == same(range(5, 12))
  async with opened(server) as engine:
    assert (engine.epoch, engine.head) == (begun, 11)


async def test_a_server_with_an_older_state_receives_again_what_it_had_acknowledged(
  start_server, caplog
):
  server = start_server("--save", "3600 1")
  async with kept(server) as log, coredis.Redis(port=server.port) as client:
    epoch = log.epoch
    log.ring.append(events(1, 100))
    await acknowledged(log, 100)
    assert await client.save()
    log.ring.append(events(101, 100))
    await acknowledged(log, 200)
    server.kill()
    await trio.to_thread.run_sync(server.start)
    async with opened(server) as other:
      assert other.head == 100
    log.ring.append(events(201))
    await acknowledged(log, 201)
    assert (log.epoch, log.lost) == (epoch, 0)
    async with opened(server) as other:
      assert numbers(await other.read(1, 50_000)) == same(range(1, 202))
      assert other.epoch == epoch
  assert "lost the events of market after 100, which it had taken" in caplog.text


async def test_what_an_outage_outlasts_in_memory_is_a_hole(start_server, caplog):
  server = start_server("--appendonly", "yes")
  async with kept(server, size=Size(500 * EVENT_BYTES)) as log:
    log.ring.append(events(1, 100))
    await acknowledged(log, 100)
    server.kill()
    for first in range(101, 3001, 100):
      log.ring.append(events(first, 100))
      await trio.sleep(0.002)
    held = log.ring.bytes_held
    assert held < 700 * EVENT_BYTES
    await trio.to_thread.run_sync(server.start)
    await acknowledged(log, 3000)
    found = [number for number, _ in numbers(await all_of(log, 1))]
    after = found[100]
    assert found == [*range(1, 101), *range(after, 3001)]
    assert log.lost == after - 101 > 2000
    assert log.broken_at == after
    assert not await log.continues(log.epoch, 100)
    async with opened(server) as other:
      assert [number for number, _ in numbers(await other.read(1, 10_000))] == found


async def test_a_full_server_is_logged_and_receives_the_rest_when_it_has_room(start_server, caplog):
  server = start_server("--maxmemory-policy", "noeviction")
  async with kept(server) as log, coredis.Redis(port=server.port) as client:
    log.ring.append(events(1, 10))
    await acknowledged(log, 10)
    await client.config_set({"maxmemory": "1"})
    log.ring.append(events(11, 10))
    with trio.fail_after(5), pytest.raises(EngineError, match="maxmemory"):
      await log.acknowledged(20)
    await client.config_set({"maxmemory": "0"})
    await acknowledged(log, 20)
    assert numbers(await log.engine.read(1, 50_000)) == same(range(1, 21))


async def test_a_log_that_ends_because_all_is_cancelled_notes_its_end_too(server):
  with trio.CancelScope() as scope:
    async with kept(server, "stream:ab") as log:
      log.ring.append(events(1, 3))
      await acknowledged(log, 3)
      log.ring.append(events(4))
      scope.cancel()
      await trio.sleep_forever()
  async with opened(server, "stream:ab") as engine:
    assert (engine.head, engine.finished) == (4, True)
