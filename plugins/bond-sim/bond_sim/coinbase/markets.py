"""What the sockets and REST read of the venue's markets, generated or recorded."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from bond_simkit import Fanout

CHANNELS = ("market_trades", "level2", "ticker")


class CoinbaseChannel(NamedTuple):
  """A channel of a product: its topic in the fan-out, and the first messages of a new reader (made
  when it subscribes)."""

  topic: str
  first: Callable[[], list[bytes]]


class CoinbaseMarkets(Protocol):
  """All markets of the venue: publishes their channels, and finds them. Messages have the number 0,
  which each connection replaces by its own."""

  @property
  def fanout(self) -> Fanout: ...

  async def run(self) -> None:
    """Publishes until cancelled."""

  def find(self, channel: str, product: str) -> CoinbaseChannel | None:
    """A channel, None where there is none."""

  def products(self) -> list[dict[str, Any]]:
    """All products as they are listed."""

  def trades(self, product: str, limit: int) -> list[dict[str, Any]]:
    """The latest trades of a product, the newest first. Raises KeyError for one that is not
    there."""

  def book(self, product: str, limit: int) -> dict[str, Any]:
    """The book of a product. Raises KeyError for one that is not there."""

  def progress(self) -> dict[str, Any]:
    """Their rows of GET /_sim/stats."""
