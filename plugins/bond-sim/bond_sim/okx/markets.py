"""What the sockets need from a market, be it generated or recorded, and the form of answers."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from bond_sim.http import Request
from bond_sim.hub import Hub

PUBLIC, BUSINESS = "public", "business"

Answer = Callable[[Request], list[Any]]
"""The rows of an endpoint's answer. Raises RestError."""


class Joined(NamedTuple):
  """A channel that can be subscribed to: its name in the hub, and what a reader gets first (called
  when it joins)."""

  name: str
  first: Callable[[], list[bytes]]


class RestError(Exception):
  """An error in the venue's form."""

  def __init__(self, code: str, message: str, status: int = 200) -> None:
    super().__init__(message)
    self.code, self.message, self.status = code, message, status


class Source(Protocol):
  """Publishes channels to the hub and answers for the state of its markets."""

  @property
  def hub(self) -> Hub: ...

  async def run(self) -> None:
    """Publishes until cancelled."""

  def find(self, path: str, channel: str, symbol: str, family: str) -> Joined | None:
    """The channel of a symbol or of an instType on one of the paths, None where there is none."""

  def progress(self) -> dict[str, Any]:
    """How far it is, for GET /_sim/stats."""
