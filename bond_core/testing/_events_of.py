"""The fixture bond_events: the first events of a spec."""

from typing import Protocol

import pytest
import trio

from bond_core._events import AnyEvent, Batch
from bond_core._running import open_events
from bond_core._spec.load import load_spec
from bond_core._types.components import Components


class EventsOf(Protocol):
  """The type of the fixture bond_events."""

  async def __call__(
    self,
    spec: str,
    *,
    count: int = 1,
    until: tuple[type[AnyEvent], ...] = (),
    within: float = 5.0,
  ) -> Batch:
    """Runs a spec until `count` events, and one of each type in `until`, have come; returns all
    that came. Fails the test where that takes longer than `within` seconds. What ends the spec,
    such as a source that is refused, is raised as a BondError."""


def events_of(registry: Components) -> EventsOf:
  """Returns what the fixture gives, for the components of a registry."""

  async def events(
    spec: str,
    *,
    count: int = 1,
    until: tuple[type[AnyEvent], ...] = (),
    within: float = 5.0,
  ) -> Batch:
    found: Batch = []
    checked = load_spec(spec, registry=registry)
    with trio.move_on_after(within):
      async with open_events(checked) as batches:
        async for batch in batches:
          found += batch
          if len(found) >= count and not _missing(found, until):
            return found
    names = ", ".join(_missing(found, until))
    lacking = f", and no {names}" if names else ""
    pytest.fail(f"{len(found)} of {count} events{lacking} came within {within:g} s")

  return events


def _missing(found: Batch, until: tuple[type[AnyEvent], ...]) -> list[str]:
  seen = {type(event) for event in found}
  return [kind.__name__ for kind in until if kind not in seen]
