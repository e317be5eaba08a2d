"""What every sink must do, as tests that a plugin inherits."""

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import trio

from bond_core._clock import SystemClock
from bond_core._event_checks import Unchanged
from bond_core._events import Batch
from bond_core._types.sink import SinkContext, SinkType
from bond_core.testing._components import REGISTRY, ComponentConformance, configured
from bond_core.testing._samples import sample_events


class SinkConformance(ComponentConformance):
  """Gives a sink events as a pipeline does.

  ```python
  class TestTable(SinkConformance):
    name = "myplugin.table"

    def keys(self, folder):
      return {"path": str(folder / "events.db")}

    def written(self, folder):
      return the number of rows in that file
  ```
  """

  def keys(self, folder: Path) -> Mapping[str, Any]:
    """Its keys in a spec; it may write into the folder."""
    return {}

  def written(self, folder: Path) -> int | None:
    """How many events it has stored, None for a sink that stores none."""
    return None

  def component(self) -> SinkType:
    return REGISTRY.sink(self.name)

  def test_it_takes_every_type_of_event_in_order(self, tmp_path: Path) -> None:
    batch = self._accepted()
    trio.run(self._write, tmp_path, [batch, [], *([event] for event in self._accepted())])
    if (found := self.written(tmp_path)) is not None:
      assert found == 2 * len(batch)

  def test_what_it_is_given_stays_as_it_was(self, tmp_path: Path) -> None:
    """Others read the same events."""
    batch = self._accepted()
    given = Unchanged(batch)
    trio.run(self._write, tmp_path, [batch])
    given.check(self.name)

  def test_it_can_be_opened_again_at_the_same_place(self, tmp_path: Path) -> None:
    """As after an error, and by the next run."""
    for _ in range(2):
      trio.run(self._write, tmp_path, [self._accepted()])

  def test_it_ends_at_once_when_it_is_cancelled(self, tmp_path: Path) -> None:
    async def end() -> float:
      with trio.CancelScope() as scope:
        async with self._made(tmp_path) as sink:
          await sink.write(self._accepted())
          started = time.monotonic()
          scope.cancel()
          await trio.sleep_forever()
      return started

    started = trio.run(end)
    assert time.monotonic() - started < 1, "it must not shield itself from trio.Cancelled"

  def _accepted(self) -> Batch:
    accepts = self.component().accepts
    return [event for event in sample_events(3) if accepts is None or type(event) in accepts]

  def _made(self, folder: Path) -> Any:
    component = self.component()
    log = logging.LoggerAdapter(logging.getLogger("bond.test"))
    context = SinkContext("sinks.test", SystemClock(), log, "0" * 16, lambda batch: None)
    return component.make(configured(component, self.keys(folder)), context)

  async def _write(self, folder: Path, batches: list[Batch]) -> None:
    async with self._made(folder) as sink:
      for batch in batches:
        if batch:
          await sink.write(batch)
