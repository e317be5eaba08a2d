"""What every service must do, as tests that a plugin inherits, and the server that they run in.

It needs pytest; nothing of it is imported at run time.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import attrs
import pytest
import trio

from bond_core import BondError, Registry, ServiceType, SystemClock, leaf
from bond_core.testing import ComponentConformance, configured
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


class ServiceConformance(ComponentConformance):
  """Runs a service in a server as `bond serve` does.

  ```python
  class TestEvents(ServiceConformance):
    name = "events"

    def keys(self):
      return {"port": 0}
  ```
  """

  def keys(self) -> Mapping[str, Any]:
    """Values of its options, by the names of its configuration."""
    return {}

  def component(self) -> ServiceType:
    services = {service.name: service for service in Registry().all(ServiceType)}
    assert self.name in services, f"no service {self.name!r} is installed; there is {[*services]}"
    return services[self.name]

  @asynccontextmanager
  async def serving(self) -> AsyncIterator[tuple[RunningServer, list[str]]]:
    """The server and where the service listens; it has taken leave when the block is left."""
    component = self.component()
    config = configured(component, self.keys())
    async with open_test_server() as server, trio.open_nursery() as nursery:
      with trio.fail_after(5):
        addresses = await nursery.start(component.serve, config, server)
      yield server, addresses
      server.stopping.set()
      with trio.fail_after(10):
        while nursery.child_tasks:
          await trio.sleep(0.01)

  def test_it_starts_says_where_it_listens_and_takes_leave(self) -> None:
    async def check() -> None:
      async with self.serving() as (_, addresses):
        assert addresses
        assert all(isinstance(address, str) and address for address in addresses)

    trio.run(check)

  def test_it_starts_again_after_it_has_ended(self) -> None:
    for _ in range(2):
      self.test_it_starts_says_where_it_listens_and_takes_leave()

  def test_a_port_that_is_taken_is_an_error_in_a_sentence(self) -> None:
    async def check() -> None:
      component = self.component()
      if not {"host", "port"} <= {field.name for field in attrs.fields(component.config)}:
        pytest.skip("this service has no host and port")
      listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
      async with open_test_server() as server, trio.open_nursery() as nursery:
        port = listeners[0].socket.getsockname()[1]
        keys = {**self.keys(), "host": "127.0.0.1", "port": port}
        config = configured(component, keys)
        with trio.fail_after(5), pytest.raises(BaseException) as caught:  # noqa: PT011
          await nursery.start(component.serve, config, server)
        assert isinstance(leaf(caught.value), BondError), "raise BondError with a sentence"
        nursery.cancel_scope.cancel()
      await listeners[0].aclose()

    trio.run(check)
