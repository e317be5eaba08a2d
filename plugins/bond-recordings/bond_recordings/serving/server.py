"""The server of a replay: what `bond serve` is to the present, with a recording behind it."""

import time
from collections.abc import Sequence
from pathlib import Path

import attrs
import trio
from bond_recordkit.lookup import recorded_spec
from bond_server.access.access import ServerAccess
from bond_server.answers import Answers
from bond_server.doors import Doors
from bond_server.making import StreamMaker
from bond_server.market_state import MarketState, Standing

from bond_core import BondError, Registry, Spec
from bond_core.logs import DurableLog
from bond_core.services import Lease, SourceStatus, StreamStatus
from bond_recordings.serving.player import RecordingPlayer

NOTHING_NEW = "a replay serves what was recorded, and nothing live beside it; use bond serve"


@attrs.frozen
class RecordedStream:
  """The recorded spec, with the windows that were recorded of it."""

  id: str
  spec: Spec
  log: DurableLog
  player: RecordingPlayer
  caller: str | None = None
  created_at: float = attrs.field(factory=time.time)

  def status(self) -> StreamStatus:
    """Its state and figures now."""
    return StreamStatus(
      created_at=self.created_at,
      failures=(),
      ended=self.player.ended,
      events_in=self.player.log.head,
      events_out=self.log.head,
      missed=0,
      batches=0,
      latencies_ms=(),
    )


class RecordedStreams:
  """The one stream that there can be."""

  starting = False

  def __init__(self, stream: RecordedStream | None) -> None:
    self._stream = stream

  def get(self, stream: str) -> RecordedStream | None:
    """The recorded stream, where this is its id."""
    return self._stream if self._stream is not None and self._stream.id == stream else None

  def check(self, spec: Spec) -> None:
    """Raises BondError: nothing else runs here."""
    raise BondError(NOTHING_NEW)

  async def start(self, spec: Spec, caller: str | None) -> RecordedStream:
    """Raises BondError: nothing else runs here."""
    raise BondError(NOTHING_NEW)

  async def remove(self, stream: str) -> None:
    """Raises BondError: what was recorded stays."""
    raise BondError(NOTHING_NEW)


class ReplayServer:
  """A server for services as `bond serve` has one, whose log a player fills."""

  folder: Path | None = None
  demand = None

  def __init__(self, player: RecordingPlayer, access: ServerAccess, registry: Registry) -> None:
    self.player: RecordingPlayer = player
    self.clock = player.clock
    self.log = player.log
    self.access = access
    self.registry = registry
    self.addresses: dict[str, list[str]] = {}
    self.doors = Doors()
    self.market: MarketState | None = None
    self.maker: StreamMaker | None = None
    self.answers: Answers
    self.stopping = trio.Event()
    spec = _spec_of(player, registry)
    self._exchanges = (
      ()
      if spec is None
      else tuple(
        dict.fromkeys(node.type.exchange_of(node.config) for node in spec.sources.values())
      )
    )
    stream = None
    if spec is not None and player.header.stream_id:
      stream = RecordedStream(player.header.stream_id, spec, player.made, player)
    self.streams = RecordedStreams(stream)

  def sources(self, stream: str = "") -> dict[str, SourceStatus]:
    """The venues of the recording."""
    return dict.fromkeys((*self._exchanges, *sorted(self.player.exchanges)), "replay")

  def notices(self, stream: str = "") -> list[dict[str, str | None]]:
    """Nothing: what happened then is in the recording."""
    return []

  def standings(self, lease: Lease | None, exchange: str) -> Sequence[Standing]:
    """None: nothing is connected."""
    return ()

  def delivers(self, lease: Lease) -> bool:
    """Nothing is leased."""
    return False

  def reconnects(self) -> int:
    """None of its own."""
    return 0

  def figures(self) -> dict[str, dict[str, float]]:
    """None of its own."""
    return {}


def _spec_of(player: RecordingPlayer, registry: Registry) -> Spec | None:
  """The recorded spec; None where there is none, where its packages are not installed, or where it
  would run what a file from elsewhere may not."""
  if player.header.spec is None:
    return None
  try:
    return recorded_spec(player.header, "the recording", registry)
  except BondError:
    return None
