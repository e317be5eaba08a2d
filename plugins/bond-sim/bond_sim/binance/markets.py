"""What the REST answers and sockets need from a market, be it generated or recorded."""

from typing import Any, Protocol

import attrs

from bond_sim.hub import Hub


@attrs.frozen(kw_only=True)
class Query:
  """The checked parameters of a market data request; times in epoch ms."""

  limit: int
  interval: str = ""
  start_ms: int | None = None
  end_ms: int | None = None


class Source(Protocol):
  """Publishes streams to the hub and answers for the state of its markets."""

  hub: Hub

  def now_ms(self) -> int:
    """The venue's clock, epoch ms."""

  async def run(self) -> None:
    """Publishes until cancelled."""

  def resolve(self, market: str, name: str) -> str | None:
    """The hub's stream that serves a subscription to `name`, None where there is none. Being asked
    counts as interest: a market may start to move."""

  def exchange_info(self, market: str) -> dict[str, Any]:
    """The body of exchangeInfo with all symbols."""

  def has(self, market: str, symbol: str) -> bool:
    """Whether the market lists the symbol (upper case)."""

  def symbols(self, market: str) -> list[str]:
    """All symbols of the market."""

  def answer(self, market: str, endpoint: str, symbol: str, query: Query) -> Any:
    """The body of a market data endpoint for one symbol (bytes are JSON already), None where this
    source does not have it."""

  def progress(self) -> dict[str, Any]:
    """How far it is, for GET /_sim/stats."""
