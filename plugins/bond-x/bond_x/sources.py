"""The sources that this plugin offers."""

import os
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from bond_core import Gap, Out, Post, SourceContext, SourceType
from bond_x.account import Account, account_of
from bond_x.config import Counts, Posts, Search

if TYPE_CHECKING:
  from bond_x.filtered_stream import FilteredStream
  from bond_x.transport import XTransport


def _session(account: Account) -> "FilteredStream":
  from bond_x.filtered_stream import FilteredStream

  return FilteredStream(account)


def _transport(account: Account) -> AbstractAsyncContextManager["XTransport"]:
  from bond_x.transport import open_transport

  return open_transport(account)


async def _search(config: Search, out: Out, ctx: SourceContext) -> None:
  from bond_x.polling import run_search

  await run_search(config, out, ctx)


async def _counts(config: Counts, out: Out, ctx: SourceContext) -> None:
  from bond_x.polling import run_counts

  await run_counts(config, out, ctx)


def _is_mock(config: Posts | Search | Counts) -> bool:
  return config.mode == "mock"


_TERMS = "X Developer Agreement, https://docs.x.com/developer-terms: paid by post, no passing on"


def _words() -> tuple[str, ...]:
  """Plain "posts" are those of X for whoever has a token of X, and of a free network otherwise."""
  return ("tweets", "twitter", *(("posts",) if os.environ.get("X_BEARER", "").strip() else ()))


SOURCES = [
  SourceType(
    name="x.posts",
    summary="Posts of X (Twitter) about assets or a query, from the filtered stream.",
    config=Posts,
    emits=(Post, Gap),
    session=_session,
    connection=account_of,
    transport=_transport,
    words=_words(),
    aliases={"twitter": {}, "x": {}, "x.tweets": {}},
    environment=("X_BEARER",),
    simulator="x",
    mock=_is_mock,
    public=True,
    terms=_TERMS,
    example="{symbols: [BTC]}",
  ),
  SourceType(
    name="x.search",
    summary="Posts of X (Twitter) about assets or a query, looked up again and again.",
    config=Search,
    emits=(Post, Gap),
    run=_search,
    simulator="x",
    mock=_is_mock,
    public=True,
    terms=_TERMS,
    example="{symbols: [BTC], every: 60}",
  ),
  SourceType(
    name="x.counts",
    summary="How many posts of X (Twitter) are about assets or match a query, by the minute.",
    config=Counts,
    emits=(Post, Gap),
    run=_counts,
    simulator="x",
    mock=_is_mock,
    public=True,
    terms=_TERMS,
    example="{symbols: [BTC], every: 120}",
  ),
]
