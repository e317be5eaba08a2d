"""The log of all events on its way to clients: an index from the kind of an event to the groups
that receive it, wildcards included, kept up to date as symbols and groups appear."""

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

import trio
from bond_bookkit import BookKey

from bond_broker.books.consolidated import ConsolidatedMarket, MarketKey, market_of
from bond_broker.books.live import LiveBook
from bond_broker.books.replay import ReplayBooks
from bond_broker.books.views import View
from bond_broker.delivery.groups import Group
from bond_broker.delivery.lookup import Lookup
from bond_broker.delivery.router import Selected
from bond_broker.delivery.routes import Route
from bond_broker.delivery.thinning import Match, thin
from bond_broker.delivery.traffic import Traffic
from bond_broker.protocol.filters import Filter, MarketPattern
from bond_broker.protocol.frames import frames_of, full_frame
from bond_broker.protocol.gaps import lost_gap
from bond_broker.protocol.messages import gap_message
from bond_broker.protocol.requests import Subscribe, written_names
from bond_broker.protocol.selection import (
  Key,
  Selection,
  key_of,
  key_of_book,
  key_of_consolidated,
)
from bond_broker.protocol.spellings import of_symbol
from bond_broker.protocol.subscription import Subscription, Subscriptions
from bond_core import (
  AnyEvent,
  Batch,
  Channel,
  Consolidated,
  Gap,
  Instrument,
  Market,
  MarketType,
  OrderBook,
  Ticker,
)
from bond_core.logs import Record
from bond_core.services import Rejection

# The index is cleared where it would have more keys than any venue has instruments.
MAX_KEYS = 200_000
QUIET_FOR = 15.0
"""Seconds without an update after which a book that nothing carries is let go."""
MAX_GAPS = 1000
"""Declared losses that are remembered, the latest."""
MAX_FRAMES_BYTES = 64 * 1024
"""What a client that follows alone is handed at once, and so what it can hold."""

GroupBook: TypeAlias = LiveBook[Group]
GroupView: TypeAlias = View[Group]


class ChannelFigures(NamedTuple):
  """The figures of one channel of one market: the age of its last event in ms, how many events,
  and how often its book began again (None: it is no book)."""

  exchange: str
  channel: Channel
  symbol: str
  market_type: MarketType | None
  age_ms: int
  events: int
  resyncs: int | None


