"""Streams that callers make: what the service that keeps them registers with the server, for other
services through which callers come."""

from collections.abc import Sequence
from typing import Any, Protocol

from bond_core import BondError


class StreamRefused(BondError):
  """Why a stream is not made. `status` is HTTP's, `more` what the control plane adds to the
  sentence, which may repeat what the caller wrote; `asks` are the questions of a text of which a
  stream can be made once they are answered."""

  def __init__(
    self, status: int, sentence: str, more: dict[str, Any], asks: Sequence[str] = ()
  ) -> None:
    super().__init__(sentence)
    self.status = status
    self.more = more
    self.asks = list(asks)


class StreamMaker(Protocol):
  """Makes streams for callers, within what each may have."""

  async def make(
    self,
    owner: str,
    *,
    text: str | None = None,
    spec: dict[str, Any] | str | None = None,
    confirm: bool = False,
    host: str,
  ) -> dict[str, Any]:
    """Makes a stream from plain text or from a spec, or finds the one that runs; returns what the
    control plane answers to one who calls it `host`, and whether it is `new`. Raises
    StreamRefused."""

  def listed(self, owner: str) -> list[dict[str, Any]]:
    """Returns the streams of an owner."""
