"""What a stream promises, on asyncio, trio and threads, against a real server through a proxy that
cuts, stalls and corrupts."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from kk0 import Refused
from running import WAYS, running

REQUEST = {"channels": ["trades"], "symbols": ["BTC/USDT"], "exchanges": ["binance"]}
EXAMPLE = str(Path(__file__).parents[3] / "examples/unified.yaml")
PROGRAM = Path(__file__).parents[3] / "tests/e2e/kk0_program.py"


@pytest.fixture(scope="module")
def server():
  with running(EXAMPLE, "--heartbeat", "1s") as found:
    yield found


@pytest.fixture(params=WAYS, ids=list(WAYS))
def way(request):
  return WAYS[request.param]


async def trades(client, count):
  """The numbers that the venue gave its trades, which leave none out."""
  found = []
  while len(found) < count:
    event = await client.next()
    if event["type"] == "trade":
      found.append(int(event["trade_id"]))
  return found


def whole(numbers):
  """Whether nothing is missing, doubled or out of order."""
  return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def url_of(port, path="/stream"):
  return f"ws://127.0.0.1:{port}{path}"


def test_subscribed_events_come_in_order(server, way):
  async def work(client_of):
    client = await client_of(url_of(server.port)).open()
    await client.subscribe(**REQUEST)
    found = await trades(client, 20)
    await client.close()
    return found

  assert whole(way(work))


def test_several_subscriptions_share_a_connection(server, way):
  async def work(client_of):
    client = await client_of(url_of(server.port)).open()
    seen = set()
    for symbol in ("BTC/USDT", "ETH/USDT"):
      await client.subscribe(**{**REQUEST, "symbols": symbol})
    while len(seen) < 2:
      event = await client.next()
      if event["type"] == "trade":
        seen.add(event["symbol"])
    await client.close()
    return seen

  assert way(work) == {"BTC/USDT", "ETH/USDT"}


def test_heartbeats_reach_the_hook_and_the_iterator(server, way):
  beats = []

  async def work(client_of):
    client = await client_of(url_of(server.port), on_heartbeat=beats.append).open()
    await client.subscribe(**REQUEST)
    events = []
    while len(beats) < 2:
      events.append(await client.next())
    await client.close()
    return events

  events = way(work)
  assert [e for e in events if e["type"] == "heartbeat"] == beats


@pytest.mark.parametrize("harm", ["cut", "stall", "corrupt"])
@pytest.mark.parametrize("path", ["/stream", "/raw?symbol=BTC/USDT&channels=trades"])
def test_a_connection_that_is_harmed_loses_and_doubles_nothing(server, way, harm, path):
  proxy, gaps = server.proxy(), []

  async def work(client_of):
    url = url_of(proxy.port, path)
    options = {"silent_after": 1.3, "reconnect_interval": 0.1, "on_gap": gaps.append}
    client = await client_of(url, **options).open()
    await client.subscribe(**REQUEST)
    found = await trades(client, 5)
    for _ in range(2):
      before = proxy.connections
      proxy.do(harm)
      # What had come already is handed out first.
      while proxy.connections == before:
        found += await trades(client, 1)
      found += await trades(client, 5)
    await client.close()
    return found

  assert whole(way(work))
  assert proxy.connections >= 3
  assert gaps == []


def test_what_cannot_be_resumed_is_declared_with_a_gap(server, way):
  proxy, gaps = server.proxy(), []

  async def work(client_of):
    client = await client_of(url_of(proxy.port), on_gap=gaps.append, reconnect_interval=0.1).open()
    await client.subscribe(**REQUEST)
    await trades(client, 3)
    for place in client.stream._session._places.values():
      place.epoch = "0123456789abcdef"
    proxy.do("cut")
    while not gaps:
      await client.next()
    await client.close()

  way(work)
  assert (gaps[0]["reason"], gaps[0]["ids"]) == ("expired", [0])


def test_a_wrong_request_is_reported_and_the_others_go_on(server, way):
  errors = []

  async def work(client_of):
    client = await client_of(url_of(server.port), on_error=errors.append).open()
    await client.subscribe(**REQUEST)
    await client.subscribe(**REQUEST, policy="nonsense")
    while not errors:
      await client.next()
    found = await trades(client, 5)
    await client.close()
    return found

  assert whole(way(work))
  assert errors[0]["code"] == 4501
  assert "policy" in errors[0]["message"]


def test_a_refused_client_learns_why_and_does_not_come_back(server, way):
  proxy = server.proxy()

  async def work(client_of):
    client = await client_of(url_of(proxy.port, "/stream?token=nonsense")).open()
    with pytest.raises(Refused) as refused:
      await client.subscribe(**REQUEST)
      while True:
        await client.next()
    await client.close()
    return refused.value

  refused = way(work)
  assert refused.code == 4500
  assert refused.reason
  assert proxy.connections == 1


def test_a_replay_comes_before_what_is_new(server, way):
  async def work(client_of):
    client = await client_of(url_of(server.port)).open()
    await client.subscribe(**REQUEST, from_="now-1m")
    kinds = []
    while "live" not in kinds:
      kinds.append((await client.next())["type"])
    await client.close()
    return kinds

  assert "trade" in way(work)


def test_a_closed_stream_ends_and_leaves_nothing_running(server, way):
  before = threading.active_count()

  async def work(client_of):
    client = await client_of(url_of(server.port)).open()
    await client.subscribe(**REQUEST)
    await trades(client, 1)
    await client.close()
    with pytest.raises((StopIteration, StopAsyncIteration, RuntimeError)):
      await client.next()

  way(work)
  # A thread that was left to end does so when the machine gets to it.
  deadline = time.monotonic() + 20
  while threading.active_count() > before and time.monotonic() < deadline:
    time.sleep(0.05)
  assert threading.active_count() <= before


@pytest.mark.parametrize("what", ["subscribe", "raw"])
def test_a_program_for_the_published_version_runs_unchanged(server, what):
  path = "/raw" if what == "raw" else "/stream"
  done = subprocess.run(
    [sys.executable, str(PROGRAM), what, url_of(server.port, path)],
    capture_output=True,
    timeout=120,
    env={**os.environ, "PYTHONPATH": ""},
  )
  assert done.returncode == 0, done.stderr.decode()
  assert b'"type": "trade"' in done.stdout
