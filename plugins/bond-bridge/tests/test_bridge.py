import asyncio
import threading
import time

import pytest
import trio
from bond_bridge import AsyncioThread
from bond_bridge.bridge import DEPTH, iterate_in_thread


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
