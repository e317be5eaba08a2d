"""Order books: a snapshot and then changes, linked by the numbers that the venue gives them.

Source: "WS / Order book channel": each update's prevSeqId is the seqId before; both are equal where
nothing has changed, which is a sign of life; after maintenance seqId may start lower. The checksum
is 0 since it was retired, and is verified where it is not, as in recordings of before.
"""

from bond_venuekit import Ids, SubscribedBook, Update, interleaved_crc32, previous_id

from bond_core import Batch, Level
from bond_core.books import Book
from bond_core.feeds import Subscription
from bond_core.venues import FeedControl
from bond_okx.contracts import ContractOf
from bond_okx.messages import Row, decode_book, read_rows


class BookState(SubscribedBook):
  """The book of one instrument: the best 400 levels a side, changed every 100 ms."""

  def __init__(
    self,
    subscription: Subscription,
    name: str,
    feed: FeedControl,
    contract: ContractOf,
  ) -> None:
    super().__init__(subscription, name, feed, previous_id)
    self._contract = contract
    self._counted = contract()
    """What the sizes of the book as it is are counted in."""
    self._verified = False
    self._kind: tuple[bool, bool] | None = None

  def take(self, frame: bytes, ts_ms: int, mono_ns: int, out: Batch) -> None:
    message = decode_book(frame)
    snapshot, contract = message.action == "snapshot", self._contract()
    if contract != self._counted and not snapshot and self.synced:
      self.begin_anew("the contract size has changed", ts_ms, mono_ns, out)
      return
    self._counted = contract
    for book in message.data:
      checksum = book.checksum or None
      if snapshot and self._kind != (book.number is not None, checksum is not None):
        self._kind = book.number is not None, checksum is not None
        self._verified = checksum is not None
        rule = None if book.number is None else previous_id
        self.start_book(rule, Book(checksum=interleaved_crc32() if self._verified else None))
      numbers = None if book.number is None else Ids(book.number, prev=book.previous)
      self.update(
        Update(
          bids=self._levels(book.bids),
          asks=self._levels(book.asks),
          ids=numbers,
          ts_event=ts_ms,
          ts_exchange=book.ts,
          ts_internal=mono_ns,
          checksum=checksum,
          bid_texts=book.bids if self._verified else None,
          ask_texts=book.asks if self._verified else None,
        ),
        out,
        snapshot=snapshot,
      )

  def _levels(self, rows: list[Row]) -> list[Level]:
    levels = read_rows(rows)
    contract = self._counted
    if contract is None:
      return levels
    return [(price, contract.base(size, price)) for price, size in levels]
