"""Trades, books and quotes: what the markets of an exchange did is what is told."""

import math
import re
from collections.abc import Iterable
from typing import Any

from bond_core import Gap, OrderBook, Ticker, Trade
from bond_core._sources.source import SourceReader
from bond_core.feeds import Subscription
from tests.chaos.judge import Judge, Violation
from tests.chaos.truth import Market, Sides, Truth


class MarketJudge(Judge):
  """Reads what was told, event by event, as a reader who trusts only what is told.

  `withheld` says of a trade id whether the venue itself dropped its message, where a venue's trades
  have no numbers that show it. Where books are not `linked`, each comes whole, follows any earlier
  one, and is numbered by the venue's time of it, which a plan may change. `by_time` is for venues
  whose numbers are those of a connection, so that it is the time that tells states apart.
  """

  def __init__(
    self,
    exchange: str,
    truth: Truth,
    withheld: Iterable[bytes],
    *,
    numbered: bool,
    linked: bool = True,
    by_time: bool = False,
  ) -> None:
    super().__init__(exchange)
    self.streams: dict[str, tuple[str, Market]] = {}
    """Channel and market of each subscription, by its name in gaps."""
    self._truth = truth
    self._withheld = withheld
    self._numbered = numbered
    self._linked = linked
    self._by_time = by_time
    self._times: dict[Market, int] = {}
    self._places: dict[Market, dict[str, int]] = {}
    self._last: dict[Market, int] = {}
    self._left_out: dict[Market, set[int]] = {}
    self._told: dict[Market, set[int]] = {}
    self._gapped: set[tuple[str, Market]] = set()
    self._books: dict[Market, Sides] = {}
    self._numbers: dict[Market, int | None] = {}
    self._chained: set[Market] = set()
    self._floor: dict[Market, int] = {}
    """Numbers that a new chain has to reach where the one before it broke within a connection."""
    self._quotes: dict[Market, tuple[int, tuple[float, ...]]] = {}

  def take(self, event: Any) -> None:
    if isinstance(event, Gap):
      self._gap(event)
    elif isinstance(event, Trade):
      self._trade(event)
    elif isinstance(event, OrderBook):
      self._book(event)
    elif isinstance(event, Ticker):
      self._quote(event)

  def follow(self, readers: list[SourceReader]) -> None:
    """Takes the names of what is subscribed to."""
    for reader in readers:
      for subscription in reader.subscriptions:
        self.streams[str(subscription)] = subscription.channel, market_of(subscription)

  def wrong(self, readers: list[SourceReader]) -> str | None:
    """What a subscription lacks to be as the venue is now; None where none lacks anything."""
    for name, (channel, market) in self.streams.items():
      if behind := self._behind(market, channel):
        return f"{name}: {behind}"
    return None

  def _behind(self, market: Market, channel: str) -> str | None:
    truth = self._truth
    if channel == "trades":
      trades = truth.trades.get(market, [])
      last = self._last.get(market)
      if not trades:
        return None
      if last is None:
        return "no trade was told"
      if left_out := self._left_out.get(market):
        return f"trade {trades[min(left_out)].id} was lost in silence"
      return None if last == len(trades) - 1 else f"{len(trades) - 1 - last} trades are not told"
    if channel == "ticker":
      quotes = truth.quotes.get(market, [])
      told = self._quotes.get(market)
      if told is None or not quotes:
        return "no quote was told"
      return None if _equal(told[1], quotes[-1][1]) else "the quote is not the last"
    if market not in self._chained:
      return "the book has no chain"
    number, latest = self._numbers[market], truth.latest.get(market)
    if self._by_time:
      number = self._times[market]
    return None if number == latest else f"the book is at {number}, the venue's at {latest}"

  # Events ----------------------------------------------------------------------------------------

  def _fail(self, sentence: str) -> None:
    raise Violation(self.at, f"{self._exchange}: {sentence}")

  def _gap(self, gap: Gap) -> None:
    if gap.exchange != self._exchange:
      self._fail(f"a gap of {gap.exchange!r}")
    for name, (channel, market) in self.streams.items():
      if name in gap.streams if gap.streams is not None else self._concerns(gap, channel, market):
        self._gapped.add((channel, market))
        if channel == "orderbook":
          self._chained.discard(market)
          broke = gap.cause.startswith(("a message could not be read", "deltas are missing"))
          self._floor[market] = (self._numbers.get(market) or 0) if broke else 0
        elif channel == "trades":
          self._left_out.pop(market, None)

  def _concerns(self, gap: Gap, channel: str, market: Market) -> bool:
    return (
      gap.channel in ("*", channel)
      and gap.symbol in ("*", market[0])
      and gap.market_type in (None, market[1])
    )

  def _trade(self, event: Trade) -> None:
    market = event.symbol, str(event.market_type)
    trades = self._truth.trades.get(market, [])
    places = self._places.setdefault(market, {})
    for place in range(len(places), len(trades)):
      places[trades[place].id] = place
    place = places.get(str(event.trade_id))
    if place is None:
      self._fail(f"trade {event.trade_id} of {market} is none of the venue's")
      return
    true = trades[place]
    if not _equal((event.price, event.size), (true.price, true.size)):
      self._fail(f"trade {event.trade_id}: {event.size} at {event.price}, the venue's {true}")
    if event.side not in (true.side, "unknown"):
      self._fail(f"trade {event.trade_id} is a {event.side}, the venue's a {true.side}")
    told = self._told.setdefault(market, set())
    if place in told:
      self._fail(f"trade {event.trade_id} of {market} is told twice")
    told.add(place)
    last = self._last.get(market)
    gapped = ("trades", market) in self._gapped
    if last is not None and place <= last and not gapped:
      if self._numbered:
        self._fail(f"trade {event.trade_id} of {market} is told after {trades[last].id}")
      self._left_out.get(market, set()).discard(place)
      return
    if last is not None and place > last + 1 and not gapped:
      between = (at for at in range(last + 1, place) if at not in told)
      missing = [at for at in between if not self._told_off(trades[at].id)]
      if missing and self._numbered:
        ids = f"{trades[missing[0]].id} to {trades[missing[-1]].id}"
        self._fail(f"trades {ids} of {market} were lost in silence")
      # Without numbers nobody knows that they are to come yet.
      self._left_out.setdefault(market, set()).update(missing)
    self._gapped.discard(("trades", market))
    self._last[market] = place

  def _told_off(self, number: str) -> bool:
    """Whether the loss of this trade is one that nobody can see."""
    wanted = re.compile(rf'[":]{number}[",}}]'.encode())
    return not self._numbered and any(wanted.search(message) for message in self._withheld)

  def _book(self, event: OrderBook) -> None:
    market = event.symbol, str(event.market_type)
    if event.update_type == "snapshot":
      known = self._numbers.get(market) if market in self._chained else None
      if self._linked and known not in (None, event.sequence):
        self._fail(f"a snapshot of {market} replaces a chain that nothing broke")
      if not self._linked and known is not None and known >= (event.sequence or 0):
        self._fail(f"the book of {market} at {event.sequence} comes after {known}")
      if self._linked and (event.sequence or 0) < self._floor.get(market, 0):
        self._fail(f"the book of {market} goes back to {event.sequence} on the same connection")
      self._books[market] = {}, {}
      self._chained.add(market)
    else:
      if market not in self._chained:
        self._fail(f"a delta of the book of {market} before its snapshot")
      if event.prev_sequence != self._numbers[market]:
        last = self._numbers[market]
        self._fail(f"a delta of {market} follows {event.prev_sequence}, not {last}")
    self._apply(market, event)
    self._numbers[market] = event.sequence
    told = self._books[market]
    self._times[market] = event.ts_exchange or 0
    place = self._times[market] if self._by_time else event.sequence or 0
    true = self._truth.books_at(market, place)
    if not self._linked and told not in true:
      true = [sides for books in self._truth.books.get(market, {}).values() for sides in books]
    if not true:
      self._fail(f"the book of {market} is at {event.sequence}, which the venue never had")
    if told not in true:
      off = _off(told, true[0])
      self._fail(f"the book of {market} at {event.sequence} is not the venue's: {off}")

  def _apply(self, market: Market, event: OrderBook) -> None:
    level = self._truth.units[market].level
    for side, changes in zip(self._books[market], (event.bids, event.asks), strict=True):
      for price, size in changes:
        ticks, lots = level(price, size)
        if lots:
          side[ticks] = lots
        else:
          side.pop(ticks, None)

  def _quote(self, event: Ticker) -> None:
    market = event.symbol, str(event.market_type)
    quotes = self._truth.quotes.get(market, [])
    true = [quote for number, quote in quotes if number == event.sequence]
    if not self._linked or self._by_time:
      true = [quote for _, quote in quotes]
    told = event.bid, event.bid_size, event.ask, event.ask_size
    # Where quotes have no number of their own a value that is null is one that there is not, and a
    # plan may make it so.
    if None in told and self._linked and not self._by_time:
      self._fail(f"a quote of {market} with {told}")
    quote = tuple(math.nan if value is None else value for value in told)
    if not any(_equal(quote, one) for one in true):
      self._fail(f"the quote {quote} of {market} at {event.sequence} is not the venue's, {true}")
    self._quotes[market] = event.sequence or 0, quote


def market_of(subscription: Subscription) -> Market:
  """The market of a subscription."""
  return subscription.instrument.symbol, str(subscription.instrument.market_type)


def _equal(one: Iterable[float], other: Iterable[float]) -> bool:
  """Whether all numbers are close; one that is not known (nan) is like any."""
  return all(
    math.isnan(a) or math.isclose(a, b, rel_tol=1e-9) for a, b in zip(one, other, strict=True)
  )


def _off(told: Sides, true: Sides) -> str:
  """Some of the levels that differ."""
  found = []
  for name, a, b in zip(("bid", "ask"), told, true, strict=True):
    found += [
      f"{name} {price}: {a.get(price)} told, {b.get(price)} true"
      for price in {**a, **b}
      if a.get(price) != b.get(price)
    ]
  return ", ".join(found[:4]) + (f" and {len(found) - 4} more" if len(found) > 4 else "")
