"""What sockets and REST read of a venue's markets, generated or recorded."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from bond_simkit import Fanout


class TopicChannel(NamedTuple):
  """A channel that can be subscribed to: its topic in the fan-out, and the first messages of a new
  reader (made when it subscribes)."""

  topic: str
  first: Callable[[], list[bytes]]


class PublishedMarkets(Protocol):
  """All markets of a venue, which publish their channels."""

  @property
  def fanout(self) -> Fanout: ...

  async def run(self) -> None:
    """Publishes until cancelled."""

  def progress(self) -> dict[str, Any]:
    """Their rows of GET /_sim/stats."""
