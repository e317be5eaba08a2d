"""How the answers of simulators say what they are, wherever a source reads them."""

from collections.abc import Callable, Container
from contextvars import ContextVar

SIMULATOR = "bond-simulator"
"""The header of every answer of a simulator, a WebSocket's handshake among them."""

noted: ContextVar[Callable[[], None]] = ContextVar("noted")
"""What a running source does where an answer says that it comes from a simulator."""


def note_answer(headers: Container[str]) -> None:
  """Notes that the running source reads a simulator, where an answer's headers (lower case, or of
  any case where they compare so) say that."""
  if SIMULATOR in headers and (note := noted.get(None)) is not None:
    note()
