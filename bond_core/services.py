"""Services: what a server hands to the services that `bond serve` runs, such as a broker or an API.

A service gets one `Server`: the log of all events, the streams that users made, the demand that its
clients put on sources, and access. What it offers to other services it registers with
the server, so that services meet here and never in each other.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, TypeAlias

import attrs
import trio

from bond_core._clock import Clock
from bond_core._instruments import Instrument, Market
from bond_core._literals import Channel
from bond_core._logs.durable import DurableLog
from bond_core._spec.model import Spec
from bond_core._types.auth import Credentials, Principal
from bond_core._types.components import Components

SourceStatus: TypeAlias = Literal[
  "connecting",
  "live",
  "quiet",
  "stale",
  "reconnecting",
  "unavailable",
  "rejected",
  "simulated",
  "replay",
]
"""The state of a source: that of its worst part. `unavailable` is refused for now; `simulated` is a
live or quiet one that is no real venue, `replay` one of a recording that is played."""


# Streams ------------------------------------------------------------------------------------------


@attrs.frozen
class StreamStatus:
  """A snapshot of a stream. `created_at` is in epoch seconds. `failures` are sentences about its
  branches that ended; `ended` says that nothing more will come. `events_in` came from its sources,
  `events_out` went to its log, `missed` were declared lost on the way. `latencies_ms` are those of
  its last batches, from their receipt until the sinks could take them; `batches` counts all.
  `simulated` are the exchanges whose events come from simulators."""

  created_at: float
  failures: tuple[str, ...]
  ended: bool
  events_in: int
  events_out: int
  missed: int
  batches: int
  latencies_ms: tuple[float, ...]
  simulated: tuple[str, ...] = ()


class Stream(Protocol):
  """A running spec, with the log of its output."""

  @property
  def id(self) -> str:
    """16 hex digits that follow from the spec."""

  @property
  def spec(self) -> Spec:
    """The spec that runs."""

  @property
  def caller(self) -> str | None:
    """Who it was made for; None for one of the operator's own specs."""

  @property
  def log(self) -> DurableLog:
    """Its output, for any number of readers."""

  def status(self) -> StreamStatus:
    """Its state and figures now."""


class Streams(Protocol):
  """The streams that users made."""

  @property
  def starting(self) -> bool:
    """Whether services still start, and with them stored streams: a stream that is missing may
    follow soon."""

  def get(self, stream: str) -> Stream | None:
    """Returns the running stream of an id, None where none runs."""

  def check(self, spec: Spec) -> None:
    """Raises BondError with a sentence where a spec cannot run in a server."""

  async def start(self, spec: Spec, caller: str | None) -> Stream:
    """Runs a spec and returns its stream; the running one where it runs already. `caller` is the
    name of the principal that it is made for, None for the operator's own: what a caller's stream
    brings in reaches no log but its own, unless it is market data. Raises BondError with the reason
    where it cannot run."""

  async def remove(self, stream: str) -> None:
    """Ends a stream, where it runs, and deletes its log. Raises EngineError where the log could not
    be deleted; it can be tried again."""


# Demand -------------------------------------------------------------------------------------------


class Rejection(NamedTuple):
  """A channel of a market that no source carries; `reason` is a sentence."""

  channel: Channel
  symbol: str
  exchange: str
  reason: str


class Lease(Protocol):
  """What the sources carry for one reader, until it is released."""

  @property
  def rejected(self) -> Sequence[Rejection]:
    """What no source can carry."""

  @property
  def carried(self) -> bool:
    """Whether any source carries a part of it, so that events may come."""

  @property
  def named(self) -> Collection[Instrument]:
    """The instruments that venues' own names, and contracts whose settlement is named, are."""


class Demand(Protocol):
  """Keeps sources subscribed to what readers have leased, and to nothing else."""

  def lease(
    self,
    channels: frozenset[Channel],
    markets: Sequence[Market],
    exchanges: frozenset[str],
    *,
    raw: bool = False,
  ) -> Lease:
    """Subscribes to every channel of every market at every named venue ("*": those that run), with
    the venue's own messages where `raw` says so. Returns at once."""

  async def await_verdicts(self, lease: Lease) -> None:
    """Waits, for a moment, until the venues have taken or refused what is new in a lease; what was
    refused is then in its `rejected`."""

  def release(self, lease: Lease) -> None:
    """Ends a lease; what has no other reader is unsubscribed upstream after a grace period."""

  def exchanges(self) -> set[str]:
    """The venues that a lease can name."""

  def carried(self, channel: Channel) -> set[tuple[str, str]]:
    """Returns the exchanges and symbols ("*": any) of which events of a channel may come now."""


# Access -------------------------------------------------------------------------------------------


class Access(Protocol):
  """Who a caller is and what it may read. Refusals are AuthErrors with the reason."""

  async def identify(self, credentials: Credentials) -> Principal | None:
    """Returns who the caller is, None without credentials. Raises AuthError for wrong ones."""

  async def admit(
    self, credentials: Credentials, stream: str, *, open_to_all: bool = False
  ) -> Principal:
    """Returns the caller, if it may read the stream of that id (`market`: all events). Raises
    AuthError otherwise. `open_to_all` admits callers without credentials, for loopback only."""

  def token(self, stream: str, seconds: float, holder: str = "") -> str:
    """Returns a token that reads a stream for `seconds`. It names its holder where one is given, as
    for one of several callers who have the stream."""

  def withdraw(self, stream: str, holder: str = "") -> None:
    """Ends every token of a stream that names this holder (by default: that names none), once that
    is stored. May wait for a disk: call it in a thread."""


# The server ---------------------------------------------------------------------------------------


class Server(Protocol):
  """The server, as its services see it."""

  clock: Clock
  log: DurableLog
  """Every event of every source."""
  streams: Streams
  demand: Demand | None
  """None where another process writes the log: demand is then its server's."""
  access: Access
  registry: Components
  """The installed plugins."""
  folder: Path | None
  """The folder for what outlasts the process; None where nothing is to."""
  addresses: Mapping[str, Sequence[str]]
  """The addresses on which each service listens, by its name."""
  stopping: trio.Event
  """Set when services have to close their clients' connections."""

  def sources(self, stream: str = "") -> dict[str, SourceStatus]:
    """The state of the sources of the market, or of those that a stream reads, by venue."""

  def notices(self, stream: str = "") -> list[dict[str, str | None]]:
    """What readers of the same have to know of parts of them, such as why one is unavailable: rows
    of exchange, channel, symbol, market_type, state and reason. A bounded number."""

  def reconnects(self) -> int:
    """How often sources reconnected."""

  def figures(self) -> dict[str, dict[str, float]]:
    """What sources report of themselves, by venue and name, such as spent_usd."""


__all__ = [
  "Access",
  "Demand",
  "Lease",
  "Rejection",
  "Server",
  "SourceStatus",
  "Stream",
  "StreamStatus",
  "Streams",
]
