"""What the end of a gRPC call means: who has to act."""

import re

from bond_core import BondError, Disconnected, Refused, RetryAfter, Unavailable
from bond_core.feeds import own_words
from bond_onchain.node import Node

# "broadcast from 5 is not available, last available: 9": what is stored begins there.
_OLDEST = re.compile(r"last available: (\d{1,18})")

# Nodes refuse a replay with many codes: Yellowstone with OUT_OF_RANGE, INTERNAL and UNIMPLEMENTED
# ("from_slot is not supported"), Richat with INVALID_ARGUMENT ("failed to get replay position").
_REPLAY = re.compile(r"from_slot|\breplay", re.IGNORECASE)


class ReplayRefused(Disconnected):
  """The stream ended with a code or words that a node also gives where it cannot replay. `oldest`
  is the first slot that it stores, 0 where it did not say."""

  def __init__(self, reason: str, oldest: int = 0) -> None:
    super().__init__(reason)
    self.oldest = oldest


def end_of(code: str, details: str, node: Node) -> BondError:
  """Returns why a call ended with a status, without the node's token."""
  if node.token:
    details = details.replace(node.token, "…")
  words = own_words(details) or "no reason given"
  reason = f"the Geyser node {node.target} answered {code}: {words}"
  if code in ("OUT_OF_RANGE", "INTERNAL") or _REPLAY.search(details):
    oldest = _OLDEST.search(details)
    return ReplayRefused(reason, int(oldest[1]) if oldest else 0)
  if code in ("UNAUTHENTICATED", "PERMISSION_DENIED"):
    # gRPC has these also for a proxy's HTTP 401 and 403, and UNIMPLEMENTED for its 404.
    return Unavailable(f"{reason}; look at the x-token (GRPC_TOKEN, or token in the spec)")
  if code == "INVALID_ARGUMENT":
    return Refused(f"{reason}; change the source's filters or the endpoint")
  if code in ("UNIMPLEMENTED", "UNAVAILABLE"):
    return Unavailable(reason)
  if code == "RESOURCE_EXHAUSTED":
    return RetryAfter(30.0, reason)
  return Disconnected(reason)
