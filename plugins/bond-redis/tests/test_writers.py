"""One process writes a log; Redis itself refuses any other."""

from contextlib import asynccontextmanager

import coredis
import pytest
import trio
from bond_redis import _open, config
from bond_redis.engine import open_engine
from redis_server import events, numbers, same

from bond_core import LogType
from bond_core._logs.durable import open_log
from bond_core.logs import EngineError, Record


def opened(server, name="market", **settings):
  return open_engine(config.Streams(url=server.url, timeout=30.0, **settings), name)


SPEC = LogType(
  name="redis.streams", summary="", config=config.Streams, open=_open, ring=config.Streams.ring
)


def kept(server, name="market", **settings):
  return open_log(SPEC, config.Streams(url=server.url, timeout=30.0, **settings), name)


async def test_the_newest_writer_writes_and_the_one_before_no_longer_can(server):
  async with opened(server) as old:
    await old.write([Record(1, 5, events(1, 10))])
    epoch = old.epoch
    async with opened(server) as new:
      assert (new.epoch, new.head) == (epoch, 10)
      # Nothing was written yet, so the old one still may.
      await old.write([Record(11, 5, events(11, 5))])
      await new.write([Record(1000, 5, events(1000, 5))])
      for records in ([Record(16, 5, events(16))], [Record(2000, 5, events(2000))]):
        with pytest.raises(EngineError, match="another process writes market"):
          await old.write(records)
      with pytest.raises(EngineError, match="another process writes market"):
        await old.read(1, 10)
      assert numbers(await new.read(1, 9999)) == same([*range(1, 16), *range(1000, 1005)])
      # Its numbers mean nothing to others any more.
      assert old.epoch != epoch == new.epoch
      await old.finish()
    assert not new.finished


async def test_a_writer_whose_numbers_are_taken_is_refused(server):
  async with opened(server) as first:
    await first.write([Record(1, 5, events(1, 10))])
    async with opened(server) as second:
      await first.write([Record(11, 5, events(11, 10))])
      with pytest.raises(EngineError, match="another process writes market"):
        await second.write([Record(15, 5, events(15, 10))])
      await first.write([Record(21, 5, events(21))])
      assert second.epoch != first.epoch


async def test_of_two_that_begin_at_once_one_is_refused_and_their_numbers_are_never_mixed(server):
  async with opened(server) as one, opened(server) as other:
    assert one.epoch != other.epoch
    await one.write([Record(1, 5, events(1, 10))])
    for first in (1, 100):
      with pytest.raises(EngineError, match="another process writes market"):
        await other.write([Record(first, 5, events(first))])
    assert one.epoch != other.epoch
    assert numbers(await one.read(1, 9999)) == same(range(1, 11))


async def test_a_log_that_was_pushed_aside_serves_on_under_an_epoch_of_its_own(
  server, caplog, monkeypatch
):
  # The old one tries to the end, in vain.
  monkeypatch.setattr("bond_core._logs.durable.DRAIN", 0.1)
  async with kept(server) as old:
    old.ring.append(events(1, 5))
    await old.acknowledged(5)
    epoch = old.epoch
    async with kept(server) as new:
      assert new.epoch == epoch
      assert new.head > 1_000_000
      await new.acknowledged(new.head)
      old.ring.append(events(6, 5))
      with trio.fail_after(60):
        while old.failure is None:
          await trio.sleep(0.01)
      assert "another process writes market" in old.failure
      assert old.epoch != epoch
      assert numbers(await old.records(1)) == same(range(1, 11))
      assert not await new.continues(old.epoch, 7)
      assert await new.continues(epoch, new.head)
  assert "market cannot be kept: another process writes market" in caplog.text


@pytest.mark.parametrize("older_epoch", [False, True])
async def test_a_server_with_a_state_from_before_a_takeover_keeps_the_writer_of_now(
  server, older_epoch
):
  meta = "bond:{market}"
  async with opened(server) as old, coredis.Redis(port=server.port) as client:
    await old.write([Record(1, 5, events(1, 10))])
    before = await client.hgetall(meta)
    async with opened(server) as new:
      await new.claim()
      # The server comes back with what it had before.
      await client.hset(meta, {**before, **({b"epoch": b"0"} if older_epoch else {})})
      epoch = new.epoch
      if older_epoch:
        with pytest.raises(EngineError, match="has lost what it stored of market; a new epoch"):
          await new.write([Record(1000, 6, events(1000))])
      await new.write([Record(1000, 6, events(1000))])
      assert (new.epoch == epoch) is not older_epoch
      with pytest.raises(EngineError, match="another process writes market"):
        await old.write([Record(11, 5, events(11))])
      there = [1000] if older_epoch else [*range(1, 11), 1000]
      assert numbers(await new.read(1, 9999)) == same(there)


