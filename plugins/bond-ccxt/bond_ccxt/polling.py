"""Polls a venue, within the limits that ccxt keeps for it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import ccxt

from bond_ccxt.abilities import can, polled_depth
from bond_ccxt.bars import Bars
from bond_ccxt.config import Kind
from bond_ccxt.events import Stamps, funding_event, ticker_event
from bond_ccxt.faults import concerns_all, described
from bond_ccxt.markets import Listed
from bond_ccxt.one_market import MarketFaults
from bond_ccxt.outbox import Outbox
from bond_ccxt.shared import Shared
from bond_ccxt.shown_book import BookDepth, ShownBook
from bond_ccxt.tape import Tape
from bond_core import AnyEvent

Fetch = Callable[[list[Listed]], Awaitable[Any]]
Take = Callable[[Any, Stamps], None]


async def poll(
  kind: Kind, config: Any, shared: Shared, listed: list[Listed], outbox: Outbox
) -> None:
  """Polls all markets every `config.every` until it is cancelled or a request fails. A round that
  takes longer is followed by the next one at once; ccxt spaces the requests by the venue's limit.
  """
  rounds = _ROUNDS[kind](config, shared, listed, outbox)
  loop = asyncio.get_running_loop()
  due = loop.time()
  while any(one.markets for one in rounds):
    unreachable = 0
    for one in rounds:
      try:
        await one.once()
      except ccxt.NetworkError as exc:
        # A second one in a row is the venue's, the first may be one market's.
        unreachable += 1
        passing = isinstance(exc, ccxt.RateLimitExceeded | ccxt.DDoSProtection)
        if passing or unreachable == min(2, len(rounds)):
          raise
        one.unreachable(exc)
      else:
        unreachable = 0
      outbox.live()
    due = max(due + config.every, loop.time())
    await asyncio.sleep(due - loop.time())


class Round:
  """A request for one market, or one for several at once (`fetch` with more than one), and what
  takes the answers. A market whose part of a request fails, or is not in the answer, is requested
  alone until that works, so that it fails alone."""

  def __init__(
    self, shared: Shared, outbox: Outbox, fetch: Fetch, takes: list[tuple[Listed, Take]]
  ) -> None:
    self.markets = [listed for listed, _ in takes]
    """Those that are not refused."""
    self._outbox = outbox
    self._fetch = fetch
    self._takes = {listed.symbol: take for listed, take in takes}
    self._faults = {
      listed.symbol: MarketFaults(listed, outbox, shared.secrets) for listed in self.markets
    }
    self._several = len(takes) > 1
    self._alone: dict[str, float] = {}
    """When markets that failed are requested again, each by itself."""

  async def once(self) -> None:
    """Requests what is due. Raises what concerns all markets."""
    now = asyncio.get_running_loop().time()
    markets = [listed for listed in self.markets if listed.readable]
    together = [listed for listed in markets if listed.symbol not in self._alone]
    due = [listed for listed in markets if self._alone.get(listed.symbol, now + 1) <= now]
    for group in (together, *([listed] for listed in due)):
      if group:
        await self._request(group)

  async def _request(self, group: list[Listed]) -> None:
    try:
      found = await self._fetch(group)
    except Exception as exc:
      if len(group) == 1 or concerns_all(exc):
        self._failed(group[0], exc)
        return
      middle = len(group) // 2
      await self._request(group[:middle])
      await self._request(group[middle:])
      return
    stamps = self._outbox.clock.now_ms(), self._outbox.clock.mono_ns()
    for listed in group:
      self._answered(listed, found, stamps, alone=len(group) == 1)

  def _answered(self, listed: Listed, found: Any, stamps: Stamps, *, alone: bool) -> None:
    symbol, faults = listed.symbol, self._faults[listed.symbol]
    item = found
    if self._several:
      item = found.get(symbol) if isinstance(found, dict) else None
      if item is None:
        if alone:
          self._failed(listed, ValueError(f"the answer has no {symbol}"))
        else:
          self._alone[symbol] = 0.0
        return
    self._alone.pop(symbol, None)
    faults.over()
    try:
      faults.take(self._takes[symbol], item, stamps)
    except ccxt.NotSupported as exc:
      self._failed(listed, exc)

  def _failed(self, listed: Listed, exc: Exception) -> None:
    wait = self._faults[listed.symbol].failed(exc)
    if wait is None:
      self.markets.remove(listed)
    else:
      self._alone[listed.symbol] = asyncio.get_running_loop().time() + wait

  def unreachable(self, exc: Exception) -> None:
    """Declares that the venue could not be reached for these markets."""
    for listed in self.markets:
      self._outbox.gap(listed.instrument, described(exc))


def _trades(config: Any, shared: Shared, listed: list[Listed], outbox: Outbox) -> list[Round]:
  async def fetch(markets: list[Listed]) -> Any:
    (market,) = markets
    return await shared.exchange.fetch_trades(market.symbol, None, None, _single_trades(market))

  return [Round(shared, outbox, fetch, [(market, Tape(market, outbox).page)]) for market in listed]


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


def _books(config: Any, shared: Shared, listed: list[Listed], outbox: Outbox) -> list[Round]:
  depths = {
    market.symbol: BookDepth(
      market, outbox, config.depth, *polled_depth(shared.exchange.id, config.depth)
    )
    for market in listed
  }

  async def fetch(markets: list[Listed]) -> Any:
    (market,) = markets
    depth = depths[market.symbol]
    while True:
      try:
        return await shared.exchange.fetch_order_book(market.symbol, depth.limit)
      except ccxt.ExchangeError as exc:
        if not depth.refused(exc):
          raise

  shown = [
    (market, ShownBook(market, outbox, config.depth, deltas=config.deltas)) for market in listed
  ]
  return [Round(shared, outbox, fetch, [(market, book.show)]) for market, book in shown]


def _bars(config: Any, shared: Shared, listed: list[Listed], outbox: Outbox) -> list[Round]:
  length_ms = shared.exchange.parse_timeframe(config.interval) * 1000
  # Enough to see those that were closed since the last time.
  limit = 2 + int(config.every * 1000 // length_ms)

  async def fetch(markets: list[Listed]) -> Any:
    (market,) = markets
    fetch_bars = shared.exchange.fetch_ohlcv
    rows = await fetch_bars(market.symbol, config.interval, None, limit)
    bars = followed[market.symbol]
    if (since := bars.missing_since(rows)) is not None:
      # After an outage, say, or where the answer was short.
      return await fetch_bars(market.symbol, config.interval, since, bars.count_since(since))
    return rows

  followed = {
    market.symbol: Bars(market, outbox, config.interval, length_ms, polled=True)
    for market in listed
  }
  return [
    Round(shared, outbox, fetch, [(market, followed[market.symbol].take)]) for market in listed
  ]


def _tickers(config: Any, shared: Shared, listed: list[Listed], outbox: Outbox) -> list[Round]:
  def taker(market: Listed) -> Take:
    return lambda ticker, stamps: _put(outbox, market, ticker_event(market, ticker, stamps))

  exchange = shared.exchange
  many = exchange.fetch_tickers if can(exchange, "fetchTickers") else None
  return _one_or_many(listed, shared, outbox, exchange.fetch_ticker, many, taker)


def _rates(config: Any, shared: Shared, listed: list[Listed], outbox: Outbox) -> list[Round]:
  def taker(market: Listed) -> Take:
    return lambda rate, stamps: _put(outbox, market, funding_event(market, rate, stamps))

  exchange = shared.exchange
  many = exchange.fetch_funding_rates if can(exchange, "fetchFundingRates") else None
  return _one_or_many(listed, shared, outbox, exchange.fetch_funding_rate, many, taker)


def _put(outbox: Outbox, market: Listed, event: AnyEvent) -> None:
  outbox.put(market.instrument, (event,))


def _one_or_many(
  listed: list[Listed],
  shared: Shared,
  outbox: Outbox,
  one: Callable[[str], Awaitable[Any]],
  many: Callable[[list[str]], Awaitable[Any]] | None,
  taker: Callable[[Listed], Take],
) -> list[Round]:
  """One request for all markets of a kind where the venue has such, else one a market."""

  async def single(markets: list[Listed]) -> Any:
    (market,) = markets
    return await one(market.symbol)

  rounds: list[Round] = []
  for markets in _kinds(listed):
    takes = [(market, taker(market)) for market in markets]
    if many is None or len(markets) == 1:
      rounds += [Round(shared, outbox, single, [taken]) for taken in takes]
    else:
      rounds.append(Round(shared, outbox, _together(many), takes))
  return rounds


def _together(many: Callable[[list[str]], Awaitable[Any]]) -> Fetch:
  async def fetch(markets: list[Listed]) -> Any:
    return await many([market.symbol for market in markets])

  return fetch


def _kinds(listed: list[Listed]) -> Iterable[list[Listed]]:
  """The markets by the part of the venue that they are on: ccxt requests one part at a time."""
  kinds: dict[tuple[object, ...], list[Listed]] = {}
  for market in listed:
    key = tuple(market.market.get(name) for name in ("type", "linear", "inverse"))
    kinds.setdefault(key, []).append(market)
  return kinds.values()


_ROUNDS = {
  "trades": _trades,
  "orderbook": _books,
  "ticker": _tickers,
  "ohlcv": _bars,
  "funding": _rates,
}
