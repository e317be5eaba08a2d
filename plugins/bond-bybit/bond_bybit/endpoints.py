"""Where Bybit is: hosts, paths, published limits.

Sources: "WebSocket Connect" (500 connections in 5 minutes; a ping every 20 s; the arguments of one
connection have 21,000 characters at most; spot takes 10 in one request), "Get Instruments Info".
"""

from urllib.parse import quote

import attrs

from bond_bybit.symbols import SPOT
from bond_core.config import websocket_scheme
from bond_core.feeds import Limits

CHARACTERS = 21_000
"""Of all arguments of one connection."""

# A name has 48 characters at most: allLiquidation. and a dated contract, quotes and a comma.
_STREAMS = CHARACTERS // 48

LIMITS = Limits(
  subscriptions_per_connection=_STREAMS,
  subscriptions_per_message=100,
  messages=(10, 1.0),
  connects=(500, 300.0),
  weight=(10, 1.0),
  ping_every=20.0,
  ping_text=b'{"op":"ping"}',
)
SPOT_LIMITS = attrs.evolve(LIMITS, subscriptions_per_message=10)


def limits_of(group: str) -> Limits:
  """The limits of a category's connections."""
  return SPOT_LIMITS if group == SPOT else LIMITS


@attrs.frozen
class Connection:
  """A connection's identity: equal ones share one feed. `endpoint` is None for the real venue, else
  the URL of a simulator."""

  endpoint: str | None = None

  def websocket(self, group: str) -> str:
    """The URL of a category's public topics."""
    base = "wss://stream.bybit.com" if self.endpoint is None else websocket_scheme(self.endpoint)
    return f"{base}/v5/public/{group}"

  def listing(self, category: str, symbol: str) -> str:
    """The URL of a symbol's row in the list of a category."""
    return f"{self._list(category)}&symbol={quote(symbol)}"

  def markets(self, category: str) -> str:
    """The URL of the list of a category, in pages of the largest size."""
    return f"{self._list(category)}&limit=1000"

  def _list(self, category: str) -> str:
    base = "https://api.bybit.com" if self.endpoint is None else self.endpoint
    return f"{base}/v5/market/instruments-info?category={category}"
