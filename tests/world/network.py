"""The network between the processes of a world: late, in pieces, with little room, cut and held."""

import random

from tests.chaos.network import Connection, MemoryNetwork

DELAYS = (0.0, 0.0, 0.002, 0.04)
ROOM = (2_048, 16_384, 262_144)
"""Bytes that may be under way to a client that does not read."""


class WorldNetwork(MemoryNetwork):
  """Each connection has its own ways, drawn from the seed. Those to `narrow` ports have little
  room, those to `near` ports little delay. `balanced` has the ports behind one that is several
  servers'."""

  def __init__(self, seed: str, narrow: set[int], near: set[int]) -> None:
    super().__init__()
    self.balanced: dict[int, tuple[int, ...]] = {}
    self._seed = seed
    self._narrow, self._near = narrow, near
    self._made = 0
    self._balancer = random.Random(f"{seed} balancer")

  def leads(self, port: int) -> int:
    there = [one for one in self.balanced.get(port, ()) if one in self.listening]
    return self._balancer.choice(there) if there else port

  def connected(self, connection: Connection) -> None:
    rng = random.Random(f"{self._seed} connection {self._made}")
    self._made += 1
    for pipe in connection.pipes:
      pipe.delay = rng.choice(DELAYS[:3] if connection.port in self._near else DELAYS)
      pipe.chop = rng if rng.random() < 0.5 else None
    if connection.port in self._narrow:
      connection.back.room = rng.choice(ROOM)
    super().connected(connection)
