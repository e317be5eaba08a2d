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
    return lambda connection: _tap(make(connection), kept)

  return attrs.evolve(
    spec,
    sources={
      key: attrs.evolve(node, type=attrs.evolve(node.type, feed=feed_of(node.type.feed)))
      if node.type.feed is not None
      else node
      for key, node in spec.sources.items()
    },
  )


def _tap(feed: Feed, kept: KeptFrames) -> Feed:
  urls: dict[str, str] = {}
  """By group of connections, those of the newest."""
  of: dict[int, str] = {}
  """By connection."""
  handshake, on_open, on_close = feed.handshake, feed.on_open, feed.on_close
  on_frames, on_response = feed.on_frames, feed.on_response

  def seen_handshake(group: str, subscriptions: list[Subscription]) -> Handshake:
    found = handshake(group, subscriptions)
    urls[group] = bare_url(found.url)
    return found

  def seen_open(
    connection: int, subscriptions: list[Subscription], *, overlap: bool, now: Moment
  ) -> None:
    of[connection] = urls.get(feed.group(subscriptions[0]), "")
    on_open(connection, subscriptions, overlap=overlap, now=now)

  def seen_close(connection: int) -> None:
    of.pop(connection, None)
    on_close(connection)

  def seen_frames(connection: int, frames: list[bytes], received: Moment) -> Batch:
    kept.keep(feed.exchange, received.ts_ms, of.get(connection, ""), frames)
    return on_frames(connection, frames, received)

  def seen_response(fetch: Fetch, response: Response, received: Moment) -> Batch:
    if response.status < 300:
      url = bare_url(fetch.url)
      kept.keep(feed.exchange, received.ts_ms, url, [response.body], fetch.body)
    return on_response(fetch, response, received)

  feed.handshake, feed.on_open, feed.on_close = seen_handshake, seen_open, seen_close  # type: ignore[method-assign]
  feed.on_frames, feed.on_response = seen_frames, seen_response  # type: ignore[method-assign]
  return feed
