"""What every log engine must do, as tests that a plugin inherits."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
import trio

from bond_core._events import Custom
from bond_core._logs.engine import Engine, Record
from bond_core._types.log import LogType
from bond_core.testing._components import REGISTRY, ComponentConformance, configured


def record(first: int, count: int, ts_ms: int) -> Record:
  """`count` events with numbers from `first` on, appended at a time."""
  numbers = range(first, first + count)
  events = [
    Custom(exchange="x", symbol="", event_type="n", data={"n": n}, seq_internal=n) for n in numbers
  ]
  return Record(first, ts_ms, list(events))


def numbers_of(records: Sequence[Record]) -> list[int]:
  """The numbers of all events of these records."""
  return [record.first + n for record in records for n in range(len(record.events))]


class LogConformance(ComponentConformance):
  """Writes and reads a log through its engine, as bond_core.logs.Engine promises.

  ```python
  class TestDict(LogConformance):
    name = "myplugin.dict"
    lasting = False
  ```
  """

  lasting = True
  """What is written is there when the log is opened again."""

  def keys(self, folder: Path) -> Mapping[str, Any]:
    """Its keys in a spec; it may write into the folder."""
    return {}

  def component(self) -> LogType:
    return REGISTRY.log(self.name)

  def opened(self, folder: Path, name: str = "market") -> AbstractAsyncContextManager[Engine]:
    """The engine of the log of that name."""
    component = self.component()
    assert component.open is not None, "a log type without `open` has no engine to test"
    return component.open(configured(component, self.keys(folder)), name)

  def test_an_empty_log_says_so(self, tmp_path: Path) -> None:
    async def check() -> None:
      async with self.opened(tmp_path) as engine:
        assert (engine.head, engine.oldest, engine.last_ts_ms) == (0, 1, 0)
        assert engine.epoch
        assert not engine.finished
        assert await engine.read(1, 100) == []
        assert await engine.find(0) == 1

    trio.run(check)

  def test_what_is_written_is_read_in_order(self, tmp_path: Path) -> None:
    async def check() -> None:
      async with self.opened(tmp_path) as engine:
        await engine.write([record(1, 3, 5_000), record(4, 2, 6_000)])
        await engine.write([record(6, 1, 7_000)])
        assert (engine.head, engine.oldest, engine.last_ts_ms) == (6, 1, 7_000)
        found = await engine.read(1, 100)
        assert numbers_of(found) == [1, 2, 3, 4, 5, 6]
        assert [event.data["n"] for r in found for event in r.events] == [1, 2, 3, 4, 5, 6]  # type: ignore[union-attr]
        assert {r.ts_ms for r in found} == {5_000, 6_000, 7_000}

    trio.run(check)

  def test_reading_begins_within_a_record_and_ends_near_its_limit(self, tmp_path: Path) -> None:
    async def check() -> None:
      async with self.opened(tmp_path) as engine:
        await engine.write([record(1 + 10 * n, 10, 1_000 * n) for n in range(5)])
        found = await engine.read(7, 10)
        assert numbers_of(found)[0] == 7
        assert 4 <= len(numbers_of(found)) <= 24
        everything: list[int] = []
        while part := await engine.read(everything[-1] + 1 if everything else 1, 7):
          everything += numbers_of(part)
        assert everything == list(range(1, 51))
        assert await engine.read(51, 10) == []

    trio.run(check)

  def test_numbers_may_jump(self, tmp_path: Path) -> None:
    async def check() -> None:
      async with self.opened(tmp_path) as engine:
        await engine.write([record(1, 2, 1_000)])
        await engine.write([record(10, 2, 2_000)])
        assert numbers_of(await engine.read(1, 100)) == [1, 2, 10, 11]
        assert numbers_of(await engine.read(3, 100)) == [10, 11]
        assert engine.head == 11

    trio.run(check)

  def test_records_that_come_again_are_not_doubled(self, tmp_path: Path) -> None:
    """As after an error that left it open whether they were written."""

    async def check() -> None:
      async with self.opened(tmp_path) as engine:
        await engine.write([record(1, 5, 1_000)])
        await engine.write([record(1, 5, 1_000), record(6, 2, 2_000)])
        assert numbers_of(await engine.read(1, 100)) == [1, 2, 3, 4, 5, 6, 7]

    trio.run(check)

  def test_a_time_finds_the_first_record_at_or_after_it(self, tmp_path: Path) -> None:
    async def check() -> None:
      async with self.opened(tmp_path) as engine:
        await engine.write([record(1, 3, 1_000), record(4, 3, 2_000)])
        found = [await engine.find(ms) for ms in (0, 1_000, 1_001, 2_000, 2_001)]
        assert found == [1, 1, 4, 4, 7]

    trio.run(check)

  def test_logs_of_other_names_are_other_logs(self, tmp_path: Path) -> None:
    async def check() -> None:
      async with self.opened(tmp_path, "one") as one, self.opened(tmp_path, "two") as two:
        await one.write([record(1, 2, 1_000)])
        assert (one.head, two.head) == (2, 0)

    trio.run(check)

  def test_a_log_that_is_opened_again_goes_on(self, tmp_path: Path) -> None:
    if not self.lasting:
      pytest.skip("this log ends with the process that has it open")

    async def check() -> None:
      async with self.opened(tmp_path) as engine:
        epoch = engine.epoch
        await engine.write([record(1, 3, 5_000)])
      async with self.opened(tmp_path) as engine:
        assert (engine.epoch, engine.head, engine.last_ts_ms) == (epoch, 3, 5_000)
        assert not engine.finished
        await engine.finish()
      async with self.opened(tmp_path) as engine:
        assert engine.finished
        await engine.write([record(4, 1, 6_000)])
        assert numbers_of(await engine.read(1, 100)) == [1, 2, 3, 4]

    trio.run(check)

  def test_what_is_removed_is_gone(self, tmp_path: Path) -> None:
    remove = self.component().remove
    if remove is None or not self.lasting:
      pytest.skip("this log has nothing to remove")

    async def check() -> None:
      config = configured(self.component(), self.keys(tmp_path))
      async with self.opened(tmp_path, "gone") as engine:
        await engine.write([record(1, 3, 1_000)])
      await remove(config, "gone")
      await remove(config, "never there")
      async with self.opened(tmp_path, "gone") as engine:
        assert engine.head == 0

    trio.run(check)
