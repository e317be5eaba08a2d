"""The sources this plugin offers."""

import os

from bond_core.components import Out, SourceContext, SourceSpec
from bond_core.events import Gap, Post
from bond_x.config import Posts


async def _posts(config: Posts, out: Out, ctx: SourceContext) -> None:
  from bond_x.running import run_posts

  await run_posts(config, out, ctx)


def _words() -> tuple[str, ...]:
  """Plain "posts" are those of X for whoever has a token of X, and of a free network otherwise."""
  return ("tweets", "twitter", *(("posts",) if os.environ.get("X_BEARER", "").strip() else ()))


SPECS = [
  SourceSpec(
    name="x.posts",
    summary="Posts of X (Twitter) about assets or a query, from the filtered stream.",
    config=Posts,
    emits=(Post, Gap),
    run=_posts,
    words=_words(),
    simulator="x",
    terms="X Developer Agreement, https://docs.x.com/developer-terms: paid by post, no passing on",
    example="{symbols: [BTC]}",
  )
]
