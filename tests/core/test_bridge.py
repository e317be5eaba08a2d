import asyncio
import threading
import time

import pytest
import trio

from bond_core import AsyncioThread, Custom, Disconnected, PluginError, connector_source
from bond_core.bridge import DEPTH, iterate_in_thread


async def test_asyncio_code_runs_in_its_thread_and_its_errors_arrive_as_themselves():
  async def work(n):
    await asyncio.sleep(0)
    if n < 0:
      raise KeyError(n)
    return n * 2, threading.current_thread().name

  async with AsyncioThread() as thread:
    assert await thread.run(work, 21) == (42, "bond-asyncio")
    with pytest.raises(KeyError):
      await thread.run(work, -1)


async def test_cancelling_here_cancels_there_promptly():
  seen = []

  async def forever():
    try:
      await asyncio.sleep(3600)
    except asyncio.CancelledError:
      seen.append("cancelled")
      raise

  async with AsyncioThread() as thread:
    started = time.monotonic()
    with trio.move_on_after(0.05):
      await thread.run(forever)
    assert time.monotonic() - started < 1
    assert seen == ["cancelled"]
    assert await thread.run(asyncio.sleep, 0, "still works") == "still works"


async def test_an_asyncio_iterator_arrives_in_order_bounded_and_ends():
  made = []

  async def numbers():
    for i in range(1000):
      made.append(i)
      yield i

  got = []
  async with AsyncioThread() as thread, thread.iterate(numbers) as receive:
    await trio.sleep(0.1)
    assert len(made) <= DEPTH + 1
    with pytest.raises(trio.EndOfChannel):
      while True:
        got += await receive()
  assert got == list(range(1000))


async def test_a_blocking_iterator_arrives_in_order_and_stops_when_left():
  stop = threading.Event()

  def numbers():
    yield from range(600)
    stop.wait(10)
    raise OSError("closed")

  got = []
  started = time.monotonic()
  async with iterate_in_thread(numbers, stop=stop.set) as receive:
    while len(got) < 600:
      got += await receive()
  assert got == list(range(600))
  assert time.monotonic() - started < 5


async def test_a_blocking_iterators_error_arrives_as_itself():
  def broken():
    yield 1
    raise OSError("gone")

  async with iterate_in_thread(broken) as receive:
    assert await receive() == [1]
    with pytest.raises(OSError, match="gone"):
      await receive()


class Old:
  """A connector of the older lifecycle, on asyncio."""

  def __init__(self, items):
    self.items = list(items)
    self.calls = []

  async def connect(self):
    await asyncio.sleep(0)
    self.calls.append("connect")

  async def subscribe(self):
    self.calls.append("subscribe")

  def __aiter__(self):
    return self

  async def __anext__(self):
    if not self.items:
      raise StopAsyncIteration
    return self.items.pop(0)

  async def shutdown(self):
    self.calls.append("shutdown")


class Context:
  name = "sources.old"

  def __init__(self, thread):
    self.thread = thread
    self.events = []

  async def asyncio(self):
    return self.thread

  def live(self):
    return None

  async def send(self, batch):
    self.events += batch


async def test_an_older_connector_is_a_source_and_its_end_is_a_lost_connection():
  wire = {"type": "trade", "exchange": "old", "symbol": "BTC/USDT", "price": 1.5, "size": 2}
  own = Custom(exchange="old", symbol="", event_type="x", data={})
  connector = Old([wire, own])
  async with AsyncioThread() as thread:
    context = Context(thread)
    with pytest.raises(Disconnected, match="ended"):
      await connector_source(lambda config: connector)(None, context, context)
  assert connector.calls == ["connect", "subscribe", "shutdown"]
  assert [type(e).__name__ for e in context.events] == ["Trade", "Custom"]
  assert context.events[0].price == 1.5


async def test_an_older_connector_that_gives_nonsense_is_named():
  connector = Old([{"type": "trade", "exchange": "old"}])
  async with AsyncioThread() as thread:
    context = Context(thread)
    with pytest.raises(PluginError, match=r"sources\.old: the connector gave an event"):
      await connector_source(lambda config: connector)(None, context, context)
