"""`bond serve` as a process of its own, and a proxy that breaks connections to it."""

import os
import re
import signal
import socket
import subprocess
from contextlib import asynccontextmanager

import trio
from venue import BOND, ROOT

EXAMPLE = str(ROOT / "examples/unified.yaml")


def free_port():
  """A port that nothing listens on, for servers that are started twice at one place."""
  with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    return probe.getsockname()[1]


class Server:
  """A running `bond serve`."""

  def __init__(self, process):
    self.process = process
    self.errors = b""
    self.port = None

  async def _listening(self):
    while self.port is None:
      data = await self.process.stderr.receive_some()
      self.errors += data
      assert data, self.errors.decode()
      if found := re.search(rb"broker: wss?://(?:127\.0\.0\.1|0\.0\.0\.0):(\d+)", self.errors):
        self.port = int(found[1])

  async def _drain(self):
    async for data in self.process.stderr:
      self.errors += data

  async def told(self, pattern):
    """The first thing of this pattern among what it says."""
    with trio.fail_after(60):
      while (found := re.search(pattern, self.errors)) is None:
        await trio.sleep(0.02)
    return found[0].decode()

  def kill(self):
    """Ends it without a warning, as the kernel does."""
    self.process.kill()

  async def stop(self):
    """Asks it to stop, as a service manager does, and waits."""
    if self.process.poll() is None:
      self.process.send_signal(signal.SIGTERM)
    with trio.fail_after(60):
      await self.process.wait()


@asynccontextmanager
async def served(*arguments, port=0, data=None, sim=True, environ=()):
  """`bond serve` on loopback, until the block is left, with simulated venues or those that its spec
  names; its logs are in memory, or in a folder `data`; `environ` is added to its environment."""
  home = {name: value for name, value in os.environ.items() if not name.startswith("BOND_")}
  home |= dict(environ)
  kept = ["--memory"] if data is None else ["--data", str(data)]
  process = await trio.lowlevel.open_process(
    [
      *BOND,
      "serve",
      *(["--sim"] if sim else []),
      *kept,
      "--port",
      str(port),
      "--api-port",
      "0",
      *arguments,
    ],
    stdin=subprocess.DEVNULL,
    stderr=subprocess.PIPE,
    env=home,
  )
  server = Server(process)
  try:
    async with trio.open_nursery() as nursery:
      with trio.fail_after(60):
        await server._listening()
      nursery.start_soon(server._drain)
      yield server
      await server.stop()
      nursery.cancel_scope.cancel()
  finally:
    with trio.CancelScope(shield=True):
      if process.poll() is None:
        process.kill()
      await process.wait()
      await process.stderr.aclose()


class Proxy:
  """Stands between clients and a server. `cut` breaks every connection at once; `stall` leaves them
  open and passes on nothing more, as when a cable is pulled."""

  def __init__(self, server_port):
    self.port = None
    self.connections = 0
    self._server_port = server_port
    self._open = set()
    self._stalled = set()
    self._corrupted = set()

  def cut(self):
    for scope in self._open:
      scope.cancel()

  def corrupt(self):
    """Has what the server says next arrive damaged, on every connection."""
    self._corrupted |= self._open

  def stall(self):
    self._stalled |= self._open

  async def run(self, task_status=trio.TASK_STATUS_IGNORED):
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    self.port = listeners[0].socket.getsockname()[1]
    await trio.serve_listeners(self._carry, listeners, task_status=task_status)

  async def _carry(self, client):
    self.connections += 1
    with trio.CancelScope() as scope:
      self._open.add(scope)
      try:
        server = await trio.open_tcp_stream("127.0.0.1", self._server_port)
        async with client, server, trio.open_nursery() as nursery:
          nursery.start_soon(self._pass_on, client, server, scope)
          nursery.start_soon(self._pass_on, server, client, scope, True)
      except* OSError:
        pass
      finally:
        self._open.discard(scope)

  async def _pass_on(self, one, other, scope, back=False):
    try:
      async for data in one:
        if scope in self._stalled:
          await trio.sleep_forever()
        if back and scope in self._corrupted:
          data = bytes(byte ^ 0x15 for byte in data)
        await other.send_all(data)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
      pass
    scope.cancel()
