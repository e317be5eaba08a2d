"""Where OKX is: hosts, paths, published limits.

Sources: "WebSocket" (connection limit 3 a second and IP; 480 subscribe, unsubscribe and login
requests an hour and connection; the channels of a request 64 KB; without a message for 30 s the
venue closes, so send the text ping), "Get instruments" (20 requests in 2 s).
"""

from typing import Final, Literal, TypeAlias

import attrs

from bond_core.config import websocket_scheme
from bond_core.feeds import Limits

Group: TypeAlias = Literal["public", "business"]
"""The two families of connections; candles are on the second."""

PUBLIC: Final = "public"
BUSINESS: Final = "business"

REQUEST_CHARACTERS = 60_000
"""Of one request's channels; the venue takes 64 KB."""

LIMITS = Limits(
  subscriptions_per_connection=480,
  subscriptions_per_message=100,
  messages=(480, 3600.0),
  connects=(3, 1.0),
  weight=(20, 2.0),
  ping_after=20.0,
  ping_text=b"ping",
)


@attrs.frozen
class Connection:
  """A connection's identity: equal ones share one feed. `endpoint` is None for the real venue, else
  the URL of a simulator."""

  endpoint: str | None = None

  def websocket(self, group: str) -> str:
    """The URL of a family of connections."""
    base = "wss://ws.okx.com:8443" if self.endpoint is None else websocket_scheme(self.endpoint)
    return f"{base}/ws/v5/{group}"

  def listing(self, family: str) -> str:
    """The URL of all instruments of a family."""
    base = "https://www.okx.com" if self.endpoint is None else self.endpoint
    return f"{base}/api/v5/public/instruments?instType={family}"
