"""The book of a recorded market: the recorded snapshot, then that snapshot with what has been
played."""

from collections import deque

import msgspec

from bond_sim.binance.frames import BinanceSnapshot, read_depth, read_snapshot

MAX_EARLY = 10_000


class BinancePlaybackBook:
  """Levels as the venue wrote them. Until `reach_snapshot` is called the answer is the recorded
  snapshot itself."""

  def __init__(self, snapshot: bytes) -> None:
    self._recorded = snapshot
    self._early: deque[bytes] | None = deque(maxlen=MAX_EARLY)
    self._book = read_snapshot(snapshot)
    self._bids: dict[str, str] = {}
    self._asks: dict[str, str] = {}

  def reach_snapshot(self, snapshot: bytes) -> None:
    """Playback has reached a recorded snapshot."""
    book = read_snapshot(snapshot)
    if self._early is None and book.lastUpdateId <= self._book.lastUpdateId:
      return
    self._book = book
    self._bids, self._asks = dict(book.bids), dict(book.asks)
    early, self._early = self._early or (), None
    for data in early:
      self.played(data)

  def played(self, data: bytes) -> None:
    """Applies a depth message that was published. A message that the snapshot already contains
    changes nothing."""
    if self._early is not None:
      self._early.append(data)
      return
    change = read_depth(data)
    if change.u is None or change.u <= self._book.lastUpdateId:
      return
    for levels, side in ((change.b, self._bids), (change.a, self._asks)):
      for price, size in levels:
        if float(size):
          side[price] = size
        else:
          side.pop(price, None)
    self._book.lastUpdateId = change.u
    self._book.E, self._book.T = change.E, change.T

  def answer(self, limit: int) -> bytes:
    """The body of GET depth with at most `limit` levels a side."""
    if self._early is not None:
      book = read_snapshot(self._recorded)
      if max(len(book.bids), len(book.asks)) <= limit:
        return self._recorded
      return _encode(book, book.bids[:limit], book.asks[:limit])
    bids = sorted(self._bids.items(), key=lambda level: -float(level[0]))[:limit]
    asks = sorted(self._asks.items(), key=lambda level: float(level[0]))[:limit]
    return _encode(self._book, bids, asks)


def _encode(
  book: BinanceSnapshot, bids: list[tuple[str, str]], asks: list[tuple[str, str]]
) -> bytes:
  times = {} if book.T is None else {"E": book.E, "T": book.T}
  head = {"lastUpdateId": book.lastUpdateId}
  return msgspec.json.encode({**head, **times, "bids": bids, "asks": asks})
