"""The declaration of a loss."""

from bond_core import Gap, GapReason


def lost_gap(first: int, last: int, now_ms: int, reason: GapReason, cause: str) -> Gap:
  """A gap that declares a range of log numbers lost to a reader. How many events an expired range
  had is not known."""
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
