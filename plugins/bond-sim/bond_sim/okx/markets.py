"""What the sockets and REST read of the venue's markets, generated or recorded."""

from collections.abc import Callable
from typing import Any, Literal, Protocol

from bond_simkit import HttpRequest

from bond_sim.market.channels import PublishedMarkets, TopicChannel

OkxSocketPath = Literal["public", "business"]
PUBLIC: OkxSocketPath = "public"
BUSINESS: OkxSocketPath = "business"

INST_TYPES = ("SPOT", "MARGIN", "SWAP", "FUTURES", "OPTION")
"""Values of instType that requests may have, with those that the simulator has no instruments
of."""


def path_of(channel: str) -> OkxSocketPath:
  """The path that has a channel."""
  return BUSINESS if channel.startswith("candle") or channel == "trades-all" else PUBLIC


OkxEndpoint = Callable[[HttpRequest], list[Any]]
"""The `data` rows of a REST endpoint. Raises VenueRestError."""


class OkxMarkets(PublishedMarkets, Protocol):
  """All markets of the venue: publishes their channels, and finds them."""

  def find(
    self, path: OkxSocketPath, channel: str, symbol: str, inst_type: str
  ) -> TopicChannel | None:
    """The channel of a symbol, or of an instType, on one of the paths; None where there is none."""
