"""A venue's feed with all its readers."""

import logging

import trio

from bond_core.clock import Clock
from bond_core.components import SourceSpec
from bond_core.errors import PluginError, sentence
from bond_core.events import Batch, Candle, Gap
from bond_core.feed.desired import Desired
from bond_core.feed.dialect import Subscription
from bond_core.feed.driver import NAMED_STREAMS, FeedDriver
from bond_core.hub.tap import Tap
from bond_core.log.memory import MemoryLog


class FeedSource:
  """A venue's feed and everybody who reads it."""

  def __init__(self, market: MemoryLog, clock: Clock, spec: SourceSpec, connection: object) -> None:
    if spec.feed is None:
      raise PluginError(f"the source {spec.name!r} has no feed")
    plugin = spec.name.split(".")[0]
    self.name = f"the feed of {plugin}"
    self.desired = Desired()
    self.scope = trio.CancelScope()
    self.ended = trio.Event()
    self._market = market
    self._taps: dict[Tap, list[Subscription]] = {}
    feed = spec.feed(connection)
    self.driver = FeedDriver(
      feed,
      self.desired,
      append=self._append,
      reject=self._rejected,
      clock=clock,
      log=logging.LoggerAdapter(logging.getLogger(f"bond.{plugin}")),
    )

  def _append(self, batch: Batch) -> None:
    self._market.append(batch, self)

  async def run(self) -> None:
    """Drives the feed until it is stopped; a feed that fails for good fails its taps only."""
    try:
      with self.scope:
        await self.driver.run()
    except* Exception as group:
      self.fail(sentence(group))
    finally:
      self._market.end(self)
      self.ended.set()

  def fail(self, reason: str) -> None:
    """Ends all its readers' shares."""
    for tap in self._taps:
      tap.fail(reason)

  def tap(self, name: str, subscriptions: list[Subscription], severity: int = logging.ERROR) -> Tap:
    """One more reader of these subscriptions."""
    tap = Tap(name, self, _Selection(self, subscriptions), subscriptions, severity)
    self._taps[tap] = subscriptions
    self.desired.add(subscriptions)
    known = [self.driver.rejected.get(subscription) for subscription in subscriptions]
    if known and (reason := known[0]) is not None and None not in known:
      # The venue has said no before.
      tap.fail(reason)
    return tap

  def leave(self, tap: Tap) -> None:
    """A reader goes."""
    self.desired.drop(self._taps.pop(tap), trio.current_time())

  @property
  def shared(self) -> bool:
    """More than one node reads this feed, so each must pick its own."""
    return len(self._taps) > 1

  def _rejected(self, subscription: Subscription, reason: str) -> None:
    rejected = self.driver.rejected
    for tap, subscriptions in self._taps.items():
      if subscription not in subscriptions:
        continue
      if all(s in rejected for s in subscriptions):
        tap.fail(reason)
      else:
        tap.tell(reason)
    if all(tap.failure is not None for tap in self._taps):
      self.scope.cancel()


class _Selection:
  """Keeps the events of some subscriptions of a feed that others read too."""

  def __init__(self, source: FeedSource, subscriptions: list[Subscription]) -> None:
    self._source = source
    self._keys = {_subscription_key(s) for s in subscriptions}
    self._names = {str(s) for s in subscriptions}
    self._symbols = {s.instrument.symbol for s in subscriptions}
    self._channels = {s.channel for s in subscriptions}
    self._market_types = {s.instrument.market_type for s in subscriptions}

  def __call__(self, batch: Batch) -> Batch:
    if not self._source.shared:
      return batch
    keys = self._keys
    return [
      event
      for event in batch
      if (self._concerns(event) if type(event) is Gap else _event_key(event) in keys)
    ]

  def _concerns(self, gap: Gap) -> bool:
    if gap.streams is not None and not self._names.isdisjoint(gap.streams):
      return True
    return (
      (gap.symbol == "*" or gap.symbol in self._symbols)
      and (gap.channel == "*" or gap.channel in self._channels)
      and (gap.market_type is None or gap.market_type in self._market_types)
      and (gap.streams is None or len(gap.streams) >= NAMED_STREAMS)
    )


def _subscription_key(subscription: Subscription) -> tuple[object, ...]:
  instrument = subscription.instrument
  interval = (
    dict(subscription.options).get("interval") if subscription.channel == "candle" else None
  )
  return (
    subscription.channel,
    instrument.symbol,
    instrument.market_type,
    instrument.expiry,
    interval,
  )


def _event_key(event: object) -> tuple[object, ...]:
  interval = event.interval if type(event) is Candle else None
  return (
    event.channel,  # type: ignore[attr-defined]
    event.symbol,  # type: ignore[attr-defined]
    event.market_type,  # type: ignore[attr-defined]
    getattr(event, "expiry", None),
    interval,
  )
