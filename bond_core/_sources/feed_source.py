"""A venue's feed with all its readers."""

import logging
from collections.abc import Mapping
from typing import Any

import trio

from bond_core._clock import Clock
from bond_core._errors import fault_of, sentence
from bond_core._events import Batch, Candle, Gap
from bond_core._feeds.contract import Feed, Subscription
from bond_core._feeds.driver import NAMED_STREAMS, FeedDriver
from bond_core._feeds.interest import Interest
from bond_core._feeds.liveness import SourceState
from bond_core._literals import Channel
from bond_core._logs.memory import MemoryLog
from bond_core._sources.source import Source, SourceReader

ANSWER_WITHIN = 2.0


class FeedSource(Source):
  """A venue's feed and its readers."""

  def __init__(self, feed: Feed, plugin: str, log: MemoryLog, clock: Clock) -> None:
    super().__init__(f"the feed of {plugin}", feed.exchange, log, clock)
    self._interest = Interest()
    self._readers_of: dict[Subscription, dict[SourceReader, None]] = {}
    self._waiting: dict[SourceReader, tuple[float, list[Subscription]]] = {}
    """Readers whose subscriptions have neither been delivered nor refused yet, for a while."""
    self.driver = FeedDriver(
      feed,
      self._interest,
      append=self._take,
      reject=self._rejected,
      clock=clock,
      log=logging.LoggerAdapter(logging.getLogger(f"bond.{plugin}")),
    )

  async def work(self) -> None:
    """Drives the feed; one that fails for good fails its readers only."""
    try:
      await self.driver.run()
    except BaseException as exc:
      self.fail(sentence(fault_of(exc)))

  @property
  def reconnects(self) -> int:
    return self.driver.reconnects

  def parts(self) -> Mapping[Subscription | None, SourceState]:
    try:
      return dict(self.driver.states().items())
    except BaseException as exc:
      self.fail(sentence(fault_of(exc)))
      self.stop()
      return {}

  def notices(self) -> list[tuple[Subscription | None, SourceState, str]]:
    # What strangers tried and the venue does not have concerns no reader.
    return [
      (subscription, state, reason)
      for subscription, (state, reason) in self.driver.standings().items()
      if reason is not None and subscription in self._readers_of
    ]

  def carried(self, channel: Channel) -> set[tuple[str, str]]:
    listed = self.driver.listed
    return {
      (self.exchange, listed.get(s.instrument, s.instrument).symbol)
      for s in self._interest.current(trio.current_time())
      if s.channel == channel
    }

  def keep_raw(self, kept: bool) -> None:
    super().keep_raw(kept)
    self.driver.raw_readers = self.raw_readers

  def read(
    self, name: str, subscriptions: list[Subscription], severity: int = logging.ERROR
  ) -> SourceReader:
    """One more reader of these subscriptions."""
    reader = SourceReader(name, self, _Selection(self, subscriptions), subscriptions, severity)
    self.readers[reader] = None
    self._interest.add(subscriptions)
    for subscription in subscriptions:
      self._readers_of.setdefault(subscription, {})[reader] = None
    known = [self.driver.rejected.get(subscription) for subscription in subscriptions]
    if known and (reason := known[0]) is not None and None not in known:
      # The venue has said no before.
      reader.fail(reason)
    else:
      self._waiting[reader] = trio.current_time() + ANSWER_WITHIN, subscriptions
      self._look([reader])
    return reader

  def leave(self, reader: SourceReader) -> None:
    """A reader goes. The feed lives on for others who may come: what has no reader ends upstream
    after a grace period."""
    if reader in self.readers:
      del self.readers[reader]
      self._waiting.pop(reader, None)
      for subscription in reader.subscriptions:
        readers = self._readers_of[subscription]
        readers.pop(reader, None)
        if not readers:
          del self._readers_of[subscription]
      self._interest.drop(reader.subscriptions, trio.current_time())

  def _take(self, batch: Batch) -> None:
    self.append(batch)
    if self._waiting:
      self._look(list(self._waiting))

  def _look(self, readers: list[SourceReader]) -> None:
    """Answers those of the readers whose subscriptions have all been delivered or refused."""
    heard, rejected = self.driver.feed.last_received, self.driver.rejected
    now = trio.current_time()
    for reader in readers:
      until, waiting = self._waiting[reader]
      if now > until or all(s in rejected or heard(s) is not None for s in waiting):
        del self._waiting[reader]
        reader.answered.set()

  def _rejected(self, subscription: Subscription, reason: str) -> None:
    rejected = self.driver.rejected
    concerned = list(self._readers_of.get(subscription, ()))
    for reader in concerned:
      if all(s in rejected for s in reader.subscriptions):
        reader.fail(reason)
      else:
        reader.refuse(reason)
    self._look([reader for reader in concerned if reader in self._waiting])
    # Without readers of a spec it lives on: what it knows of the venue spares the next requests.
    if all(reader.failure and reader.severity >= logging.ERROR for reader in self.readers):
      self.stop()


class _Selection:
  """Keeps the events of some subscriptions of a feed that others read too."""

  def __init__(self, source: FeedSource, subscriptions: list[Subscription]) -> None:
    self._listed, self._readers, self._wanted = source.driver.listed, source.readers, subscriptions
    self._learn()

  def _learn(self) -> None:
    self._learned = len(self._listed)
    found = [s._replace(instrument=self._listed.get(s[1], s[1])) for s in self._wanted]
    self._keys = {
      (s.channel, *s.instrument[1:], s.channel == "candle" and dict(s.options).get("interval"))
      for s in found
    }
    self._names = {str(s) for s in (*found, *self._wanted)}
    self._symbols = {"*", *(s.instrument.symbol for s in found)}
    self._channels = {"*", *(s.channel for s in found)}
    self._market_types = {None, *(s.instrument.market_type for s in found)}

  def __call__(self, batch: Batch) -> Batch:
    if len(self._readers) < 2:
      return batch  # This is the feed's only reader, so all of it is its own.
    if len(self._listed) != self._learned:
      self._learn()  # The venue has said since which instruments names are.
    keys, concerns = self._keys, self._concerns
    return [e for e in batch if (concerns(e) if type(e) is Gap else _key_of(e) in keys)]

  def _concerns(self, gap: Gap) -> bool:
    if gap.streams is not None and not self._names.isdisjoint(gap.streams):
      return True
    if gap.streams is not None and len(gap.streams) < NAMED_STREAMS:
      return False
    named = gap.symbol in self._symbols and gap.channel in self._channels
    return named and gap.market_type in self._market_types


def _key_of(event: Any) -> tuple[object, ...]:
  key = event.channel, event.market_type, event.symbol, getattr(event, "expiry", None)
  return *key, type(event) is Candle and event.interval
