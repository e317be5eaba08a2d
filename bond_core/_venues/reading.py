"""Reading values as venues write them: decimal texts, ids and times."""

from typing import Annotated

import msgspec

UNREADABLE = (ValueError, RecursionError)
"""What decoding raises: DecodeError and UnicodeDecodeError are ValueErrors."""

Amount = Annotated[float, msgspec.Meta(ge=0, lt=1e300)]
"""A price or size. With strict=False a decoder reads it from a text, in C; the bounds refuse what
no venue means (nan, inf, negative)."""

Number = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""An id or a time."""
