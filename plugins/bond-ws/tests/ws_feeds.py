"""Feeds of ws.custom without sockets, made from rules."""

import msgspec
from bond_ws.feed import Connection, WsFeed
from bond_ws.sources import SOURCES

from bond_core.feeds import Moment
from bond_core.specs import structure

TRADE = {
  "emit": "trade",
  "where": {"e": "t"},
  "symbol": "s",
  "time": "T",
  "fields": {"price": "p", "size": "q", "side": "d"},
}


def config_of(*rules, **more):
  data = {"url": "wss://ws.example.com/", "map": list(rules), **more}
  if not rules:
    del data["map"]
  made, faults = structure(data, SOURCES[0].config)
  told = "; ".join(fault.message for fault in faults)
  assert made is not None, told
  return made


def fault_of(*rules, trusted=True, **more):
  data = {"url": "wss://ws.example.com/", "map": list(rules), **more}
  made, faults = structure(data, SOURCES[0].config, trusted=trusted)
  assert made is None
  return " ".join(fault.message for fault in faults)


def feed_of(*rules, **more):
  config = config_of(*rules, **more)
  feed = WsFeed(Connection(config))
  subscriptions = SOURCES[0].subscriptions(config)
  for subscription in subscriptions:
    feed.group(subscription)
  feed.on_open(1, subscriptions, overlap=False, now=Moment(0, 0))
  feed.actions.clear()
  return feed


def read(feed, *messages):
  frames = [m if isinstance(m, bytes) else msgspec.json.encode(m) for m in messages]
  return feed.on_frames(1, frames, Moment(1000, 5))


GOOD = {"e": "t", "s": "BTC-USD", "T": 1700000000123, "p": "42.5", "q": 1, "d": "Buy"}
