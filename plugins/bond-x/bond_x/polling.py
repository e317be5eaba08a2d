"""Runs the sources that poll X: search and counts. Sources of an account share its client, its
limits and what it has spent."""

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from functools import partial

import httpx

from bond_core import Out, Refused, SourceContext
from bond_x.account import Account, account_of, budget_of
from bond_x.client import open_client
from bond_x.config import LIMIT_WINDOW, MAX_COUNTS, MAX_SEARCHES, Counts, Search
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
  with _share(ctx, account, len(config.queries()) / config.every, MAX_SEARCHES, "searches"):
    async with _shared_client(ctx, account) as client:
      budget = budget_of(ctx, account, config.spend_cap)
      await SearchPoller(config, account, budget, endpoint, client, out, ctx).run()


async def run_counts(config: Counts, out: Out, ctx: SourceContext) -> None:
  """Sends the count of every minute until cancelled."""
  account = account_of(config)
  if account.charged:
    queries = len(config.queries())
    ctx.log.warning("%s", estimate_counts(queries, config.every, config.spend_cap))
  endpoint = _endpoint(ctx, account, COUNTS, "recent counts", MAX_COUNTS)
  with _share(ctx, account, len(config.queries()) / config.every, MAX_COUNTS, "counts"):
    async with _shared_client(ctx, account) as client:
      budget = budget_of(ctx, account, config.spend_cap)
      await CountPoller(config, account, budget, endpoint, client, out, ctx).run()


@contextmanager
def _share(
  ctx: SourceContext, account: Account, rate: float, limit: int, of: str
) -> Iterator[None]:
  """Holds what a caller of a server has of a limit of the app, at most half of it. Raises Refused
  for more; `rate` is requests a second."""
  if ctx.caller is None:
    yield
    return
  held: dict[object, float] = ctx.remember((of, account, ctx.caller), dict)
  most = limit / 2
  if (sum(held.values()) + rate) * LIMIT_WINDOW > most:
    raise Refused(
      f"your streams would make more than {most:g} {of} in 15 minutes, which is the most of one "
      "caller; name fewer symbols, write a longer every, or delete a stream"
    )
  mine = object()
  held[mine] = rate
  try:
    yield
  finally:
    del held[mine]


def _endpoint(ctx: SourceContext, account: Account, path: str, access: str, limit: int) -> Endpoint:
  return ctx.remember((Endpoint, account, path), partial(Endpoint, path, access, limit))


def _shared_client(
  ctx: SourceContext, account: Account
) -> AbstractAsyncContextManager[httpx.AsyncClient]:
  return ctx.open_shared((httpx.AsyncClient, account), partial(open_client, account))
