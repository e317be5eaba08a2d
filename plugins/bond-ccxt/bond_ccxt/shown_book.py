"""What a source shows of ccxt's book of one market: copies of its best levels."""

from typing import Any

from bond_ccxt.abilities import is_of_a_limit
from bond_ccxt.events import Stamps, common, levels, number_or_none
from bond_ccxt.faults import described
from bond_ccxt.markets import Listed
from bond_ccxt.outbox import Outbox
from bond_core import Level, OrderBook

Sides = tuple[list[Level], list[Level]]


class BookDepth:
  """How many levels of a market's book are requested: `limit`, None for as many as the venue gives
  by itself. Readers learn where that is less than the depth that they named (`most`)."""

  def __init__(
    self, listed: Listed, outbox: Outbox, depth: int, limit: int | None, most: int | None
  ) -> None:
    self.limit = limit
    self._listed = listed
    self._outbox = outbox
    if most is not None:
      self._tell(f"gives {most} levels at most, of the {depth} of depth")

  def refused(self, exc: Exception) -> bool:
    """Whether the venue, or ccxt for it, has refused the limit: the next request has none."""
    if self.limit is None or not is_of_a_limit(exc):
      return False
    self._tell(
      f"does not give {self.limit} levels, but as many as it does by itself: {described(exc)}"
    )
    self.limit = None
    return True

  def _tell(self, what: str) -> None:
    instrument = self._listed.instrument
    self._outbox.notice(instrument, f"{instrument.exchange} {what}", unavailable=False)


class ShownBook:
  """Turns states of ccxt's book into events: views, or with `deltas` one snapshot and then what
  changes in the best `depth` levels. ccxt itself checks the venue's numbers and checksums."""

  def __init__(self, listed: Listed, outbox: Outbox, depth: int, *, deltas: bool) -> None:
    self._listed = listed
    self._outbox = outbox
    self._depth = depth
    self._deltas = deltas
    self._shown: Sides | None = None
    self._sequence: int | None = None
    self._nonce: int | None = None

  def restart(self) -> None:
    """What comes next has nothing to do with what was shown."""
    self._shown = None

  def show(self, book: Any, stamps: Stamps) -> None:
    """Sends the book as it is now, where it has changed."""
    listed, depth = self._listed, self._depth
    sides = levels(listed, book["bids"], depth), levels(listed, book["asks"], depth)
    # Books have the venue's numbers where it numbers them; else, and where a number stays while the
    # book goes on, they are counted.
    nonce = number_or_none(book.get("nonce"))
    before, last = self._shown, self._sequence
    known, self._nonce = self._nonce, nonce
    stays = nonce is None or (nonce == known and before is not None)
    if stays and sides == before:
      return
    counted = (last or 0) + 1
    if nonce is None or stays:
      sequence = counted
    else:
      sequence = nonce if known is None or nonce < known else max(nonce, counted)
    delta = self._deltas and before is not None and last is not None and sequence > last
    bids, asks = sides
    if delta and before is not None:
      bids = _changes(before[0], sides[0], falling=True)
      asks = _changes(before[1], sides[1], falling=False)
    event = OrderBook(
      bids=bids,
      asks=asks,
      update_type="delta" if delta else "snapshot",
      depth=depth,
      sequence=sequence,
      prev_sequence=last if delta else None,
      is_reset=True if before is None else None,
      **common(listed, stamps, book.get("timestamp")),
    )
    self._sequence = sequence
    self._shown = sides if self._outbox.put(listed.instrument, (event,)) else None


def _changes(before: list[Level], now: list[Level], *, falling: bool) -> list[Level]:
  """The levels that have to be set (size 0: removed), best first."""
  old, new = dict(before), dict(now)
  changed = [(price, size) for price, size in now if old.get(price) != size]
  gone = [(price, 0.0) for price in old if price not in new]
  return sorted([*changed, *gone], reverse=falling)
