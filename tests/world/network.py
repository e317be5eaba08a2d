"""The network between the processes of a world: late, in pieces, with little room, cut and held."""

import random

from tests.chaos.network import Connection, MemoryNetwork

DELAYS = (0.0, 0.0, 0.002, 0.04)
ROOM = (2_048, 16_384, 262_144)
"""Bytes that may be under way to a client that does not read."""


class WorldNetwork(MemoryNetwork):
  """Each connection has its own ways, drawn from the seed. Those to `narrow` ports have little
  room."""

  def __init__(self, seed: str, narrow: set[int]) -> None:
    super().__init__()
    self._seed = seed
    self._narrow = narrow
    self._made = 0

  def connected(self, connection: Connection) -> None:
    rng = random.Random(f"{self._seed} connection {self._made}")
    self._made += 1
    for pipe in connection.pipes:
      pipe.delay = rng.choice(DELAYS)
      pipe.chop = rng if rng.random() < 0.5 else None
    if connection.port in self._narrow:
      connection.back.room = rng.choice(ROOM)
    super().connected(connection)
