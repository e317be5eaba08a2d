"""Fixtures for tests of plugins, which pytest finds by the entry point `bond`.

Every run of pytest in an environment with Bond imports this module, so it imports Bond only when a
fixture is used.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
  from bond_core import Batch, Registry


@pytest.fixture(scope="session")
def bond_registry() -> "Registry":
  """All components that are installed."""
  from bond_core import Registry

  return Registry()


@pytest.fixture
def bond_events(bond_registry: "Registry") -> "Callable[..., Awaitable[Batch]]":
  """Runs a spec: `await bond_events(text, count=1, within=5.0)` returns its first events, in order.

  It waits until `count` events have come, and fails the test where they do not within `within`
  seconds. What ends the spec, such as a source that is refused, is raised as a BondError.
  """
  import trio

  from bond_core import load_spec, open_events

  async def events(text: str, *, count: int = 1, within: float = 5.0) -> "Batch":
    found: Batch = []
    spec = load_spec(text, registry=bond_registry)
    with trio.move_on_after(within):
      async with open_events(spec) as batches:
        async for batch in batches:
          found += batch
          if len(found) >= count:
            return found
    pytest.fail(f"{len(found)} of {count} events came within {within:g} s")

  return events
