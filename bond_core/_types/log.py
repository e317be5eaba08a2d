"""Logs: where events are stored."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import attrs

from bond_core._logs.engine import Engine
from bond_core._logs.ring import RingSize
from bond_core._types.config import NoConfig


@attrs.frozen(kw_only=True)
class LogType:
  """How a log is stored. `ring` says how much of it stays in memory, for those who read along;
  `open(config, name)` is the engine that keeps the log of that name beyond that, for as long as its
  block lasts; `remove(config, name)` deletes what is stored of it, while no process has it open.
  Without `open` the ring is all there is. `environment` are the variables it reads."""

  name: str
  summary: str
  config: type = NoConfig
  open: Callable[[Any, str], AbstractAsyncContextManager[Engine]] | None = None
  remove: Callable[[Any, str], Awaitable[None]] | None = None
  ring: Callable[[Any], RingSize] | None = None
  environment: tuple[str, ...] = ()
  example: str = ""
