"""A source of ccxt while it runs: ccxt on asyncio's thread, batches to the core."""

from functools import partial
from typing import Any

import trio
from bond_bridge import AsyncioThread

from bond_ccxt.config import Kind
from bond_ccxt.outbox import Outbox
from bond_core import Out, Refused, SourceContext, leaf


async def run_source(kind: Kind, config: Any, out: Out, ctx: SourceContext) -> None:
  """Runs until it is cancelled; raises the errors by which the core retries or gives up."""
  outbox = Outbox("candle" if kind == "ohlcv" else kind, ctx.clock)
  async with (
    ctx.open_shared(AsyncioThread, AsyncioThread) as thread,
    thread.iterate(outbox.__aiter__) as receive,
    trio.open_nursery() as nursery,
  ):
    nursery.start_soon(thread.run, partial(_work, kind, config, ctx, outbox))
    while True:
      for batch in await receive():
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
      from bond_ccxt.markets import find
      from bond_ccxt.polling import poll
      from bond_ccxt.watching import watch

      secrets = shared.secrets
      way = watch if streams(shared.exchange, kind, config.mode) else poll
      if kind == "ohlcv":
        check_interval(shared.exchange, config.interval)
      listed = [find(shared.exchange, text, config.market) for text in config.symbols]
      if kind == "funding":
        for market in listed:
          if market.instrument.market_type != "perp":
            raise Refused(f"{config.exchange}: {market.symbol} has no funding; name a perpetual")
      ctx.log.info(
        "%s: %s %s of %d markets",
        config.exchange,
        "streams" if way is watch else "polls",
        kind,
        len(listed),
      )
      await way(kind, config, shared, listed, outbox)
  except Exception as exc:
    from bond_ccxt.faults import translated

    # ccxt's own error, and its traceback, may carry what was sent, so it ends here.
    raise translated(_first(exc), config.exchange, secrets) from None


def _first(exc: Exception) -> Exception:
  """The first error of tasks that failed together."""
  found = leaf(exc)
  while isinstance(found, BaseExceptionGroup):
    found = found.exceptions[0]
  return found if isinstance(found, Exception) else exc
