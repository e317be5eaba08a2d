"""Connections that one service has accepted and another serves: a WebSocket of the broker on the
control plane's port, say."""

import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, Protocol, TypeAlias

import attrs

from bond_core import services
from bond_server.access.port import PortRules
from bond_server.answers import Answers
from bond_server.making import StreamMaker
from bond_server.market_state import MarketState
from bond_server.replaying import Player


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


Message: TypeAlias = MutableMapping[str, Any]
"""A message of ASGI 3."""

HttpApp: TypeAlias = Callable[
  [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
  Awaitable[None],
]
"""An ASGI application, which answers requests. The control plane has checked the request's page and
the name that the server was called by; the scope has its PortRules under `RULES`."""

RULES: Final = "bond.rules"


class Doors:
  """Which service takes connections, or answers requests, to which path, whichever service accepted
  them."""

  def __init__(self) -> None:
    self._doors: dict[str, Door] = {}
    self._apps: dict[str, HttpApp] = {}

  def answer(self, path: str, app: HttpApp) -> None:
    """Has an application answer the requests to a path from now on; the start page is ""."""
    self._apps[path] = app

  def app(self, path: str) -> HttpApp | None:
    """Returns what answers requests to a path, None where the control plane itself does."""
    return self._apps.get(path)

  def open(self, path: str, door: Door) -> None:
    """Hands connections to a path to this service from now on; one that ends with a slash stands
    for all below it."""
    self._doors[path] = door

  def find(self, path: str) -> Door | None:
    """Returns what takes connections to a path, None where no service does."""
    folder = path[: path.rfind("/") + 1]
    return self._doors.get(path) or self._doors.get(folder)


class Server(services.Server, Protocol):
  """The server of `bond serve`, for services that take or hand over connections."""

  doors: Doors
  market: MarketState | None
  """The state of all markets, where a broker keeps it."""
  maker: StreamMaker | None
  """Makes streams for callers, where a service keeps those."""
  answers: Answers
  player: Player | None
  """What plays a recording; None where the server is live."""
  simulates: bool
  """Whether simulators stand in for the venues."""
