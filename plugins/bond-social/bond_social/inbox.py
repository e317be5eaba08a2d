"""Posts on their way to one reader of a connection that many share."""

import time

import trio

from bond_core import Batch, Gap

QUEUED = 1000


class Inbox:
  """A queue of 1000 batches that never holds the connection up: what does not fit is declared as a
  gap. `failed` is why the reader gets nothing more."""

  def __init__(self, exchange: str) -> None:
    self.failed = ""
    self._exchange = exchange
    self._lost = 0
    self._send, self.receive = trio.open_memory_channel[Batch](QUEUED)

  def give(self, batch: Batch) -> None:
    """Puts events in order."""
    if self.failed:
      return
    if self._lost:
      now = time.time_ns() // 1_000_000
      cause = "posts came faster than they were taken"
      batch = [post_gap(self._exchange, cause, now, now, self._lost), *batch]
    try:
      self._send.send_nowait(batch)
      self._lost = 0
    except trio.WouldBlock:
      self._lost += sum(not isinstance(event, Gap) for event in batch)
    except trio.BrokenResourceError:
      # It is on its way out.
      return

  def fail(self, reason: str) -> None:
    """Ends the queue after what is in it."""
    self.failed = reason
    self._send.close()


def post_gap(exchange: str, cause: str, ts_from: int, ts_to: int, missed: int | None = None) -> Gap:
  """Says that posts between two times (epoch ms) were or may have been lost."""
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
