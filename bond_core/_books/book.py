"""One instrument's order book: the size that rests at each price."""

from bisect import bisect_left, insort
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import NamedTuple, TypeVar

from bond_core._events import Level

Texts = Sequence[Sequence[str]]
"""A venue's own rows beside the levels, in the same order: [0] is the price, [1] the size, as the
venue wrote them."""


class Checksum(NamedTuple):
  """What a venue computes over its book to prove that a copy of it is right: `compute` gives the
  number, `text` is the part of one level in it, made from the venue's row. Without `text` the book
  keeps no texts, for a checksum over numbers alone."""

  compute: Callable[["Book"], int]
  text: Callable[[Sequence[str]], str] | None = None


MAX_LEVELS = 100_000
"""Levels a side by default: Coinbase's whole BTC-USD has 27,000."""

_INFINITE = float("inf")


class Book:
  """Bids and asks that deltas move from one state to the next.

  Prices are in the quote currency, sizes in the base currency (or in contracts, where the feed
  leaves them so). A book keeps `max_levels` a side and drops the worst beyond them, counted in
  `dropped`. Where its `checksum` is over exact text it keeps the venue's own rows too, and each
  call has to bring them. A price or size that is no number raises ValueError; the book is then half
  changed and needs a new snapshot.
  """

  __slots__ = ("_asks", "_bids", "_checksum", "_text")

  def __init__(
    self,
    *,
    max_levels: int = MAX_LEVELS,
    checksum: Checksum | None = None,
  ) -> None:
    if max_levels < 1:
      raise ValueError(f"max_levels is {max_levels}; a book needs at least one level a side")
    self._bids = _Side(1.0, max_levels)
    self._asks = _Side(-1.0, max_levels)
    self._checksum = checksum
    self._text = None if checksum is None else checksum.text

  def snapshot(
    self,
    bids: Sequence[Level],
    asks: Sequence[Level],
    bid_texts: Texts | None = None,
    ask_texts: Texts | None = None,
  ) -> None:
    """Replaces all levels; the order of the given ones does not matter."""
    self._bids.clear()
    self._asks.clear()
    self.apply(bids, asks, bid_texts, ask_texts)

  def apply(
    self,
    bids: Sequence[Level],
    asks: Sequence[Level],
    bid_texts: Texts | None = None,
    ask_texts: Texts | None = None,
  ) -> tuple[list[Level], list[Level]]:
    """Sets the size at each price, size 0 removes; later levels win over earlier ones. Returns what
    had to go to keep within `max_levels`, as removals (price, 0.0) a side: mostly nothing."""
    bid_side, ask_side = self._bids, self._asks
    text = self._text
    if text is None:
      bid_side.apply(bids)
      ask_side.apply(asks)
    else:
      bid_side.apply_texts(bids, bid_texts, text)
      ask_side.apply_texts(asks, ask_texts, text)
    return bid_side.trim(), ask_side.trim()

  def clear(self) -> None:
    """Forgets all levels."""
    self._bids.clear()
    self._asks.clear()

  def top(self, depth: int) -> tuple[list[Level], list[Level]]:
    """The best `depth` levels: bids descending, asks ascending."""
    return self._bids.best(depth), self._asks.best(depth)

  def levels(self) -> tuple[list[Level], list[Level]]:
    """All levels: bids descending, asks ascending."""
    return self._bids.best(len(self._bids.keys)), self._asks.best(len(self._asks.keys))

  def texts(self, depth: int) -> tuple[list[str], list[str]]:
    """What the checksum's `text` made of each of the best `depth` levels, best first."""
    return self._bids.written(depth), self._asks.written(depth)

  @property
  def best_bid(self) -> Level | None:
    """The highest bid, None where there is no bid."""
    return self._bids.first()

  @property
  def best_ask(self) -> Level | None:
    """The lowest ask, None where there is no ask."""
    return self._asks.first()

  @property
  def crossed(self) -> bool:
    """Whether the best bid is at or above the best ask, which a venue's own book never is while it
    matches orders."""
    bids, asks = self._bids.keys, self._asks.keys
    return bool(bids) and bool(asks) and bids[-1] >= -asks[-1]

  @property
  def size(self) -> tuple[int, int]:
    """The number of bid and ask levels."""
    return len(self._bids.keys), len(self._asks.keys)

  @property
  def dropped(self) -> int:
    """Levels dropped since the beginning because a side was full."""
    return self._bids.dropped + self._asks.dropped

  @property
  def verifiable(self) -> bool:
    """Whether this book can compute its venue's checksum."""
    return self._checksum is not None

  def checksum(self) -> int | None:
    """The venue's checksum over this copy, None where the venue has none."""
    return None if self._checksum is None else self._checksum.compute(self)


