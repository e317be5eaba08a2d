"""What every transform must do, as tests that a plugin inherits."""

from collections.abc import Mapping
from typing import Any, cast

from bond_core._clock import DataClock
from bond_core._event_checks import Unchanged, check_events
from bond_core._events import Batch, Gap, Heartbeat
from bond_core._types.transform import TransformContext, TransformType
from bond_core.testing._components import REGISTRY, ComponentConformance, configured
from bond_core.testing._samples import sample_events


class TransformConformance(ComponentConformance):
  """Gives a transform events as a pipeline does.

  ```python
  class TestLarge(TransformConformance):
    name = "myplugin.large"

    def keys(self):
      return {"at_least": 100_000}
  ```
  """

  def keys(self) -> Mapping[str, Any]:
    """Its keys in a spec."""
    return {}

  def component(self) -> TransformType:
    return REGISTRY.transform(self.name)

  def events(self) -> Batch:
    """Events in the order of their times, new objects each time."""
    return sample_events(5)

  def test_what_it_gives_is_right_and_of_the_types_that_it_emits(self) -> None:
    out = self._output([self._accepted()])
    check_events(out, self.name, self.component().emits)
    assert all(getattr(event, "ts_event", 1) for event in out), "an event without its time"

  def test_what_it_is_given_stays_as_it_was(self) -> None:
    """Others read the same events."""
    batch = self._accepted()
    given = Unchanged(batch)
    self._output([batch])
    given.check(self.name)

  def test_losses_and_heartbeats_go_on(self) -> None:
    """A transform that accepts all types must not swallow the declaration of a loss."""
    accepts = self.component().accepts
    marks: Batch = [event for event in self._accepted() if isinstance(event, Gap | Heartbeat)]
    if accepts is None or Gap in accepts:
      out = self._output([marks])
      assert [e for e in out if isinstance(e, Gap)] == [e for e in marks if isinstance(e, Gap)]

  def test_two_of_them_share_nothing(self) -> None:
    """A spec can have it twice, and a server runs many specs."""
    first = self._output([self._accepted()])
    assert self._output([self._accepted()]) == first

  def test_it_does_not_matter_how_events_are_gathered_into_batches(self) -> None:
    batch = self._accepted()
    together, one_by_one = self._output([batch]), self._output([[event] for event in batch])
    assert sorted(map(repr, one_by_one)) == sorted(map(repr, together))

  def test_an_empty_batch_gives_nothing(self) -> None:
    assert self._made()[0]([]) == []

  def _accepted(self) -> Batch:
    accepts = self.component().accepts
    return [event for event in self.events() if accepts is None or type(event) in accepts]

  def _made(self) -> tuple[Any, DataClock]:
    component = self.component()
    first = next((ms for e in self.events() if (ms := getattr(e, "ts_event", 0))), 0)
    clock = DataClock(first)
    context = TransformContext("transforms.test", clock)
    return component.make(configured(component, self.keys()), context), clock

  def _output(self, batches: list[Batch]) -> Batch:
    """All that comes out, timers and the end of the input included; time passes as the events say,
    as on a recording."""
    transform, clock = self._made()
    out: Batch = []
    for batch in batches:
      start = 0
      for position, event in enumerate(batch):
        now = max(getattr(event, "ts_event", 0), clock.now_ms())
        if (due := _timer(transform)) is not None and due <= now:
          out += _given(transform, batch[start:position])
          start = position
        while (due := _timer(transform)) is not None and due <= now:
          clock.advance(due)
          out += transform.on_timer(due)
          assert _timer(transform) != due, "next_timer is still what on_timer was called for"
        clock.advance(now)
      out += _given(transform, batch[start:])
    return out + (transform.finish() if hasattr(transform, "finish") else [])


def _given(transform: Any, batch: Batch) -> Batch:
  out = transform(batch) if batch else []
  assert type(out) is list, "a transform returns a list of events"
  return out


def _timer(transform: Any) -> int | None:
  return cast("int | None", transform.next_timer()) if hasattr(transform, "next_timer") else None
