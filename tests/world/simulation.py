"""A run of the whole system that its seed alone decides: besides what tests.chaos.world does, the
broker's sockets, secrets, the watchdog's thread, and each process's own wall clock."""

import os
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar
from unittest.mock import patch

import trio
from bond_broker.config import BrokerConfig
from bond_broker.server import broker
from bond_rest import service
from bond_rest.config import RestConfig
from bond_server import runtime
from trio.testing import MockClock

from tests.chaos.network import HOST, MemoryNetwork, MemorySocket, Raw, host
from tests.chaos.world import START_MS, deterministic

T = TypeVar("T")


class _NoWatchdog:
  """Nothing blocks a loop whose time stands still meanwhile."""

  def __init__(self, *given: Any) -> None:
    """It watches nothing."""

  async def __aenter__(self) -> "_NoWatchdog":
    return self

  async def __aexit__(self, *given: object) -> None:
    return


def run(
  seed: str,
  network: MemoryNetwork,
  work: Callable[[MemoryNetwork], Awaitable[T]],
  instruments: list[trio.abc.Instrument],
) -> T:
  """What `work` returns, run in a world of its own."""
  with deterministic(seed), _whole(seed):
    return trio.run(
      _in_memory, network, work, clock=MockClock(autojump_threshold=0.0), instruments=instruments
    )


async def _in_memory(network: MemoryNetwork, work: Callable[[MemoryNetwork], Awaitable[T]]) -> T:
  trio.socket.set_custom_socket_factory(network)

  def open_listeners(config: BrokerConfig) -> list[Raw]:
    listener = network.socket()
    listener.take_address((HOST, config.port))
    listener.listen()
    return [Raw(listener)]

  def open_listener(config: RestConfig) -> Raw:
    listener = network.socket()
    listener.take_address((HOST, config.port))
    listener.listen()
    return Raw(listener)

  with (
    patch.object(broker, "open_listeners", open_listeners),
    patch.object(service, "_listener", open_listener),
  ):
    return await work(network)


def _wall_ns() -> int:
  process = host.get()
  skew = 0 if process is None else process.skew_ms
  try:
    seconds = trio.current_time()
  except RuntimeError:
    seconds = 0.0
  return (START_MS + skew) * 10**6 + round(seconds * 1e9)


async def _wait_readable(sock: Any) -> None:
  await sock.wait_readable()


async def _wait_writable(sock: Any) -> None:
  await sock.wait_writable()


def _closing(sock: Any) -> None:
  """Whoever waits sees it by the socket itself."""


def _from_stdlib(sock: Any) -> MemorySocket:
  inner: MemorySocket = sock.inner
  return inner


@contextmanager
def _whole(seed: str) -> Iterator[None]:
  dice = random.Random(f"{seed} secrets")
  before = random.getstate()
  with ExitStack() as stack:
    for target, name, value in (
      (time, "time_ns", _wall_ns),
      (time, "time", lambda: _wall_ns() / 1e9),
      (os, "urandom", dice.randbytes),
      (secrets, "token_bytes", lambda size=32: dice.randbytes(size)),
      (secrets, "token_hex", lambda size=32: dice.randbytes(size).hex()),
      (trio.lowlevel, "wait_readable", _wait_readable),
      (trio.lowlevel, "wait_writable", _wait_writable),
      (trio.lowlevel, "notify_closing", _closing),
      (trio.socket, "from_stdlib_socket", _from_stdlib),
      (runtime, "Watchdog", _NoWatchdog),
    ):
      stack.enter_context(patch.object(target, name, value))
    random.seed(f"{seed} global")
    try:
      yield
    finally:
      random.setstate(before)
