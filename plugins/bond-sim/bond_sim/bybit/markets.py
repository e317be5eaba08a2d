"""What the sockets and REST read of the venue's markets, generated or recorded."""

from typing import Protocol

from bond_simkit import HttpRequest, HttpResponse

from bond_sim.bybit.listing import BybitCategory
from bond_sim.market.channels import PublishedMarkets, TopicChannel


class BybitMarkets(PublishedMarkets, Protocol):
  """All markets of the venue: publishes their topics, and finds them."""

  def find(self, category: BybitCategory, name: str) -> TopicChannel | None:
    """A topic of a category, None where there is none."""


class BybitRest(Protocol):
  """Responds to requests."""

  def respond(self, request: HttpRequest) -> HttpResponse:
    """The response to a request whose path has no host."""
