"""The order book of a generated market, in whole ticks and lots."""

from bisect import bisect_left, insort

BUY, SELL = 0, 1


class GeneratedBook:
  """Sizes by price of both sides (BUY and SELL). Rank 0 of a side is its best price."""

  def __init__(self) -> None:
    self.sizes: tuple[dict[int, int], dict[int, int]] = ({}, {})
    # Both ascend; bids are stored negated, so that each side's best price is its first.
    self._keys: tuple[list[int], list[int]] = ([], [])

  def best(self, side: int) -> int:
    """The best price of a side."""
    return self.price_at(side, 0)

  def price_at(self, side: int, rank: int) -> int:
    """The price of the level at `rank`; negative ranks count from the worst price."""
    key = self._keys[side][rank]
    return key if side == SELL else -key

  def count(self, side: int) -> int:
    """Number of levels of a side."""
    return len(self._keys[side])

  def put(self, side: int, price: int, size: int) -> None:
    """Sets a level to `size`; 0 removes it."""
    sizes, keys = self.sizes[side], self._keys[side]
    key = price if side == SELL else -price
    if size:
      if price not in sizes:
        insort(keys, key)
      sizes[price] = size
    elif price in sizes:
      del sizes[price]
      del keys[bisect_left(keys, key)]

  def top(self, side: int, count: int) -> list[tuple[int, int]]:
    """The best levels as (price, size), best first."""
    sizes = self.sizes[side]
    return [
      (price, sizes[price])
      for price in (key if side == SELL else -key for key in self._keys[side][:count])
    ]
