"""Services: what a server gives to those that `bond serve` runs, such as a broker or an API.

A service gets one `Server`: the log of all events, the streams that users made, the demand that its
clients put on sources, and who may read what. What it offers to other services it registers with
the server, so that services meet here and never in each other.
"""

import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, TypeAlias

import attrs
import trio

from bond_core._clock import Clock
from bond_core._instruments import Market
from bond_core._literals import Channel
from bond_core._logs.durable import DurableLog
from bond_core._spec.model import Spec
from bond_core._types.auth import Credentials, Principal
from bond_core._types.components import Components

SourceStatus: TypeAlias = Literal[
  "connecting", "live", "quiet", "stale", "reconnecting", "rejected", "simulated"
]
"""How a source is, by its part that is worst; `simulated` is a live one that is no real venue."""


# Streams ------------------------------------------------------------------------------------------


@attrs.frozen
class StreamStatus:
  """How a stream is: a snapshot. `failures` are sentences about its branches that ended; `ended`
  says that nothing more will come. `latencies_ms` are those of its last batches, from their receipt
  until the sinks had them to take; `batches` counts all."""

  created_at: float
  failures: tuple[str, ...]
  ended: bool
  events_in: int
  events_out: int
  missed: int
  batches: int
  latencies_ms: tuple[float, ...]


class Stream(Protocol):
  """A spec at work, with the log of what it gives."""

  @property
  def id(self) -> str:
    """16 hex digits that follow from the spec."""

  @property
  def spec(self) -> Spec:
    """What runs."""

  @property
  def log(self) -> DurableLog:
    """What it gave, for any number of readers."""

  def status(self) -> StreamStatus:
    """How it is now."""


class Streams(Protocol):
  """The streams that users made."""

  @property
  def starting(self) -> bool:
    """Services still begin, and with them streams that are kept: one that is not there may be
    soon."""

  def get(self, stream: str) -> Stream | None:
    """The running stream of an id."""

  def check(self, spec: Spec) -> None:
    """Raises BondError with a sentence where a spec cannot run in a server."""

  async def start(self, spec: Spec) -> Stream:
    """Runs a spec; the running stream where it runs already. BondError says why it cannot run."""

  async def remove(self, stream: str) -> None:
    """Ends a stream, where it runs, and takes away what its log keeps. EngineError where that could
    not be taken away; it can be tried again."""


# Demand -------------------------------------------------------------------------------------------


class Rejection(NamedTuple):
  """What no source carries, and why, in a sentence."""

  channel: Channel
  symbol: str
  exchange: str
  reason: str


class Lease(Protocol):
  """What one reader has asked the sources for."""

  @property
  def rejected(self) -> Sequence[Rejection]:
    """What nobody can carry."""

  @property
  def carried(self) -> bool:
    """Whether events may come."""


class Demand(Protocol):
  """Asks sources for what readers want, and lets them go when nobody does."""

  def lease(
    self,
    channels: frozenset[Channel],
    markets: Sequence[Market],
    exchanges: frozenset[str],
    *,
    raw: bool = False,
  ) -> Lease:
    """Asks for every channel of every market at every named venue ("*": those that run), with the
    venue's own messages where `raw` says so. Returns at once."""

  async def await_verdicts(self, lease: Lease) -> None:
    """Waits, for a moment, until the venues have taken or refused what is new in a lease; what was
    refused is then in its `rejected`."""

  def release(self, lease: Lease) -> None:
    """The reader goes; after a grace period what only it wanted ends upstream."""

  def exchanges(self) -> set[str]:
    """The venues that can be asked for."""


# Access -------------------------------------------------------------------------------------------


class Access(Protocol):
  """Who a caller is and what it may read. AuthError and its kinds say why not."""

  async def identify(self, credentials: Credentials) -> Principal | None:
    """Who the caller is, None for one that showed nothing."""

  async def admit(
    self, credentials: Credentials, stream: str, *, open_to_all: bool = False
  ) -> Principal:
    """The caller, if it may read the stream of that id (`market`: all events). `open_to_all` lets
    in whoever shows nothing, which is for loopback only."""

  def token(self, stream: str, seconds: float) -> str:
    """A token that reads a stream for so long."""

  def withdraw(self, stream: str) -> None:
    """Ends every token of a stream, once that is kept. May wait for a disk: call it in a thread."""


# The server ---------------------------------------------------------------------------------------

Door: TypeAlias = Callable[[socket.socket, str | None], None]
"""Takes over a connection that another service has accepted: the socket, on which the client's
request is still unread, and the client's address."""


class Doors(Protocol):
  """Which service takes WebSockets of which path, whoever accepted them."""

  def open(self, path: str, door: Door) -> None:
    """A service takes connections to a path from now on."""

  def find(self, path: str) -> Door | None:
    """Who takes connections to a path."""


class Server(Protocol):
  """What a service sees of the server that it is a part of."""

  clock: Clock
  log: DurableLog
  """Every event of every source."""
  streams: Streams
  demand: Demand | None
  """None where another process writes the log, and its server has to be asked."""
  access: Access
  doors: Doors
  registry: Components
  """The installed plugins."""
  folder: Path
  """Where a service keeps what outlasts the process."""
  addresses: Mapping[str, Sequence[str]]
  """Where each service listens, by its name."""
  stopping: trio.Event
  """Set when services have to take leave of their clients."""

  def sources(self) -> dict[str, SourceStatus]:
    """How the sources are, by venue."""

  def reconnects(self) -> int:
    """How often sources came back."""

  def figures(self) -> dict[str, dict[str, float]]:
    """What sources say of themselves, by venue."""


__all__ = [
  "Access",
  "Demand",
  "Door",
  "Doors",
  "Lease",
  "Rejection",
  "Server",
  "SourceStatus",
  "Stream",
  "StreamStatus",
  "Streams",
]
