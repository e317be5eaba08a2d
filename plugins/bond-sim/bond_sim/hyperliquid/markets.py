"""What the sockets and the info endpoint read of the venue's markets, generated or recorded."""

from typing import Any, Protocol

import msgspec

from bond_sim.market.channels import PublishedMarkets, TopicChannel


class HyperliquidSubscription(msgspec.Struct, frozen=True):
  """What is subscribed to, as a request names it."""

  type: str
  coin: str = ""
  interval: str = ""
  fast: bool = False

  @property
  def topic(self) -> str:
    """Its name in the fan-out."""
    words = (self.type, self.coin, self.interval, "fast" if self.fast else "")
    return " ".join(word for word in words if word)

  def echo(self) -> dict[str, Any]:
    """It as an answer repeats it, with what it left out."""
    if self.type == "l2Book":
      more = {"nSigFigs": None, "mantissa": None, "fast": self.fast}
      return {"type": self.type, "coin": self.coin, **more}
    named = {"type": self.type, "coin": self.coin}
    return named | {"interval": self.interval} if self.interval else named


class HyperliquidMarkets(PublishedMarkets, Protocol):
  """All markets of the venue: publishes their channels, and finds them."""

  def find(self, wanted: HyperliquidSubscription) -> TopicChannel | None:
    """A channel, None where there is none."""

  def info(self, payload: dict[str, Any]) -> Any:
    """The answer of the info endpoint. Raises KeyError, TypeError or ValueError for what it does
    not know."""
