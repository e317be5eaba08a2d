"""How long X wants clients to wait before the next try.

Source: X API v2, "Handling disconnections": a stream that was up is connected again at once; errors
of the network wait 250 ms more each time, up to 16 s; HTTP errors 5 s, doubling up to 320 s; 429
60 s, doubling.
"""

from collections.abc import Mapping

MAX_RATE_LIMITED = 960.0
STABLE_AFTER = 60.0


class Waits:
  """Counts failures in a row, by kind. All results are seconds."""

  def __init__(self) -> None:
    self._network = self._http = self._rate_limited = self._short = 0

  def stream_ended(self, lasted: float) -> float:
    """Returns the wait after a stream that was up for `lasted` seconds: none, except where streams
    end soon after one another, since X allows 50 connections in 15 minutes."""
    if lasted >= STABLE_AFTER:
      self._network = self._http = self._rate_limited = self._short = 0
      return 0.0
    self._short += 1
    return 0.0 if self._short == 1 else min(320.0, 5.0 * 2.0 ** min(self._short - 2, 10))

  def network_failed(self) -> float:
    """Returns the wait after the network failed."""
    self._network += 1
    return min(16.0, 0.25 * self._network)

  def answered(self, status: int, headers: Mapping[str, str], now_ms: int) -> float:
    """Returns the wait after an answer that is no success."""
    if status != 429:
      self._http += 1
      return min(320.0, 5.0 * 2.0 ** min(self._http - 1, 10))
    self._rate_limited += 1
    wait = min(MAX_RATE_LIMITED, 60.0 * 2.0 ** min(self._rate_limited - 1, 10))
    # The limit opens again at the reset, and not before.
    return min(MAX_RATE_LIMITED, max(wait, until_reset(headers, now_ms)))


def until_reset(headers: Mapping[str, str], now_ms: int) -> float:
  """Returns the seconds until a rate limit that is used up opens again, by this machine's clock; 0
  where it is not used up."""
  reset = headers.get("x-rate-limit-reset", "")
  if headers.get("x-rate-limit-remaining") != "0" or not reset.isdecimal() or len(reset) >= 12:
    return 0.0
  return max(0.0, int(reset) - now_ms / 1000)
