"""A log on a Redis stream: written by one process at a time, read and followed by any."""

import logging
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, TypeVar

import trio

from bond_core.feeds import Backoff
from bond_core.logs import EngineError, Record
from bond_redis import scripts
from bond_redis.address import Address, address_of
from bond_redis.config import Streams
from bond_redis.entries import (
  HIGHEST,
  MARKET_ENTRY,
  Entry,
  entries_of,
  place_of,
  records_of,
)
from bond_redis.link import Client, RedisConnection

logger = logging.getLogger("bond.redis")

MARKET: Final = "market"
NOTHING: Final = b"0-0"

# How long one read for new entries waits. Between two reads the epoch is checked.
WATCH: Final = 1.0
FOLLOW_EVENTS: Final = 4096

T = TypeVar("T")
Found = list[tuple[bytes, dict[bytes, bytes]]]
"""Entries of a stream: id and fields."""


class RedisEngine:
  """One log. Any number of processes may read it; the first write claims it, and from then on Redis
  refuses what an earlier writer sends.

  `events` is how many are stored, `each` how many stand in one entry. `link` carries calls, `watch`
  the one that waits for news.
  """

  def __init__(
    self,
    name: str,
    prefix: str,
    link: RedisConnection,
    watch: RedisConnection,
    events: int,
    each: int,
  ) -> None:
    self.name = name
    self.epoch = secrets.token_hex(8)
    self.head = 0
    self.oldest = 1
    self.last_ts_ms = 0
    self.finished = False
    self._link = link
    self._watch = watch
    self._events = events
    self._each = each
    self._stream = prefix + name
    # What stands between the braces decides the place in a cluster: the same for both keys.
    self._meta = f"bond:{{{self._stream}}}"
    self._writer = secrets.token_hex(8)
    self._term = 0
    # Nothing is stored under this epoch yet, and no other process has seen it.
    self._fresh = True
    self._claimed = False
    self._head_id = NOTHING
    self._barred: str | None = None

  async def look(self) -> None:
    """Finds out what is stored. Raises EngineError where the stream is not one of Bond's."""
    epoch, head, ts, oldest, last_id, finished, name = await self._run(scripts.LOOK, [])
    if last_id == NOTHING:
      return
    if not epoch or head != last_id:
      raise EngineError(
        f"{self._link.address} has a stream {self._stream} that Bond did not write, or that others "
        "wrote into; delete it, or give this log a prefix of its own"
      )
    if name and name.decode() != self.name:
      raise EngineError(
        f"{self._link.address} has the log {name.decode()} as {self._stream}, which is not "
        f"{self.name}: what was simulated and what was not stay apart; give this log another prefix"
      )
    self._adopt(epoch, head, oldest)
    self.last_ts_ms = int(ts)
    self.finished = finished == 1

  # Writing ---------------------------------------------------------------------------------------

  async def write(self, records: Sequence[Record]) -> None:
    """Returns when the server has taken all of them. See Engine."""
    self._check()
    if not self._claimed:
      await self._claim(records[0].first)
    self.finished = False
    while rest := [r.since(self.head + 1) for r in records if r.last > self.head]:
      await self._append(entries_of(rest, self._each, self.last_ts_ms))

  async def claim(self) -> None:
    """Takes the log over. See SharedEngine."""
    while not self._claimed:
      epoch = self.epoch
      try:
        await self._claim(HIGHEST)
      except EngineError:
        if self.epoch == epoch:
          raise
        # The log has begun again since this process looked.
        self._barred = None
        await self.look()

  async def _claim(self, first: int) -> None:
    fresh = "1" if self._fresh else "0"
    args: list[str | bytes | int] = [self.epoch, self._writer, fresh, self._head_id, first]
    args += (self.name, self._term)
    outcome, *found = await self._run(scripts.CLAIM, args)
    if outcome == b"foreign":
      message = (
        f"{self._link.address} has a stream {self._stream} that Bond did not write; delete it"
      )
      raise EngineError(message)
    self._judge(outcome)
    head, ts, oldest, finished, term = found
    self._fresh, self._claimed, self._term = False, True, int(term)
    self._stand_at(head)
    self.oldest, self.last_ts_ms, self.finished = int(oldest), int(ts), finished == 1

  async def _append(self, entries: Sequence[Entry]) -> None:
    args: list[str | bytes | int] = [self.epoch, self._writer, self._head_id, self._events]
    args.append(self._term)
    for entry in entries:
      args += (entry.id, entry.ts_ms, entry.data)
    outcome, *rest = await self._run(scripts.APPEND, args)
    self._judge(outcome)
    if outcome == b"head":
      self._find_head(*rest)
      return
    self._stand_at(entries[-1].id.encode())
    self.last_ts_ms = entries[-1].ts_ms
    self.oldest = int(rest[0])

  def _find_head(self, head: bytes, oldest: bytes) -> None:
    """The server's head is another than its last answer said: further, where the answer to a write
    did not arrive; or back, where it was started again with an older state."""
    before = self.head
    self._stand_at(head)
    self.oldest = int(oldest)
    if self.head < before:
      self.last_ts_ms = 0
      raise EngineError(
        f"{self._link.address} lost the events of {self.name} after {self.head}, which it had "
        "taken; they are written again as far as they are in memory"
      )

  def _judge(self, outcome: bytes) -> None:
    if outcome == b"gone":
      raise self._lost()
    if outcome == b"writer":
      raise self._bar()

  def _lost(self) -> EngineError:
    """What was stored is gone: what comes now is a new epoch."""
    self.begin_epoch()
    return EngineError(
      f"{self._link.address} has lost what it stored of {self.name}; a new epoch begins"
    )

  def _bar(self) -> EngineError:
    """Another process writes. The numbers that were given here mean nothing there, so that they
    need an epoch of their own."""
    self.begin_epoch()
    self._barred = (
      f"another process writes {self.name} on {self._link.address} now, so this one no longer may; "
      "stop one of the two, or give each a prefix of its own, and start again"
    )
    return EngineError(self._barred)

  def begin_epoch(self) -> None:
    """Gives the epoch up. See SharedEngine."""
    self.epoch = secrets.token_hex(8)
    self.head, self.oldest, self.last_ts_ms = 0, 1, 0
    self.finished = self._claimed = False
    # The id stays: by it the rest of a stream is known as one's own.
    self._fresh = True

  async def finish(self) -> None:
    """Notes that the log ended in order. See Engine."""
    if self._claimed:
      await self._run(scripts.FINISH, [self.epoch, self._writer, self._head_id])

  async def remove(self) -> None:
    """Deletes all that is stored. A process that still writes begins a new epoch."""
    await self._run(scripts.REMOVE, [])

  # Reading ---------------------------------------------------------------------------------------

  async def read(self, first: int, limit: int) -> list[Record]:
    """The stored records from a number on. See Engine."""
    while True:
      self._check()
      if self._fresh:
        await trio.lowlevel.checkpoint()
        return []
      count = max(1, limit // self._each)
      found, meta = await self._call(self._link, partial(self._range, first, count))
      self._compare(*meta)
      records = list(records_of(found, first, self._stream))
      if records or not found:
        return records
      # All of these were damaged.
      first = place_of(found[-1][0])[0] + 1

  async def _range(self, first: int, count: int, client: Client) -> tuple[Found, Any]:
    found = await client.xrange(self._stream, start=f"{first}-0", end="+", count=count)
    return _plain(found), await self._state(client)

  async def _state(self, client: Client) -> Any:
    """The epoch, head and oldest number. Read after entries were read: an epoch that was there
    before and after was there in between."""
    return await client.hmget(self._meta, ["epoch", "head", "oldest"])

  async def find(self, time_ms: int) -> int:
    """The number of the first event appended at or after a time. See Engine."""
    self._check()
    if self._fresh:
      await trio.lowlevel.checkpoint()
      return self.head + 1
    *meta, found = await self._run(scripts.FIND, [str(time_ms)])
    self._compare(*meta)
    if not found:
      return self.head + 1
    last, count = place_of(found)
    return last - count + 1

  async def follow(self, after: int) -> AsyncGenerator[list[Record], None]:
    """What another process writes, as it comes. See SharedEngine."""
    backoff, away = Backoff(0.1, 5.0), False
    count = max(1, FOLLOW_EVENTS // self._each)
    known = None if self._fresh else self.epoch
    while True:
      self._check()
      if known is not None and self.epoch != known:
        raise EngineError(
          f"{self.name} began a new epoch; what comes does not continue what was there"
        )
      try:
        found, meta = await self._call(self._watch, partial(self._news, after, count), WATCH)
      except EngineError as exc:
        if not away:
          logger.error("%s stands still: %s", self.name, exc)
          away = True
        await trio.sleep(backoff.delay())
        continue
      backoff.reset()
      if away:
        logger.warning("%s goes on", self.name)
        away = False
      if self._fresh:
        # What was read may be older than the epoch; it is read again.
        self._adopt(*meta)
        known = None if self._fresh else self.epoch
        continue
      self._compare(*meta)
      records = list(records_of(found, after + 1, self._stream))
      if found:
        after = max(after, place_of(found[-1][0])[0])
      if records:
        yield records

  async def _news(self, after: int, count: int, client: Client) -> tuple[Found, Any]:
    place = f"{after}-{HIGHEST}"
    found = await client.xread({self._stream: place}, count=count, block=round(WATCH * 1000))
    return _plain((found or {}).get(self._stream.encode(), ())), await self._state(client)

  def _compare(self, epoch: bytes | None, head: bytes | None, oldest: bytes | None) -> None:
    """Raises EngineError where what the server stores is not this log any more."""
    if epoch != self.epoch.encode():
      raise self._bar() if self._claimed and epoch is not None else self._lost()
    if not self._claimed:
      self._adopt(epoch, head, oldest)

  def _adopt(self, epoch: bytes | None, head: bytes | None, oldest: bytes | None) -> None:
    if epoch is not None:
      self.epoch, self._fresh = epoch.decode(), False
    self._stand_at(head or NOTHING)
    self.oldest = int(oldest or 1)

  def _stand_at(self, head: bytes) -> None:
    self._head_id = head
    self.head = place_of(head)[0]

  def _check(self) -> None:
    if self._barred is not None:
      raise EngineError(self._barred)

  async def _run(self, script: str, args: Sequence[str | bytes | int]) -> Any:
    keys = [self._stream, self._meta]
    return await self._call(self._link, lambda client: client.eval(script, keys=keys, args=args))

  async def _call(
    self, link: RedisConnection, act: Callable[[Client], Awaitable[T]], patience: float = 0.0
  ) -> T:
    epoch = self.epoch
    answer = await link.call(act, patience=patience)
    if epoch != self.epoch:
      # Another call found out; what this one says is about the epoch before.
      raise EngineError(f"{self.name} began a new epoch meanwhile")
    return answer


def _plain(found: Sequence[Any]) -> Found:
  return [(entry.identifier, entry.field_values) for entry in found]


@asynccontextmanager
async def open_engine(config: Streams, name: str) -> AsyncIterator[RedisEngine]:
  """The engine of a log for as long as the block lasts. Raises EngineError where the server cannot
  be reached or has something else under that name."""
  address = _address(config)
  problem: EngineError | None = None
  async with trio.open_nursery() as nursery:
    link, watch = (
      RedisConnection(address, nursery, timeout=config.timeout, cluster=config.cluster)
      for _ in range(2)
    )
    # That of a server of simulators is simulated:market.
    market = name.rpartition(":")[2] == MARKET
    engine = RedisEngine(
      name,
      config.prefix,
      link,
      watch,
      events=config.market_maxlen if market else config.maxlen,
      each=MARKET_ENTRY if market else 1,
    )
    try:
      await engine.look()
      yield engine
    except EngineError as exc:
      # Raised outside, so that it comes as itself and not in a group.
      problem = exc
    finally:
      link.close()
      watch.close()
    nursery.cancel_scope.cancel()
  if problem is not None:
    raise problem


def _address(config: Streams) -> Address:
  password = None if config.password is None else config.password.reveal()
  try:
    address = address_of(config.url, password)
  except ValueError as exc:
    raise EngineError(str(exc)) from None
  if config.cluster and (address.path is not None or address.db):
    message = "has one database and no Unix socket; name one of its nodes as redis://HOST:PORT"
    raise EngineError(f"a Redis Cluster {message}")
  return address
