"""The source that this plugin offers."""

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from bond_bluesky.config import Posts
from bond_core import Gap, Post, SourceType

if TYPE_CHECKING:
  from bond_bluesky.filters import PostFilter
  from bond_bluesky.jetstream import Jetstream
  from bond_core.feeds import Handshake
  from bond_core.sessions import WebSocketTransport


def _session(servers: tuple[str, ...]) -> "Jetstream":
  from bond_bluesky.jetstream import Jetstream

  return Jetstream(servers)


def _transport(handshake: "Handshake") -> AbstractAsyncContextManager["WebSocketTransport"]:
  from bond_core.sessions import open_websocket_transport

  return open_websocket_transport(handshake, max_message_bytes=1024 * 1024, ping_after=10.0)


async def _prepare(config: Posts) -> "PostFilter":
  from bond_bluesky.authors import resolve_authors
  from bond_bluesky.filters import filter_of

  return filter_of(config, *await resolve_authors(config.authors, config.endpoint))


SOURCES = [
  SourceType(
    name="bluesky.posts",
    summary="Posts of Bluesky about assets, with words or of authors, from Jetstream.",
    config=Posts,
    emits=(Post, Gap),
    session=_session,
    connection=lambda config: config.servers,
    transport=_transport,
    prepare=_prepare,
    words=("bluesky", "skeets"),
    simulator="bluesky",
    public=True,
    terms="Public data of the AT Protocol network; https://bsky.social/about/support/tos",
    example="{symbols: [BTC]}",
  )
]
