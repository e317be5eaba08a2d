"""Times as venues write them."""

from typing import Annotated

import msgspec

Time = Annotated[int, msgspec.Meta(ge=10**11, lt=10**14)]
"""A time in epoch ms, of this century or about it. With strict=False it may be a text."""


def time_or_none(value: str | int | None) -> int | None:
  """Epoch ms from a text or a number; None for "" and 0, which mean never. Raises ValueError for
  what is no time in ms, such as one in seconds."""
  found = int(value or 0)
  if found and not 10**11 <= found < 10**14:
    raise ValueError(f"{value!r} is no time in ms")
  return found or None
