"""The server that `bond mcp` has inside, where it joins none."""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import attrs
import trio
from bond_server.access.access import ServerAccess, context_of, signed_tokens
from bond_server.access.chain import DEFAULT, make_chain
from bond_server.runtime import RunningServer, open_server
from bond_server.streams import LogKeeping, check_servable

from bond_core import BondError, Registry, ServiceType, Spec
from bond_core.packages import packages_with
from bond_core.specs import structure

logger = logging.getLogger("bond.mcp")

OWN = "mcp"
"""The service that is not needed inside."""


@asynccontextmanager
async def server_inside(
  registry: Registry, specs: Sequence[Spec], *, simulate: bool
) -> AsyncIterator[RunningServer]:
  """A server of this process, which keeps nothing beyond it. Its services listen on ports of
  loopback that were free, so that programs of this machine can read its streams too."""
  services = [service for service in registry.all(ServiceType) if service.name != OWN]
  if not services:
    raise BondError(f"nothing here keeps streams; pip install {packages_with('service')}")
  for spec in specs:
    check_servable(spec)
  tokens, _ = signed_tokens(None, loopback=True)
  log = registry.log("core.memory")
  async with open_server(
    keeping=LogKeeping(log, log.config(), simulated=simulate),
    registry=registry,
    access=ServerAccess(tokens, make_chain(DEFAULT, registry, context_of(tokens))),
    folder=None,
    specs=specs,
  ) as server:
    server.streams.starting = True
    async with trio.open_nursery() as nursery:
      for service in services:
        ports = {"port": 0} if "port" in attrs.fields_dict(service.config) else {}
        config, faults = structure(ports, service.config)
        if problems := [fault.message for fault in faults]:
          raise BondError(f"{service.name}: {'; '.join(problems)}")
        server.addresses[service.name] = await nursery.start(service.serve, config, server)
        logger.info("%s: %s", service.name, server.addresses[service.name])
      for spec in specs:
        if spec.sinks:
          await server.streams.start(spec, None)
        else:
          server.carry(spec)
      server.streams.starting = False
      try:
        yield server
      finally:
        server.stopping.set()
        with trio.move_on_after(3, shield=True):
          while nursery.child_tasks:
            await trio.sleep(0.01)
        nursery.cancel_scope.cancel()