class MarketRouter:
  """Sorts the events of the log by group. Its cost is that of the events and of the groups that
  match, not of those that do not."""

  def __init__(self, traffic: Traffic, *, follows: bool = False) -> None:
    """It writes books to the log again, unless it `follows` another process, which does."""
    self.round = 0
    self.number = 0
    self._follows = follows
    self._traffic = traffic
    self._gaps: deque[Gap] = deque(maxlen=MAX_GAPS)
    self._groups = Lookup[Group]()
    self._routes: dict[Key, Route] = {}
    self._routes_by_name = Lookup[Key]()
    self._books: dict[BookKey, GroupBook] = {}
    self._books_by_name = Lookup[BookKey]()
    self._consolidated: dict[MarketKey, ConsolidatedMarket[Group]] = {}
    self._next_due = math.inf
    self._checkpoints_at = 0.0

  # Groups -----------------------------------------------------------------------------------------

  def add(self, group: Group) -> None:
    selection = group.selection
    self._groups.add(group, selection.spellings)
    for key in self._routes_by_name.of(selection.spellings):
      if (matched := selection.pick(key)) is not None:
        self._routes[key].add(group, matched)
    markets: dict[MarketKey, None] = {}
    for name in self._books_by_name.of(selection.spellings):
      book = self._books[name]
      markets[market_of(book)] = None
      if (matched := selection.pick(key_of_book(name))) is not None:
        book.add(group, matched, self.round)
    for market in markets:
      self._consolidate(market, group)

  def remove(self, group: Group) -> None:
    self._groups.remove(group)
    for key in self._routes_by_name.of(group.selection.spellings):
      self._routes[key].remove(group)
    for name in self._books_by_name.of(group.selection.spellings):
      self._books[name].remove(group)
    for market, consolidated in list(self._consolidated.items()):
      consolidated.views.remove(group)
      if not consolidated.views:
        del self._consolidated[market]

  def _consolidate(self, market: MarketKey, group: Group) -> None:
    """Adds a group to a market's consolidated book, where one of its filters matches that."""
    matched = group.selection.pick(key_of_consolidated(market))
    if matched is None or not matched.consolidated:
      return
    consolidated = self._consolidated.get(market)
    if consolidated is None:
      consolidated = self._consolidated[market] = ConsolidatedMarket[Group](market)
      for book in self._books.values():
        if market_of(book) == market:
          consolidated.include(book)
      self._next_due = min(self._next_due, consolidated.next_due())
    consolidated.add(group, matched, self.round)

  def _route(self, key: Key) -> Route:
    if len(self._routes) >= MAX_KEYS:
      self._routes.clear()
      self._routes_by_name.clear()
      for group in self._groups:
        group.selection.forget()
    route = self._routes[key] = Route()
    spellings = of_symbol(key[2])
    self._routes_by_name.add(key, spellings)
    for group in self._groups.of(spellings):
      if (matched := group.selection.pick(key)) is not None:
        route.add(group, matched)
    return route

  def _book(self, event: OrderBook) -> GroupBook:
    key = (event.exchange, event.market_type, event.symbol, event.expiry)
    book = self._books.get(key)
    if book is None:
      book = self._books[key] = LiveBook[Group](key)
      spellings, market = of_symbol(event.symbol), market_of(book)
      self._books_by_name.add(key, spellings)
      is_first = market not in self._consolidated
      for group in self._groups.of(spellings):
        if (matched := group.selection.pick(key_of_book(key))) is not None:
          book.add(group, matched, self.round)
        if is_first:
          self._consolidate(market, group)
    return book

  def forget(self, oldest: int, carried: Callable[[Channel], set[tuple[str, str]]]) -> None:
    """Lets go of what nothing brings any more: `carried` are the exchanges and symbols ("*": any)
    of which events of a channel may come. A book's snapshots are known for as long as the log,
    which begins at `oldest`, has them."""
    before = trio.current_time() - QUIET_FOR
    books = carried("orderbook")
    for key, book in list(self._books.items()):
      book.forget_before(oldest)
      if book.updated_at > before or not books.isdisjoint(((key[0], key[2]), (key[0], "*"))):
        continue
      book.release()
      if not book.snapshots:
        del self._books[key]
        self._books_by_name.remove(key)
    there = {channel: carried(channel) for channel in {key[0].channel for key in self._routes}}  # type: ignore[attr-defined]
    for kind, route in list(self._routes.items()):
      known = there[kind[0].channel]  # type: ignore[attr-defined]
      if known.isdisjoint(((kind[1], kind[2]), (kind[1], "*"))) and route.sweep():
        del self._routes[kind]
        self._routes_by_name.remove(kind)
        for group in self._groups:
          group.selection.forget(kind)

  # What goes to groups ----------------------------------------------------------------------------

  def sort(self, record: Record) -> list[Group]:
    self.round += 1
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
      if kind is Ticker:
        parts = (event.bid is None, event.last is None, event.mark is None)  # type: ignore[union-attr]
        route.tickers[parts] = event  # type: ignore[assignment]
      if route.plain:
        frame = full_frame(event)
        for group in route.plain:
          pending = group.pending
          if not pending:
            touched.append(group)
          pending.append(frame)
      for group, matched in route.other:
        _put(group, frames_of(event, matched), touched)
    self._traffic.count_batch(record.events[-1])
    self.number = record.last
    return touched

  def _sort_book(self, event: OrderBook, touched: list[Group]) -> None:
    book = self._book(event)
    if event.is_reset is False and book.certain is not None:
      # A checkpoint: all clients here have what it holds.
      book.note_snapshot(event.seq_internal or 0)
      return
    if book.deltas:
      frame = full_frame(event)
      for group, matched in book.deltas:
        _put(group, [frame] if matched.plain else frames_of(event, matched), touched)
    changed = book.update(event)
    now = book.updated_at
    if self._consolidated:
      market = self._consolidated.get(market_of(book))
      if market is not None and market.update(event, now):
        self._show_consolidated(market, now, touched)
    if not changed or not book.views:
      return
    for view in book.views.changed(now):
      self._show(book, view, now, touched)
    self._next_due = min(self._next_due, book.views.next_due())

  def _show(self, book: GroupBook, view: GroupView, now: float, touched: list[Group]) -> None:
    event = book.show(view, now, self.round)
    if event is not None:
      _put_view(view, event, touched)

  def _show_consolidated(
    self, market: ConsolidatedMarket[Group], now: float, touched: list[Group]
  ) -> None:
    for view in market.views.changed(now):
      _put_view(view, market.show(view, now, self.round), touched)
    self._next_due = min(self._next_due, market.next_due())

  def _sort_gap(self, gap: Gap, touched: list[Group]) -> None:
    self._traffic.count_gap(gap)
    self._gaps.append(gap)
    if gap.channel in ("orderbook", "*"):
      now = trio.current_time()
      for book in self._books.values():
        # What came before the gap is right, and the next proof may take long.
        for view in book.due_before(gap):
          self._show(book, view, now, touched)
        book.on_gap(gap)
      for market in self._consolidated.values():
        if market.on_gap(gap):
          self._show_consolidated(market, now, touched)
    frames: dict[bool, bytes] = {}
    for group in self._groups.of(None if gap.symbol == "*" else of_symbol(gap.symbol)):
      matched = next((one for one in group.selection.filters if one.concerns(gap)), None)
      if matched is not None:
        if matched.narrow not in frames:
          frames[matched.narrow] = gap_message(matched.shown(gap))
        _put(group, [frames[matched.narrow]], touched)

  def next_due(self) -> float:
    return self._next_due

  def sort_due(self) -> list[Group]:
    self.round += 1
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
      for consolidated in market.views:
        if consolidated.due <= now:
          _put_view(consolidated, market.show(consolidated, now, self.round), touched)
      later = min(later, market.next_due())
    self._next_due = later
    return touched

  def sort_lost(self, first: int, last: int, now_ms: int) -> list[Group]:
    self.round += 1
    touched: list[Group] = []
    self._sort_gap(lost_gap(first, last, now_ms, "slow", "the server could not keep up"), touched)
    return touched

  def checkpoints(self, torn_at: int) -> Batch:
    now = trio.current_time()
    if self._follows or now < self._checkpoints_at:
      return []
    self._checkpoints_at = now + 1.0
    found = (book.checkpoint(now, torn_at) for book in self._books.values())
    return [event for event in found if event is not None]

  # What goes to one client ------------------------------------------------------------------------

  def first_frames(
    self, subscription: Subscription, books: ReplayBooks | None = None
  ) -> list[bytes]:
    """The books that a subscription to deltas starts from."""
    matched = subscription.filter
    frames: list[bytes] = []
    if matched.deltas and not subscription.resumes:
      for book in self._books.values():
        replica = book.whole
        if replica is None or (books is not None and books.has_started(subscription, book.key)):
          continue
        exchange, market_type, symbol, expiry = book.key
        if matched.matches("orderbook", exchange, symbol, market_type, expiry):
          frames += frames_of(replica.view(None, reset=True), matched)
          if replica.doubt is not None:
            # Its reader knows no more than those who were there before.
            frames.append(gap_message(matched.shown(replica.doubt)))
    return frames

  def replay_from(self, subscription: Subscription) -> int:
    start, matched = subscription.start, subscription.filter
    if "orderbook" not in matched.channels or (matched.deltas and subscription.resumes):
      return start
    first = start
    for book in self._books.values():
      exchange, market_type, symbol, expiry = book.key
      if matched.matches("orderbook", exchange, symbol, market_type, expiry):
        known = (number for number in reversed(book.snapshots) if number <= start)
        first = min(first, next(known, start))
    return first

  def missed_states(self, selection: Selection, first: int, end: int) -> list[bytes]:
    frames: list[bytes] = []
    for book in self._books.values():
      replica, matched = book.certain, selection.pick(key_of_book(book.key))
      if replica is None or matched is None or matched.deltas:
        continue
      view = book.views.of(matched)
      # One that is due comes to all in a moment.
      if view is None or (first <= view.round < end and view.due == math.inf):
        frames += frames_of(replica.view(matched.depth), matched)
    now = trio.current_time()
    for market, consolidated in self._consolidated.items():
      matched = selection.pick(key_of_consolidated(market))
      shown = None if matched is None else consolidated.views.of(matched)
      if matched is None or shown is None or shown.due < math.inf:
        continue
      if first <= shown.round < end:
        frames += frames_of(consolidated.state(shown, now), matched)
    return frames

  def select(
    self, subscriptions: Subscriptions, position: int, records: Sequence[Record], until: int
  ) -> Selected:
    chosen: list[Match] = []
    start = position
    for number, event in _numbered(records, start, until):
      position = number + 1
      matched = _matching(subscriptions, start, number, event)
      # Books come as they are when the client has caught up.
      if matched is not None and (type(event) is not OrderBook or _is_delta(event, matched)):
        chosen.append(Match(number, event, matched))
    thinned = thin(subscriptions.policies, chosen)
    frames, cut = _framed(thinned.left)
    if cut is not None:
      # A state that was left out for a later one is left out only if that one is handed over too.
      position = cut
      thinned = thin(subscriptions.policies, [match for match in chosen if match.number < cut])
      frames, _ = _framed(thinned.left, bounded=False)
    return Selected(frames, position, thinned.conflated, thinned.dropped)

  def select_replayed(
    self,
    subscriptions: Subscriptions,
    position: int,
    records: Sequence[Record],
    until: int,
    books: ReplayBooks,
  ) -> Selected:
    """Every event, and the books as they were then."""
    frames: list[bytes] = []
    size, start = 0, position
    for number, event in _numbered(records, start, until):
      if size > MAX_FRAMES_BYTES:
        break
      position = number + 1
      shown: Batch
      if type(event) is OrderBook:
        subscription = _subscription_of(subscriptions, event)
        if subscription is None:
          continue
        matched, shown = subscription.filter, books.update(number, event, subscription)
      else:
        if type(event) is Gap:
          # Also one from before the start: the books come from before it.
          books.on_gap(event)
        found = _matching(subscriptions, start, number, event)
        if found is None:
          continue
        matched = found
        shown = [matched.shown(event) if type(event) is Gap else event]
      for part in shown:
        frames += (made := frames_of(part, matched))
        size += sum(map(len, made))
    return Selected(frames, position)

  # What was seen (bond_server.market_state.MarketState) -------------------------------------------

  def last(self, kind: type[AnyEvent], instrument: Instrument) -> AnyEvent | None:
    exchange, market_type, symbol, expiry = instrument
    route = self._routes.get((kind, exchange, symbol, market_type, expiry))
    return None if route is None else route.last

  def tickers(self, instrument: Instrument) -> list[Ticker]:
    exchange, market_type, symbol, expiry = instrument
    route = self._routes.get((Ticker, exchange, symbol, market_type, expiry))
    return [] if route is None else list(route.tickers.values())

  def book(self, instrument: Instrument, depth: int | None) -> OrderBook | None:
    book = self._books.get((*instrument,))
    replica = None if book is None else book.certain
    return None if replica is None else replica.view(depth)

  def instruments(self) -> Iterator[tuple[Channel, Instrument]]:
    for kind, exchange, symbol, market_type, expiry in self._routes:
      yield kind.channel, Instrument(exchange, market_type, symbol, expiry)  # type: ignore[attr-defined]
    for key in self._books:
      yield "orderbook", Instrument(*key)

  def latest(self) -> Iterator[AnyEvent]:
    for route in self._routes.values():
      if route.last is not None:
        yield route.last
    for book in self._books.values():
      if book.last is not None:
        yield book.last

  def gaps(self) -> Iterator[Gap]:
    return reversed(self._gaps)

  def wrong_clocks(self) -> dict[str, int]:
    return self._traffic.wrong_clocks()

  def skews(self) -> dict[str, int]:
    found = self._traffic.skews.items()
    return {exchange: skew.ms for exchange, skew in found if skew.ms is not None}

  def channels(self, now_ms: int) -> list[ChannelFigures]:
    """Every channel of every market that was seen."""
    found = [
      ChannelFigures(
        *(key[1], key[0].channel, key[2], key[3]),  # type: ignore[attr-defined]
        _age(route.last, now_ms),
        route.count,
        None,
      )
      for key, route in self._routes.items()
    ]
    found += [
      ChannelFigures(
        *(book.key[0], "orderbook", book.key[2], book.key[1]),
        _age(book.last, now_ms),
        book.count,
        book.resyncs,
      )
      for book in self._books.values()
      if book.last is not None
    ]
    return found

  def unseen(self, request: Subscribe) -> list[Rejection]:
    """What a request names that was not seen, where no source can be leased for it; nothing as long
    as the log has not shown anything."""
    seen = {(key[0].channel, key[1], key[2]) for key in self._routes}  # type: ignore[attr-defined]
    seen |= {("orderbook", key[0], key[2]) for key in self._books}
    if not seen:
      return []
    matched = request.filter
    return [
      Rejection(
        channel,
        str(market),
        exchange,
        "not seen yet in the log that this server follows; it comes once the writer carries it",
      )
      for market in request.markets
      for channel in sorted(matched.channels)
      for exchange in sorted(matched.exchanges)
      if not any(
        exchange in ("*", venue) and _only(market, channel).matches(kind, venue, symbol)
        for kind, venue, symbol in seen
      )
    ]


