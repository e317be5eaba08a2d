"""The books of several venues as one, with each level's venues."""

from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Sequence
from typing import Literal

from bond_bookkit.replica import BookKey, ReplicaBook, concerns, may_concern
from bond_bookkit.skew import Skew
from bond_core import (
  Bbo,
  Consolidated,
  ConsolidatedLevel,
  Gap,
  Level,
  MarketType,
  OrderBook,
  VenueQuote,
)
from bond_core.books import MAX_LEVELS, Book

MAX_AGE_MS = 30_000
"""A venue whose book has not changed for so long is left out."""


class ConsolidatedBook:
  """One instrument's book across venues, moved by the snapshots and deltas of each.

  A venue counts while its book is known to be right: its chain is whole, no Gap may concern it, and
  its last update is younger than `max_age_ms`. One that drops out takes its levels with it, and
  comes back with all of them at its next good update. An update costs what it changes, however many
  other venues there are; a snapshot costs what it and the venue's old levels are.

  Times are ms of any one clock; `symbol`, `market_type` and `expiry` are those of the views.
  """

  def __init__(
    self,
    symbol: str,
    market_type: MarketType | None = None,
    expiry: str | None = None,
    *,
    max_age_ms: int = MAX_AGE_MS,
    max_levels: int = MAX_LEVELS,
  ) -> None:
    self._named = symbol, market_type, expiry
    self._max_age = max_age_ms
    self._max_levels = max_levels
    self._bids = _Side(1.0)
    self._asks = _Side(-1.0)
    self._venues: dict[str, _Venue] = {}
    self._live: OrderedDict[str, int] = OrderedDict()
    """The venues whose levels are in the book and when each was last updated, oldest first."""
    self._last: OrderBook | None = None

  def take(self, venue: str, event: OrderBook, now_ms: int) -> bool:
    """Applies an update of the book of `venue` and returns whether that changed this book."""
    known = self._venues.get(venue)
    if known is None:
      if event.update_type != "snapshot":
        return False
      known = self._venues[venue] = _Venue(event, self._max_levels)
    replica = known.replica
    if event.ts_exchange is not None:
      known.skew.add(event.ts_event, event.ts_event - event.ts_exchange)
    live = venue in self._live
    if event.update_type == "snapshot":
      good = replica.restart(event)
      bids, asks = replica.book.levels()
    elif not replica.chained or replica.holds(event):
      return False
    else:
      good = replica.advance(event)
    if not good:
      replica.chained = False
      return self._leave(venue)
    if event.update_type == "snapshot":
      self._bids.replace(venue, bids)
      self._asks.replace(venue, asks)
    elif live:
      self._bids.apply(venue, event.bids)
      self._asks.apply(venue, event.asks)
      if any(replica.trimmed):
        self._bids.apply(venue, replica.trimmed[0])
        self._asks.apply(venue, replica.trimmed[1])
    else:
      bids, asks = replica.book.levels()
      self._bids.replace(venue, bids)
      self._asks.replace(venue, asks)
    known.seen = self._live[venue] = now_ms
    self._live.move_to_end(venue)
    self._last = event
    return True

  def hold(self, gap: Gap) -> bool:
    """Takes out the levels of each venue whose book the gap may concern, and returns whether there
    were any."""
    changed = False
    for name, venue in self._venues.items():
      replica = venue.replica
      if not replica.chained or not may_concern(gap, venue.key):
        continue
      if concerns(gap, venue.key):
        replica.chained = False
      else:
        replica.doubt = gap
      changed = self._leave(name) or changed
    return changed

  @property
  def expires(self) -> int | None:
    """When the venue that was quiet longest becomes too old (ms), None where no venue counts."""
    if not self._live:
      return None
    return next(iter(self._live.values())) + self._max_age

  def expire(self, now_ms: int) -> bool:
    """Takes out the levels of each venue that is too old by now, and returns whether there were
    any."""
    changed = False
    while self._live:
      venue, seen = next(iter(self._live.items()))
      if now_ms < seen + self._max_age:
        break
      changed = self._leave(venue)
    return changed

  @property
  def number(self) -> int:
    """The log number of the last update that it contains, 0 where it has none."""
    return 0 if self._last is None else self._last.seq_internal or 0

  @property
  def best(self) -> tuple[Level | None, Level | None]:
    """The highest bid and the lowest ask of all, each with the size that all venues have there."""
    return self._bids.first(), self._asks.first()

  def view(self, depth: int, now_ms: int) -> Consolidated:
    """Returns the best `depth` levels of each side. Raises ValueError before `take` has returned
    True for the first time."""
    last = self._last
    if last is None:
      raise ValueError("no venue's book has come yet, so there is nothing to show")
    symbol, market_type, expiry = self._named
    updates = [self._venues[name].replica.last for name in self._live]
    return Consolidated(
      exchange="*",
      symbol=symbol,
      market_type=market_type,
      expiry=expiry,
      ts_event=last.ts_event,
      ts_exchange=last.ts_exchange,
      ts_internal=last.ts_internal,
      seq_internal=last.seq_internal,
      # Also where the venue of the last update has left since: the view's times are still its.
      simulated=next((True for one in updates if one.simulated), last.simulated),
      bids=self._bids.top(depth),
      asks=self._asks.top(depth),
      bbo=self._bbo(),
      venues={name: self._quote(name, venue, now_ms) for name, venue in self._venues.items()},
      depth=depth,
    )

  # Details -------------------------------------------------------------------------------------

  def _leave(self, venue: str) -> bool:
    """Takes a venue's levels out and returns whether there were any."""
    if self._live.pop(venue, None) is None:
      return False
    self._bids.replace(venue, ())
    self._asks.replace(venue, ())
    return True

  def _bbo(self) -> Bbo:
    bid, ask = self._bids.top(1), self._asks.top(1)
    found = Bbo()
    if bid:
      found.bid, found.bid_size, found.bid_venues = bid[0][0], bid[0][1], list(bid[0][2])
    if ask:
      found.ask, found.ask_size, found.ask_venues = ask[0][0], ask[0][1], list(ask[0][2])
    if found.bid is None or found.ask is None:
      return found
    if found.bid < found.ask:
      found.state = "open"
      return found
    found.state = "locked" if found.bid == found.ask else "crossed"
    for name in self._live:
      book = self._venues[name].replica.book
      best_bid, best_ask = book.best_bid, book.best_ask
      if (best_bid is not None and best_bid[0] >= found.ask) or (
        best_ask is not None and best_ask[0] <= found.bid
      ):
        found.blamed.append(name)
    return found

  def _quote(self, name: str, venue: "_Venue", now_ms: int) -> VenueQuote:
    state: Literal["live", "stale", "broken"]
    if name in self._live:
      state = "live"
    else:
      state = "stale" if venue.replica.chained and venue.replica.doubt is None else "broken"
    book = venue.replica.book
    bid, ask = (book.best_bid, book.best_ask) if state == "live" else (None, None)
    return VenueQuote(
      state=state,
      bid=None if bid is None else bid[0],
      ask=None if ask is None else ask[0],
      age_ms=max(0, now_ms - venue.seen),
      skew_ms=venue.skew.ms,
      simulated=venue.replica.last.simulated,
    )


