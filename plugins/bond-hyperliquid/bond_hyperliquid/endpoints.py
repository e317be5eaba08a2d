"""Where Hyperliquid is, and what it publishes about connections.

Source: "Rate limits and user limits", all of it for one address: 10 connections, 30 new ones a
minute, 1,000 subscriptions, 2,000 messages sent a minute, a REST weight of 1,200 a minute;
"Timeouts and heartbeats": what has not been sent anything for 60 s is closed, and {"method":"ping"}
is answered.
"""

from typing import Final, Literal, TypeAlias

import attrs

from bond_core.config import websocket_scheme
from bond_core.feeds import Limits

Group: TypeAlias = Literal["public", "fast"]
PUBLIC: Final = "public"
FAST: Final = "fast"
"""Books of five levels. Their messages name no depth, so they share no connection with the others.
"""

# Together nine connections with nine hundred subscriptions: one connection is left to look into a
# silence, and a tenth of each rate to it.
LIMITS = Limits(
  subscriptions_per_connection=100,
  connections=6,
  subscriptions_per_message=1,
  messages=(200, 60.0),
  connects=(18, 60.0),
  weight=(1200, 60.0),
  ping_every=45.0,
  ping_text=b'{"method":"ping"}',
)
FAST_LIMITS = attrs.evolve(LIMITS, connections=3, connects=(9, 60.0))


@attrs.frozen
class Connection:
  """A connection's identity: equal ones share one feed. `endpoint` is None for the real venue, else
  the URL of a simulator."""

  endpoint: str | None = None

  @property
  def _base(self) -> str:
    return "https://api.hyperliquid.xyz" if self.endpoint is None else self.endpoint

  @property
  def websocket(self) -> str:
    """The URL of all streams."""
    return f"{websocket_scheme(self._base)}/ws"

  @property
  def info(self) -> str:
    """The URL that every list is requested from, by POST."""
    return f"{self._base}/info"
