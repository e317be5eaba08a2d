"""Runs a source of posts on the connection that it shares."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

import attrs
import httpx
import trio
from bond_social.inbox import Inbox

from bond_core import AuthError, BondError, Out, Refused, Secret, SourceContext
from bond_core.hosting import simulator
from bond_x.app import SILENCE, URL, App, Reader
from bond_x.config import Counts, Posts, Search
from bond_x.counts import COUNTS, Counter
from bond_x.gate import gate_of
from bond_x.rules import tag_of
from bond_x.search import SEARCH, Searcher
from bond_x.spending import estimate, estimate_counts, spending_of

_apps: dict[tuple[object, str, str], App] = {}


Config = TypeVar("Config", Posts, Search, Counts)


@asynccontextmanager
async def simulated(config: Config, ctx: SourceContext) -> AsyncIterator[Config]:
  """The configuration, with `mode: mock` pointed at a simulated X that lives as long as the block.
  Refused where it does not start, since it will not the next time either."""
  if config.endpoint is not None or not config.is_mock:
    yield config
    return
  async with AsyncExitStack() as stack:
    try:
      url = await stack.enter_async_context(simulator("x"))
    except BondError as error:
      raise Refused(f"{error}; mode: mock needs bond-sim") from None
    ctx.log.warning("simulated: x is bond sim x at %s", url)
    yield attrs.evolve(config, endpoint=url, bearer=None)


def open_client(endpoint: str, token: str) -> httpx.AsyncClient:
  """A client of X. Nothing for 20 s, not even a blank line, means that the connection is dead."""
  return httpx.AsyncClient(
    base_url=endpoint,
    headers={"authorization": f"Bearer {token}", "user-agent": "bond-x"},
    timeout=httpx.Timeout(SILENCE, connect=10.0),
    follow_redirects=False,
  )


def token_of(config: Posts | Search | Counts) -> str:
  """The bearer token. A simulator gets none; AuthError names both ways out where there is none."""
  if config.endpoint is not None and config.bearer is None:
    return "simulated"
  try:
    return (config.bearer or Secret("X_BEARER")).reveal().strip()
  except AuthError as exc:
    raise AuthError(
      f"{exc}; or install bond-sim and run with --sim or mode: mock, and posts are simulated"
    ) from None


async def run_posts(config: Posts, out: Out, ctx: SourceContext) -> None:
  """Sends posts until cancelled."""
  token = token_of(config)
  endpoint = config.endpoint or URL
  if config.endpoint is None:
    ctx.log.warning("%s", estimate(config.spend_cap))
  key = (trio.lowlevel.current_root_task(), endpoint, token)
  app = _apps.setdefault(key, App(spending_of(key)))
  inbox = Inbox("x")
  rules = config.rules()
  assets = {tag_of(rule): asset for rule, asset in rules.items()}
  reader = Reader(assets, list(rules), config.spend_cap, inbox)
  app.join(reader)
  try:
    async with trio.open_nursery() as nursery:
      nursery.start_soon(_drive, app, endpoint, token, config.backfill_minutes, ctx)
      async for batch in inbox.receive:
        if config.endpoint is None:
          ctx.figures["spent_usd"] = app.spending.usd
        await out.send(batch)
      nursery.cancel_scope.cancel()
  finally:
    app.leave(reader)
    if not app.readers:
      _apps.pop(key, None)
  raise Refused(inbox.failed)


async def _drive(app: App, endpoint: str, token: str, minutes: int, ctx: SourceContext) -> None:
  async with app.lead, open_client(endpoint, token) as client:
    await app.drive(client, minutes, ctx)


async def run_search(config: Search, out: Out, ctx: SourceContext) -> None:
  """Sends what searches find until cancelled."""
  token = token_of(config)
  endpoint = config.endpoint or URL
  if config.endpoint is None:
    ctx.log.warning("%s", estimate(config.spend_cap))
  key = (trio.lowlevel.current_root_task(), endpoint, token)
  async with open_client(endpoint, token) as client:
    gate = gate_of(key, SEARCH, "recent search")
    await Searcher(config, spending_of(key), gate, client, out, ctx).run()


async def run_counts(config: Counts, out: Out, ctx: SourceContext) -> None:
  """Sends the count of every minute until cancelled."""
  token = token_of(config)
  endpoint = config.endpoint or URL
  if config.endpoint is None:
    told = estimate_counts(len(config.queries()), config.every, config.spend_cap)
    ctx.log.warning("%s", told)
  key = (trio.lowlevel.current_root_task(), endpoint, token)
  async with open_client(endpoint, token) as client:
    gate = gate_of(key, COUNTS, "recent counts")
    await Counter(config, spending_of(key), gate, client, out, ctx).run()
