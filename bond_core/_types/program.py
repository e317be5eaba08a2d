"""Programs that a plugin brings: simulated venues, servers, commands."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from bond_core._types.config import NoConfig

if TYPE_CHECKING:
  import click
  import trio

  from bond_core.services import Server


class ServeSimulator(Protocol):
  """Runs a simulated venue until it is cancelled; reports its base URL with
  `task_status.started(url)`."""

  def __call__(self, config: Any, *, task_status: "trio.TaskStatus[str]") -> Awaitable[None]: ...


class ServeService(Protocol):
  """Runs a service until `server.stopping` is set; reports where it listens with
  `task_status.started([url, …])`."""

  def __call__(
    self, config: Any, server: "Server", *, task_status: "trio.TaskStatus[list[str]]"
  ) -> Awaitable[None]: ...


@attrs.frozen(kw_only=True)
class SimulatorType:
  """A simulated venue: a real server that speaks the venue's protocol. Its package also names it in
  its entry points (group `bond.simulators`, venue = the plugin's module), so that it is found by
  name. `config` has the attributes host and port, and as far as the venue can do it capture, speed,
  seed and faults.
  """

  name: str
  summary: str
  config: type
  serve: ServeSimulator
  faults: tuple[tuple[str, str], ...] = ()


@attrs.frozen(kw_only=True)
class ServiceType:
  """A server that `bond serve` runs. When `server.stopping` is set it closes its clients'
  connections and returns. Each attribute of `config` becomes an option `--NAME-ATTRIBUTE` of `bond
  serve`, or what its metadata says: {"option": "--port", "env": "BOND_PORT", "help": …}.
  """

  name: str
  summary: str
  config: type = NoConfig
  serve: ServeService


@attrs.frozen(kw_only=True)
class CommandType:
  """A command of `bond`: `load` returns it, imported when it is called. Its package also names it
  in its entry points (group `bond.commands`, command = the plugin's module)."""

  name: str
  summary: str
  load: "Callable[[], click.Command]"
