"""What sources share by key: objects that stay, and resources that close after their last user."""

import logging
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar, cast

import trio

from bond_core._errors import fault_of

T = TypeVar("T")
logger = logging.getLogger("bond")


class _Resource:
  """An open resource: its users, and when it is there and gone."""

  def __init__(self) -> None:
    self.users = 0
    self.value: Any = None
    self.error: BaseException | None = None
    self.ready = trio.Event()
    self.unused = trio.Event()
    self.closed = trio.Event()


class Shared:
  """Objects and resources by key, for the sources of one process."""

  def __init__(self, nursery: trio.Nursery) -> None:
    self._nursery = nursery
    self._kept: dict[Hashable, Any] = {}
    self._open: dict[Hashable, _Resource] = {}

  def remember(self, key: Hashable, make: Callable[[], T]) -> T:
    """The object of this key, made at first."""
    if key not in self._kept:
      self._kept[key] = make()
    return cast("T", self._kept[key])

  @asynccontextmanager
  async def open(
    self, key: Hashable, opener: Callable[[], AbstractAsyncContextManager[T]]
  ) -> AsyncIterator[T]:
    """The resource of this key. What opening it raises is raised for all who wait for it."""
    while (found := self._open.get(key)) is not None and found.unused.is_set():
      # The last user has just left: the next begins with a new one.
      await found.closed.wait()
    if found is None:
      found = self._open[key] = _Resource()
      self._nursery.start_soon(self._hold, key, found, opener)
    found.users += 1
    try:
      await found.ready.wait()
      if found.error is not None:
        raise found.error
      yield found.value
    finally:
      found.users -= 1
      if not found.users:
        found.unused.set()

  async def _hold(
    self,
    key: Hashable,
    resource: _Resource,
    opener: Callable[[], AbstractAsyncContextManager[Any]],
  ) -> None:
    try:
      async with opener() as resource.value:
        resource.ready.set()
        await resource.unused.wait()
    except BaseException as exc:
      resource.error = fault_of(exc)
      if resource.ready.is_set():
        logger.error("%s failed: %s", opener, resource.error, exc_info=resource.error)
    finally:
      resource.ready.set()
      resource.unused.set()
      del self._open[key]
      resource.closed.set()
