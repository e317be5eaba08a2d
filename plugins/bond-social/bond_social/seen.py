"""Posts that have come already, so that what comes twice is sent once."""

from collections import OrderedDict
from collections.abc import Hashable


class SeenPosts:
  """The last `limit` posts, by their keys."""

  def __init__(self, limit: int = 100_000) -> None:
    self._limit = limit
    self._keys: OrderedDict[Hashable, None] = OrderedDict()

  def add(self, key: Hashable) -> bool:
    """Adds a post. Returns whether it is new."""
    if key in self._keys:
      return False
    self._keys[key] = None
    if len(self._keys) > self._limit:
      self._keys.popitem(last=False)
    return True
