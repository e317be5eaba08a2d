"""The sources this plugin offers."""

from bond_bluesky.config import Posts
from bond_core import Gap, Out, Post, SourceContext, SourceType


async def _posts(config: Posts, out: Out, ctx: SourceContext) -> None:
  from bond_bluesky.running import run_posts

  await run_posts(config, out, ctx)


SOURCES = [
  SourceType(
    name="bluesky.posts",
    summary="Posts of Bluesky about assets, with words or of authors, from Jetstream.",
    config=Posts,
    emits=(Post, Gap),
    run=_posts,
    words=("bluesky", "skeets"),
    simulator="bluesky",
    terms="Public data of the AT Protocol network; https://bsky.social/about/support/tos",
    example="{symbols: [BTC]}",
  )
]
