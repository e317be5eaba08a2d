"""One client of a server: calls that end in time, and a new client after each that did not."""

import ssl
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

import coredis
import trio
from coredis.exceptions import ReadOnlyError, RedisError, ResponseError
from coredis.retry import NoRetryPolicy

from bond_core import leaf
from bond_core.logs import EngineError
from bond_redis.address import Address

T = TypeVar("T")
Client = coredis.Redis[bytes] | coredis.RedisCluster[bytes]


class RedisConnection:
  """The client that calls go through. It lives in a task of the nursery, from the first call on;
  one whose server did not answer is dropped with all that it had still to send, so that an outage
  gathers nothing."""

  def __init__(
    self, address: Address, nursery: trio.Nursery, *, timeout: float, cluster: bool = False
  ) -> None:
    self.address = address
    self._nursery = nursery
    self._timeout = timeout
    self._cluster = cluster
    self._opening = trio.Lock()
    self._client: Client | None = None
    self._scope = trio.CancelScope()

  async def call(self, act: Callable[[Client], Awaitable[T]], *, patience: float = 0.0) -> T:
    """Returns what `act` returns for the client. Raises EngineError where the server refuses, is
    gone, or did not answer within the timeout and `patience` seconds more."""
    client: Client | None = None
    try:
      with trio.fail_after(self._timeout + patience):
        async with self._opening:
          if self._client is None:
            self._client = await self._connected()
          client = self._client
        return await act(client)
    except trio.TooSlowError:
      self._drop(client)
      message = f"{self.address} did not answer within {self._timeout + patience:g} s"
      raise EngineError(message) from None
    except Exception as exc:
      problem = leaf(exc)
      if not isinstance(problem, ResponseError) or isinstance(problem, ReadOnlyError):
        # What only reads now has a successor, which the next connection finds.
        self._drop(client)
      # The chain of causes is cut: some of them hold what was sent.
      if isinstance(problem, ResponseError):
        raise EngineError(self._without_secrets(f"{self.address} refused: {problem}")) from None
      if isinstance(problem, (RedisError, OSError, trio.BrokenResourceError)):
        message = f"{self.address} cannot be reached: {_cause(problem)}"
        raise EngineError(self._without_secrets(message)) from None
      raise

  def close(self) -> None:
    """Ends the client."""
    self._drop(self._client)

  async def _connected(self) -> Client:
    try:
      client: Client = await self._nursery.start(self._hold)
    except RuntimeError:
      # The task was cancelled before it had a client.
      raise EngineError(f"{self.address} is not connected to any more: bond stops") from None
    return client

  def _without_secrets(self, text: str) -> str:
    return self.address.without_secrets(text)

  def _drop(self, client: Client | None) -> None:
    if client is not None and client is self._client:
      self._client = None
      self._scope.cancel()

  async def _hold(self, task_status: trio.TaskStatus[Client]) -> None:
    # Off the event loop, for the time it takes.
    trusted = (
      await trio.to_thread.run_sync(ssl.create_default_context) if self.address.tls else None
    )
    with trio.CancelScope() as scope:
      async with self._make(trusted) as client:
        await client.ping()
        self._scope = scope
        # What a log has still to write when bond stops goes through it; `close` ends it.
        scope.shield = True
        task_status.started(client)
        await trio.sleep_forever()

  def _make(self, trusted: ssl.SSLContext | None) -> Any:
    address = self.address
    kind: Callable[..., Any] = coredis.Redis
    if self._cluster:
      kind = coredis.RedisCluster
    elif address.path is not None:
      kind = partial(kind, unix_socket_path=address.path, db=address.db)
    else:
      kind = partial(kind, db=address.db)
    return kind(
      host=address.host,
      port=address.port,
      username=address.username,
      password=address.password,
      ssl_context=trusted,
      connect_timeout=self._timeout,
      # The keeper retries, and knows what a second try may do.
      retry_policy=NoRetryPolicy(),
    )


def _cause(problem: BaseException) -> str:
  """The sentence of the error below, which says more than that there was one."""
  while problem.__cause__ is not None:
    problem = leaf(problem.__cause__)
  return str(problem) or type(problem).__name__
