"""A connection to a client, as delivery needs it."""

from collections.abc import Callable
from typing import Protocol


class Transport(Protocol):
  """A connection to a client. One task receives, one sends. Raises OSError when it is gone."""

  address: str | None
  waits: bool
  """Whether it cannot write without waiting: its client then always has a task of its own."""

  @property
  def send_now(self) -> Callable[[bytes], int]:
    """Writes what fits without waiting; returns how many bytes. Raises BlockingIOError where none
    does."""

  async def send(self, data: bytes | memoryview) -> int:
    """Waits until something fits, and writes that; returns how many bytes it was."""

  async def receive(self) -> bytes:
    """Returns what came, empty at the end."""

  def finish(self) -> None:
    """Ends the sending side; what still comes can be read."""

  def close(self) -> None:
    """Ends the connection at once."""