class _Venue:
  """One venue's book, when it was last updated, and its clock."""

  __slots__ = ("key", "replica", "seen", "skew")

  def __init__(self, first: OrderBook, max_levels: int) -> None:
    self.key: BookKey = (first.exchange, first.market_type, first.symbol, first.expiry)
    self.replica = ReplicaBook(Book(max_levels=max_levels), first)
    self.skew = Skew()
    self.seen = 0


class _Side:
  """The sizes by price and venue, and the prices sorted with the best at the END, where they come
  and go. A key is the price for bids and minus the price for asks (`sign`)."""

  __slots__ = ("keys", "of", "shown", "sign", "sizes")

  def __init__(self, sign: float) -> None:
    self.sign = sign
    self.sizes: dict[float, dict[str, float]] = {}
    self.shown: dict[float, ConsolidatedLevel] = {}
    """The levels that views had and that have not changed since; they are never changed."""
    self.keys: list[float] = []
    self.of: dict[str, set[float]] = {}
    """The keys at which each venue has a size."""

  def apply(self, venue: str, levels: Sequence[Level]) -> None:
    """Sets a venue's size at each price; 0 removes it."""
    sign, sizes, shown, mine = self.sign, self.sizes, self.shown, self.of[venue]
    for price, size in levels:
      key = price * sign
      if size:
        shown.pop(key, None)
        at = sizes.get(key)
        if at is None:
          sizes[key] = {venue: size}
          insort(self.keys, key)
        else:
          at[venue] = size
        mine.add(key)
      elif key in mine:
        mine.remove(key)
        self._remove(venue, key)

  def replace(self, venue: str, levels: Sequence[Level]) -> None:
    """Sets a venue's levels: these and no others."""
    sign = self.sign
    old = self.of.setdefault(venue, set())
    gone = old.difference([price * sign for price, _ in levels])
    for key in gone:
      self._remove(venue, key)
    old -= gone
    self.apply(venue, levels)

  def _remove(self, venue: str, key: float) -> None:
    at = self.sizes[key]
    del at[venue]
    self.shown.pop(key, None)
    if not at:
      del self.sizes[key]
      del self.keys[bisect_left(self.keys, key)]

  def first(self) -> Level | None:
    if not self.keys:
      return None
    price, size, _ = self.top(1)[0]
    return price, size

  def top(self, depth: int) -> list[ConsolidatedLevel]:
    """Returns the best levels; the venue with the largest size stands first in each."""
    shown, found = self.shown, list[ConsolidatedLevel]()
    for key in self.keys[: -depth - 1 : -1]:
      level = shown.get(key)
      if level is None:
        level = shown[key] = self._level(key)
      found.append(level)
    return found

  def _level(self, key: float) -> ConsolidatedLevel:
    at = self.sizes[key]
    if len(at) == 1:
      [size] = at.values()
      return key * self.sign, size, at.copy()
    shares = dict(sorted(at.items(), key=_size_then_name))
    # To 15 digits, so that the sum is a decimal as its parts are.
    return key * self.sign, float(f"{sum(shares.values()):.15g}"), shares


def _size_then_name(share: tuple[str, float]) -> tuple[float, str]:
  return -share[1], share[0]
