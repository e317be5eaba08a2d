"""How long X wants clients to wait before they connect again.

Source: X API v2, "Handling disconnections": a stream that was up is connected again at once; errors
of the network wait 250 ms more each time, up to 16 s; HTTP errors 5 s, doubling up to 320 s; 429
60 s, doubling.
"""

from collections.abc import Mapping

MAX_429 = 960.0
LASTING = 60.0


class Patience:
  """Counts failures in a row, by kind."""

  def __init__(self) -> None:
    self._network = self._http = self._limited = self._early = 0

  def ended(self, lasted: float) -> float:
    """Seconds to wait after a stream that was up for so long has ended: none, except where streams
    end soon after one another, since X allows 50 connections in 15 minutes."""
    if lasted >= LASTING:
      self._network = self._http = self._limited = self._early = 0
      return 0.0
    self._early += 1
    return 0.0 if self._early == 1 else min(320.0, 5.0 * 2.0 ** min(self._early - 2, 10))

  def network(self) -> float:
    """Seconds to wait after the network failed."""
    self._network += 1
    return min(16.0, 0.25 * self._network)

  def answered(self, status: int, headers: Mapping[str, str], now_ms: int) -> float:
    """Seconds to wait after an answer with this status."""
    if status != 429:
      self._http += 1
      return min(320.0, 5.0 * 2.0 ** min(self._http - 1, 10))
    self._limited += 1
    wait = min(MAX_429, 60.0 * 2.0 ** min(self._limited - 1, 10))
    if headers.get("x-rate-limit-remaining") == "0":
      # The limit opens again at the reset, and not before.
      reset = headers.get("x-rate-limit-reset", "")
      if reset.isdecimal() and len(reset) < 12:
        wait = max(wait, int(reset) - now_ms / 1000)
    return min(wait, MAX_429)
