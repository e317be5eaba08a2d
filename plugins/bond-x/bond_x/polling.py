"""Runs the sources that poll X: search and counts. Sources of an account share its client, its
limits and what it has spent."""

from contextlib import AbstractAsyncContextManager
from functools import partial

import httpx

from bond_core import Out, SourceContext
from bond_x.account import Account, account_of, spending_of
from bond_x.client import open_client
from bond_x.config import MAX_COUNTS, MAX_SEARCHES, Counts, Search
from bond_x.counts import COUNTS, CountPoller
from bond_x.endpoint import Endpoint
from bond_x.search import SEARCH, SearchPoller
from bond_x.spending import estimate, estimate_counts


async def run_search(config: Search, out: Out, ctx: SourceContext) -> None:
  """Sends what searches find until cancelled."""
  account = account_of(config)
  if account.charged:
    ctx.log.warning("%s", estimate(config.spend_cap))
  endpoint = _endpoint(ctx, account, SEARCH, "recent search", MAX_SEARCHES)
  async with _shared_client(ctx, account) as client:
    spending = spending_of(ctx, account)
    await SearchPoller(config, account, spending, endpoint, client, out, ctx).run()


async def run_counts(config: Counts, out: Out, ctx: SourceContext) -> None:
  """Sends the count of every minute until cancelled."""
  account = account_of(config)
  if account.charged:
    queries = len(config.queries())
    ctx.log.warning("%s", estimate_counts(queries, config.every, config.spend_cap))
  endpoint = _endpoint(ctx, account, COUNTS, "recent counts", MAX_COUNTS)
  async with _shared_client(ctx, account) as client:
    spending = spending_of(ctx, account)
    await CountPoller(config, account, spending, endpoint, client, out, ctx).run()


def _endpoint(ctx: SourceContext, account: Account, path: str, access: str, limit: int) -> Endpoint:
  return ctx.remember((Endpoint, account, path), partial(Endpoint, path, access, limit))


def _shared_client(
  ctx: SourceContext, account: Account
) -> AbstractAsyncContextManager[httpx.AsyncClient]:
  return ctx.open_shared((httpx.AsyncClient, account), partial(open_client, account))
