"""A source of ccxt while it runs: ccxt on asyncio's thread, batches to the core."""

import asyncio
from functools import partial
from typing import Any

import trio
from bond_bridge import AsyncioThread

from bond_ccxt.config import Kind
from bond_ccxt.outbox import Outbox
from bond_core import Out, Refused, SourceContext, leaf
from bond_core.websockets import note_answer

FRESH_SECONDS = 60.0
"""How long a list of markets answers for what is not in it. A market may have been listed since."""


async def run_source(kind: Kind, config: Any, out: Out, ctx: SourceContext) -> None:
  """Runs until it is cancelled; raises the errors by which the core retries or gives up."""
  outbox = Outbox("candle" if kind == "ohlcv" else kind, ctx.clock)
  async with (
    ctx.open_shared(AsyncioThread, AsyncioThread) as thread,
    thread.iterate(outbox.__aiter__) as receive,
    trio.open_nursery() as nursery,
  ):
    nursery.start_soon(thread.run, partial(_work, kind, config, ctx, outbox))
    told = 0
    while True:
      batches = await receive()
      note_answer(outbox.headers)
      notices, outbox.notices = outbox.notices, {}
      for subscription, (reason, unavailable) in notices.items():
        ctx.notice(subscription, reason, unavailable=unavailable)
      for batch in batches:
        for reason in outbox.refused[told:]:
          ctx.refuse(reason)
          told += 1
        if batch:
          await out.send(batch)
        else:
          ctx.live()


async def _work(kind: Kind, config: Any, ctx: SourceContext, outbox: Outbox) -> None:
  """On asyncio's loop: an exchange, its markets, and then one of the two ways."""
  from bond_ccxt.shared import Exchanges

  secrets: tuple[str, ...] = ()
  try:
    async with ctx.remember(Exchanges, Exchanges).open(config) as shared:
      from bond_ccxt.abilities import check_interval, streams
      from bond_ccxt.listing import relist
      from bond_ccxt.polling import poll
      from bond_ccxt.watching import watch

      secrets = shared.secrets
      outbox.headers = shared.exchange.last_response_headers or {}
      way = watch if streams(shared.exchange, kind, config.mode) else poll
      if kind == "ohlcv":
        check_interval(shared.exchange, config.interval)
      listed = await _found(kind, config, shared, outbox)
      ctx.log.info(
        "%s: %s %s of %d markets",
        config.exchange,
        "streams" if way is watch else "polls",
        kind,
        len(listed),
      )
      async with asyncio.TaskGroup() as tasks:
        relisting = tasks.create_task(relist(shared, listed, outbox, ctx.log))
        await way(kind, config, shared, listed, outbox)
        relisting.cancel()
      # Each market has been refused with its own reason.
      raise Refused("; ".join(outbox.refused))
  except Exception as exc:
    from bond_ccxt.faults import translated

    # ccxt's own error, and its traceback, may carry what was sent, so it ends here.
    raise translated(_first(exc), config.exchange, secrets) from None


async def _found(kind: Kind, config: Any, shared: Any, outbox: Outbox) -> list[Any]:
  """The markets that the venue has; the others are refused, each by itself, where a list of now
  does not have them. Raises Refused where it has none of them."""
  listed, refused = _listed(kind, config, shared.exchange)
  if refused and await shared.load_markets(at_most=FRESH_SECONDS):
    listed, refused = _listed(kind, config, shared.exchange)
  if not listed:
    raise Refused("; ".join(refused))
  for reason in refused:
    outbox.refuse(reason)
  return listed


def _listed(kind: Kind, config: Any, exchange: Any) -> tuple[list[Any], list[str]]:
  """The markets that a list has, and why the others are refused."""
  from bond_ccxt.markets import find

  listed, refused = [], []
  for text in config.symbols:
    try:
      market = find(exchange, text, config.market)
      if kind == "funding" and market.instrument.market_type != "perp":
        raise Refused(f"{config.exchange}: {market.symbol} has no funding; name a perpetual")
    except Refused as exc:
      refused.append(str(exc))
    else:
      listed.append(market)
  return listed, refused


def _first(exc: Exception) -> Exception:
  """The first error of tasks that failed together."""
  found = leaf(exc)
  while isinstance(found, BaseExceptionGroup):
    found = found.exceptions[0]
  return found if isinstance(found, Exception) else exc
