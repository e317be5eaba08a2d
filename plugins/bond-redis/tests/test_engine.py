"""What is written is what is read: numbers, times, events, and how they stand in Redis."""

import json

import coredis
import pytest
import trio
from bond_redis.config import Streams
from bond_redis.engine import open_engine
from hypothesis import HealthCheck, given, settings, strategies as st
from redis_server import events, numbers, same

from bond_core import Registry, encode
from bond_core._events import EVENT_TYPES, decode
from bond_core.logs import EngineError, Record, SharedEngine


def opened(server, name="stream:ab", **settings):
  return open_engine(Streams(url=server.url, timeout=30.0, **settings), name)


async def all_of(engine, first, limit=100):
  found = []
  while records := await engine.read(first, limit):
    found += records
    first = records[-1].last + 1
  return found


async def test_it_is_an_engine_that_others_share(server):
  async with opened(server) as engine:
    assert isinstance(engine, SharedEngine)
    assert (engine.head, engine.oldest, engine.last_ts_ms, engine.finished) == (0, 1, 0, False)
    assert await engine.read(1, 10) == []
    assert await engine.find(0) == 1


async def test_every_type_of_event_comes_back_as_it_was(server, golden_events):
  assert {type(event) for event in golden_events} == set(EVENT_TYPES.values())
  for name in ("market", "stream:ab"):
    async with opened(server, name) as engine:
      await engine.write([Record(1, 5, golden_events)])
      (record,) = await engine.read(1, 1000)
      assert record == Record(1, 5, golden_events)


async def test_a_users_stream_has_one_event_an_entry_as_readers_of_the_earlier_system_expect(
  server,
):
  async with opened(server) as engine, coredis.Redis(port=server.port) as client:
    await engine.write([Record(1, 1763, events(1, 3))])
    entries = await client.xrange("stream:ab")
    assert [entry.identifier for entry in entries] == [b"1-1", b"2-1", b"3-1"]
    assert entries[1].field_values[b"data"] == encode(events(2)[0])
    assert json.loads(entries[1].field_values[b"data"])["data"] == {"n": 2}
    assert entries[1].field_values[b"ts"] == b"1763"


async def test_the_log_of_all_events_has_up_to_64_an_entry_one_a_line(server):
  async with opened(server, "market") as engine, coredis.Redis(port=server.port) as client:
    await engine.write([Record(1, 5, events(1, 130)), Record(131, 6, events(131))])
    entries = await client.xrange("market")
    assert [e.identifier for e in entries] == [b"64-64", b"128-64", b"130-2", b"131-1"]
    lines = entries[2].field_values[b"data"].split(b"\n")
    assert [decode(line) for line in lines] == events(129, 2)


async def test_reading_begins_in_the_middle_of_an_entry_and_leaps_over_holes(server):
  async with opened(server, "market") as engine:
    await engine.write([Record(1, 5, events(1, 100)), Record(10**12, 6, events(10**12, 100))])
    assert numbers(await engine.read(50, 10_000)) == same(
      [*range(50, 101), *range(10**12, 10**12 + 100)]
    )
    assert numbers(await engine.read(10**12 + 99, 10)) == same([10**12 + 99])
    assert await engine.read(10**12 + 100, 10) == []
    # About as much as the limit, and never nothing.
    assert len(numbers(await engine.read(1, 1))) == 64
    assert numbers(await all_of(engine, 1, 70)) == numbers(await engine.read(1, 10_000))


async def test_neighbours_of_one_time_come_as_one_record(server):
  async with opened(server) as engine:
    await engine.write(
      [Record(1, 5, events(1, 10)), Record(11, 6, events(11, 5)), Record(20, 6, events(20, 5))]
    )
    found = await engine.read(3, 100)
    assert [(r.first, r.ts_ms, len(r.events)) for r in found] == [(3, 5, 8), (11, 6, 5), (20, 6, 5)]


