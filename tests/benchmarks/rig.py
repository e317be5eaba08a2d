"""Runs a server on one core and the load client on another, and reads their meters."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.contenders import Contender
from tests.benchmarks.servers.offered import FIRST

ROOT = Path(__file__).resolve().parents[2]
DRAIN = (sys.executable, str(Path(__file__).with_name("drain.py")))
# A neighbour's work shows in every latency here: a machine that is busy is given a moment.
QUIET_WITHIN, QUIET_SAMPLE, QUIET_CORES = 1.0, 0.25, 0.2
PRIORITY = -15
ANSWER_WITHIN = 60.0
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


class Broken(Exception):
  """A process under measurement ended or does not answer; the sentence says which and why."""


def cores() -> tuple[int, int]:
  """The server's core and the load client's; they are one on a machine with a single core."""
  usable = sorted(os.sched_getaffinity(0))
  return usable[0], usable[-1]


class Process:
  """A process that is spoken to in lines of JSON. It runs on one core."""

  def __init__(
    self,
    name: str,
    command: Sequence[str],
    core: int,
    environment: dict[str, str] | None = None,
  ) -> None:
    self.name = name
    self._complaints = tempfile.TemporaryFile()  # noqa: SIM115
    # A group of its own, so that what it starts (nats-server) ends with it.
    self.popen = subprocess.Popen(
      ["taskset", "-c", str(core), *command],
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      stderr=self._complaints,
      cwd=ROOT,
      env={**os.environ, **(environment or {})},
      start_new_session=True,
    )
    # Linux shares a core among sessions, so a neighbour would take half of it. Who may not change
    # priorities measures with neighbours.
    with contextlib.suppress(OSError):
      Path(f"/proc/{self.popen.pid}/autogroup").write_text(str(PRIORITY))

  def read(self) -> dict[str, Any]:
    """Its next line. Raises Broken when there is none."""
    assert self.popen.stdout is not None
    ready, _, _ = select.select([self.popen.stdout], [], [], ANSWER_WITHIN)
    if not ready:
      raise Broken(f"{self.name} says nothing for {ANSWER_WITHIN:.0f} s")
    line = self.popen.stdout.readline()
    if not line:
      self._complaints.seek(0)
      told = self._complaints.read().decode(errors="replace").strip().splitlines()
      raise Broken(f"{self.name} ended: {told[-1] if told else 'it said nothing'}")
    answer: dict[str, Any] = json.loads(line)
    if "error" in answer:
      raise Broken(f"{self.name}: {answer['error']}")
    return answer

  def ask(self, **command: Any) -> dict[str, Any]:
    """Sends a command; its answer."""
    assert self.popen.stdin is not None
    try:
      self.popen.stdin.write(json.dumps(command).encode() + b"\n")
      self.popen.stdin.flush()
    except OSError as exc:
      raise Broken(f"{self.name} has gone: {exc}") from exc
    return self.read()

  def close(self) -> None:
    """Ends it and all it has started."""
    assert self.popen.stdin is not None
    with contextlib.suppress(OSError):
      self.popen.stdin.close()
    try:
      self.popen.wait(3)
    except subprocess.TimeoutExpired:
      with contextlib.suppress(ProcessLookupError):
        os.killpg(self.popen.pid, signal.SIGTERM)
    try:
      self.popen.wait(3)
    except subprocess.TimeoutExpired:
      pass
    with contextlib.suppress(ProcessLookupError):
      os.killpg(self.popen.pid, signal.SIGKILL)
    self.popen.wait()
    assert self.popen.stdout is not None
    self.popen.stdout.close()
    self._complaints.close()

  def members(self) -> list[int]:
    """Its process id and those of all it has started."""
    found, waiting = [], [self.popen.pid]
    while waiting:
      process = waiting.pop()
      found.append(process)
      for children in Path(f"/proc/{process}/task").glob("*/children"):
        # A thread may end while it is looked at.
        with contextlib.suppress(OSError):
          waiting += map(int, children.read_text().split())
    return found

  def cpu_seconds(self) -> float:
    """Processor time so far, user and system, with all it has started."""
    return sum(_cpu_seconds(process) for process in self.members())

  def rss_bytes(self) -> int:
    """Resident memory, with all it has started."""
    return sum(
      int(Path(f"/proc/{process}/statm").read_text().split()[1]) * PAGE
      for process in self.members()
    )


def _cpu_seconds(process: int) -> float:
  fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
  return (int(fields[11]) + int(fields[12])) / TICKS


def machine_seconds() -> float:
  """Processor time that anybody has used on the cores of this machine, interrupts included."""
  fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
  user, nice, system, _idle, _wait, irq, softirq, steal = map(int, fields[:8])
  return (user + nice + system + irq + softirq + steal) / TICKS


def settle() -> None:
  """Waits, but not for long, until nobody else is at work on this machine."""
  until = time.monotonic() + QUIET_WITHIN
  while time.monotonic() < until:
    before = machine_seconds()
    time.sleep(QUIET_SAMPLE)
    if machine_seconds() - before < QUIET_CORES * QUIET_SAMPLE:
      return


class Rig:
  """A server, its clients, and who publishes: the server itself where it is not another."""

  def __init__(self, server: Process, drain: Process, publisher: Process, port: int) -> None:
    self.server = server
    self.port = port
    self.drain = drain
    self.publisher = publisher

  def connect(
    self, clients: int, messages: list[list[str]] | None = None, **topics: Any
  ) -> dict[str, Any]:
    """Opens clients until there are so many. Each new one sends a list of messages, in turn; see
    drain.py for `topics`."""
    found = self.drain.ask(do="connect", clients=clients, messages=messages or [], **topics)
    if '"type":"error"' in found["answer"] or '"rejected":["' in found["answer"]:
      raise Broken(f"{self.server.name} refused the subscription: {found['answer'][:500]}")
    return found

  def rate(self, rate: float) -> int:
    """Offers so many messages a second from now on; how many were published so far."""
    return int(self.publisher.ask(rate=rate)["published"])

  def measure(
    self, rate: float, seconds: float, warm: float = 0.7, memory: int = 2 << 30
  ) -> dict[str, Any]:
    """The figures of a window at an offered rate, in which the load goes on. Raises Broken when the
    server's memory passes a bound (bytes): what is not delivered piles up there."""
    self.rate(rate)
    self._sleep(warm, memory)
    began, cpu, machine = time.perf_counter(), self.server.cpu_seconds(), machine_seconds()
    load_cpu = self._load_cpu_seconds()
    published = self.rate(rate)
    self.drain.ask(do="begin")
    self._sleep(seconds, memory)
    found = self.drain.ask(do="end")
    published = self.rate(rate) - published
    cpu = self.server.cpu_seconds() - cpu
    load_cpu = self._load_cpu_seconds() - load_cpu
    machine = machine_seconds() - machine
    elapsed = time.perf_counter() - began
    return {
      "offered_per_s": round(rate),
      "published_per_s": round(published / elapsed),
      **found,
      "server_cpu": round(cpu / elapsed, 3),
      "cpu_of_others": round(max(0.0, machine - cpu - load_cpu) / elapsed, 3),
      "rss_mb": round(self.server.rss_bytes() / 1e6, 1),
    }

  def finish(self) -> dict[str, Any]:
    """Ends the load; what arrived of all that was published."""
    return self.drain.ask(do="finish", published=self.rate(0))

  def finish_topics(self) -> dict[str, Any]:
    """The same where clients have topics of their own."""
    return self.drain.ask(do="finish_topics", published=self.rate(0), first=FIRST)

  def _load_cpu_seconds(self) -> float:
    apart = self.publisher is not self.server
    return self.drain.cpu_seconds() + (self.publisher.cpu_seconds() if apart else 0.0)

  def _sleep(self, seconds: float, memory: int) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
      time.sleep(min(0.05, left))
      if self.server.rss_bytes() > memory:
        raise Broken(f"{self.server.name} holds more than {memory >> 20} MiB; stopped")


@contextlib.contextmanager
def rig(
  name: str,
  contender: Contender,
  *,
  witnesses: int = 8,
  heap: bool = False,
  publisher: Sequence[str] | None = None,
) -> Iterator[Rig]:
  """A server that has started, and a load client that has not connected yet. With `heap` Python
  counts what it allocates, which makes it slow. A `publisher` is a command that runs beside the
  load client; the server is started with its port."""
  settle()
  server_core, client_core = cores()
  environment = {**contender.environment, **({"PYTHONTRACEMALLOC": "1"} if heap else {})}
  with contextlib.ExitStack() as stack:

    def start(who: str, command: Sequence[str], core: int, **added: str) -> Process:
      process = Process(who, command, core, added)
      stack.callback(process.close)
      return process

    command = [*contender.command]
    source = None
    if publisher is not None:
      source = start(f"the publisher for {name}", publisher, client_core)
      command.append(str(source.read()["port"]))
    server = start(name, command, server_core, **environment)
    port = int(server.read()["port"])
    load = [*DRAIN, str(port), "--path", contender.path]
    load += ["--pattern", contender.pattern, "--witnesses", str(witnesses)]
    clients = start(f"the load client of {name}", load, client_core)
    yield Rig(server, clients, source or server, port)
