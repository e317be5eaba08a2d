"""What a server has that plays a recording: a player, which clients steer.

Its logs hold what was received up to the player's time and nothing else, so no route can show more.
"""

from typing import Any, Literal, Protocol, get_args

from bond_core import BondError

Steer = Literal["advance", "pause", "resume", "seek", "speed", "decide", "replay"]
"""What a client can say: the types of its messages."""

STEERS: tuple[Steer, ...] = get_args(Steer)


class LookAhead(BondError):
  """Something was requested that lies after the player's time."""


class Player(Protocol):
  """Plays a recording into a server's logs; where it is `locked`, only `advance` moves its time."""

  @property
  def locked(self) -> bool: ...

  def now_ms(self) -> int:
    """The time up to which everything was received."""

  async def steer(self, message: dict[str, Any]) -> dict[str, Any]:
    """Does what a message of one of the types of Steer says; the state after it. Raises LookAhead,
    or BondError with a sentence."""
