"""asyncio and blocking libraries under trio: one way for all plugins.

An asyncio library runs on one event loop in one worker thread of the process; a blocking one runs
in a worker thread of its own. Either way cancellation is prompt, batches cross bounded, and errors
arrive as themselves.
"""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import trio

T = TypeVar("T")

logger = logging.getLogger("bond.bridge")

DEPTH = 256
MOST_BYTES = 64 * 1024 * 1024
"""What items that are weighed may weigh together while they wait."""


ENDED = "a library has ended asyncio's thread, or cancelled what ran in it"


class LibraryError(RuntimeError):
  """A library raised what ends programs, or ended the thread that it ran in."""


class AsyncioThread:
  """An asyncio event loop in a thread. `async with` is its lifetime."""

  async def __aenter__(self) -> Self:
    self._trio = trio.lowlevel.current_trio_token()
    self._ready, self._gone = trio.Event(), trio.Event()
    self._waiting: set[trio.Event] = set()
    threading.Thread(target=self._main, name="bond-asyncio", daemon=True).start()
    await self._ready.wait()
    return self

  async def __aexit__(
    self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
  ) -> None:
    # Where a library has ended the loop there is nothing to stop.
    with suppress(RuntimeError):
      self._loop.call_soon_threadsafe(self._stop.set)
    with trio.CancelScope(shield=True):
      await self._gone.wait()

  def _main(self) -> None:
    async def live() -> None:
      self._loop = asyncio.get_running_loop()
      self._stop = asyncio.Event()
      self._trio.run_sync_soon(self._ready.set)
      await self._stop.wait()

    try:
      asyncio.run(live())
    except BaseException:
      # From a task of a library's own, which nothing here awaits. Those that run here end with it.
      logger.error("asyncio's thread was ended by a library", exc_info=True)
    finally:
      try:
        self._trio.run_sync_soon(self._end)
      except trio.RunFinishedError:
        # trio has ended, so no task waits for the news.
        return

  async def run(self, function: Callable[..., Awaitable[T]], *args: Any) -> T:
    """Awaits asyncio's `function(*args)`; cancelling here cancels it there. Raises LibraryError
    for what is no Exception, such as SystemExit, and where asyncio's thread has ended."""
    done = trio.Event()
    box: list[asyncio.Task[T]] = []

    async def call() -> T:
      try:
        return await function(*args)
      except asyncio.CancelledError:
        raise
      except BaseException as exc:
        # Anything else would end the loop, and with it what others run there.
        raise _contained(exc) from None

    def start() -> None:
      task = self._loop.create_task(call())
      box.append(task)
      task.add_done_callback(lambda _: self._trio.run_sync_soon(done.set))

    if self._gone.is_set():
      raise LibraryError(ENDED)
    self._waiting.add(done)
    try:
      # Where the loop is closed the news of it come in a moment.
      with suppress(RuntimeError):
        self._loop.call_soon_threadsafe(start)
      await done.wait()
    except trio.Cancelled:
      with suppress(RuntimeError):
        self._loop.call_soon_threadsafe(lambda: box[0].cancel())
      with trio.CancelScope(shield=True):
        await done.wait()
      if box and box[0].done() and not box[0].cancelled():
        box[0].exception()
      raise
    finally:
      self._waiting.discard(done)
    if not box or not box[0].done() or box[0].cancelled():
      raise LibraryError(ENDED)
    return box[0].result()

  def _end(self) -> None:
    """The thread has ended: nothing that still waits for it will be done."""
    self._gone.set()
    for done in self._waiting:
      done.set()

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


def _contained(exc: BaseException) -> Exception:
  """What a library raised, as an error that ends no program."""
  if isinstance(exc, Exception):
    return exc
  return LibraryError(f"the library raised {type(exc).__name__}").with_traceback(exc.__traceback__)


@asynccontextmanager
async def iterate_in_thread(
  make: Callable[[], Iterable[T]],
  *,
  stop: Callable[[], object] | None = None,
  weigh: Callable[[T], int] = lambda item: 0,
) -> AsyncIterator[Callable[[], Awaitable[list[T]]]]:
  """Gives `receive`, which returns the items that a blocking iterable has made since the last call,
  at least one; raises trio.EndOfChannel at its end.

  The iterable is made and read in a worker thread; at most 256 items wait, which `weigh` 64 MiB
  together at most, then it pauses. `stop` is called when the block is left, from the event loop: it
  must make a blocked `next()` return or raise (closing the socket, cancelling the call), since a
  thread cannot be cancelled.
  """
  channel: _Channel[T] = _Channel(trio.lowlevel.current_trio_token())
  room = _Room()

  def work() -> None:
    try:
      items: Iterator[T] = iter(make())
      for item in items:
        if not room.take(weigh(item)):
          return
        channel.put(item)
    except BaseException as exc:
      channel.fail(_contained(exc))
    else:
      channel.fail(trio.EndOfChannel())

  async def receive() -> list[T]:
    items = await channel.receive()
    room.give_back(len(items), sum(map(weigh, items)))
    return items

  async with trio.open_nursery() as nursery:
    nursery.start_soon(trio.to_thread.run_sync, work)
    try:
      yield receive
    finally:
      room.close()
      if stop is not None:
        stop()


class _Room:
  """What may wait between two threads. An item that weighs more than all of it waits alone."""

  def __init__(self) -> None:
    self._changed = threading.Condition()
    self._items = self._bytes = 0
    self._closed = False

  def take(self, weight: int) -> bool:
    """Waits for room for one item; whether there will be a reader for it."""
    with self._changed:
      self._changed.wait_for(lambda: self._closed or self._has(weight))
      self._items += 1
      self._bytes += weight
      return not self._closed

  def _has(self, weight: int) -> bool:
    return self._items < DEPTH and (not self._items or self._bytes + weight <= MOST_BYTES)

  def give_back(self, items: int, weight: int) -> None:
    """Items were taken."""
    with self._changed:
      self._items -= items
      self._bytes -= weight
      self._changed.notify()

  def close(self) -> None:
    """Nobody takes anything any more."""
    with self._changed:
      self._closed = True
      self._changed.notify()


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
