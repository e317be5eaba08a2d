"""One exchange of ccxt for all sources of the process that want the same. Everything here runs on
asyncio's loop."""

import asyncio
import logging
import math
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple
from weakref import WeakSet

import attrs

from bond_ccxt.addresses import point_at
from bond_ccxt.events import UNREADABLE
from bond_ccxt.exchanges import streaming_ids
from bond_ccxt.kept import keep_markets

CACHED = 10_000
"""Trades and bars of one symbol that ccxt keeps: what comes in one burst beyond that is lost, and
its own default is 1,000."""

MARKETS_SECONDS = 3600.0
"""How long a venue's list of markets serves sources that start again."""

_CLOSING_MS = 20
_CLOSED_WITHIN = 2.0


_connection: ContextVar[str] = ContextVar("connection")
"""The URL of the connection that the current task last waited for."""


class Losses(NamedTuple):
  """What was lost so far on the connection `url`: how often it has ended, and how many of its
  messages ccxt could not read."""

  url: str
  ended: int
  unreadable: int

  def since(self, before: "Losses") -> str | None:
    """The cause of what was lost since an earlier time, None for nothing."""
    if (self.url, self.ended) != (before.url, before.ended):
      return "a connection to the venue was lost and made again"
    if self.unreadable != before.unreadable:
      return "ccxt could not read a message, nor say whose it was"
    return None


