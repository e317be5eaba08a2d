"""The sources this plugin offers."""

from bond_core.components import Out, SourceContext, SourceSpec
from bond_core.events import Gap, Post
from bond_x.config import Posts


async def _posts(config: Posts, out: Out, ctx: SourceContext) -> None:
  from bond_x.running import run_posts

  await run_posts(config, out, ctx)


SPECS = [
  SourceSpec(
    name="x.posts",
    summary="Posts of X (Twitter) about assets or a query, from the filtered stream.",
    config=Posts,
    emits=(Post, Gap),
    run=_posts,
    words=("tweets", "twitter"),
    simulator="x",
    terms="X Developer Agreement, https://docs.x.com/developer-terms: paid by post, no passing on",
    example="{symbols: [BTC]}",
  )
]
