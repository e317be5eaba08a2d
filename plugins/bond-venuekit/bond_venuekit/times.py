"""Times as venues write them."""

from typing import Annotated

import msgspec

Time = Annotated[int, msgspec.Meta(ge=10**11, lt=10**14)]
"""A time in epoch ms, of this century or about it. With strict=False it may be a text."""


def time_or_none(text: str | None) -> int | None:
  """Epoch ms from a text; None for "" and 0, which mean never. Raises ValueError for no time."""
  if not 0 <= (found := int(text or 0)) < 10**14:
    raise ValueError(f"{text!r} is no time")
  return found or None
