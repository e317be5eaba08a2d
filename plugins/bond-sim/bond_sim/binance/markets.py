"""What REST and the sockets read of the venue's markets, generated or recorded."""

from typing import Any, Protocol

import attrs
from bond_simkit import Fanout

from bond_sim.binance.paths import BinanceMarketName


@attrs.frozen(kw_only=True)
class BinanceQuery:
  """The checked parameters of a market data request; times in epoch ms."""

  limit: int
  interval: str = ""
  start_ms: int | None = None
  end_ms: int | None = None


class BinanceMarkets(Protocol):
  """All markets of the venue: publishes their streams, and answers for their state."""

  fanout: Fanout

  def now_ms(self) -> int:
    """The venue's clock, epoch ms."""

  async def run(self) -> None:
    """Publishes until cancelled."""

  def resolve(self, market: BinanceMarketName, name: str) -> str | None:
    """The topic of the fan-out that serves a stream name, None where there is none. A market that
    is resolved may start to move."""

  def exchange_info(self, market: BinanceMarketName) -> dict[str, Any]:
    """The body of exchangeInfo with all symbols."""

  def has(self, market: BinanceMarketName, symbol: str) -> bool:
    """Whether the market lists the symbol (upper case)."""

  def symbols(self, market: BinanceMarketName) -> list[str]:
    """All symbols of the market."""

  def answer(
    self, market: BinanceMarketName, endpoint: str, symbol: str, query: BinanceQuery
  ) -> Any:
    """The body of a market data endpoint for one symbol (bytes are JSON already), None where these
    markets do not have it."""

  def progress(self) -> dict[str, Any]:
    """Their rows of GET /_sim/stats."""
