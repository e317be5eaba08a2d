"""Runs a source of posts on the connection that it shares."""

import trio
from bond_social.assets import terms_of_all
from bond_social.inbox import Inbox
from bond_social.matching import read_query, term_of

from bond_bluesky.authors import URL, dids_of
from bond_bluesky.config import Posts
from bond_bluesky.firehose import Firehose, Reader
from bond_bluesky.messages import Wanted
from bond_core import Out, SourceContext
from bond_core.config import websocket_scheme, without_slash

SERVERS = (
  "wss://jetstream2.us-east.bsky.network",
  "wss://jetstream1.us-west.bsky.network",
  "wss://jetstream1.us-east.bsky.network",
  "wss://jetstream2.us-west.bsky.network",
)
"""The public instances; a cursor means about the same at each."""

_firehoses: dict[tuple[object, str], Firehose] = {}


async def run_posts(config: Posts, out: Out, ctx: SourceContext) -> None:
  """Sends posts until cancelled."""
  wanted = Wanted(
    assets={
      asset: [term_of(term) for term in terms]
      for asset, terms in terms_of_all(config.symbols, config.words).items()
    },
    query=read_query(config.query),
    authors=await dids_of(config.authors, config.endpoint or URL),
    lang=config.lang,
  )
  key = (trio.lowlevel.current_root_task(), config.endpoint or "")
  servers = [websocket_scheme(without_slash(config.endpoint))] if config.endpoint else SERVERS
  firehose = _firehoses.setdefault(key, Firehose(servers))
  reader = Reader(wanted, Inbox("bluesky"))
  firehose.readers.append(reader)
  try:
    async with trio.open_nursery() as nursery:
      nursery.start_soon(_drive, firehose, ctx)
      async for batch in reader.inbox.receive:
        await out.send(batch)
  finally:
    firehose.readers.remove(reader)
    if not firehose.readers:
      _firehoses.pop(key, None)


async def _drive(firehose: Firehose, ctx: SourceContext) -> None:
  async with firehose.lead:
    await firehose.drive(ctx)
