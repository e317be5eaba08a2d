"""A writer, followers, and a server that is killed, stopped and started at random, for a while."""

import random

import pytest
import trio
from bond_redis import bond_register_logs, engine
from bond_redis.config import Streams
from bond_server.following import follow_log
from redis_server import events, numbers, same

from bond_core._logs.durable import open_log
from bond_core.logs import EngineError

(SPEC,) = bond_register_logs()
ROUNDS = 40


async def publish(log, stop):
  while not stop.is_set():
    log.ring.append(events(log.head + 1, random.randint(1, 40)))
    await trio.sleep(0.005)


async def disturb(server, chance):
  """One disturbance: the server hangs for a while, or is killed and started again."""
  if chance.random() < 0.5:
    server.pause()
    await trio.sleep(chance.uniform(0.0, 0.8))
    server.go_on()
  else:
    server.kill()
    await trio.sleep(chance.uniform(0.0, 0.4))
    await trio.to_thread.run_sync(server.start)
  await trio.sleep(chance.uniform(0.0, 0.8))


async def collect(config, received, restarts):
  """What a follower's ring was given, epoch by epoch; opened again when the log begins a new
  epoch."""
  while True:
    try:
      async with follow_log(SPEC, config, "market") as log:
        received.append((log, position := [log.ring.oldest], []))
        while True:
          await log.ring.reached(position[0])
          records = log.ring.records(position[0], 1 << 30)
          received[-1][2].extend(records)
          position[0] = records[-1].last + 1
    except* EngineError:
      restarts.append(1)
    await trio.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("kept", [True, False], ids=["aof", "no persistence"])
async def test_numbers_mean_the_same_events_whatever_happens(start_server, monkeypatch, kept):
  monkeypatch.setattr(engine, "WATCH", 0.2)
  seed = random.randrange(1 << 30)
  print("seed", seed)
  chance = random.Random(seed)
  server = start_server(*(["--appendonly", "yes", "--appendfsync", "always"] if kept else []))
  config = Streams(url=server.url, timeout=0.5, market_maxlen=10**7)
  received, restarts, stop, epochs = [], [], trio.Event(), []
  async with open_log(SPEC, config, "market") as log, trio.open_nursery() as nursery:
    nursery.start_soon(publish, log, stop)
    nursery.start_soon(collect, config, received, restarts)
    for _ in range(ROUNDS):
      epochs.append(log.epoch)
      await disturb(server, chance)
    stop.set()
    with trio.fail_after(60):
      while log.kept < log.head or not received or received[-1][0].head < log.head:
        await trio.sleep(0.05)
    nursery.cancel_scope.cancel()
    assert log.lost == 0
    for follower, position, records in received:
      if not records:
        continue
      assert numbers(records) == same(range(records[0].first, position[0]))
      assert follower.head <= log.head
    assert received[-1][0].epoch == log.epoch
    whole = numbers(await everything(log))
    assert whole == same(range(whole[0][0], log.head + 1))
    if kept:
      assert (set(epochs), restarts, whole[0][0]) == ({log.epoch}, [], 1)
    else:
      assert len(set(epochs)) > 1
      assert restarts


async def everything(log):
  found, first = [], log.oldest
  while records := await log.records(first):
    found += records
    first = records[-1].last + 1
  return found
