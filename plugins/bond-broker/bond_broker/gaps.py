"""Loss, declared."""

from bond_core.events import Gap


def lost_gap(first: int, last: int, now_ms: int, reason: str, cause: str) -> Gap:
  """The gap that declares a range of log numbers lost to a reader."""
  return Gap(
    exchange="*",
    symbol="*",
    channel="*",
    reason=reason,
    from_seq=first,
    to_seq=last,
    ts_event=now_ms,
    missed=last - first + 1,
    cause=cause,
  )
