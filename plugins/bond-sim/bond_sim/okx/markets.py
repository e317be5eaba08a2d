"""What the sockets and REST read of the venue's markets, generated or recorded."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, Protocol

from bond_simkit import Fanout, HttpRequest

OkxSocketPath = Literal["public", "business"]
PUBLIC: OkxSocketPath = "public"
BUSINESS: OkxSocketPath = "business"

OkxEndpoint = Callable[[HttpRequest], list[Any]]
"""The `data` rows of a REST endpoint. Raises VenueRestError."""


class OkxChannel(NamedTuple):
  """A channel that can be subscribed to: its topic in the fan-out, and the first messages of a new
  reader (made when it subscribes)."""

  topic: str
  first: Callable[[], list[bytes]]


class OkxMarkets(Protocol):
  """All markets of the venue: publishes their channels, and finds them."""

  @property
  def fanout(self) -> Fanout: ...

  async def run(self) -> None:
    """Publishes until cancelled."""

  def find(
    self, path: OkxSocketPath, channel: str, symbol: str, inst_type: str
  ) -> OkxChannel | None:
    """The channel of a symbol, or of an instType, on one of the paths; None where there is none."""

  def progress(self) -> dict[str, Any]:
    """Their rows of GET /_sim/stats."""
