"""Fixtures for tests of plugins, which pytest finds by the entry point `bond`.

Every run of pytest in an environment with Bond imports this module, so it imports Bond only when a
fixture is used.
"""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
  from bond_core import Registry
  from bond_core.testing import EventsOf


@pytest.fixture(scope="session")
def bond_registry() -> "Registry":
  """All components that are installed."""
  from bond_core import Registry

  return Registry()


@pytest.fixture
def bond_events(bond_registry: "Registry") -> "EventsOf":
  """Runs a spec: `await bond_events(text, count=1)` returns its first events, in order."""
  from bond_core.testing import events_of

  return events_of(bond_registry)
