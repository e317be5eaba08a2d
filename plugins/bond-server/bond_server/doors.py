"""Connections that one service has accepted and another serves: a WebSocket of the broker on the
control plane's port, say."""

import socket
from collections.abc import Callable
from typing import Protocol, TypeAlias

import attrs

from bond_core import services
from bond_server.access.port import PortRules


@attrs.frozen
class Arrival:
  """A connection that another service has accepted: its socket, the client's address, what the
  client has sent so far, and the rules of the port that it came to."""

  socket: socket.socket
  address: str | None
  received: bytes
  rules: PortRules


Door: TypeAlias = Callable[[Arrival], None]
"""Takes over a connection, with its socket."""


class Doors:
  """Which service takes connections to which path, whichever service accepted them."""

  def __init__(self) -> None:
    self._doors: dict[str, Door] = {}

  def open(self, path: str, door: Door) -> None:
    """Hands connections to a path to this service from now on."""
    self._doors[path] = door

  def find(self, path: str) -> Door | None:
    """Returns what takes connections to a path, None where no service does."""
    return self._doors.get(path)


class Server(services.Server, Protocol):
  """The server of `bond serve`, for services that take or hand over connections."""

  doors: Doors
