"""What every source must do, as tests that a plugin inherits."""

import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

from bond_core._errors import Problem, SpecError
from bond_core._event_checks import check_events
from bond_core._events import Batch, Gap
from bond_core._running import open_events
from bond_core._spec.load import load_spec
from bond_core._spec.model import Spec
from bond_core._types.source import SourceType
from bond_core.testing._components import REGISTRY, ComponentConformance


class SourceConformance(ComponentConformance):
  """Runs a source as a spec does, against what `serving` provides.

  ```python
  class TestPrices(SourceConformance):
    name = "myvenue.prices"

    @asynccontextmanager
    async def serving(self):
      async with a_server_of_the_tests() as url:
        yield {"endpoint": url, "symbols": ["BTC/USDT"]}
  ```
  """

  within = 5.0
  """Seconds until its first events."""

  @asynccontextmanager
  async def serving(self) -> AsyncIterator[Mapping[str, Any]]:
    """What the source talks to, for as long as the block lasts; gives its keys in a spec."""
    raise NotImplementedError
    yield {}

  def component(self) -> SourceType:
    return REGISTRY.source(self.name)

  def test_its_events_are_what_its_type_says(self) -> None:
    """Right fields, right units, of the types that it `emits`, and under its own exchange."""
    spec, events = trio.run(self._run)
    assert [event for event in events if not isinstance(event, Gap)], "no events came"
    node = spec.sources["source"]
    check_events(events, self.name, node.type.emits)
    exchanges = {event.exchange for event in events if hasattr(event, "exchange")}
    assert exchanges <= {node.type.exchange_of(node.config)}, "events of another exchange"
    assert all(getattr(event, "ts_event", 1) for event in events)

  def test_it_ends_at_once_when_it_is_cancelled(self) -> None:
    started = trio.run(self._end)
    assert time.monotonic() - started < 1, "it must not catch trio.Cancelled or shield itself"

  def test_it_is_checked_in_a_spec_from_outside(self) -> None:
    """A spec that a server is sent loads, or each problem of it is a sentence."""
    text = json.dumps({"sources": {"source": {"use": self.name}}})
    problems: Sequence[Problem] = ()
    try:
      load_spec(text, registry=REGISTRY, trusted=False)
    except SpecError as exc:
      problems = exc.problems
    assert all(problem.message for problem in problems)

  def _spec(self, keys: Mapping[str, Any]) -> Spec:
    document = {"sources": {"source": {"use": self.name, "with": dict(keys)}}}
    try:
      return load_spec(json.dumps(document), registry=REGISTRY)
    except SpecError as exc:
      pytest.fail(str(exc))

  async def _run(self) -> tuple[Spec, Batch]:
    """The spec and its first events."""
    found: Batch = []
    async with self.serving() as keys:
      spec = self._spec(keys)
      async with open_events(spec) as batches:
        with trio.move_on_after(self.within):
          async for batch in batches:
            found += batch
            if not isinstance(batch[-1], Gap):
              break
    return spec, found

  async def _end(self) -> float:
    """When it was cancelled, while it delivered."""
    async with self.serving() as keys:
      with trio.CancelScope() as scope:
        async with open_events(self._spec(keys)) as batches:
          with trio.move_on_after(self.within):
            await anext(batches)
          started = time.monotonic()
          scope.cancel()
      return started
