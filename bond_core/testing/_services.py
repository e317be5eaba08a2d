"""What every service must do, as tests that a plugin inherits."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from importlib.metadata import entry_points
from typing import Any

import attrs
import pytest
import trio

from bond_core._errors import BondError, leaf
from bond_core._types.program import ServiceType
from bond_core.services import Server
from bond_core.testing._components import REGISTRY, ComponentConformance, configured

GROUP = "bond.testing"
"""The entry-point group in which a package offers a server for tests."""


def open_test_server() -> AbstractAsyncContextManager[Server]:
  """A server without sources, whose log the test writes (`server.log.ring.append`). Skips the test
  where no package that has a server is installed."""
  for point in entry_points(group=GROUP, name="server"):
    server: AbstractAsyncContextManager[Server] = point.load()()
    return server
  pytest.skip("no package with a server is installed; pip install bond-server")


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
    services = {service.name: service for service in REGISTRY.all(ServiceType)}
    assert self.name in services, f"no service {self.name!r} is installed; there is {[*services]}"
    return services[self.name]

  @asynccontextmanager
  async def serving(self) -> AsyncIterator[tuple[Server, list[str]]]:
    """The server and where the service listens; it has taken leave when the block is left."""
    component = self.component()
    config = configured(component, self.keys())
    async with open_test_server() as server, trio.open_nursery() as nursery:
      with trio.fail_after(5):
        addresses = await nursery.start(partial(component.serve, config, server))
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
          await nursery.start(partial(component.serve, config, server))
        assert isinstance(leaf(caught.value), BondError), "raise BondError with a sentence"
        nursery.cancel_scope.cancel()
      await listeners[0].aclose()

    trio.run(check)
