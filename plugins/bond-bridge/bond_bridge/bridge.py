"""asyncio and blocking libraries under trio: one way for all plugins.

An asyncio library runs on one event loop in one worker thread of the process; a blocking one runs
in a worker thread of its own. Either way cancellation is prompt, batches cross bounded, and errors
arrive as themselves.
"""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import trio

T = TypeVar("T")

DEPTH = 256


class AsyncioThread:
  """An asyncio event loop in a thread. `async with` is its lifetime."""

  async def __aenter__(self) -> Self:
    self._trio = trio.lowlevel.current_trio_token()
    self._ready, self._gone = trio.Event(), trio.Event()
    threading.Thread(target=self._main, name="bond-asyncio", daemon=True).start()
    await self._ready.wait()
    return self

  async def __aexit__(
    self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
  ) -> None:
    with trio.CancelScope(shield=True):
      self._loop.call_soon_threadsafe(self._stop.set)
      await self._gone.wait()

  def _main(self) -> None:
    async def live() -> None:
      self._loop = asyncio.get_running_loop()
      self._stop = asyncio.Event()
      self._trio.run_sync_soon(self._ready.set)
      await self._stop.wait()

    try:
      asyncio.run(live())
    finally:
      try:
        self._trio.run_sync_soon(self._gone.set)
      except trio.RunFinishedError:
        # trio has ended, so no task waits for the news.
        return

  async def run(self, function: Callable[..., Awaitable[T]], *args: Any) -> T:
    """Awaits asyncio's `function(*args)`; cancelling here cancels it there."""
    done = trio.Event()
    box: list[asyncio.Task[T]] = []

    async def call() -> T:
      return await function(*args)

    def start() -> None:
      task = self._loop.create_task(call())
      box.append(task)
      task.add_done_callback(lambda _: self._trio.run_sync_soon(done.set))

    self._loop.call_soon_threadsafe(start)
    try:
      await done.wait()
    except trio.Cancelled:
      self._loop.call_soon_threadsafe(lambda: box[0].cancel())
      with trio.CancelScope(shield=True):
        await done.wait()
      if not box[0].cancelled():
        box[0].exception()
      raise
    return box[0].result()

  @asynccontextmanager
  async def iterate(
    self, function: Callable[..., AsyncIterator[T]], *args: Any
  ) -> AsyncIterator[Callable[[], Awaitable[list[T]]]]:
    """Gives `receive`, which returns the items that asyncio's `async for … in function(*args)` has
    made since the last call, at least one; raises trio.EndOfChannel at its end. At most 256 items
    wait; then the iterator pauses."""
    channel: _Channel[T] = _Channel(self._trio)
    room = asyncio.Semaphore(DEPTH)

    async def pump() -> None:
      async for item in function(*args):
        await room.acquire()
        channel.put(item)

    async def work() -> None:
      try:
        await self.run(pump)
      except Exception as exc:
        channel.fail(exc)
      else:
        channel.fail(trio.EndOfChannel())

    def free(count: int) -> None:
      for _ in range(count):
        room.release()

    async def receive() -> list[T]:
      items = await channel.receive()
      self._loop.call_soon_threadsafe(free, len(items))
      return items

    async with trio.open_nursery() as nursery:
      nursery.start_soon(work)
      yield receive
      nursery.cancel_scope.cancel()


@asynccontextmanager
async def iterate_in_thread(
  make: Callable[[], Iterable[T]], *, stop: Callable[[], object] | None = None
) -> AsyncIterator[Callable[[], Awaitable[list[T]]]]:
  """Gives `receive`, which returns the items that a blocking iterable has made since the last call,
  at least one; raises trio.EndOfChannel at its end.

  The iterable is made and read in a worker thread; at most 256 items wait, then it pauses. `stop`
  is called when the block is left, from the event loop: it must make a blocked `next()` return or
  raise (closing the socket, cancelling the call), since a thread cannot be cancelled.
  """
  channel: _Channel[T] = _Channel(trio.lowlevel.current_trio_token())
  room = threading.Semaphore(DEPTH)
  leaving = threading.Event()

  def work() -> None:
    try:
      items: Iterator[T] = iter(make())
      for item in items:
        room.acquire()
        if leaving.is_set():
          return
        channel.put(item)
    except Exception as exc:
      channel.fail(exc)
    else:
      channel.fail(trio.EndOfChannel())

  async def receive() -> list[T]:
    items = await channel.receive()
    room.release(len(items))
    return items

  async with trio.open_nursery() as nursery:
    nursery.start_soon(trio.to_thread.run_sync, work)
    try:
      yield receive
    finally:
      leaving.set()
      room.release(DEPTH)
      if stop is not None:
        stop()


class _Channel(Generic[T]):
  """Items from another thread; the sender bounds how many wait."""

  def __init__(self, token: trio.lowlevel.TrioToken) -> None:
    self._token = token
    self._items: deque[T] = deque()
    self._end: Exception | None = None
    self._poked = trio.Event()
    self._announced = False

  def put(self, item: T) -> None:
    self._items.append(item)
    # Waking trio is a system call, in which other threads take the interpreter: once is enough
    # until the items are taken.
    if not self._announced:
      self._announced = True
      self._token.run_sync_soon(self._poke, idempotent=True)

  def fail(self, exc: Exception) -> None:
    self._end = exc
    try:
      self._token.run_sync_soon(self._poke, idempotent=True)
    except trio.RunFinishedError:
      # trio has ended, so no task waits for the news.
      return

  def _poke(self) -> None:
    self._poked.set()

  async def receive(self) -> list[T]:
    await trio.lowlevel.checkpoint()
    while not self._items:
      if self._end is not None:
        raise self._end
      self._poked = trio.Event()
      if not self._items and self._end is None:
        await self._poked.wait()
    # Before they are taken, so that what is put meanwhile is announced again.
    self._announced = False
    items = []
    while self._items:
      items.append(self._items.popleft())
    return items