class _Side:
  """One side: the levels by key, and the keys sorted with the best at the END.

  Trading happens at the best prices, so that is where keys come and go, and a list inserts and
  deletes cheaply near its end. A key is the price for bids and minus the price for asks (`sign`).
  tests/benchmarks/s4_book.py compares it with sortedcontainers and with books of the field.
  """

  __slots__ = ("dropped", "keys", "levels", "max_levels", "sign", "texts")

  def __init__(self, sign: float, max_levels: int) -> None:
    self.sign = sign
    self.max_levels = max_levels
    self.levels: dict[float, Level] = {}
    self.keys: list[float] = []
    self.texts: dict[float, str] = {}
    self.dropped = 0

  def clear(self) -> None:
    self.levels = {}
    self.keys = []
    self.texts = {}

  def apply(self, given: Sequence[Level]) -> None:
    if not self.levels:
      self._fill(given)
      return
    sign, levels, keys = self.sign, self.levels, self.keys
    for level in given:
      price, size = level
      key = price * sign
      if 0.0 < size < _INFINITE:
        if key not in levels:
          if not -_INFINITE < key < _INFINITE:
            raise _malformed(level)
          insort(keys, key)
        # The given tuple itself is stored, so that top() only has to look levels up.
        levels[key] = level
      elif size == 0.0:
        if key in levels:
          del levels[key]
          del keys[bisect_left(keys, key)]
        elif not -_INFINITE < key < _INFINITE:
          raise _malformed(level)
      else:
        raise _malformed(level)

  def _fill(self, given: Sequence[Level]) -> None:
    """The same for an empty side, where sorting once is cheaper than a thousand insertions."""
    sign = self.sign
    levels: dict[float, Level] = {}
    for level in given:
      price, size = level
      if not (-_INFINITE < price < _INFINITE and 0.0 <= size < _INFINITE):
        raise _malformed(level)
      if size:
        levels[price * sign] = level
      else:
        levels.pop(price * sign, None)
    self.levels = levels
    self.keys = sorted(levels)

  def apply_texts(
    self, given: Sequence[Level], rows: Texts | None, text: Callable[[Sequence[str]], str]
  ) -> None:
    """The same, and keeps each level's text. One loop for both, since a second one over the levels
    costs a tenth of a verified book's time."""
    if rows is None:
      if given:
        raise ValueError("this book verifies text; give the venue's row with each level")
      return
    sign, levels, keys, texts = self.sign, self.levels, self.keys, self.texts
    for level, row in zip(given, rows, strict=True):
      price, size = level
      key = price * sign
      if 0.0 < size < _INFINITE:
        if key not in levels:
          if not -_INFINITE < key < _INFINITE:
            raise _malformed(level)
          insort(keys, key)
        levels[key] = level
        texts[key] = text(row)
      elif size == 0.0:
        if key in levels:
          del levels[key]
          del texts[key]
          del keys[bisect_left(keys, key)]
        elif not -_INFINITE < key < _INFINITE:
          raise _malformed(level)
      else:
        raise _malformed(level)

  def trim(self) -> list[Level]:
    """Drops the worst levels beyond the bound and returns them as removals."""
    excess = len(self.keys) - self.max_levels
    if excess <= 0:
      return []
    worst = self.keys[:excess]
    del self.keys[:excess]
    for key in worst:
      del self.levels[key]
      self.texts.pop(key, None)
    self.dropped += excess
    return [(key * self.sign, 0.0) for key in worst]

  def best(self, depth: int) -> list[Level]:
    return _pick(self.levels, self.keys[: -depth - 1 : -1])

  def written(self, depth: int) -> list[str]:
    return _pick(self.texts, self.keys[: -depth - 1 : -1])

  def first(self) -> Level | None:
    return self.levels[self.keys[-1]] if self.keys else None


_Value = TypeVar("_Value")


def _pick(table: Mapping[float, _Value], keys: list[float]) -> list[_Value]:
  # An itemgetter looks many keys up in two thirds of the time of a comprehension or map, but gives
  # a bare value for one key.
  return list(itemgetter(*keys)(table)) if len(keys) > 1 else [table[key] for key in keys]


def _malformed(level: Level) -> ValueError:
  return ValueError(
    f"the level {level!r} is not a price and a size; both must be finite and the size not negative"
  )
