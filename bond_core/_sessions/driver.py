"""Drives a Session: connects, retries, sends, watches for silence, calls the timer."""

import logging
import random

import trio

from bond_core._clock import Clock
from bond_core._errors import BondError, Disconnected, PluginError, Refused, RetryAfter, leaves
from bond_core._feeds.contract import Moment
from bond_core._sessions.contract import Member, Session, Transport
from bond_core._supervise import Backoff, RestartBudget

LASTING = 30.0
"""A connection that was up for so many seconds was no failure."""


class SessionDriver:
  """Keeps one session connected for all its members."""

  def __init__(
    self,
    session: Session,  # type: ignore[type-arg]
    clock: Clock,
    log: logging.LoggerAdapter[logging.Logger],
    rng: random.Random | None = None,
  ) -> None:
    self.session = session
    self.connects = 0
    self.connected = False
    self._clock = clock
    self._log = log
    self._backoff = Backoff(rng=rng)
    self._budget = RestartBudget()
    self._news = trio.Event()
    self._heard = 0.0

  def join(self, member: Member) -> None:
    """One more source."""
    self.session.members[member] = None
    self.session.on_join(member, self._now())
    self._news.set()

  def leave(self, member: Member) -> None:
    """A source goes."""
    self.session.members.pop(member, None)
    self.session.on_leave(member, self._now())
    self._news.set()

  async def run(self) -> None:
    """Works until it is cancelled. Raises Refused where a person has to act, PluginError where the
    session itself keeps failing."""
    try:
      while True:
        started = trio.current_time()
        error = await self._connection()
        if trio.current_time() - started > LASTING:
          self._backoff.reset()
        wait = self.session.on_close(error, self._now())
        if wait is None:
          wait = error.seconds if isinstance(error, RetryAfter) else self._backoff.delay()
        self._log.warning("%s; connecting again in %.2f s", error, wait)
        await trio.sleep(wait)
    finally:
      self.session.on_end(self._now())

  async def _connection(self) -> BondError:
    """One connection; why it ended."""
    try:
      async with self.session.connect(self._now()) as transport:
        self.connects += 1
        self.connected = True
        self.session.requests.clear()
        self._heard = trio.current_time()
        self.session.on_open(self._now())
        async with trio.open_nursery() as nursery:
          nursery.start_soon(self._send, transport)
          nursery.start_soon(self._tick)
          await self._receive(transport)
    except Exception as exc:
      return self._ended(exc)
    finally:
      self.connected = False
    return Disconnected(f"{self.session.name} ended the connection")

  async def _receive(self, transport: Transport) -> None:  # type: ignore[type-arg]
    session = self.session
    while True:
      messages = await transport.receive()
      self._heard = trio.current_time()
      session.on_messages(messages, self._now())
      if session.requests:
        self._news.set()

  async def _send(self, transport: Transport) -> None:  # type: ignore[type-arg]
    requests = self.session.requests
    while True:
      while requests:
        await transport.send(requests.popleft())
      self._news = trio.Event()
      await self._news.wait()

  async def _tick(self) -> None:
    session = self.session
    while True:
      await trio.sleep(session.tick)
      limit = session.silence
      if limit is not None and trio.current_time() - self._heard >= limit:
        raise Disconnected(f"{session.name} sent nothing for {limit:.0f} s")
      session.on_timer(self._now())
      if session.requests:
        self._news.set()

  def _ended(self, exc: Exception) -> BondError:
    """Why a connection ended, where several tasks may have noticed it. Raises what ends all."""
    found = list(leaves(exc))
    for error in found:
      if isinstance(error, Refused):
        raise error from None
    for error in found:
      if not isinstance(error, (Disconnected, RetryAfter)):
        return self._failed(error)
    first = found[0]
    return first if isinstance(first, BondError) else self._failed(first)

  def _failed(self, error: BaseException) -> Disconnected:
    """A session that raised what it should not. PluginError when it keeps doing so."""
    kind = type(error).__name__
    self._log.error("%s raised %s: %s", self.session.name, kind, error, exc_info=error)
    if not self._budget.spend(trio.current_time()):
      raise PluginError(
        f"the session of {self.session.name} failed {self._budget.restarts + 1} times within "
        f"{self._budget.seconds:.0f} s, the last time with {kind}: {error}; please report it to "
        "the plugin's author"
      ) from error
    return Disconnected(f"the session of {self.session.name} raised {kind}: {error}")

  def _now(self) -> Moment:
    return Moment(self._clock.now_ms(), self._clock.mono_ns())
