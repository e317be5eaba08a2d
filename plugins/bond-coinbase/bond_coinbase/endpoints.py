"""Where Coinbase is, and what it publishes about connections.

Sources: "Advanced Trade WebSocket Rate Limits" (8 connections and, without a key, 8 messages a
second from one address), "REST API Rate Limits" (10 public requests a second), "WebSocket Channels"
(most channels close after 60 to 90 s without an update, unless heartbeats are subscribed to).
"""

from typing import Final

import attrs

from bond_core.config import websocket_scheme
from bond_core.feeds import Limits

PUBLIC: Final = "public"

# Half of each rate is left to other connections of this address. A second connection repeats books
# under other numbers, so none is opened to look into a silence: heartbeats show what lives.
LIMITS = Limits(
  subscriptions_per_connection=200,
  subscriptions_per_message=50,
  messages=(4, 1.0),
  connects=(4, 1.0),
  weight=(10, 1.0),
  max_message_bytes=64 * 1024 * 1024,
  overlaps=False,
)


@attrs.frozen
class Connection:
  """A connection's identity: equal ones share one feed. `endpoint` is None for the real venue, else
  the URL of a simulator."""

  endpoint: str | None = None

  @property
  def websocket(self) -> str:
    """The URL of the market data."""
    if self.endpoint is None:
      return "wss://advanced-trade-ws.coinbase.com"
    return f"{websocket_scheme(self.endpoint)}/"

  @property
  def products(self) -> str:
    """The URL of the list of spot products, all in one answer."""
    base = "https://api.coinbase.com" if self.endpoint is None else self.endpoint
    return f"{base}/api/v3/brokerage/market/products?product_type=SPOT"
