"""Another process follows the log: the same events under the same numbers, or none."""

import subprocess
import sys
from contextlib import aclosing, asynccontextmanager
from functools import partial
from pathlib import Path

import coredis
import pytest
import trio
from bond_redis import bond_register_logs, config, engine
from bond_redis.engine import open_engine
from bond_server.following import follow_log
from redis_server import events, numbers, same

from bond_core._logs.durable import open_log
from bond_core.logs import EngineError, Record

(SPEC,) = bond_register_logs()
WRITER = Path(__file__).parent / "writer.py"


@pytest.fixture(autouse=True)
def looks_often(monkeypatch):
  monkeypatch.setattr(engine, "WATCH", 0.2)


def settings_of(server, **more):
  return config.Streams(url=server.url, timeout=30.0, **more)


@asynccontextmanager
async def following(engine, after):
  """Collects what a follower receives, while the block lasts."""
  received = []

  async def follow():
    async for records in engine.follow(after):
      received.extend(records)

  async with trio.open_nursery() as nursery:
    nursery.start_soon(follow)
    yield received
    nursery.cancel_scope.cancel()


async def until(condition):
  with trio.fail_after(60):
    while not condition():
      await trio.sleep(0.005)


async def test_what_is_written_arrives_as_it_comes(server):
  for name in ("market", "stream:ab"):
    async with open_engine(settings_of(server), name) as writer:
      await writer.write([Record(1, 5, events(1, 100))])
      async with (
        open_engine(settings_of(server), name) as reader,
        following(reader, 50) as received,
      ):
        await until(lambda received=received: len(numbers(received)) == 50)
        await writer.write([Record(101, 6, events(101, 1500))])
        await writer.write([Record(5000, 7, events(5000, 3))])
        await until(lambda received=received: received and received[-1].last == 5002)
        kept = range(51, 1601) if name == "market" else (*range(51, 101), *range(601, 1601))
        found = numbers(received)
        assert found[-3:] == same(range(5000, 5003))
        # A short stream may give up what this one did not read in time.
        assert set(found) >= set(same([*kept][-900:]))
        assert [number for number, _ in found] == sorted({number for number, _ in found})
        assert (reader.head, reader.oldest) == (writer.head, writer.oldest)


async def test_waiting_for_news_ends_at_once_when_it_is_cancelled(server):
  async with open_engine(settings_of(server), "market") as reader:
    for _ in range(3):
      before = trio.current_time()
      with trio.move_on_after(0.05):
        async with aclosing(reader.follow(0)) as news:
          raise AssertionError(f"there is nothing, but {await anext(news)}")
      assert trio.current_time() - before < 2


async def test_a_follower_waits_for_the_first_writer_and_takes_its_epoch(server):
  async with open_engine(settings_of(server), "market") as reader, following(reader, 0) as received:
    await trio.sleep(0.05)
    async with open_engine(settings_of(server), "market") as writer:
      await writer.write([Record(1, 5, events(1, 10))])
      await until(lambda: received)
      assert reader.epoch == writer.epoch
      assert numbers(received) == same(range(1, 11))


async def test_an_outage_is_waited_out_and_nothing_is_missed(start_server, caplog):
  server = start_server("--appendonly", "yes")
  async with (
    open_engine(settings_of(server), "market") as writer,
    open_engine(settings_of(server), "market") as reader,
    following(reader, 0) as received,
  ):
    await writer.write([Record(1, 5, events(1, 10))])
    await until(lambda: len(numbers(received)) == 10)
    for round_ in (1, 2):
      server.kill()
      await until(lambda: "market stands still" in caplog.text)
      await trio.to_thread.run_sync(server.start)
      await writer.write([Record(round_ * 10 + 1, 5, events(round_ * 10 + 1, 10))])
      await until(lambda round_=round_: len(numbers(received)) == round_ * 10 + 10)
      caplog.clear()
    assert numbers(received) == same(range(1, 31))


@pytest.mark.parametrize("loss", ["everything is gone", "another began", "a read found out first"])
async def test_a_follower_ends_when_the_log_lost_its_continuity(server, loss):
  async with (
    open_engine(settings_of(server), "market") as writer,
    open_engine(settings_of(server), "market") as reader,
    coredis.Redis(port=server.port) as client,
  ):
    await writer.write([Record(1, 5, events(1, 10))])
    with pytest.raises(ExceptionGroup) as raised:
      async with following(reader, 0) as received:
        await until(lambda: received)
        epoch = reader.epoch
        await client.flushall()
        if loss == "another began":
          async with open_engine(settings_of(server), "market") as other:
            # Higher numbers than those before, and events of their own.
            await other.write([Record(11, 5, events(11, 10))])
        elif loss == "a read found out first":
          with pytest.raises(EngineError):
            await reader.read(1, 10)
        with trio.fail_after(60):
          await trio.sleep_forever()
    assert raised.group_contains(EngineError, match=r"a new epoch begins|began a new epoch")
    assert numbers(received) == same(range(1, 11))
    assert reader.epoch != epoch


async def test_two_processes_serve_one_feed(server):
  async with open_log(SPEC, settings_of(server), "market", stamps=True) as mine:
    mine.ring.append(events(1, 500))
    await mine.acknowledged(500)
    async with follow_log(SPEC, settings_of(server), "market") as theirs:
      # The recent past is in the ring already.
      assert (theirs.epoch, theirs.head, theirs.ring.oldest) == (mine.epoch, 500, 1)
      cursor = theirs.ring.cursor()
      mine.ring.append(events(501, 500))
      await theirs.ring.reached(1000)
      got = await cursor.next()
      assert [(e.seq_internal, e.data["n"]) for e in got] == same(range(501, 501 + len(got)))
      assert await theirs.continues(mine.epoch, 750)
      assert await mine.continues(theirs.epoch, 750)
      assert numbers(await theirs.records(400, 50)) == numbers(await mine.records(400, 50))


async def test_a_killed_writer_and_its_successor_are_followed_with_a_declared_hole(server):
  command = [sys.executable, str(WRITER), server.url, "market", "5000"]
  start = partial(trio.run_process, command, stdout=subprocess.PIPE, check=False)
  async with open_engine(settings_of(server), "market") as reader, following(reader, 0) as received:
    async with trio.open_nursery() as nursery:
      process = await nursery.start(start)
      lines = b""
      with trio.fail_after(60):
        while lines.count(b"\n") < 40:
          lines += await process.stdout.receive_some()
      process.kill()
    first, *acknowledged = lines.decode().splitlines()
    kept = int(acknowledged[-1] if lines.endswith(b"\n") else acknowledged[-2])
    async with open_log(SPEC, settings_of(server), "market", stamps=True) as successor:
      successor.ring.append(events(successor.head + 1, 10))
      await until(lambda: received and received[-1].last == successor.head)
      assert successor.epoch == reader.epoch == first.split()[0]
      begins = successor.head - 10
  assert kept > 100
  before = [record for record in received if record.last < begins]
  assert numbers(before) == same(range(1, before[-1].last + 1))
  assert kept <= before[-1].last < begins - 1_000_000
  # The successor declares the pause as its first event.
  after = [event for record in received if record.first >= begins for event in record.events]
  assert [event.seq_internal for event in after] == [*range(begins, begins + 11)]
  assert after[0].cause == "nothing was received while bond was not running"
