"""Binance spot and USD-M futures for Bond."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from bond_core import SourceType, hookimpl

if TYPE_CHECKING:
  from bond_core.venues import TopicFeed


@hookimpl
def bond_register_sources() -> Iterable[SourceType]:
  from bond_binance.sources import SOURCES

  return SOURCES


def feed_of(channel: str, symbols: list[str], **options: Any) -> "TopicFeed":
  """A feed as it is once connected, for reading recorded frames: connection 1 carries the channel
  (2 what a futures ticker has elsewhere). `options` are those of the source binance.CHANNEL."""
  from bond_binance.feed import binance_feed
  from bond_binance.sources import SOURCES
  from bond_core.feeds import Moment, Subscription

  source = next(source for source in SOURCES if source.name == f"binance.{channel}")
  config: Any = source.config(symbols=symbols, **options)
  feed = binance_feed(config.connection)
  groups: dict[str, list[Subscription]] = {}
  for subscription in config.subscriptions():
    groups.setdefault(feed.group(subscription), []).append(subscription)
  for number, subscriptions in enumerate(groups.values(), 1):
    feed.on_open(number, subscriptions, overlap=False, now=Moment(0, 0))
  return feed
