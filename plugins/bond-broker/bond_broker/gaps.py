"""Loss, declared."""

from bond_core import Gap


def lost_gap(first: int, last: int, now_ms: int, reason: str, cause: str) -> Gap:
  """The gap that declares a range of log numbers lost to a reader. Of a range that a log no longer
  has nobody knows how many of its numbers were events."""
  return Gap(
    exchange="*",
    symbol="*",
    channel="*",
    reason=reason,
    from_seq=first,
    to_seq=last,
    ts_event=now_ms,
    missed=None if reason == "expired" else last - first + 1,
    cause=cause,
  )
