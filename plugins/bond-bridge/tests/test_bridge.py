import asyncio
import gc
import threading
import time

import pytest
import trio
from bond_bridge import AsyncioThread, LibraryError
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


class Unreadable(Exception):
  def __str__(self):
    raise SystemExit(7)


ENDS = [SystemExit, KeyboardInterrupt, GeneratorExit, BaseException]


@pytest.mark.parametrize("kind", ENDS)
async def test_what_ends_programs_ends_neither_the_thread_nor_what_others_run_there(kind):
  async def bad():
    await asyncio.sleep(0)
    raise kind

  async def bad_items():
    yield 1
    raise kind

  async with AsyncioThread() as thread, trio.open_nursery() as nursery:
    others = []

    async def other():
      others.append(await thread.run(asyncio.sleep, 0.1, "done"))

    nursery.start_soon(other)
    with pytest.raises(LibraryError, match=kind.__name__):
      await thread.run(bad)
    async with thread.iterate(bad_items) as receive:
      assert await receive() == [1]
      with pytest.raises(LibraryError):
        await receive()
    assert await thread.run(asyncio.sleep, 0, "still works") == "still works"
  assert others == ["done"]


async def test_an_error_whose_text_raises_arrives_as_itself():
  async def bad():
    raise Unreadable

  async with AsyncioThread() as thread:
    with pytest.raises(Unreadable):
      await thread.run(bad)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
async def test_where_a_task_of_a_librarys_own_ends_the_loop_nobody_waits_for_ever():
  async def bad():
    raise SystemExit(3)

  async def begin():
    # As libraries do: nobody awaits it.
    kept.append(asyncio.get_running_loop().create_task(bad()))
    await asyncio.sleep(3600)

  kept = []
  with trio.fail_after(60):
    async with AsyncioThread() as thread:
      with pytest.raises(LibraryError):
        await thread.run(begin)
      with pytest.raises(LibraryError):
        while True:
          await thread.run(asyncio.sleep, 0)
    # The next one is as good as new.
    async with AsyncioThread() as thread:
      assert await thread.run(asyncio.sleep, 0, "new") == "new"
  assert isinstance(kept.pop().exception(), SystemExit)
  # What the loop left behind says so here, and not in another test.
  gc.collect()


@pytest.mark.parametrize("kind", ENDS)
async def test_a_blocking_iterator_that_ends_programs_ends_itself_only(kind):
  def bad():
    yield 1
    raise kind

  async with iterate_in_thread(bad) as receive:
    assert await receive() == [1]
    with pytest.raises(LibraryError, match=kind.__name__):
      await receive()


async def test_heavy_items_wait_in_the_thread_that_makes_them(monkeypatch):
  monkeypatch.setattr("bond_bridge.bridge.MOST_BYTES", 1000)
  made = []

  def items():
    for size in [400] * 10 + [5000] * 3 + [1] * 100:
      made.append(size)
      yield size

  got = []
  async with iterate_in_thread(items, weigh=lambda size: size) as receive:
    await trio.sleep(0.1)
    # Two are there, and one is ready.
    assert len(made) == 3
    with pytest.raises(trio.EndOfChannel):
      while True:
        part = await receive()
        assert sum(part) <= 1000 or len(part) == 1
        got += part
  assert got == made
  assert len(got) == 113


async def test_a_reader_who_leaves_frees_a_thread_that_waits_for_room(monkeypatch):
  monkeypatch.setattr("bond_bridge.bridge.MOST_BYTES", 10)
  with trio.fail_after(60):
    async with iterate_in_thread(lambda: iter(range(1000)), weigh=lambda item: 8) as receive:
      assert await receive() == [0]
