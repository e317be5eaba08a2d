"""Times that an event cannot be without."""

from typing import Annotated

import msgspec

Time = Annotated[int, msgspec.Meta(ge=10**11, lt=10**14)]
"""A time in epoch ms, of this century or about it. With strict=False it may be a text."""
