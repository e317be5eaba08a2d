"""The iterator over a server's messages."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, Self

from kk0.drivers import AsyncDriver, ThreadDriver, driver_here
from kk0.errors import StreamClosed
from kk0.events import Event
from kk0.session import FIRST_WAIT, Hook, Session
from kk0.steps import SILENT_AFTER, connect, receive, subscribe

DEFAULT_URL = "ws://localhost:8080/stream"


class Stream:
  """Every message that a server sends, as a dict: events, gaps, heartbeats and acks.

  On asyncio or trio: `async with Stream(url) as s`, `await s.subscribe(…)`, `async for event in s`.
  Without either, with the subscription given at once: `for event in Stream(symbols=[…])`.

  A connection that breaks, falls silent or is damaged is replaced: everything is subscribed again
  from where it was, so nothing is lost or repeated while the server's log reaches back; where it
  does not, a `gap` comes, and `on_gap` is called. `renew` gives the URL of a new token when one has
  expired. `Refused` is raised for what a retry cannot fix. Hooks are called before the message is
  handed out, and must not wait.

  The URL is `KK0_STREAM_URL` where none is given, else ws://localhost:8080/stream.
  """

  def __init__(
    self,
    url: str | None = None,
    *,
    reconnect_interval: float = FIRST_WAIT,
    on_heartbeat: Hook = None,
    on_gap: Hook = None,
    on_error: Hook = None,
    symbols: Iterable[str] | str | None = None,
    exchanges: Iterable[str] | str | None = None,
    channels: Iterable[str] | str | None = None,
    ws_url: str | None = None,
    from_: str | None = None,
    silent_after: float = SILENT_AFTER,
    renew: Callable[[], Awaitable[str]] | Callable[[], str] | None = None,
    **more: Any,
  ) -> None:
    self.url = url or ws_url or os.environ.get("KK0_STREAM_URL") or DEFAULT_URL
    self.reconnect_interval = reconnect_interval
    self._silent_after = silent_after
    self._session = Session(
      self.url,
      first_wait=reconnect_interval,
      on_heartbeat=on_heartbeat,
      on_gap=on_gap,
      on_error=on_error,
    )
    if symbols is not None or exchanges is not None or channels is not None:
      self._session.subscribe(
        channels if channels is not None else ("trades",),
        symbols if symbols is not None else "*",
        exchanges if exchanges is not None else "*",
        **{"from": from_, **more},
      )
    self._session.renews = renew is not None
    self._renew: Any = renew
    self._driver: AsyncDriver | None = None
    self._thread: ThreadDriver | None = None
    self._stopped = False

  # Hooks -----------------------------------------------------------------------------------------

  def on_heartbeat(self, hook: Hook) -> Hook:
    """Calls a function with every heartbeat; can be used as a decorator."""
    self._session.on_heartbeat = hook
    return hook

  def on_gap(self, hook: Hook) -> Hook:
    """Calls a function with every declared loss; can be used as a decorator."""
    self._session.on_gap = hook
    return hook

  def on_error(self, hook: Hook) -> Hook:
    """Calls a function with every error message of the server, and once where no server answers
    (`name` is `unreachable`); can be used as a decorator."""
    self._session.on_error = hook
    return hook

  # asyncio and trio ------------------------------------------------------------------------------

  async def __aenter__(self) -> Self:
    await self._opened()
    return self

  async def __aexit__(
    self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
  ) -> None:
    await self.close()

  async def subscribe(
    self,
    *,
    channels: Iterable[str] | str,
    symbols: Iterable[str] | str = "*",
    exchanges: Iterable[str] | str = "*",
    depth: int = 20,
    speed_ms: int | None = None,
    raw: bool = False,
    from_: str | None = None,
    **more: Any,
  ) -> None:
    """Adds a subscription. `from_` begins it in the past (`now-5m`, a time, `EPOCH:SEQ`); `more`
    are other fields of the protocol, such as policy or deltas. Does nothing on /raw and /ws/ID."""
    fields = {"depth": depth, "raw": raw, "speed_ms": speed_ms, "from": from_, **more}
    if self._driver is None:
      raise RuntimeError("WebSocket isn't connected yet")
    message = self._session.subscribe(channels, symbols, exchanges, **fields)
    if message is not None:
      await self._driver.run(subscribe(self._session, message))

  async def close(self) -> None:
    """Ends the connection; the iterator ends."""
    self._stopped = True
    driver, self._driver = self._driver, None
    if driver is not None:
      await driver.close()

  def __aiter__(self) -> AsyncIterator[Event]:
    return self

  async def __anext__(self) -> Event:
    if self._stopped:
      raise StopAsyncIteration
    driver = await self._opened()
    message: Event = await driver.run(receive(self._session, self._silent_after))
    return message

  async def _opened(self) -> AsyncDriver:
    if self._stopped:
      raise StreamClosed("this stream was closed; make another")
    if self._driver is None:
      driver = driver_here(self._renew)
      await driver.run(connect(self._session))
      self._driver = driver
    return self._driver

  # Without either --------------------------------------------------------------------------------

  def __enter__(self) -> Self:
    return self

  def __exit__(
    self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
  ) -> None:
    self.close_sync()

  def __iter__(self) -> Iterator[Event]:
    return self

  def __next__(self) -> Event:
    if self._stopped:
      raise StopIteration
    message: Event = self._connect().run(receive(self._session, self._silent_after))
    return message

  def _connect(self) -> ThreadDriver:
    if self._stopped:
      raise StreamClosed("this stream was closed; make another")
    if self._thread is None:
      thread = ThreadDriver(self._renew)
      thread.run(connect(self._session))
      self._thread = thread
    return self._thread

  def subscribe_sync(
    self,
    *,
    channels: Iterable[str] | str,
    symbols: Iterable[str] | str = "*",
    exchanges: Iterable[str] | str = "*",
    from_: str | None = None,
    **more: Any,
  ) -> None:
    """`subscribe` for a stream that is read without asyncio and trio."""
    thread = self._connect()
    message = self._session.subscribe(channels, symbols, exchanges, **{"from": from_, **more})
    if message is not None:
      thread.run(subscribe(self._session, message))

  def close_sync(self) -> None:
    """Ends the connection of a stream that is read without asyncio and trio."""
    self._stopped = True
    thread, self._thread = self._thread, None
    if thread is not None:
      thread.close()