async def test_who_writes_again_after_a_loss_pushes_no_newer_writer_aside(server):
  async with opened(server) as old, coredis.Redis(port=server.port) as client:
    await old.write([Record(1, 5, events(1, 10))])
    await client.flushall()
    async with opened(server) as new:
      await new.claim()
      for _ in range(2):
        with pytest.raises(EngineError, match="another process writes market"):
          await old.write([Record(11, 5, events(11))])
      await new.write([Record(1000, 6, events(1000))])
      assert numbers(await new.read(1, 9999)) == same([1000])


async def test_whoever_opens_a_log_has_it_before_it_gives_a_number(server):
  async with opened(server) as old:
    await old.write([Record(1, 5, events(1, 10))])
    async with opened(server) as new:
      await new.claim()
      with pytest.raises(EngineError, match="another process writes market"):
        await old.write([Record(11, 5, events(11))])
      assert (new.head, new.finished) == (10, False)
      await new.write([Record(1000, 5, events(1000))])


async def test_what_others_wrote_since_it_looked_is_known_to_whoever_takes_over(server):
  async with opened(server) as late, opened(server) as soon:
    # Both have found nothing.
    await soon.claim()
    await soon.write([Record(1, 7, events(1, 10))])
    await soon.finish()
    await late.claim()
    assert (late.epoch, late.head, late.last_ts_ms, late.finished) == (soon.epoch, 10, 7, True)
    await late.write([Record(11, 8, events(11))])
    assert numbers(await late.read(1, 9999)) == same(range(1, 12))


async def test_a_log_that_nobody_can_keep_gives_its_epoch_up_before_its_numbers_meet_a_successors(
  start_server, monkeypatch
):
  monkeypatch.setattr("bond_core._logs.durable.SHARED_MARGIN", 100)
  server = start_server("--appendonly", "yes")
  async with kept(server, prefix="a:") as log:
    log.ring.append(events(1, 10))
    await log.acknowledged(10)
    epoch = log.epoch
    server.kill()
    log.ring.append(events(11, 50))
    with trio.fail_after(60):
      while log.failure is None:
        await trio.sleep(0.01)
    assert log.epoch == epoch
    log.ring.append(events(61))
    with trio.fail_after(60):
      while log.epoch == epoch:
        await trio.sleep(0.01)
    # Nobody has taken it over, so it is kept again.
    await trio.to_thread.run_sync(server.start)
    with trio.fail_after(60):
      while log.failure is not None or log.kept < 61:
        await trio.sleep(0.01)
    assert log.epoch != epoch
    async with opened(server, prefix="a:") as engine:
      assert engine.epoch == log.epoch
      assert numbers(await engine.read(1, 9999)) == same(range(1, 62))


async def test_a_log_that_cannot_be_taken_over_says_why_and_not_in_a_group(start_server):
  server = start_server()

  @asynccontextmanager
  async def away(config, name):
    async with open_engine(config, name) as engine:
      server.kill()
      yield engine

  spec = LogType(name="t", summary="", config=config.Streams, open=away, ring=config.Streams.ring)
  with pytest.raises(EngineError, match="cannot be reached"):
    async with open_log(spec, config.Streams(url=server.url, timeout=0.3), "market"):
      raise AssertionError("it is open")


async def test_two_logs_with_prefixes_share_a_server(server):
  async with opened(server, prefix="a:") as one, opened(server, prefix="b:") as other:
    await one.write([Record(1, 5, events(1))])
    await other.write([Record(1, 5, events(1, 2))])
    await one.write([Record(2, 5, events(2))])
    assert (one.head, other.head) == (2, 2)


async def test_an_orderly_end_is_believed_only_of_the_server_that_saw_it(start_server):
  server = start_server("--appendonly", "yes")
  async with kept(server) as log:
    log.ring.append(events(1, 5))
  async with kept(server) as log:
    assert log.head == 6  # the pause, declared
  # A server that comes back may have forgotten what was written after that end.
  server.kill()
  server.start()
  async with kept(server) as log:
    assert log.head > 1_000_000
    assert numbers(await log.records(1, 5)) == same(range(1, 6))


async def test_an_end_is_orderly_only_when_nothing_came_after_it(server):
  async with kept(server) as log:
    log.ring.append(events(1, 5))
  async with opened(server) as engine:
    assert engine.finished
    await engine.write([Record(6, 5, events(6))])
  async with opened(server) as engine:
    assert not engine.finished
