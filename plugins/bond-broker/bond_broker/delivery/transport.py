"""What delivery needs of a connection to a client."""

from collections.abc import Callable
from typing import Protocol


class Transport(Protocol):
  """A connection to a client. One task receives, one sends. Raises OSError when it is gone."""

  address: str | None
  waits: bool
  """It cannot write without waiting, so its client always has a task of its own."""

  @property
  def send_now(self) -> Callable[[bytes], int]:
    """Writes what fits without waiting; how many bytes. BlockingIOError where none does."""

  async def send(self, data: bytes | memoryview) -> int:
    """Waits until something fits, and writes that; how many bytes it was."""

  async def receive(self) -> bytes:
    """What came, empty at the end."""

  def finish(self) -> None:
    """Says that nothing more will be sent; what still comes can be read."""

  def close(self) -> None:
    """Ends the connection at once."""
