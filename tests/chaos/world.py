"""A run that its seed alone decides: order of tasks, clocks, dice, sockets."""

import random
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any, TypeVar
from unittest.mock import patch

import trio
from bond_sim.market import pool, products
from bond_simkit import websocket
from trio.testing import MockClock

from tests.chaos.network import MemoryNetwork

T = TypeVar("T")
START_MS = 1_790_000_000_000

# A market that is small and moves in larger steps is as good, at a tenth of the cost.
PULSE_SECONDS, LEVELS = 0.1, 40


def run(seed: str, work: Callable[[], Awaitable[T]]) -> T:
  """What `work` returns, run in a world of its own."""
  with deterministic(seed):
    return trio.run(_in_memory, work, clock=MockClock(autojump_threshold=0.0))


async def _in_memory(work: Callable[[], Awaitable[T]]) -> T:
  trio.socket.set_custom_socket_factory(MemoryNetwork())
  return await work()


def _seconds() -> float:
  try:
    return trio.current_time()
  except RuntimeError:
    return 0.0


async def _at_once(call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
  """In place of a thread, whose duration is nobody's seed."""
  await trio.lowlevel.checkpoint()
  return call(*arguments)


_tls = cache(ssl.create_default_context)
"""One for all runs, none of which uses it: making one reads all certificates."""


@contextmanager
def deterministic(seed: str) -> Iterator[None]:
  """What is left to chance, and what waits for the machine, follows from the seed."""
  dice = random.Random(f"{seed} dice")
  unseeded = random.Random

  class Seeded(unseeded):  # type: ignore[valid-type, misc]
    """random.Random, and where nobody gives a seed, one of the run's."""

    def __init__(self, seed: Any = None) -> None:
      super().__init__(dice.getrandbits(64) if seed is None else seed)

  scheduler = trio._core._run
  with ExitStack() as stack:
    for target, name, value in (
      (random, "Random", Seeded),
      (time, "time_ns", lambda: START_MS * 10**6 + round(_seconds() * 1e9)),
      (time, "time", lambda: START_MS / 1000 + _seconds()),
      (time, "monotonic_ns", lambda: 10**9 + round(_seconds() * 1e9)),
      (time, "monotonic", lambda: 1 + _seconds()),
      (trio.to_thread, "run_sync", _at_once),
      (pool, "PULSE_SECONDS", PULSE_SECONDS),
      (products, "LEVELS", LEVELS),
      (ssl, "create_default_context", _tls),
      (websocket, "unacknowledged", lambda stream: stream.socket.unread),
      (scheduler, "_ALLOW_DETERMINISTIC_SCHEDULING", True),
      (scheduler, "_r", unseeded(f"{seed} order")),
    ):
      stack.enter_context(patch.object(target, name, value))
    yield
