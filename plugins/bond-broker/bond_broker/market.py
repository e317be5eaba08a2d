"""The market's log on its way to clients: an index from what an event is to the groups that want
it, wildcards included, kept up to date as symbols and groups appear."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import trio

from bond_broker.books import LiveBook
from bond_broker.client import Client, Subscription
from bond_broker.conflation import Chosen, thin
from bond_broker.consolidation import (
  ConsolidatedMarket,
  Market,
  key_of as consolidated_key,
  market_of,
)
from bond_broker.filters import Filter
from bond_broker.gaps import lost_gap
from bond_broker.groups import Group, Route
from bond_broker.messages import gap_message
from bond_broker.metrics import Metrics
from bond_broker.replay_books import ReplayBooks
from bond_broker.requests import Subscribe
from bond_broker.selection import Key, key_of
from bond_broker.variants import frames_of, full_frame
from bond_broker.views import View
from bond_core import AnyEvent, Batch, Consolidated, Gap, OrderBook
from bond_core.books import BookKey
from bond_core.logs import Record
from bond_core.services import Rejection

# More different keys than any venue has instruments are not kept: the index is made anew.
MAX_KEYS = 200_000
# What a client that follows alone is handed at once, and so what it can hold.
HANDED_BYTES = 64 * 1024


class MarketRouter:
  """Sorts the events of the market's log by group. Its cost is that of the events and of the groups
  that match, not of those that do not."""

  def __init__(self, metrics: Metrics) -> None:
    self._metrics = metrics
    self._groups: dict[Group, None] = {}
    self._routes: dict[Key, Route] = {}
    self._books: dict[BookKey, LiveBook] = {}
    self._consolidated: dict[Market, ConsolidatedMarket] = {}
    self._due = math.inf
    self._look_at = 0.0

  # Groups --------------------------------------------------------------------------------------

  def add(self, group: Group) -> None:
    self._groups[group] = None
    pick = group.selection.pick
    for key, route in self._routes.items():
      if (wish := pick(key)) is not None:
        route.add(group, wish)
    for book in self._books.values():
      if (wish := pick(_book_event_key(book.key))) is not None:
        book.add(group, wish)
    for market in {market_of(book) for book in self._books.values()}:
      self._consolidate(market, group)

  def remove(self, group: Group) -> None:
    del self._groups[group]
    for route in self._routes.values():
      route.remove(group)
    for book in self._books.values():
      book.remove(group)
    for market, consolidated in list(self._consolidated.items()):
      consolidated.views.remove(group)
      if not consolidated.views:
        del self._consolidated[market]

  def _consolidate(self, market: Market, group: Group) -> None:
    """A group sees a market's consolidated book if it wants to."""
    wish = group.selection.pick(consolidated_key(market))
    if wish is None or not wish.consolidated:
      return
    consolidated = self._consolidated.get(market)
    if consolidated is None:
      consolidated = self._consolidated[market] = ConsolidatedMarket(market)
      for book in self._books.values():
        if market_of(book) == market:
          consolidated.join(book)
      self._due = min(self._due, consolidated.due())
    consolidated.add(group, wish)

  def _route(self, key: Key) -> Route:
    if len(self._routes) >= MAX_KEYS:
      self._routes.clear()
      for group in self._groups:
        group.selection.forget()
    route = self._routes[key] = Route()
    for group in self._groups:
      if (wish := group.selection.pick(key)) is not None:
        route.add(group, wish)
    return route

  def _book(self, event: OrderBook) -> LiveBook:
    key = (event.exchange, event.market_type, event.symbol, event.expiry)
    book = self._books.get(key)
    if book is None:
      book = self._books[key] = LiveBook(key)
      for group in self._groups:
        if (wish := group.selection.pick(_book_event_key(key))) is not None:
          book.add(group, wish)
        if market_of(book) not in self._consolidated:
          self._consolidate(market_of(book), group)
    return book

  # What goes to groups -------------------------------------------------------------------------

  def sort(self, record: Record) -> list[Group]:
    routes = self._routes
    touched: list[Group] = []
    for event in record.events:
      kind = type(event)
      if kind is OrderBook:
        self._sort_book(event, touched)  # type: ignore[arg-type]
        continue
      if kind is Gap:
        self._sort_gap(event, touched)  # type: ignore[arg-type]
        continue
      key = (
        kind,
        event.exchange,  # type: ignore[union-attr]
        event.symbol,
        event.market_type,  # type: ignore[union-attr]
        getattr(event, "expiry", None),
      )
      route = routes.get(key)
      if route is None:
        route = self._route(key)
      route.count += 1
      route.last = event
      if route.plain:
        frame = full_frame(event)
        for group in route.plain:
          pending = group.pending
          if not pending:
            touched.append(group)
          pending.append(frame)
      for group, wish in route.other:
        _put(group, frames_of(event, wish), touched)
    self._metrics.batch(record.events[-1])
    return touched

  def streams(self, now_ms: int) -> list[dict[str, Any]]:
    """Every stream that was seen: its age, its events, and how often its book began anew."""
    found: list[tuple[Any, ...]] = [
      (*key[1:4], key[0].channel, route.last, route.count, None)  # type: ignore[attr-defined]
      for key, route in self._routes.items()
    ]
    found += [
      (book.key[0], book.key[2], book.key[1], "orderbook", book.last, book.count, book.resyncs)
      for book in self._books.values()
    ]
    return [
      {
        "exchange": exchange,
        "channel": channel,
        "symbol": symbol,
        "market_type": market_type,
        "age_ms": max(0, now_ms - getattr(last, "ts_event", now_ms)),
        "events": count,
        "resyncs": resyncs,
      }
      for exchange, symbol, market_type, channel, last, count, resyncs in found
    ]

  def unseen(self, request: Subscribe) -> list[Rejection]:
    """What a request names that has not come by: nobody here can ask for it."""
    seen = {(key[0].channel, key[1], key[2]) for key in self._routes}  # type: ignore[attr-defined]
    seen |= {("orderbook", key[0], key[2]) for key in self._books}
    wish = request.filter
    return [
      Rejection(
        channel,
        str(market),
        exchange,
        "not seen in the log that this server follows; the server that writes it has to carry it",
      )
      for market in request.markets
      for channel in sorted(wish.channels)
      for exchange in sorted(wish.exchanges)
      if not any(
        (channel, market.symbol) == (kind, symbol) and exchange in ("*", venue)
        for kind, venue, symbol in seen
      )
    ]

  def _sort_book(self, event: OrderBook, touched: list[Group]) -> None:
    book = self._book(event)
    if event.is_reset is False:
      # A checkpoint: everybody here knows what it tells.
      book.began(event.seq_internal or 0)
      return
    if book.deltas:
      frame = full_frame(event)
      for group, wish in book.deltas:
        plain = not (wish.compact or wish.raw)
        _put(group, [frame] if plain else frames_of(event, wish), touched)
    changed = book.take(event)
    now = book.taken
    if self._consolidated:
      market = self._consolidated.get(market_of(book))
      if market is not None and market.take(event, now):
        self._show_consolidated(market, now, touched)
    if not changed or not book.views:
      return
    for view in book.views.changed(now):
      self._show(book, view, now, touched)
    self._due = min(self._due, book.views.due())

  def _show(self, book: LiveBook, view: View, now: float, touched: list[Group]) -> None:
    event = book.show(view, now)
    if event is None:
      return
    _put_view(view, event, touched)

  def _show_consolidated(
    self, market: ConsolidatedMarket, now: float, touched: list[Group]
  ) -> None:
    for view in market.views.changed(now):
      _put_view(view, market.show(view, now), touched)
    self._due = min(self._due, market.due())

  def _sort_gap(self, gap: Gap, touched: list[Group]) -> None:
    self._metrics.gap(gap)
    if gap.channel in ("orderbook", "*"):
      for book in self._books.values():
        book.hold(gap)
      now = trio.current_time()
      for market in self._consolidated.values():
        if market.hold(gap):
          self._show_consolidated(market, now, touched)
    frame = gap_message(gap)
    for group in self._groups:
      if any(wish.concerned(gap) for wish in group.selection.filters):
        _put(group, [frame], touched)

  def due(self) -> float:
    return self._due

  def sort_due(self) -> list[Group]:
    now, touched = trio.current_time(), list[Group]()
    later = math.inf
    for book in self._books.values():
      for view in book.views:
        if view.due <= now:
          self._show(book, view, now, touched)
        later = min(later, view.due)
    for market in self._consolidated.values():
      if market.expire(now):
        self._show_consolidated(market, now, touched)
      for view in market.views:
        if view.due <= now:
          _put_view(view, market.show(view, now), touched)
      later = min(later, market.due())
    self._due = later
    return touched

  def lost(self, first: int, last: int, now_ms: int) -> list[Group]:
    touched: list[Group] = []
    self._sort_gap(lost_gap(first, last, now_ms, "slow", "the server could not keep up"), touched)
    return touched

  # What goes to one client ---------------------------------------------------------------------

  def joining(self, client: Client, subscription: Subscription) -> list[bytes]:
    """The books that a subscription to deltas starts from."""
    wish = subscription.filter
    frames: list[bytes] = []
    if wish.deltas and not subscription.resumes:
      for book in self._books.values():
        if not book.good or book.followed is None:
          continue
        if client.books is not None and client.books.begun(subscription, book.key):
          continue
        if wish.matches("orderbook", book.key[0], book.key[2], book.key[1], book.key[3]):
          frames += frames_of(book.followed.view(None, reset=True), wish)
    return frames

  def checkpoints(self) -> Batch:
    now = trio.current_time()
    if now < self._look_at:
      return []
    self._look_at = now + 1.0
    return [event for book in self._books.values() if (event := book.checkpoint(now)) is not None]

  def prime(self, subscription: Subscription) -> int:
    start, wish = subscription.start, subscription.filter
    if "orderbook" not in wish.channels or (wish.deltas and subscription.resumes):
      return start
    first = start
    for book in self._books.values():
      exchange, market_type, symbol, expiry = book.key
      if wish.matches("orderbook", exchange, symbol, market_type, expiry):
        known = (number for number in reversed(book.snapshots) if number <= start)
        first = min(first, next(known, start))
    return first

  def states(self, client: Client) -> list[bytes]:
    frames: list[bytes] = []
    for book in self._books.values():
      if not book.good or book.followed is None:
        continue
      wish = client.selection.pick(_book_event_key(book.key))
      if wish is None or wish.deltas:
        continue
      view = book.views.of(wish)
      number = book.followed.last.seq_internal or 0 if view is None else view.number
      if number >= client.shown:
        frames += frames_of(book.followed.view(wish.depth), wish)
    now = trio.current_time()
    for market, consolidated in self._consolidated.items():
      wish = client.selection.pick(consolidated_key(market))
      view = None if wish is None else consolidated.views.of(wish)
      if wish is not None and view is not None and view.number >= client.shown:
        frames += frames_of(consolidated.look(view, now), wish)
    return frames

  def select(
    self, client: Client, records: Sequence[Record], until: int
  ) -> tuple[list[bytes], int]:
    if client.boundary is not None:
      return self._replayed(client, records, until)
    chosen: list[Chosen] = []
    position = client.position
    for number, event in _numbered(records, position, until):
      position = number + 1
      wish = self._wish(client, number, event)
      # Books come as they are when the client has caught up.
      if wish is not None and (type(event) is not OrderBook or _is_delta(event, wish)):
        chosen.append(Chosen(number, event, wish))
    thinned = thin(client, chosen)
    frames, cut = _framed(thinned.left)
    if cut is not None:
      # A state that was spared for a later one is spared only if that one is handed over too.
      position = cut
      thinned = thin(client, [one for one in chosen if one.number < cut])
      frames, _ = _framed(thinned.left, bounded=False)
    client.conflated += thinned.conflated
    client.lost += thinned.dropped
    return frames, position

  def _replayed(
    self, client: Client, records: Sequence[Record], until: int
  ) -> tuple[list[bytes], int]:
    """Every event, and the books as they were then."""
    books = client.books = client.books or ReplayBooks()
    frames: list[bytes] = []
    size, position = 0, client.position
    for number, event in _numbered(records, position, until):
      if size > HANDED_BYTES:
        break
      position = number + 1
      shown: Batch
      if type(event) is OrderBook:
        subscription = _subscription(client, event)
        if subscription is None:
          continue
        wish, shown = subscription.filter, books.take(number, event, subscription)
      else:
        found = self._wish(client, number, event)
        if found is None:
          continue
        wish, shown = found, [event]
        if type(event) is Gap:
          books.gap(event)
      for one in shown:
        frames += (made := frames_of(one, wish))
        size += sum(map(len, made))
    return frames, position

  def _wish(self, client: Client, number: int, event: AnyEvent) -> Filter | None:
    if type(event) is Gap:
      wishes = [s.filter for s in client.subscriptions if s.start <= number]
      return next((wish for wish in wishes if wish.concerned(event)), None)
    key = key_of(event)
    wish = client.selection.pick(key)
    if wish is None or not client.staggered:
      return wish
    kind, exchange, symbol, market_type, expiry = key
    channel: str = kind.channel  # type: ignore[attr-defined]
    for subscription in client.subscriptions:
      wish = subscription.filter
      if subscription.start <= number and wish.matches(
        channel, exchange, symbol, market_type, expiry
      ):
        return wish
    return None


