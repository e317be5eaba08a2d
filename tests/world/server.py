"""A server as a process: what `bond serve` runs, on a simulated disk, and that can be killed."""

from functools import partial
from pathlib import Path
from typing import Any

import attrs
import trio
from bond_broker.config import BrokerConfig
from bond_broker.service import serve as serve_broker
from bond_filelog.config import FileLog
from bond_filelog.engine import open_file_log, remove_file_log
from bond_rest.config import RestConfig
from bond_rest.service import serve as serve_rest
from bond_server.access.access import ServerAccess, SignedTokens, context_of
from bond_server.access.chain import DEFAULT, make_chain
from bond_server.access.generations import FILE, FileGenerations, MemoryGenerations
from bond_server.access.tokens import Keyring
from bond_server.runtime import RunningServer, open_server
from bond_server.streams import LogKeeping

from bond_core import Duration, Registry, Spec, SystemClock
from bond_core.testing._components import REGISTRY
from tests.chaos.network import HOST, Host, host
from tests.world.disk import SimulatedDisk
from tests.world.plan import LogMode
from tests.world.redis import REDIS_PORT

BROKER_PORT = 8080
"""Where clients come: to the server, or to what leads to one of two."""
PORTS = (8081, 8082)
"""Where two servers listen."""
REDIS = f"redis://{HOST}:{REDIS_PORT}"
SECRET = b"a secret of servers in tests only"
RING = Duration(4.0)
"""How long the logs stay in memory: short, so that readers fall behind what it holds."""


def keeping_of(
  mode: LogMode, disk: SimulatedDisk, registry: Registry = REGISTRY, *, follow: bool = False
) -> LogKeeping:
  """How the server keeps its logs, or reads those that another one keeps."""
  if mode == "redis":
    log = registry.log("redis.streams")
    return LogKeeping(log, log.config(url=REDIS, keep=RING), follow, simulated=True)
  if mode == "memory":
    log = registry.log("core.memory")
    return LogKeeping(log, log.config(keep=RING), simulated=True)
  log = attrs.evolve(
    registry.log("core.file"),
    open=lambda config, name: open_file_log(config, name, disk=disk),
    remove=lambda config, name: remove_file_log(config, name, disk=disk),
  )
  return LogKeeping(log, FileLog(path="/log", mode=mode, ring_keep=RING), simulated=True)


class ServerProcess:
  """One life of a server."""

  def __init__(
    self, number: int, keeping: LogKeeping, spec: Spec, folder: Path | None, port: int
  ) -> None:
    """With a `folder`, which keeps streams and what was deleted, there is a control plane."""
    self.host = Host(f"server {number}")
    self.running: RunningServer | None = None
    self.ended = trio.Event()
    self.error: Exception | None = None
    """What ended it, other than an order."""
    self._keeping, self._folder, self._port = keeping, folder, port
    self._specs = [] if keeping.follow else [spec]
    self._scope = trio.CancelScope()

  async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    """Serves until it is stopped or killed. Raises what it fails with before it serves."""
    host.set(self.host)
    started = False

    def serving() -> None:
      nonlocal started
      started = True
      task_status.started()

    try:
      with self._scope:
        await self._serve(serving)
    except Exception as exc:
      if not started:
        raise
      if self.host.alive:
        self.error = exc
    finally:
      self.ended.set()

  async def _serve(self, serving: Any) -> None:
    clock = SystemClock()
    folder = self._folder
    generations = MemoryGenerations() if folder is None else FileGenerations(folder / FILE)
    tokens = SignedTokens(clock, Keyring(SECRET), generations)
    access = ServerAccess(tokens, make_chain(DEFAULT, REGISTRY, context_of(tokens)))
    async with open_server(
      keeping=self._keeping,
      registry=REGISTRY,
      access=access,
      folder=folder,
      specs=self._specs,
      clock=clock,
    ) as server:
      self.running = server
      async with trio.open_nursery() as nursery:
        server.streams.starting = True
        await nursery.start(partial(serve_broker, BrokerConfig(port=self._port), server))
        if folder is not None:
          await nursery.start(partial(serve_rest, RestConfig(), server))
        for spec in self._specs:
          server.carry(spec)
        server.streams.starting = False
        serving()

  def kill(self) -> None:
    """As kill -9: what it has open closes, and nothing of what it still does counts."""
    self.host.kill()
    self._scope.cancel()

  def stop(self) -> None:
    """As SIGTERM."""
    if self.running is not None:
      self.running.stopping.set()
