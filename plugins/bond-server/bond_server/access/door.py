"""The door of a service: its name, the page that calls, who calls, and for how long.

A service that speaks HTTP asks it once for each request; what it lets in it watches until access
has ended.
"""

from collections.abc import Iterable

import trio

from bond_core import AuthError, AuthUnavailable, BondError, Clock, Principal
from bond_core.services import Access
from bond_server.access.credentials import credentials_of
from bond_server.access.port import rules_of

ALL_EVENTS = "market"
"""What a token names that reads the log of all events."""
CHECK_EVERY = 1.0
"""Seconds between two looks at whether access still holds."""


class DoorClosed(BondError):
  """A request is not served. `status` is HTTP's."""

  def __init__(self, status: int, reason: str) -> None:
    super().__init__(reason)
    self.status = status


class ServiceDoor:
  """Admits requests to a service that listens on `host`. `hosts` are further names that it may be
  called by, `origins` the web pages that may call it. On loopback callers without credentials are
  this machine's own."""

  def __init__(
    self,
    access: Access,
    clock: Clock,
    *,
    host: str,
    hosts: Iterable[str] = (),
    origins: Iterable[str] = (),
  ) -> None:
    self._access = access
    self._clock = clock
    self._rules = rules_of(host, hosts=hosts, origins=origins)

  async def admit(
    self,
    target: str,
    headers: Iterable[tuple[str, str]],
    *,
    address: str | None = None,
    stream: str = ALL_EVENTS,
  ) -> Principal:
    """Returns the caller of a request that may read a stream. `target` is the request's path and
    query, `address` the client's. Raises DoorClosed with HTTP's status and a sentence."""
    fields = list(headers)
    named = {
      wanted: [value for name, value in fields if name.lower() == wanted]
      for wanted in ("host", "origin")
    }
    if (refused := self._rules.refuse(named["host"], named["origin"])) is not None:
      raise DoorClosed(*refused)
    try:
      credentials = credentials_of(target, fields, address=address)
      open_to_all = self._rules.open_to_all
      return await self._access.admit(credentials, stream, open_to_all=open_to_all)
    except AuthUnavailable as exc:
      raise DoorClosed(503, str(exc)) from exc
    except AuthError as exc:
      raise DoorClosed(401, str(exc)) from exc

  async def until_ended(self, principal: Principal) -> AuthError:
    """Waits until a caller's access has ended; returns why, such as Expired."""
    while True:
      try:
        principal.check(self._clock.now_ms())
      except AuthError as ended:
        return ended
      await trio.sleep(CHECK_EVERY)
