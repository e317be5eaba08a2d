"""Polls a venue, within the limits that ccxt keeps for it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from bond_ccxt.abilities import can
from bond_ccxt.bars import Bars
from bond_ccxt.config import Kind
from bond_ccxt.events import Stamps, funding_event, ticker_event
from bond_ccxt.markets import Listed
from bond_ccxt.outbox import Outbox
from bond_ccxt.shared import Shared
from bond_ccxt.shown_book import ShownBook
from bond_ccxt.tape import Tape

Take = Callable[[Any, Stamps], None]
Round = Callable[[], Awaitable[None]]

# Every venue gives this many levels by default.
_USUAL_DEPTH = 20


async def poll(
  kind: Kind, config: Any, shared: Shared, listed: list[Listed], outbox: Outbox
) -> None:
  """Polls all markets every `config.every` until it is cancelled or a request fails. A round that
  takes longer is followed by the next one at once; ccxt spaces the requests by the venue's limit.
  """
  rounds = _ROUNDS[kind](config, shared.exchange, listed, outbox)
  loop = asyncio.get_running_loop()
  due = loop.time()
  while True:
    for fetch in rounds:
      await fetch()
      outbox.live()
    due = max(due + config.every, loop.time())
    await asyncio.sleep(due - loop.time())


def _trades(config: Any, exchange: Any, listed: list[Listed], outbox: Outbox) -> list[Round]:
  def round_of(market: Listed) -> Round:
    tape = Tape(market, outbox)
    options = _single_trades(market)
    return _round(
      outbox, lambda: exchange.fetch_trades(market.symbol, None, None, options), tape.page
    )

  return [round_of(market) for market in listed]


def _single_trades(listed: Listed) -> dict[str, str]:
  """ccxt polls Binance for aggregated trades, whose numbers are others than those of its stream."""
  if not listed.instrument.exchange.startswith("binance"):
    return {}
  api = "public"
  if listed.market.get("linear"):
    api = "fapiPublic"
  elif listed.market.get("inverse"):
    api = "dapiPublic"
  return {"fetchTradesMethod": f"{api}GetTrades"}


def _books(config: Any, exchange: Any, listed: list[Listed], outbox: Outbox) -> list[Round]:
  limit = None if config.depth <= _USUAL_DEPTH else config.depth

  def round_of(market: Listed) -> Round:
    shown = ShownBook(market, outbox, config.depth, deltas=config.deltas)
    return _round(outbox, lambda: exchange.fetch_order_book(market.symbol, limit), shown.show)

  return [round_of(market) for market in listed]


def _bars(config: Any, exchange: Any, listed: list[Listed], outbox: Outbox) -> list[Round]:
  length_ms = exchange.parse_timeframe(config.interval) * 1000
  # Enough to see those that were closed since the last time.
  limit = 2 + int(config.every * 1000 // length_ms)

  def round_of(market: Listed) -> Round:
    bars = Bars(market, outbox, config.interval, length_ms)
    return _round(
      outbox,
      lambda: exchange.fetch_ohlcv(market.symbol, config.interval, None, limit),
      bars.take,
    )

  return [round_of(market) for market in listed]


def _tickers(config: Any, exchange: Any, listed: list[Listed], outbox: Outbox) -> list[Round]:
  def take(market: Listed, ticker: Any, stamps: Stamps) -> None:
    outbox.put(market.instrument, (ticker_event(market, ticker, stamps),))

  many = exchange.fetch_tickers if can(exchange, "fetchTickers") else None
  return _one_or_many(listed, outbox, exchange.fetch_ticker, many, take)


def _rates(config: Any, exchange: Any, listed: list[Listed], outbox: Outbox) -> list[Round]:
  def take(market: Listed, rate: Any, stamps: Stamps) -> None:
    outbox.put(market.instrument, (funding_event(market, rate, stamps),))

  many = exchange.fetch_funding_rates if can(exchange, "fetchFundingRates") else None
  return _one_or_many(listed, outbox, exchange.fetch_funding_rate, many, take)


def _one_or_many(
  listed: list[Listed],
  outbox: Outbox,
  one: Callable[[str], Awaitable[Any]],
  many: Callable[[list[str]], Awaitable[Any]] | None,
  take: Callable[[Listed, Any, Stamps], None],
) -> list[Round]:
  """One request for all markets of a kind where the venue has such, else one a market."""

  def alone(market: Listed) -> Round:
    return _round(
      outbox, lambda: one(market.symbol), lambda found, stamps: take(market, found, stamps)
    )

  def together(markets: list[Listed]) -> Round:
    by_symbol = {market.symbol: market for market in markets}

    def take_all(found: Any, stamps: Stamps) -> None:
      for symbol, item in found.items():
        if symbol in by_symbol:
          take(by_symbol[symbol], item, stamps)

    symbols = list(by_symbol)
    return _round(outbox, lambda: many(symbols) if many is not None else one(symbols[0]), take_all)

  rounds: list[Round] = []
  for markets in _kinds(listed):
    if many is None or len(markets) == 1:
      rounds += [alone(market) for market in markets]
    else:
      rounds.append(together(markets))
  return rounds


def _kinds(listed: list[Listed]) -> Iterable[list[Listed]]:
  """The markets by the part of the venue that they are on: ccxt requests one part at a time."""
  kinds: dict[tuple[object, ...], list[Listed]] = {}
  for market in listed:
    key = tuple(market.market.get(name) for name in ("type", "linear", "inverse"))
    kinds.setdefault(key, []).append(market)
  return kinds.values()


def _round(outbox: Outbox, fetch: Callable[[], Awaitable[Any]], take: Take) -> Round:
  async def once() -> None:
    found = await fetch()
    take(found, (outbox.clock.now_ms(), outbox.clock.mono_ns()))

  return once


_ROUNDS = {
  "trades": _trades,
  "orderbook": _books,
  "ticker": _tickers,
  "ohlcv": _bars,
  "funding": _rates,
}
