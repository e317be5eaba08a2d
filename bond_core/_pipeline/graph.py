"""The transforms of a pipeline, called in order: a transform is a function call, not a task.

One batch goes through the whole graph without a scheduler in between, so equal input in equal order
gives equal output, and a branch costs its own work only.
"""

import sys
from collections.abc import Iterable, Mapping
from graphlib import TopologicalSorter

from bond_core._events import Batch, Gap
from bond_core._pipeline.stage import Stage


def joined(parts: list[Batch]) -> Batch:
  """The parts one after another. A gap that several of them carry, such as the outage of a
  connection that several sources share, stands once."""
  if len(parts) == 1:
    return parts[0]
  out: Batch = []
  gaps: set[int] = set()
  for part in parts:
    for event in part:
      if type(event) is Gap:
        if id(event) in gaps:
          continue
        gaps.add(id(event))
      out.append(event)
  return out


class Graph:
  """Stages by key, each fed by sources and by stages before it. Of what they make, `most` events go
  on at once, where that is given, and the `rest` with `go_on`, before anything else."""

  def __init__(self, stages: Mapping[str, Stage], most: int | None = None) -> None:
    order = TopologicalSorter({key: stage.inputs for key, stage in stages.items()}).static_order()
    self._stages = {key: stages[key] for key in order if key in stages}
    self._most = self._room = sys.maxsize if most is None else most
    self.rest: dict[str, Batch] = {}

  @property
  def stages(self) -> Iterable[Stage]:
    """All stages, each after those it reads."""
    return self._stages.values()

  def push(self, made: dict[str, Batch]) -> dict[str, Batch]:
    """Runs what some sources made through the stages; what every node made, by key."""
    self._room = self._most
    return self._run(made)

  def go_on(self) -> dict[str, Batch]:
    """The next part of the rest, as `push`."""
    # What is furthest on, so that each node's events stay in their order.
    key = next(key for key in reversed(self._stages) if key in self.rest)
    self._room = self._most
    return self._run({key: self._within(key, self.rest.pop(key))})

  def _run(self, made: dict[str, Batch]) -> dict[str, Batch]:
    for key, stage in self._stages.items():
      inputs = [made[name] for name in stage.inputs if made.get(name)]
      if inputs:
        made[key] = self._within(key, stage.run(joined(inputs)))
    return made

  def _within(self, key: str, out: Batch) -> Batch:
    """What goes on now of what a stage made."""
    room = self._room
    self._room = max(0, room - len(out))
    if len(out) <= room:
      return out
    self.rest[key] = out[room:]
    return out[:room]

  def next_timer(self) -> int | None:
    """When the first stage wants to be woken (epoch ms)."""
    timers = [timer for stage in self._stages.values() if (timer := stage.next_timer()) is not None]
    return min(timers, default=None)

  def on_timer(self, now_ms: int, *, one: bool = False) -> dict[str, Batch]:
    """Wakes the stages that are due, or `one` of them; what every node made of it."""
    made: dict[str, Batch] = {}
    woken, self._room = 0, self._most
    for key, stage in self._stages.items():
      inputs = [made[name] for name in stage.inputs if made.get(name)]
      out = stage.run(joined(inputs)) if inputs else []
      timer = None if one and woken else stage.next_timer()
      if timer is not None and timer <= now_ms:
        woken += 1
        out = out + stage.on_timer(now_ms)
      if out:
        made[key] = self._within(key, out)
    return made

  def finish(self, *, cut: bool) -> dict[str, Batch]:
    """Flushes the stages in order after the input has ended, or was `cut` off; what every node
    made of it."""
    made: dict[str, Batch] = {}
    for key, stage in self._stages.items():
      inputs = [made[name] for name in stage.inputs if made.get(name)]
      if cut:
        out = stage.cut(joined(inputs) if inputs else [])
      else:
        out = (stage.run(joined(inputs)) if inputs else []) + stage.finish()
      if out:
        made[key] = out
    return made
