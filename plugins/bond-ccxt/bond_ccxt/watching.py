"""Streaming through ccxt.pro: one task a market, on asyncio's loop."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import ccxt

from bond_ccxt.abilities import watched_depth
from bond_ccxt.bars import Bars
from bond_ccxt.config import Kind
from bond_ccxt.events import Stamps, funding_event, ticker_event
from bond_ccxt.faults import described
from bond_ccxt.markets import Listed
from bond_ccxt.one_market import MarketFaults
from bond_ccxt.outbox import Outbox
from bond_ccxt.shared import Losses, Shared
from bond_ccxt.shown_book import BookDepth, ShownBook
from bond_ccxt.tape import CONTIGUOUS, Tape

MOST_RESYNCS = 5
"""Times in a row that a book may be started again before the connection counts as lost."""


async def watch(
  kind: Kind, config: Any, shared: Shared, listed: list[Listed], outbox: Outbox
) -> None:
  """Watches all markets until it is cancelled, the venue fails, or no market is left."""
  watcher = _WATCHERS[kind]
  async with asyncio.TaskGroup() as tasks:
    for market in listed:
      tasks.create_task(_while_listed(market, partial(watcher, config, shared, market, outbox)))


async def _while_listed(listed: Listed, watch: Callable[[], Awaitable[None]]) -> None:
  """Watches a market while it is readable, until it is given up."""
  while True:
    while not listed.readable:
      await listed.turned.wait()
    task, turned = asyncio.ensure_future(watch()), asyncio.ensure_future(listed.turned.wait())
    try:
      await asyncio.wait((task, turned), return_when=asyncio.FIRST_COMPLETED)
      if task.done():
        return task.result()
    finally:
      task.cancel()
      turned.cancel()
      await asyncio.wait((task, turned))


async def _trades(config: Any, shared: Shared, listed: Listed, outbox: Outbox) -> None:
  tape = Tape(listed, outbox)
  numbered = listed.instrument.exchange in CONTIGUOUS
  await _each(
    shared,
    listed,
    outbox,
    lambda: shared.exchange.watch_trades(listed.symbol),
    tape.streamed,
    # Numbered trades show their losses themselves.
    declare=not numbered,
  )


async def _tickers(config: Any, shared: Shared, listed: Listed, outbox: Outbox) -> None:
  def take(ticker: Any, stamps: Stamps) -> None:
    outbox.put(listed.instrument, (ticker_event(listed, ticker, stamps),))

  await _each(
    shared, listed, outbox, lambda: shared.exchange.watch_ticker(listed.symbol), take, declare=True
  )


async def _bars(config: Any, shared: Shared, listed: Listed, outbox: Outbox) -> None:
  exchange, interval = shared.exchange, config.interval
  bars = Bars(listed, outbox, interval, exchange.parse_timeframe(interval) * 1000)
  await _each(
    shared,
    listed,
    outbox,
    lambda: exchange.watch_ohlcv(listed.symbol, interval),
    bars.take,
    declare=True,
    restart=bars.restart,
  )


async def _rates(config: Any, shared: Shared, listed: Listed, outbox: Outbox) -> None:
  def take(rate: Any, stamps: Stamps) -> None:
    outbox.put(listed.instrument, (funding_event(listed, rate, stamps),))

  await _each(
    shared,
    listed,
    outbox,
    lambda: shared.exchange.watch_funding_rate(listed.symbol),
    take,
    declare=True,
  )


async def _each(
  shared: Shared,
  listed: Listed,
  outbox: Outbox,
  receive: Callable[[], Awaitable[Any]],
  take: Callable[[Any, Stamps], None],
  *,
  declare: bool,
  restart: Callable[[], None] | None = None,
) -> None:
  """Hands over what ccxt has, again and again. Between two calls nothing else is awaited, so ccxt
  always has a waiting task to notify; where a connection ended all the same, that is declared, and
  `restart` is called."""
  clock = outbox.clock
  faults = MarketFaults(listed, outbox, shared.secrets)
  lost: Losses | None = None
  while True:
    try:
      found = await receive()
    except Exception as exc:
      if await faults.again(exc):
        continue
      return
    faults.over()
    losses = shared.losses()
    if declare and lost is not None and (cause := losses.since(lost)) is not None:
      outbox.gap(listed.instrument, cause)
      if restart is not None:
        restart()
    lost = losses
    faults.take(take, found, (clock.now_ms(), clock.mono_ns()))


async def _books(config: Any, shared: Shared, listed: Listed, outbox: Outbox) -> None:
  exchange, clock = shared.exchange, outbox.clock
  shown = ShownBook(listed, outbox, config.depth, deltas=config.deltas)
  faults = MarketFaults(listed, outbox, shared.secrets)
  pause = config.speed_ms / 1000
  limits = watched_depth(exchange.id, listed.market["type"], config.depth)
  depth = BookDepth(listed, outbox, config.depth, *limits)
  lost: Losses | None = None
  resyncs = 0
  while True:
    try:
      book = await exchange.watch_order_book(listed.symbol, depth.limit)
    except (ccxt.InvalidNonce, ccxt.ChecksumError) as exc:
      # Its numbers or checksum do not fit: ccxt forgets the book and starts it again at the next
      # call.
      resyncs += 1
      if resyncs > MOST_RESYNCS:
        raise
      outbox.gap(listed.instrument, described(exc, shared.secrets))
      shown.restart()
      lost = None
      continue
    except Exception as exc:
      shown.restart()
      lost = None
      if depth.refused(exc) or await faults.again(exc):
        continue
      return
    faults.over()
    resyncs = 0
    losses = shared.losses()
    if lost is not None and (cause := losses.since(lost)) is not None:
      outbox.gap(listed.instrument, cause)
      shown.restart()
    lost = losses
    faults.take(shown.show, book, (clock.now_ms(), clock.mono_ns()))
    if pause:
      # The book goes on in the meantime, and its last state has to be shown even if nothing
      # follows.
      await asyncio.sleep(pause)
      if lost == shared.losses():
        faults.take(shown.show, book, (clock.now_ms(), clock.mono_ns()))


_WATCHERS = {
  "trades": _trades,
  "orderbook": _books,
  "ticker": _tickers,
  "ohlcv": _bars,
  "funding": _rates,
}
