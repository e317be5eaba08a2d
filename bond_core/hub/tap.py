"""One reader's share of a source."""

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

import trio

from bond_core.events import Batch
from bond_core.feed.dialect import Subscription

logger = logging.getLogger("bond")


class Writer(Protocol):
  """A source that runs in a hub. Its identity tags what it writes."""

  name: str
  scope: trio.CancelScope

  def __hash__(self) -> int:
    """By identity."""

  def leave(self, tap: "Tap") -> None:
    """A reader goes."""


class Tap:
  """One node's share of a source: which writer of the market log to follow, and `select`, which
  keeps of its batches what the node asked for. `failure` says why nothing more comes; it is logged
  with this `severity`."""

  def __init__(
    self,
    name: str,
    writer: Writer,
    select: Callable[[Batch], Batch],
    subscriptions: Sequence[Subscription] = (),
    severity: int = logging.ERROR,
  ) -> None:
    self.name = name
    self.writer = writer
    self.select = select
    self.subscriptions = subscriptions
    self.severity = severity
    self.failure: str | None = None

  def fail(self, reason: str) -> None:
    """Ends this tap; the first reason is kept."""
    if self.failure is None:
      self.failure = reason
      self.tell(reason)

  def tell(self, reason: str) -> None:
    """Logs what this reader does not get, and why."""
    logger.log(self.severity, "%s: %s", self.name, reason)