def _numbered(
  records: Sequence[Record], position: int, until: int
) -> Iterator[tuple[int, AnyEvent]]:
  """The events of records that follow each other without a hole, with their numbers."""
  for record in records:
    if record.first > position:
      return
    for number, event in enumerate(record.events, record.first):
      if number >= until:
        return
      yield number, event
    position = record.last + 1


def _framed(chosen: Sequence[Chosen], bounded: bool = True) -> tuple[list[bytes], int | None]:
  """The frames of these events, and the number of the first one that is too much, None where all
  are handed over."""
  frames: list[bytes] = []
  size = 0
  last = -1
  for number, event, wish in chosen:
    if bounded and size > HANDED_BYTES and number != last:
      return frames, number
    frames += (made := frames_of(event, wish))
    size += sum(map(len, made))
    last = number
  return frames, None


def _subscription(client: Client, event: OrderBook) -> Subscription | None:
  """The subscription that wants a book, also before its start."""
  wish = client.selection.pick(key_of(event))
  return next((s for s in client.subscriptions if s.filter == wish), None)


def _is_delta(event: OrderBook, wish: Filter) -> bool:
  return wish.deltas and event.is_reset is not False


def _put(group: Group, frames: list[bytes], touched: list[Group]) -> None:
  if not group.pending:
    touched.append(group)
  group.pending += frames


def _put_view(view: View, event: OrderBook | Consolidated, touched: list[Group]) -> None:
  """Gives a view to those who asked for just that."""
  frame = full_frame(event)
  for group, wish in view.groups:
    plain = not (wish.compact or wish.raw)
    _put(group, [frame] if plain else frames_of(event, wish), touched)


def _book_event_key(key: BookKey) -> Key:
  exchange, market_type, symbol, expiry = key
  return (OrderBook, exchange, symbol, market_type, expiry)
