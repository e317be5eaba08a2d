"""What the sockets and REST read of the venue's markets, generated or recorded."""

from typing import Any, Protocol

from bond_sim.market.channels import PublishedMarkets, TopicChannel

CHANNELS = ("market_trades", "level2", "ticker", "candles")


class CoinbaseMarkets(PublishedMarkets, Protocol):
  """All markets of the venue: publishes their channels, and finds them. Messages have the number 0,
  which each connection replaces by its own."""

  def find(self, channel: str, product: str) -> TopicChannel | None:
    """A channel, None where there is none."""

  def products(self) -> list[dict[str, Any]]:
    """All products as they are listed."""

  def trades(self, product: str, limit: int) -> list[dict[str, Any]]:
    """The latest trades of a product, the newest first. Raises KeyError for one that is not
    there."""

  def book(self, product: str, limit: int) -> dict[str, Any]:
    """The book of a product. Raises KeyError for one that is not there."""
