"""`bond serve` twice over one Redis: one writes the market, the other serves the same feed."""

import json
import os
import re
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import trio
from trio_websocket import open_websocket_url

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "plugins" / "bond-redis" / "tests"))

from redis_server import Server  # noqa: E402

BOND = [sys.executable, "-m", "bond_core"]


@asynccontextmanager
async def serving(folder, redis, *options):
  """A server's process and its port."""
  command = [
    *BOND,
    "serve",
    "--log",
    "redis.streams",
    "--port",
    "0",
    "--api-port",
    "0",
    "--data",
    str(folder),
  ]
  environment = {**os.environ, "REDIS_URL": redis.url}
  process = await trio.lowlevel.open_process(
    [*command, *options], stderr=subprocess.PIPE, env=environment, cwd=ROOT
  )
  try:
    said = b""
    with trio.fail_after(60):
      while not (found := re.search(rb"broker: ws://127\.0\.0\.1:(\d+)", said)):
        more = await process.stderr.receive_some()
        assert more, said.decode()
        said += more
    async with trio.open_nursery() as nursery:
      nursery.start_soon(drain, process.stderr)
      yield process, int(found[1])
      nursery.cancel_scope.cancel()
  finally:
    process.kill()
    with trio.CancelScope(shield=True):
      await process.wait()


async def drain(stream):
  async for _ in stream:
    await trio.lowlevel.checkpoint()


@asynccontextmanager
async def asked(port, **said):
  """The acknowledgement of a subscription to trades, and what reads the next trade."""
  async with open_websocket_url(f"ws://127.0.0.1:{port}/stream") as client:
    await client.send_message(json.dumps({"type": "subscribe", "channels": ["trades"], **said}))

    async def next_of(kind):
      with trio.fail_after(60):
        while (message := json.loads(await client.get_message()))["type"] != kind:
          pass
      return message

    yield await next_of("system"), next_of


async def agreed(*ports):
  """Returns when the servers speak of one epoch: one that follows knows it once the other has
  written something."""
  with trio.fail_after(60):
    while True:
      epochs = set()
      for port in ports:
        async with asked(port) as (ack, _):
          epochs.add(ack["epoch"])
      if len(epochs) == 1:
        return
      await trio.sleep(0.2)


async def trades(next_of, count):
  return [await next_of("trade") for _ in range(count)]


async def test_the_second_server_gives_the_same_events_under_the_same_numbers(tmp_path):
  redis = Server(tmp_path)
  await trio.to_thread.run_sync(redis.start)
  try:
    async with (
      serving(tmp_path, redis, "--sim", "examples/unified.yaml") as (_, first),
      serving(tmp_path, redis, "--follow", "--sim") as (follower, second),
    ):
      await agreed(first, second)
      async with asked(first) as (ack, mine), asked(second) as (same, theirs):
        assert ack["epoch"] == same["epoch"]
        here, there = await trades(mine, 40), await trades(theirs, 40)
        begins = max(here[0]["seq_internal"], there[0]["seq_internal"])
        # Until both have more than a few of the same, however much later one of them began.
        for events, next_of in ((here, mine), (there, theirs)):
          while sum(event["seq_internal"] >= begins for event in events) < 40:
            events.append(await next_of("trade"))
        ends = min(here[-1]["seq_internal"], there[-1]["seq_internal"])
        common = [e for e in here if begins <= e["seq_internal"] <= ends]
        assert len(common) > 10
        assert common == [e for e in there if begins <= e["seq_internal"] <= ends]
      place = f"{ack['epoch']}:{here[5]['seq_internal']}"
      # A client that lost one server goes on at the other.
      async with asked(second, **{"from": place}) as (resumed, theirs):
        assert resumed["recovered"] is True
        assert await trades(theirs, 10) == here[6:16]

      await trio.to_thread.run_sync(redis.kill)
      await trio.to_thread.run_sync(redis.start)
      # The first goes on under a new epoch; the other has nothing that it could continue.
      with trio.fail_after(60):
        assert await follower.wait() != 0
      async with asked(first, **{"from": place}) as (ack, mine):
        assert ack["recovered"] is False
        assert ack["epoch"] != place.split(":")[0]
        assert len(await trades(mine, 5)) == 5
  finally:
    redis.leave()
