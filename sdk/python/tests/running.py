"""A real server and a proxy that harms it, in a thread of their own; and the three ways to wait."""

import asyncio
import threading
from contextlib import contextmanager

import trio
from kk0 import Stream
from serving import Proxy, served


class Harm:
  """A proxy that can be controlled from any thread."""

  def __init__(self, proxy, token):
    self._proxy, self._token = proxy, token
    self.port = proxy.port

  @property
  def connections(self):
    return self._proxy.connections

  def do(self, what):
    """`cut`, `stall` or `corrupt`."""
    self._token.run_sync_soon(getattr(self._proxy, what))


class Server:
  """A running `bond serve --sim`."""

  def __init__(self, port, api, token, nursery):
    self.port, self.api, self._token, self._nursery = port, api, token, nursery

  def proxy(self):
    """A fresh proxy before it."""

    async def start():
      proxy = Proxy(self.port)
      await self._nursery.start(proxy.run)
      return proxy

    return Harm(trio.from_thread.run(start, trio_token=self._token), self._token)


@contextmanager
def running(*arguments, **options):
  """A server until the block is left."""
  ready, found, end = threading.Event(), [], []

  async def work():
    async with served(*arguments, **options) as server, trio.open_nursery() as nursery:
      api = await server.told(rb"(?<=api: )http://127\.0\.0\.1:\d+")
      stop = trio.Event()
      token = trio.lowlevel.current_trio_token()
      end.append(lambda: trio.from_thread.run_sync(stop.set, trio_token=token))
      found.append(Server(server.port, api, token, nursery))
      ready.set()
      await stop.wait()
      nursery.cancel_scope.cancel()

  def run():
    try:
      trio.run(work)
    finally:
      ready.set()

  thread = threading.Thread(target=run)
  thread.start()
  try:
    ready.wait(40)
    yield found[0]
  finally:
    for stop in end:
      stop()
    thread.join(20)


class Awaited:
  """A stream on asyncio or trio."""

  def __init__(self, url, **options):
    self.stream = Stream(url, **options)

  async def open(self):
    await self.stream.__aenter__()
    return self

  async def subscribe(self, **request):
    await self.stream.subscribe(**request)

  async def next(self):
    return await anext(self.stream)

  async def close(self):
    await self.stream.close()


class Threaded(Awaited):
  """A stream in a thread. Nothing of it really waits on an event loop."""

  async def open(self):
    return self

  async def subscribe(self, **request):
    self.stream.subscribe_sync(**request)

  async def next(self):
    return next(self.stream)

  async def close(self):
    self.stream.close_sync()


def _in_thread(work):
  async def main():
    return await work(Threaded)

  coroutine = main()
  try:
    coroutine.send(None)
  except StopIteration as exc:
    return exc.value
  raise AssertionError("a stream in a thread waited for an event loop")


WAYS = {
  "asyncio": lambda work: asyncio.run(asyncio.wait_for(work(Awaited), 30)),
  "trio": lambda work: trio.run(_bounded, work),
  "threads": _in_thread,
}


async def _bounded(work):
  with trio.fail_after(60):
    return await work(Awaited)
