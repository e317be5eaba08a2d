"""Drives a Session: connects, retries, sends, watches for silence, calls the timer."""

import logging
import random
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import trio

from bond_core._clock import Clock
from bond_core._errors import (
  BondError,
  Disconnected,
  PluginError,
  Refused,
  RetryAfter,
  fault_of,
  leaves,
)
from bond_core._feeds.contract import Moment
from bond_core._sessions.contract import Member, Session, Transport
from bond_core._supervise import Backoff, RestartBudget

STABLE_AFTER = 30.0
"""A connection that lasted so many seconds counts as no failure."""

AnySession = Session[Any, Any, Any]
AnyTransport = Transport[Any, Any]
OpenTransport = Callable[[Any], AbstractAsyncContextManager[AnyTransport]]


class SessionDriver:
  """Keeps one session connected for all its members. `open_transport` opens a connection to what
  the session's `target` returned."""

  def __init__(
    self,
    session: AnySession,
    open_transport: OpenTransport,
    clock: Clock,
    log: logging.LoggerAdapter[logging.Logger],
    rng: random.Random | None = None,
  ) -> None:
    self.session = session
    self.name = session.name
    """What the watchdog calls the session: its first member's name, as that is what it may end."""
    self.connects = 0
    """How many connections have been opened."""
    self.connected = False
    self.refusal: BondError | None = None
    """Why the last connection ended, or did not open; None while one is open."""
    self._open_transport = open_transport
    self._clock = clock
    self._log = log
    self._backoff = Backoff(rng=rng)
    self._budget = RestartBudget()
    self._requested = trio.Event()
    self._last_message = 0.0

  def join(self, member: Member) -> None:
    """Adds a source. Raises what `on_join` raises; the source is then no member."""
    self.session.members[member] = None
    try:
      self.session.on_join(member, self._now())
    except BaseException:
      del self.session.members[member]
      raise
    self._members_changed()

  def leave(self, member: Member) -> None:
    """Removes a source, if it is a member."""
    if member not in self.session.members:
      return
    del self.session.members[member]
    try:
      self.session.on_leave(member, self._now())
    except BaseException as exc:
      self._log_fault(fault_of(exc))
    self._members_changed()

  def _members_changed(self) -> None:
    self.name = next((member.name for member in self.session.members), self.session.name)
    # The session may have something to send.
    self._requested.set()

  async def run(self) -> None:
    """Works until it is cancelled. Raises Refused where a person has to act, PluginError where the
    session itself keeps failing."""
    while True:
      started = trio.current_time()
      error = self.refusal = await self._connection()
      if not self.session.resumes:
        for member in self.session.members:
          member.lost(str(error))
      if trio.current_time() - started > STABLE_AFTER:
        self._backoff.reset()
      wait = self._wait_after(error)
      self._log.warning("%s; connecting again in %.2f s", error, wait)
      await trio.sleep(wait)

  async def _connection(self) -> BondError:
    """Opens a connection and reads it to its end; why it ended."""
    session = self.session
    try:
      async with self._open_transport(session.target(self._now())) as transport:
        self.connects += 1
        self.connected = True
        self.refusal = None
        self._log.info("%s: connected", session.name)
        session.requests.clear()
        self._last_message = trio.current_time()
        session.on_open(self._now())
        async with trio.open_nursery() as nursery:
          nursery.start_soon(self._send, transport)
          nursery.start_soon(self._tick)
          await self._receive(transport)
    except BaseException as exc:
      return self._reason(fault_of(exc))
    finally:
      self.connected = False
    return Disconnected(f"{session.name} ended the connection")

  async def _receive(self, transport: AnyTransport) -> None:
    session = self.session
    while True:
      messages = await transport.receive()
      self._last_message = trio.current_time()
      session.on_messages(messages, self._now())
      if session.requests:
        self._requested.set()

  async def _send(self, transport: AnyTransport) -> None:
    requests = self.session.requests
    while True:
      while requests:
        await transport.send(requests.popleft())
      self._requested = trio.Event()
      await self._requested.wait()

  async def _tick(self) -> None:
    session = self.session
    while True:
      await trio.sleep(session.tick)
      limit = session.silence
      if limit is not None and trio.current_time() - self._last_message >= limit:
        raise Disconnected(f"{session.name} sent nothing for {limit:g} s")
      session.on_timer(self._now())
      if session.requests:
        self._requested.set()

  def _reason(self, exc: Exception) -> BondError:
    """Why a connection ended; reading and writing may both have noticed. What needs most attention
    comes first: Refused, a fault of the session, how long to wait."""
    found = list(leaves(exc))
    for error in found:
      if isinstance(error, Refused):
        return error
    for error in found:
      if not isinstance(error, (Disconnected, RetryAfter)):
        return self._fault(error)
    ends = [error for error in found if isinstance(error, BondError)]
    return next((error for error in ends if isinstance(error, RetryAfter)), ends[0])

  def _wait_after(self, error: BondError) -> float:
    """Seconds until the next connection. Raises what ends the session."""
    try:
      wait = self.session.on_close(error, self._now())
    except Refused:
      raise
    except BaseException as exc:
      error, wait = self._fault(fault_of(exc)), None
    if wait is not None:
      return wait
    if isinstance(error, Refused):
      raise error
    return self._backoff.after(error)

  def _fault(self, error: BaseException) -> Disconnected:
    """The error of a session's fault: one more try. Raises PluginError when it keeps failing."""
    self._log_fault(error)
    kind = type(error).__name__
    if not self._budget.spend(trio.current_time()):
      raise PluginError(
        f"the session of {self.session.name} failed {self._budget.restarts + 1} times within "
        f"{self._budget.seconds:.0f} s, the last time with {kind}: {error}; please report it to "
        "the plugin's author"
      ) from error
    return Disconnected(f"the session of {self.session.name} raised {kind}: {error}")

  def _log_fault(self, error: BaseException) -> None:
    name, kind = self.session.name, type(error).__name__
    self._log.error("the session of %s raised %s: %s", name, kind, error, exc_info=error)

  def _now(self) -> Moment:
    return Moment(self._clock.now_ms(), self._clock.mono_ns())