def _only(market: Market, channel: Channel) -> Filter:
  """The filter of one channel of a market, of whatever kind that is."""
  patterns = [MarketPattern(market.symbol)] if market.quote else []
  return Filter(frozenset((channel,)), frozenset(patterns), names=written_names((market,)))


def _age(event: AnyEvent | None, now_ms: int) -> int:
  return max(0, now_ms - getattr(event, "ts_event", now_ms))


def _matching(
  subscriptions: Subscriptions, position: int, number: int, event: AnyEvent
) -> Filter | None:
  """The filter of the first subscription that has begun and matches."""
  if type(event) is Gap:
    begun = [s.filter for s in subscriptions.listed if s.start <= number]
    return next((matched for matched in begun if matched.concerns(event)), None)
  key = key_of(event)
  matched = subscriptions.selection.pick(key)
  if matched is None or not subscriptions.starts_after(position):
    return matched
  kind, exchange, symbol, market_type, expiry = key
  channel: str = kind.channel  # type: ignore[attr-defined]
  for subscription in subscriptions.listed:
    matched = subscription.filter
    if subscription.start <= number and matched.matches(
      channel, exchange, symbol, market_type, expiry
    ):
      return matched
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


def _framed(chosen: Sequence[Match], bounded: bool = True) -> tuple[list[bytes], int | None]:
  """The frames of these events, and the number of the first that does not fit any more, None where
  all do."""
  frames: list[bytes] = []
  size = 0
  last = -1
  for number, event, matched in chosen:
    if bounded and size > MAX_FRAMES_BYTES and number != last:
      return frames, number
    frames += (made := frames_of(event, matched))
    size += sum(map(len, made))
    last = number
  return frames, None


def _subscription_of(subscriptions: Subscriptions, event: OrderBook) -> Subscription | None:
  """The subscription that a book matches, also before its start."""
  matched = subscriptions.selection.pick(key_of(event))
  return next((s for s in subscriptions.listed if s.filter == matched), None)


def _is_delta(event: OrderBook, matched: Filter) -> bool:
  return matched.deltas and event.is_reset is not False


def _put(group: Group, frames: list[bytes], touched: list[Group]) -> None:
  if not group.pending:
    touched.append(group)
  group.pending += frames


def _put_view(view: GroupView, event: OrderBook | Consolidated, touched: list[Group]) -> None:
  """Hands a view to its readers."""
  frame = full_frame(event)
  for group, matched in view.readers:
    _put(group, [frame] if matched.plain else frames_of(event, matched), touched)
