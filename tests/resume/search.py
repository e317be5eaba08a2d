"""Goes through every state that can be reached, each once, and checks what has to hold in it."""

from collections import deque
from typing import NamedTuple

from tests.resume.model import Rules, World, steps


class Searched(NamedTuple):
  """How many states there are within the bounds and how far the farthest is. `broken` is the
  shortest history to a state in which something does not hold, and what; empty where all holds."""

  states: int
  depth: int
  broken: list[str]


def search(first: World, rules: Rules) -> Searched:
  """All histories from a state on, the short ones first."""
  came: dict[World, tuple[World, str] | None] = {first: None}
  depths = {first: 0}
  waiting = deque([first])
  while waiting:
    world = waiting.popleft()
    if fault := fault_of(world):
      return Searched(len(came), depths[world], [*_history(came, world), fault])
    for step, after in steps(world, rules):
      if after not in came:
        came[after] = world, step
        depths[after] = depths[world] + 1
        waiting.append(after)
  return Searched(len(came), max(depths.values()), [])


def _history(came: dict[World, tuple[World, str] | None], world: World) -> list[str]:
  found: list[str] = []
  while (before := came[world]) is not None:
    world, step = before
    found.append(step)
  return found[::-1]


def fault_of(world: World) -> str:
  """What does not hold in a state, as a sentence; empty where all holds."""
  client = world.client
  meanings: dict[tuple[int, int], int] = {}
  for epoch, number, meaning in (*world.given, *client.got):
    if meanings.setdefault((epoch, number), meaning) != meaning:
      return f"number {number} of epoch {epoch} stands for two events"
  if client.twice:
    return f"the client was sent number {client.twice[1]} of epoch {client.twice[0]} twice"
  if client.place is not None:
    epoch, reached = client.place
    began = dict(client.began).get(epoch, 0)
    had = {(epoch, number) for epoch, number, _ in client.got} | client.declared
    for of, number, _ in sorted(world.given):
      if of == epoch and began < number <= reached and (of, number) not in had:
        return (
          f"the client stands after {reached} of epoch {epoch}, but has not had {number}, and was "
          "not told so"
        )
  return ""
