"""Gaps of sources of posts."""

from bond_core import Gap


def post_gap(exchange: str, cause: str, ts_from: int, ts_to: int, missed: int | None = None) -> Gap:
  """Declares that posts between two times (epoch ms) were or may have been lost; `missed` is their
  number, where it is known."""
  return Gap(
    exchange=exchange,
    symbol="*",
    channel="post",
    ts_event=ts_to,
    ts_from=ts_from,
    ts_to=ts_to,
    missed=missed,
    cause=cause,
  )
