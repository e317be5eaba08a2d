"""Sinks: where events leave a pipeline."""

import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import attrs

from bond_core._clock import Clock
from bond_core._events import AnyEvent, Batch
from bond_core._types.config import NoConfig


class Sink(Protocol):
  """Where a pipeline's events leave it; its `async with` is its lifetime."""

  async def write(self, batch: Batch) -> None:
    """Takes events in order; awaiting here is the sink's back-pressure."""


@attrs.frozen
class SinkContext:
  """What the core hands to a sink when it is made. `stream_id` is the id of the spec it belongs to,
  `epoch` that of the log whose numbers its events have. `publish` is there where a server runs the
  spec: it puts a batch into the stream's own log."""

  name: str
  clock: Clock
  log: logging.LoggerAdapter[logging.Logger]
  stream_id: str = ""
  publish: Callable[[Batch], None] | None = None
  epoch: str = ""


@attrs.frozen(kw_only=True)
class SinkType:
  """A type of sink. `accepts` are the types of event that it can use (None: all). One that
  `publishes` shows a stream to a server's clients through `SinkContext.publish`. Specs
  from outside may use `public` ones only, as for SourceType."""

  name: str
  summary: str
  config: type = NoConfig
  accepts: tuple[type[AnyEvent], ...] | None = None
  make: Callable[[Any, SinkContext], AbstractAsyncContextManager[Sink]]
  publishes: bool = False
  public: bool = False
  example: str = ""
