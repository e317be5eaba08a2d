"""A source of ccxt while it runs: ccxt on asyncio's thread, batches to the core."""

from functools import partial
from typing import Any

import trio
from bond_bridge import AsyncioThread

from bond_ccxt.config import Kind
from bond_ccxt.outbox import Outbox
from bond_core import Out, Refused, SourceContext, leaf
from bond_core.websockets import note_answer


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
      from bond_ccxt.polling import poll
      from bond_ccxt.watching import watch

      secrets = shared.secrets
      outbox.headers = shared.exchange.last_response_headers or {}
      way = watch if streams(shared.exchange, kind, config.mode) else poll
      if kind == "ohlcv":
        check_interval(shared.exchange, config.interval)
      listed = _found(kind, config, shared.exchange, outbox)
      ctx.log.info(
        "%s: %s %s of %d markets",
        config.exchange,
        "streams" if way is watch else "polls",
        kind,
        len(listed),
      )
      await way(kind, config, shared, listed, outbox)
      # Each market has been refused with its own reason.
      raise Refused("; ".join(outbox.refused))
  except Exception as exc:
    from bond_ccxt.faults import translated

    # ccxt's own error, and its traceback, may carry what was sent, so it ends here.
    raise translated(_first(exc), config.exchange, secrets) from None


def _found(kind: Kind, config: Any, exchange: Any, outbox: Outbox) -> list[Any]:
  """The markets that the venue has; the others are refused, each by itself. Raises Refused where it
  has none of them."""
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
  if not listed:
    raise Refused("; ".join(refused))
  for reason in refused:
    outbox.refuse(reason)
  return listed


def _first(exc: Exception) -> Exception:
  """The first error of tasks that failed together."""
  found = leaf(exc)
  while isinstance(found, BaseExceptionGroup):
    found = found.exceptions[0]
  return found if isinstance(found, Exception) else exc
