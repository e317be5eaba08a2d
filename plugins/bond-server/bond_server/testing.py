"""A server for the tests of services (bond_core.testing.ServiceConformance)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bond_core import Registry, SystemClock
from bond_server.access.access import ServerAccess, SignedTokens, context_of
from bond_server.access.chain import DEFAULT, make_chain
from bond_server.access.generations import MemoryGenerations
from bond_server.access.tokens import Keyring
from bond_server.runtime import RunningServer, open_server
from bond_server.streams import LogKeeping

SECRET = b"a secret of servers in tests only"


@asynccontextmanager
async def open_test_server() -> AsyncIterator[RunningServer]:
  """A server that keeps everything in memory, with a folder of its own for its services."""
  registry, clock = Registry(), SystemClock()
  tokens = SignedTokens(clock, Keyring(SECRET), MemoryGenerations())
  access = ServerAccess(tokens, make_chain(DEFAULT, registry, context_of(tokens)))
  log = registry.log("core.memory")
  with TemporaryDirectory(prefix="bond-test-") as folder:
    async with open_server(
      keeping=LogKeeping(log, log.config()),
      registry=registry,
      access=access,
      folder=Path(folder),
      clock=clock,
    ) as server:
      yield server
