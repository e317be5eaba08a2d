"""Debug checks: a spec whose components are held to what their types promise, batch by batch.

Nothing of it is in the way of a run without them: a component type is wrapped in another one.
"""

import copy
import functools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias, cast

import attrs

from bond_core import (
  Batch,
  Out,
  PluginError,
  Sink,
  SinkContext,
  SinkType,
  SourceContext,
  SourceType,
  Spec,
  Transform,
  TransformContext,
  TransformType,
  Unchanged,
  check_events,
)
from bond_core.feeds import Feed, Moment
from bond_core.sessions import Session

AnySession: TypeAlias = Session[Any, Any, Any]


def with_checks(spec: Spec) -> Spec:
  """The same spec with debug checks: what a source or transform gives is checked event by event,
  and what a transform or sink is given must be the same afterwards. What breaks a promise raises
  PluginError in that component, which is then named as for any other failure."""
  return attrs.evolve(
    spec,
    sources={
      key: attrs.evolve(node, type=_source(node.type)) for key, node in spec.sources.items()
    },
    transforms={
      key: attrs.evolve(node, type=_transform(node.type)) for key, node in spec.transforms.items()
    },
    sinks={key: attrs.evolve(node, type=_sink(node.type)) for key, node in spec.sinks.items()},
  )


# Sources ------------------------------------------------------------------------------------------


def _source(source: SourceType) -> SourceType:
  if source.feed is not None:
    return attrs.evolve(source, feed=_feed(source.feed))
  if source.session is not None:
    return attrs.evolve(source, session=_session(source.session))
  return attrs.evolve(source, run=_run(source))


def _run(source: SourceType) -> Callable[[Any, Out, SourceContext], Any]:
  def run(config: Any, out: Out, ctx: SourceContext) -> Any:
    if source.run is None:
      raise PluginError(f"the source {source.name!r} has no run")
    return source.run(config, _CheckedOut(out, source), ctx)

  return run


@attrs.frozen
class _CheckedOut:
  out: Out
  source: SourceType

  async def send(self, batch: Batch) -> None:
    if type(batch) is list:
      check_events(batch, self.source.name, self.source.emits)
    await self.out.send(batch)


@functools.cache
def _feed(make: Callable[[Any], Feed]) -> Callable[[Any], Feed]:
  """Wrapped once, so that sources of an equal connection still share a feed."""

  def made(connection: Any) -> Feed:
    feed = make(connection)
    on_frames = feed.on_frames

    def checked(number: int, frames: list[bytes], now: Moment) -> Batch:
      batch = on_frames(number, frames, now)
      check_events(batch, feed.exchange)
      return batch

    feed.on_frames = checked  # type: ignore[method-assign, assignment]
    return feed

  return made


@functools.cache
def _session(make: Callable[[Any], AnySession]) -> Callable[[Any], AnySession]:
  def made(connection: Any) -> AnySession:
    session = make(connection)
    on_join = session.on_join

    def checked_join(member: Any, now: Moment) -> None:
      give = member.give

      def checked(batch: Batch) -> None:
        check_events(batch, session.name)
        give(batch)

      member.give = checked
      on_join(member, now)

    session.on_join = checked_join  # type: ignore[method-assign]
    return session

  return made


# Transforms and sinks -----------------------------------------------------------------------------


def _transform(transform: TransformType) -> TransformType:
  def make(config: Any, context: TransformContext) -> Transform:
    return cast("Transform", _CheckedTransform(transform, transform.make(config, context)))

  return attrs.evolve(transform, make=make)


class _CheckedTransform:
  def __init__(self, kind: TransformType, transform: Transform) -> None:
    self._kind = kind
    self._transform = transform

  def __call__(self, batch: Batch) -> Batch:
    given = Unchanged(batch)
    out = self._transform(batch)
    given.check(self._kind.name)
    return self._checked(out)

  def __getattr__(self, name: str) -> Any:
    found = getattr(self._transform, name)
    if name not in ("on_timer", "finish"):
      return found
    return lambda *given: self._checked(found(*given))

  def _checked(self, out: Batch) -> Batch:
    if type(out) is list:
      check_events(out, self._kind.name, self._kind.emits)
    return out


def _sink(sink: SinkType) -> SinkType:
  @asynccontextmanager
  async def make(config: Any, context: SinkContext) -> AsyncIterator[Sink]:
    async with sink.make(config, context) as made:
      yield _CheckedSink(sink, made)

  return attrs.evolve(sink, make=make)


@attrs.frozen
class _CheckedSink:
  kind: SinkType
  sink: Sink

  async def write(self, batch: Batch) -> None:
    # A copy of its own, so that a sink beside it that changes events is not mistaken for it.
    own = copy.deepcopy(batch)
    given = Unchanged(own)
    await self.sink.write(own)
    given.check(self.kind.name)