async def test_a_users_stream_keeps_exactly_the_newest_1000(server):
  async with opened(server) as engine, coredis.Redis(port=server.port) as client:
    for first in range(1, 3001, 300):
      await engine.write([Record(first, 5, events(first, 300))])
      assert engine.oldest == max(1, first + 300 - 1000)
    assert await client.xlen("stream:ab") == 1000
    assert numbers(await all_of(engine, 1)) == same(range(2001, 3001))
    await engine.write([Record(3001, 5, events(3001))])
    assert await client.xlen("stream:ab") == 1000
    assert engine.oldest == 2002


async def test_how_much_is_kept_can_be_said(server):
  async with opened(server, "stream:few", maxlen=7) as engine:
    await engine.write([Record(1, 5, events(1, 100))])
    assert numbers(await all_of(engine, 1)) == same(range(94, 101))
  async with opened(server, "market", market_maxlen=1000) as engine:
    for first in range(1, 50_000, 777):
      # Jumps of the numbers count as nothing.
      await engine.write([Record(first, 5, events(first, 33))])
    kept = len(numbers(await all_of(engine, 1)))
    assert 1000 <= kept < 1000 + 64
    assert engine.oldest == (await engine.read(1, 1))[0].first


async def test_more_than_one_call_takes_is_written_in_several(server):
  async with opened(server, "stream:big", maxlen=10_000) as engine:
    await engine.write([Record(1, 5, events(1, 5000))])
    assert engine.head == 5000
    assert len(await all_of(engine, 1, 10_000)) == 1
  wide = events(1, 5)
  for event in wide:
    event.data["wide"] = "x" * 600_000
  async with opened(server, "market") as engine:
    await engine.write([Record(1, 5, wide)])
    assert [len(record.events) for record in await all_of(engine, 1)] == [5]


async def test_the_next_process_goes_on_where_this_one_left(server):
  async with opened(server) as engine:
    await engine.write([Record(1, 1000, events(1, 3))])
    await engine.write([Record(4, 2000, events(4, 3))])
    epoch = engine.epoch
  async with opened(server) as engine:
    assert (engine.epoch, engine.head, engine.oldest) == (epoch, 6, 1)
    assert (engine.last_ts_ms, engine.finished) == (2000, False)
    await engine.write([Record(100, 3000, events(100, 3))])
    await engine.finish()
  async with opened(server) as engine:
    assert (engine.epoch, engine.head, engine.finished) == (epoch, 102, True)
    await engine.write([Record(103, 3000, events(103))])
  async with opened(server) as engine:
    assert (engine.head, engine.finished) == (103, False)


async def test_what_is_written_twice_is_there_once_however_it_is_cut(server):
  async with opened(server, "market") as engine:
    await engine.write([Record(1, 5, events(1, 10)), Record(11, 6, events(11, 10))])
    await engine.write([Record(5, 5, events(5, 20)), Record(25, 6, events(25, 5))])
    await engine.write([Record(1, 5, events(1, 29))])
    assert numbers(await engine.read(1, 1000)) == same(range(1, 30))


@settings(
  max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
  records=st.lists(
    st.tuples(st.integers(0, 10**7), st.integers(1, 100), st.integers(0, 300)),
    min_size=1,
    max_size=12,
  ),
  each=st.sampled_from(("market", "stream:ab")),
)
def test_a_time_is_found_as_by_looking_at_every_record(server, records, each):
  async def check():
    written, number = [], 0
    for leap, count, ts_ms in records:
      written.append(Record(number + leap + 1, ts_ms, events(number + leap + 1, count)))
      number += leap + count
    assert server.says(b"FLUSHALL").startswith(b"+OK")
    async with opened(server, each, maxlen=10_000) as engine:
      await engine.write(written)
      for time_ms in {0, 150, 301, *(ts_ms for _, _, ts_ms in records)}:
        first = next((r.first for r in written if r.ts_ms >= time_ms), number + 1)
        assert await engine.find(time_ms) == first

  trio.run(check)


