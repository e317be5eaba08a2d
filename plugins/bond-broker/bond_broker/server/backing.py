"""What a broker serves."""

from collections.abc import Callable, Mapping

import attrs
from bond_server.replaying import Player

from bond_broker.server.session import Handler
from bond_core import Clock
from bond_core.logs import DurableLog
from bond_core.services import Access, Demand, SourceStatus


@attrs.frozen
class Backing:
  """The logs that a broker serves, and to which clients.

  `log` has all events, None where there is only one stream to serve; `stream` finds the log of a
  stream by its id, `stream_sources` the state of its sources; `notices` are those of a stream, or
  of all events for an empty id; and `starting` says that more of them
  may soon be there. `follows` says that
  another process writes the log. `open_to_all` lets in clients without credentials, which is for
  loopback only. `player` plays a recording into the logs. `handlers` are other paths on the same
  port; they need a `log` beside them.
  """

  clock: Clock
  access: Access
  log: DurableLog | None = None
  stream: Callable[[str], DurableLog | None] = lambda stream_id: None
  stream_sources: Callable[[str], dict[str, SourceStatus]] = lambda stream_id: {}
  notices: Callable[[str], list[dict[str, str | None]]] = lambda stream_id: []
  starting: Callable[[], bool] = lambda: False
  demand: Demand | None = None
  follows: bool = False
  sources: Callable[[], dict[str, SourceStatus]] = dict
  reconnects: Callable[[], int] = int
  figures: Callable[[], dict[str, dict[str, float]]] = dict
  open_to_all: bool = True
  player: Player | None = None
  handlers: Mapping[str, Handler] = attrs.field(factory=dict)

  def exchanges(self) -> set[str]:
    """The venues that there is a source of, or can be."""
    known = set(self.sources())
    return known if self.demand is None else known | self.demand.exchanges()
