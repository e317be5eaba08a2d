"""The prices and the book of a market."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, Final

import attrs
import trio

from bond_core import AnyEvent, Channel, Funding, Market, MarketType, Principal, Ticker
from bond_server.answers import changes
from bond_server.answers.arguments import amount_of, budget_of, whole
from bond_server.answers.bounds import allow, may_see
from bond_server.answers.fitting import fit, note
from bond_server.answers.freshness import Freshness, worst
from bond_server.answers.markets import market_of
from bond_server.answers.questions.common import Questions
from bond_server.answers.refused import QuestionRefused
from bond_server.answers.rows import apart, clean, instrument_of, marked, seq_of
from bond_server.answers.watches import Watch

WHOLE_WITHIN: Final = 1.0
"""Seconds in which the prices of a ticker are awaited that came with a message of its own."""
_STATISTICS: Final = ("mark", "index", "open_interest", "volume")
DEPTH: Final = 10
MAX_DEPTH: Final = 200


@attrs.frozen
class _Parts:
  """A ticker of which each message says a part."""

  newest_first: list[Ticker]

  @property
  def leading(self) -> Ticker:
    """The newest with prices, which the time of the whole is of; else the newest."""
    found = (part for part in self.newest_first if part.bid is not None or part.ask is not None)
    return next(found, self.newest_first[0])

  @property
  def ts_internal(self) -> int | None:
    """When it was received."""
    return self.leading.ts_internal


class PriceQuestions(Questions):
  """The prices and the book of a market, at each venue."""

  async def quote(
    self,
    caller: Principal,
    symbol: object,
    exchange: object = None,
    *,
    cursor: object = None,
    budget: object = None,
  ) -> dict[str, Any]:
    """The best prices and the last one of a market, at each venue that is named or runs."""
    self.allowances.call(caller.name)
    market, room = market_of(symbol), budget_of(budget)

    async def of(venue: str) -> tuple[Freshness, dict[str, Any]]:
      watch = await self._watch(caller, ("ticker",), market, venue)
      parts = await self._first(watch, lambda: self._tickers(market, watch))
      return self._quote_row(caller, watch, market, parts)

    return await self._of_venues(caller, market, exchange, ("ticker",), of, "quotes", cursor, room)

  async def book(
    self,
    caller: Principal,
    symbol: object,
    exchange: object = None,
    *,
    depth: object = None,
    buy: object = None,
    sell: object = None,
    cursor: object = None,
    budget: object = None,
  ) -> dict[str, Any]:
    """The best levels of a market's book at each venue that is named or runs, and what an order of
    so much of the base currency would cost or bring."""
    self.allowances.call(caller.name)
    market, room = market_of(symbol), budget_of(budget)
    levels = whole("depth", depth, DEPTH, MAX_DEPTH)
    orders = [(side, amount_of(side, of)) for side, of in (("buy", buy), ("sell", sell)) if of]

    async def of(venue: str) -> tuple[Freshness, dict[str, Any]]:
      watch = await self._watch(caller, ("orderbook",), market, venue)
      seen = None if orders else levels
      state = self._state
      found = await self._first(
        watch,
        lambda: next(
          (b for i in self._instruments(market, watch) if (b := state.book(i, seen))), None
        ),
      )
      fresh = self._heads.fresh(watch, "orderbook", found)
      row = _row(watch.exchange, found, fresh)
      if found is not None:
        row["bids"], row["asks"] = found.bids[:levels], found.asks[:levels]
        for side, amount in orders:
          taken = found.asks if side == "buy" else found.bids
          row[side] = changes.filled(taken, amount)
      return fresh, row

    channels: tuple[Channel, ...] = ("orderbook",)
    return await self._of_venues(caller, market, exchange, channels, of, "books", cursor, room)

  async def _of_venues(
    self,
    caller: Principal,
    market: Market,
    exchange: object,
    channels: tuple[Channel, ...],
    question: Callable[[str], Awaitable[tuple[Freshness, dict[str, Any]]]],
    key: str,
    cursor: object,
    room: int,
  ) -> dict[str, Any]:
    """An answer with a row for each venue."""
    self._check_ahead(cursor, self._server.log)
    venues = self._venues(exchange)
    allow(caller, channels, venues, market)
    found: dict[str, tuple[Freshness, dict[str, Any]]] = {}
    refused: list[QuestionRefused] = []

    async def ask(venue: str) -> None:
      try:
        found[venue] = await question(venue)
      except QuestionRefused as exc:
        refused.append(exc)

    async with trio.open_nursery() as nursery:
      for venue in venues:
        nursery.start_soon(ask, venue)
    if not found:
      raise refused[0]
    listed = [found[venue] for venue in venues if venue in found]
    what = "book" if key == "books" else "quote"
    head = self._heads.of_market(
      worst(fresh for fresh, _ in listed), what, market, list(found), cursor, channels
    )
    answer = {**head, "symbol": clean(str(market)), key: []}
    kept = fit(answer, key, [row for _, row in listed], room)
    if kept < len(listed) and key == "books" and not kept:
      # One book is always told, with as many levels as fit.
      answer[key] = [changes.shortened(listed[0][1], room)]
      note(answer, "The book is cut to the budget; name a larger one for more levels.")
    return marked(answer)

  def _tickers(self, market: Market, watch: Watch) -> "_Parts | None":
    """What was said last of a ticker, the newest first; the prices, where they can be awaited."""
    for instrument in self._instruments(market, watch):
      if parts := self._state.tickers(instrument):
        waited = (self._server.clock.mono_ns() - watch.since_ns) / 1e9
        if waited < WHOLE_WITHIN and all(part.bid is None for part in parts):
          return None
        return _Parts(sorted(parts, key=seq_of, reverse=True))
    return None

  def _quote_row(
    self, caller: Principal, watch: Watch, market: Market, parts: "_Parts | None"
  ) -> tuple[Freshness, dict[str, Any]]:
    event = None if parts is None else parts.leading
    fresh = self._heads.fresh(watch, "ticker", event)
    row = _row(watch.exchange, event, fresh)
    if parts is None or event is None:
      return fresh, row
    for name in ("bid", "bid_size", "ask", "ask_size", "last", *_STATISTICS):
      part = next((p for p in parts.newest_first if getattr(p, name) is not None), None)
      if part is not None:
        row[name] = getattr(part, name)
        if part is not event and name in ("last", "mark"):
          # Another message than the one that the row's time is of.
          row[f"{name}_age_ms"], row[f"{name}_seq"] = self._heads.age(part), seq_of(part)
    if event.bid is not None and event.ask is not None:
      row["spread"] = changes.exact(Decimal(repr(event.ask)) - Decimal(repr(event.bid)))
    of = instrument_of(event)
    funding = self._state.last(Funding, of) if may_see(caller.bounds, "funding", of) else None
    if isinstance(funding, Funding) and funding.rate is not None:
      row["funding_rate"], row["funding_age_ms"] = funding.rate, self._heads.age(funding)
    return fresh, row


def _row(exchange: str, event: AnyEvent | None, fresh: Freshness) -> dict[str, Any]:
  row = {**apart({"exchange": exchange}), "state": fresh.state, "age_ms": fresh.age_ms}
  if event is not None:
    kind: MarketType | None = getattr(event, "market_type", None)
    row |= {"market_type": kind} if kind else {}
    expiry = getattr(event, "expiry", None)
    row |= {"expiry": expiry} if expiry else {}
    row["seq"] = seq_of(event)
  return row
