"""A tap in the feeds of a spec, through which a recording gets the venues' own messages.

A feed is tapped where it is made, so that nothing is in the way of one that is not.
"""

import functools
from collections.abc import Callable
from typing import Any

import attrs
from bond_recordkit.kept import KeptFrames, bare_url

from bond_core import Batch, Spec
from bond_core.feeds import Feed, Fetch, Handshake, Moment, Response, Subscription


def untapped(spec: Spec) -> list[str]:
  """The sources of a spec that are no venue's feed, and so have no messages to keep."""
  return [key for key, node in spec.sources.items() if node.type.feed is None]


def tapped(spec: Spec, kept: KeptFrames) -> Spec:
  """The same spec, whose feeds give what they receive to `kept` too."""

  # Wrapped once, so that sources of an equal connection still share a feed.
  @functools.cache
  def feed_of(make: Callable[[Any], Feed]) -> Callable[[Any], Feed]:
    return lambda connection: _Tapped(make(connection), kept)

  return attrs.evolve(
    spec,
    sources={
      key: attrs.evolve(node, type=attrs.evolve(node.type, feed=feed_of(node.type.feed)))
      if node.type.feed is not None
      else node
      for key, node in spec.sources.items()
    },
  )


class _Tapped:
  """A feed as it is, that gives what it receives to `kept` on the way."""

  def __init__(self, feed: Feed, kept: KeptFrames) -> None:
    self._feed, self._kept = feed, kept
    self.exchange, self.actions = feed.exchange, feed.actions
    self.listed = getattr(feed, "listed", {})
    self.group, self.limits, self.explain = feed.group, feed.limits, feed.explain
    self.silence, self.last_received = feed.silence, feed.last_received
    self.snapshot_weight, self.opening_messages = feed.snapshot_weight, feed.opening_messages
    self.on_change, self.on_timer = feed.on_change, feed.on_timer
    self._urls: dict[str, str] = {}
    """By group of connections, those of the newest."""
    self._of: dict[int, str] = {}
    """By connection."""

  def handshake(self, group: str, subscriptions: list[Subscription]) -> Handshake:
    found = self._feed.handshake(group, subscriptions)
    self._urls[group] = bare_url(found.url)
    return found

  def on_open(
    self, connection: int, subscriptions: list[Subscription], *, overlap: bool, now: Moment
  ) -> None:
    url = self._of[connection] = self._urls.get(self.group(subscriptions[0]), "")
    self._kept.keep_opening(self.exchange, now.ts_ms, url)
    self._feed.on_open(connection, subscriptions, overlap=overlap, now=now)

  def on_close(self, connection: int) -> None:
    self._of.pop(connection, None)
    self._feed.on_close(connection)

  def on_frames(self, connection: int, frames: list[bytes], received: Moment) -> Batch:
    self._kept.keep(self.exchange, received.ts_ms, self._of.get(connection, ""), frames)
    return self._feed.on_frames(connection, frames, received)

  def on_response(self, fetch: Fetch, response: Response, received: Moment) -> Batch:
    if response.status < 300:
      url = bare_url(fetch.url)
      self._kept.keep(self.exchange, received.ts_ms, url, [response.body], fetch.body)
    return self._feed.on_response(fetch, response, received)