async def test_what_is_damaged_is_left_out_and_named(server, caplog):
  async with opened(server) as engine, coredis.Redis(port=server.port) as client:
    await engine.write([Record(1, 5, events(1, 200))])
    # A stream cannot be changed, so it is written again with damage.
    entries = await client.xrange("stream:ab")
    await client.delete(["stream:ab"])
    for entry in entries:
      number, fields = int(entry.identifier.split(b"-")[0]), dict(entry.field_values)
      if 50 <= number < 150:
        kinds = [{b"data": b"\x00", b"ts": b"5"}, {b"x": b"y"}, {**fields, b"ts": b"soon"}]
        kinds.append({**fields, b"data": b"\n".join([fields[b"data"]] * 2)})
        fields = kinds[number % 4]
      await client.xadd("stream:ab", field_values=fields, identifier=entry.identifier)
    assert numbers(await all_of(engine, 1, 10)) == same([*range(1, 50), *range(150, 201)])
    assert "stream:ab: entry 51-1 holds 2 events" in caplog.text


async def test_a_stream_of_somebody_else_is_left_alone(server):
  async with coredis.Redis(port=server.port) as client:
    await client.xadd("market", field_values={"their": "own"})
    await client.set("stream:ab", "x")
    with pytest.raises(EngineError, match="a stream market that Bond did not write"):
      async with opened(server, "market"):
        raise AssertionError("it was opened")
    with pytest.raises(EngineError, match="wrong kind of value"):
      async with opened(server):
        raise AssertionError("it was opened")
    async with opened(server, "market", prefix="mine:") as engine:
      await engine.write([Record(1, 5, events(1))])
    assert await client.xlen("market") == 1
    assert await client.xlen("mine:market") == 1
    # It appears between opening and writing.
    async with opened(server, "stream:cd") as engine:
      await client.xadd("stream:cd", field_values={"their": "own"})
      with pytest.raises(EngineError, match="stream:cd that Bond did not write"):
        await engine.write([Record(1, 5, events(1))])
    assert await client.xlen("stream:cd") == 1


async def test_what_others_put_into_a_stream_of_bond_is_found_out(server):
  async with opened(server) as engine, coredis.Redis(port=server.port) as client:
    await engine.write([Record(1, 5, events(1))])
    await client.xadd("stream:ab", field_values={"data": "theirs"})
    with pytest.raises(EngineError, match="equal or smaller"):
      await engine.write([Record(2, 5, events(2))])
  with pytest.raises(EngineError, match="others wrote into"):
    async with opened(server):
      raise AssertionError("it was opened")


async def test_a_log_that_is_removed_leaves_nothing(server):
  spec = Registry().log("redis.streams")
  where = Streams(url=server.url, timeout=30.0)
  for name in ("stream:ab", "stream:cd"):
    async with opened(server, name) as engine:
      await engine.write([Record(1, 5, events(1, 3))])
  await spec.remove(where, "stream:ab")
  await spec.remove(where, "stream:never")
  async with coredis.Redis(port=server.port) as client:
    assert {key async for key in client.scan_iter()} == {b"stream:cd", b"bond:{stream:cd}"}
  async with opened(server, "stream:ab") as engine:
    assert engine.head == 0


async def test_a_stream_that_bond_did_not_write_is_not_removed(server):
  async with coredis.Redis(port=server.port) as client:
    await client.xadd("stream:ab", {"theirs": "1"})
    with pytest.raises(EngineError, match="that Bond did not write"):
      await Registry().log("redis.streams").remove(Streams(url=server.url), "stream:ab")
    assert await client.xlen("stream:ab") == 1


async def test_a_log_under_the_key_of_another_is_refused(server):
  # What a server with --sim keeps, and a server without it whose prefix comes to the same key.
  async with opened(server, "simulated:market") as engine:
    await engine.write([Record(1, 5, events(1, 3))])
  with pytest.raises(EngineError, match="has the log simulated:market as simulated:market, which"):
    async with opened(server, "market", prefix="simulated:"):
      raise AssertionError("it was opened")
  async with opened(server, "simulated:market") as engine:
    assert engine.head == 3