@attrs.define(eq=False)
class Shared:
  """An exchange in use; `secrets` never leave it. `own` says that it is the venue itself, and no
  simulator: this machine keeps its list of markets."""

  exchange: Any
  secrets: tuple[str, ...] = attrs.field(repr=False)
  own: bool = False
  users: int = 0
  listed_at: float = -math.inf
  """When the list of markets was read (by the time of the loop)."""
  _listing: asyncio.Lock = attrs.field(factory=asyncio.Lock)
  _ended: Counter[str] = attrs.field(factory=Counter)
  _unreadable: Counter[str] = attrs.field(factory=Counter)

  async def load_markets(self, at_most: float) -> bool:
    """Reads the venue's list of markets again, unless it is of the last `at_most` seconds; returns
    whether it did."""
    async with self._listing:
      if asyncio.get_running_loop().time() - self.listed_at < at_most:
        return False
      await self.exchange.load_markets(True)
      self.note_listed()
      return True

  def note_listed(self) -> None:
    """The list of markets has been read."""
    self.listed_at = asyncio.get_running_loop().time()
    if self.own:
      keep_markets(self.exchange.id, self.exchange.markets)

  def losses(self) -> Losses:
    """Those of the connection that the current task's data came over. ccxt notifies only tasks that
    wait when it ends, and connects again in silence for the others."""
    url = _connection.get("")
    return Losses(url, self._ended[url], self._unreadable[url])

  def count_losses(self) -> None:
    """Has ccxt's own hooks count, and its watching note for which task it is."""
    exchange = self.exchange
    for hook in ("on_error", "on_close"):
      setattr(exchange, hook, self._counting(getattr(exchange, hook)))
    for way in ("watch", "watch_multiple"):
      setattr(exchange, way, _noting(getattr(exchange, way)))
    exchange.client = self._containing(exchange.client)

  def _containing(self, client_of: Callable[[str], Any]) -> Callable[[str], Any]:
    """Has clients go on after a message that ccxt cannot read: by itself ccxt reads nothing more on
    that connection, without a word."""
    known: WeakSet[Any] = WeakSet()

    def contained(url: str) -> Any:
      client = client_of(url)
      if client not in known:
        known.add(client)
        client.handle_message = self._reading(client, client.handle_message)
      return client

    return contained

  def _reading(self, client: Any, read: Callable[[Any], None]) -> Callable[[Any], None]:
    from ccxt import BaseError

    def reading(message: Any) -> None:
      try:
        read(message)
      except UNREADABLE:
        self._unreadable[client.url] += 1
      except BaseError as exc:
        client.reject(exc)

    return reading

  def _counting(self, original: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def hook(client: Any, error: Any) -> Any:
      self._ended[client.url] += 1
      return original(client, error)

    return hook


def _noting(watch: Callable[..., Any]) -> Callable[..., Any]:
  def noted(url: str, *args: Any, **named: Any) -> Any:
    _connection.set(url)
    return watch(url, *args, **named)

  return noted


class Exchanges:
  """The exchanges of one process's sources, each open while a source uses it, and the lists of
  markets, which stay for the next."""

  def __init__(self) -> None:
    self._open: dict[str, Shared] = {}
    self._markets: dict[str, tuple[float, Any, Any]] = {}

  @asynccontextmanager
  async def open(self, config: Any) -> AsyncIterator[Shared]:
    """The exchange of a source's configuration, with its markets; closed after its last user."""
    key = _settings(config)
    found = self._open.get(key)
    if found is None:
      exchange_class = await asyncio.to_thread(_exchange_class, config.exchange)
      # Another source may have made it while this one waited.
      found = self._open.get(key)
    if found is None:
      found = self._open[key] = _made(exchange_class, config)
    found.users += 1
    try:
      await self._load_markets(found, key)
      yield found
    finally:
      found.users -= 1
      if not found.users:
        self._open.pop(key, None)
        await _close(found.exchange)

  async def _load_markets(self, shared: Shared, key: str) -> None:
    exchange, now = shared.exchange, asyncio.get_running_loop().time
    if exchange.markets:
      return
    cached = self._markets.get(key)
    if cached is not None and now() - cached[0] < MARKETS_SECONDS:
      shared.listed_at = cached[0]
      exchange.set_markets(cached[1], cached[2])
      return
    await exchange.load_markets()
    shared.note_listed()
    self._markets[key] = (shared.listed_at, exchange.markets, exchange.currencies)


async def _close(exchange: Any) -> None:
  """Closes an exchange; a venue that does not answer the close is not waited for."""
  try:
    await asyncio.wait_for(exchange.close(), _CLOSED_WITHIN)
  except TimeoutError:
    # What is left of closing is the session's, and that needs no answer.
    session, exchange.session = exchange.session, None
    if session is not None:
      await session.close()


def _settings(config: Any) -> str:
  """What makes two configurations need two exchanges."""
  parts = (
    config.exchange,
    config.endpoint,
    config.api_key,
    config.api_secret,
    config.password,
    config.options,
  )
  return repr(parts)


def _exchange_class(name: str) -> Any:
  """Imports ccxt, which takes seconds the first time."""
  import ccxt.async_support
  import ccxt.pro

  # Its DEBUG lines carry every request as it was sent, with keys and signatures.
  logging.getLogger("ccxt").setLevel(logging.WARNING)
  return getattr(ccxt.pro if name in streaming_ids() else ccxt.async_support, name)


def _made(exchange_class: Any, config: Any) -> Shared:
  credentials = {
    name: secret.reveal()
    for name, secret in (
      ("apiKey", config.api_key),
      ("secret", config.api_secret),
      ("password", config.password),
    )
    if secret is not None
  }
  exchange = exchange_class(
    {
      "enableRateLimit": True,
      "newUpdates": True,
      "options": {"tradesLimit": CACHED, "OHLCVLimit": CACHED, **config.options},
      **credentials,
    }
  )
  from bond_ccxt.bodies import bound_bodies

  bound_bodies(exchange)
  # It waits 250 ms for sockets to close, whether there are any or not.
  exchange.timeout_on_exit = _CLOSING_MS
  if config.endpoint is not None:
    point_at(exchange, config.endpoint)
  own = config.endpoint is None and not config.options
  found = Shared(exchange, tuple(credentials.values()), own)
  if config.exchange in streaming_ids():
    found.count_losses()
  return found
