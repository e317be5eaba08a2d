"""A venue's list of its markets, read again while it is in use: what is paused, what was delisted,
and what its numbers are counted in."""

from collections.abc import Callable, Iterable, Mapping
from typing import Generic, Literal, NamedTuple, TypeAlias, TypeVar
from zlib import crc32

import attrs

from bond_core import Instrument
from bond_core.config import did_you_mean
from bond_core.feeds import Fetch, Moment, Notice, Response, Send, Subscription, own_words, said
from bond_core.venues import (
  SECOND,
  UNREADABLE,
  Answer,
  Denied,
  FeedControl,
  ReadAnswer,
  TopicMessage,
)
from bond_core.websockets import SIMULATOR
from bond_venuekit.kept_lists import HINTS, KeptList, Unlisted, unlisted

MarketState: TypeAlias = Literal["open", "paused", "ended"]
"""`paused` may be open again, `ended` will not by the venue's own documents."""

AGAIN_NS = 300 * SECOND
"""A list is read again after this time, and up to a fifth later, so that not all are at once."""
SOON_NS = 15 * SECOND
"""The same while a market that is read is not open, or was not in the list."""
GIVEN_UP_NS = 120 * SECOND
"""A request that nothing waits for any more may end without an answer."""
KEPT_NS = 60 * SECOND
"""How long a list answers for what is not in it. A market may have been listed since."""
ALIVE_NS = 30 * SECOND
"""What delivered within this time is traded, whatever the list says."""
KEEP_NS = 2 * SECOND
"""Until a list is read that none is kept of on this machine, for checks without a network."""

_SEE = "; see the venue's list of markets"


@attrs.frozen(kw_only=True)
class ListedMarket:
  """A market as it is listed: its `symbol` and its `status` as the venue writes them, and what the
  status means. `written` is how users write it, "" for as the venue does. `instead` is the market
  whose messages the venue sends for this one, "" for its own. `terms` are what its
  numbers are counted in, by a name that fits into a sentence, such as "tick size"."""

  symbol: str
  status: str
  state: MarketState
  written: str = ""
  instead: str = ""
  terms: Mapping[str, str] = attrs.field(factory=dict)


M = TypeVar("M", bound=ListedMarket)

KeepList: TypeAlias = Callable[[str, Mapping[str, str], Iterable[str]], None]
"""Takes a whole list: (family, how users write each market, by its symbol, the symbols of which
nothing else is known)."""


@attrs.frozen
class ListPage(Generic[M]):
  """A part of a list; `rest` is what the request for the next part takes, "" for the last one.
  `unread` says why a symbol's row tells nothing of it: it may exist all the same."""

  markets: list[M]
  rest: str = ""
  unread: Mapping[str, str] = attrs.field(factory=dict)


class ListNews(NamedTuple):
  """What a venue pushes when a list changes: the name of its topic, and the request that subscribes
  to it, which has the number 0."""

  topic: str
  request: bytes


def _nothing_waits(subscription: Subscription) -> bool:
  return False


def _nothing_is_due(family: str) -> bool:
  return False


@attrs.frozen(kw_only=True)
class ListSource(Generic[M]):
  """Where a venue's lists are, and how they are read.

  Markets of one `family` are listed together; `symbol` is what the venue calls an instrument.
  `request` makes the Fetch of (family, symbols, rest): of all markets where the symbols are None,
  which is sent then, else of those, `by_name(family)` at most; the venue answers 400 where it has
  one of them not.
  `read` reads (family, body), and raises UNREADABLE. `spelling` is how users write an instrument.
  `place` ends sentences, such as "on Binance spot". What `waits` is subscribed to when its family's
  list is known; other lists are first read after `first` seconds, where the venue itself refuses to
  subscribe to what it does not have: a list then refuses nothing, and what it no longer has leaves
  the venue. `news` is what the venue pushes of a family's list, None where it pushes nothing;
  `read` reads its messages too. It is requested on the connections of what `waits`.
  """

  family: Callable[[Instrument], str]
  symbol: Callable[[Instrument], str]
  request: Callable[[str, list[str] | None, str], Fetch]
  read: Callable[[str, bytes], ListPage[M]]
  spelling: Callable[[Instrument], str]
  place: Callable[[str], str]
  by_name: Callable[[str], int] = lambda family: 0
  first: float = 0.0
  waits: Callable[[Subscription], bool] = _nothing_waits
  news: Callable[[str], ListNews] | None = None


@attrs.define
class _Family(Generic[M]):
  """What is known of a family. `whole` says that `known` is the whole list, of `whole_ns`; `parts`
  are those of a list that is being read. `unread` are symbols that are listed, though nothing is
  known of them, and why. `to_keep` says that the whole list is wanted, to be kept. `news` was
  pushed since the list was last requested; `unjudged` says that the subscriptions were not compared
  with it yet. `failures` are those of a list that decides nothing and was never read. Times are
  monotonic ns."""

  known: dict[str, M] = attrs.field(factory=dict)
  unread: dict[str, str] = attrs.field(factory=dict)
  whole: bool = False
  whole_ns: int = 0
  due_ns: int = 0
  asked_ns: int | None = None
  parts: dict[str, M] = attrs.field(factory=dict)
  to_keep: bool = False
  failures: int = 0
  news: dict[str, M] = attrs.field(factory=dict)
  unjudged: bool = False


@attrs.define
class _Standing:
  """What is known of a subscription: whether it was ever open, since when it is not listed, whether
  it is to be left at the venue or its readers were told something, and the terms that they know."""

  opened: bool = False
  missing_ns: int | None = None
  left: bool = False
  told: str | None = None
  terms: Mapping[str, str] = attrs.field(factory=dict)


class VenueMarkets(Generic[M]):
  """The MarketList of a venue that has one. What the list does not have is refused, or leaves the
  venue where it had been open, once a second reading confirms it; what is paused is `unavailable`
  until it is open or delivers; changed terms are told."""

  def __init__(self, source: ListSource[M]) -> None:
    self._source = source
    self._families: dict[str, _Family[M]] = {}
    self._standings: dict[Subscription, _Standing] = {}
    self._requests: dict[tuple[str, bytes | None], tuple[str, list[str] | None]] = {}
    self._is_due: Callable[[str], bool] = _nothing_is_due
    self._keep: KeepList | None = None
    self._news_topics: dict[str, str] = {}
    """The families whose news was requested, by the names of their topics."""
    self._news_on: set[tuple[int, str]] = set()
    """The connections and families on which it was."""

  def keep_lists(self, is_due: Callable[[str], bool], keep: KeepList) -> None:
    """Hands whole lists to `keep`, where they are the venue's own and no simulator's; that of a
    family that `is_due` is read for it."""
    self._is_due, self._keep = is_due, keep

  def unlisted(
    self, kept_list: Callable[[str], KeptList | None], instrument: Instrument, *, hint: bool
  ) -> Unlisted | None:
    """What the list that is kept of a family says of an instrument that it does not have, and with
    a `hint` which are the nearest ones; None where it has it, or none is kept."""
    source = self._source
    family, symbol = source.family(instrument), source.symbol(instrument)
    kept = kept_list(family)
    if kept is None or symbol in kept.markets or symbol in kept.unread:
      return None
    spelling = source.spelling(instrument)
    wanted = spelling if any("/" in name for name in kept.markets.values()) else symbol
    return unlisted(spelling, source.place(family), kept, wanted, hint=hint)

  def listed(self, instrument: Instrument) -> M | None:
    """The market of an instrument as it is listed now; None while that is not known."""
    source = self._source
    family = self._families.get(source.family(instrument))
    return None if family is None else family.known.get(source.symbol(instrument))

  def hearing(self, read_answer: ReadAnswer) -> ReadAnswer:
    """Reads what `read_answer` does, and the news of lists. A size counts from the next message on;
    readers are told with the next timer. Where the venue refuses its news, the list is read at its
    pace all the same."""

    def read(connection: int, frame: bytes) -> Answer | None:
      answer = read_answer(connection, frame)
      match answer:
        case TopicMessage(name=topic) if topic in self._news_topics:
          self._take_news(self._news_topics[topic], frame)
          return None
        case Denied(number=0):
          return None
      return answer

    return read

  # MarketList ----------------------------------------------------------------------------------

  def prepare(self, feed: FeedControl, subscriptions: Iterable[Subscription]) -> None:
    source = self._source
    new: dict[str, dict[str, None]] = {}
    for subscription in subscriptions:
      self._standings.setdefault(subscription, _Standing())
      name = source.family(subscription.instrument)
      if name not in self._families:
        first = 0 if source.waits(subscription) else round(source.first * SECOND)
        to_keep = self._is_due(name)
        first = min(first, KEEP_NS) if to_keep else first
        self._families[name] = _Family(due_ns=feed.now_ns + first, to_keep=to_keep)
      family, symbol = self._families[name], source.symbol(subscription.instrument)
      if source.waits(subscription):
        family.due_ns = feed.now_ns if not family.whole else family.due_ns
      if symbol not in family.known:
        new.setdefault(name, {})[symbol] = None
    for name, symbols in new.items():
      family = self._families[name]
      if family.whole and feed.now_ns - family.whole_ns < KEPT_NS:
        self._judge(feed, name)
      elif family.whole or not source.first or feed.now_ns >= family.due_ns:
        self._fetch(feed, name, None if family.whole else list(symbols))

  def ready(self, subscription: Subscription) -> bool:
    source = self._source
    family = self._families.get(source.family(subscription.instrument))
    standing = self._standings.get(subscription)
    if family is None or (standing is not None and standing.left):
      return False
    if family.whole and self._decides(subscription):
      return source.symbol(subscription.instrument) in family.known
    return family.whole or not source.waits(subscription)

  def on_response(self, feed: FeedControl, fetch: Fetch, response: Response) -> None:
    name, symbols = self._requests.pop((fetch.url, fetch.body), ("", None))
    family = self._families.get(name)
    if family is None:
      return
    family.asked_ns, family.due_ns = None, feed.now_ns + SOON_NS
    if response.status == 400 and symbols is not None:
      # One of the symbols is wrong; the whole list shows which, and what is like it.
      self._fetch(feed, name, None)
      return
    page = self._read(name, response)
    if isinstance(page, str):
      self._tell_waiting(feed, name, page)
      return
    rows = {market.symbol: market for market in page.markets}
    new = (rows.keys() - family.parts.keys()) | (page.unread.keys() - family.unread.keys())
    for symbol in symbols or ():
      family.unread.pop(symbol, None)
    family.unread.update(page.unread)
    if symbols is None:
      family.parts.update(rows)
      # A part without anything new is the last one, whatever it says.
      if page.rest and new:
        self._fetch(feed, name, None, page.rest)
        return
      rows, family.parts = family.parts, {}
      if not rows or 2 * len(rows) < len(family.known):
        # A list that lost half of its markets is none; it is read again soon.
        self._tell_waiting(feed, name, next(iter(page.unread.values()), "the list is empty"))
        return
      family.known, family.whole, family.whole_ns = rows, True, feed.now_ns
      self._hand_over(name, family, response)
    else:
      family.known.update(rows)
    # What was pushed meanwhile may be newer than the answer.
    family.known.update(family.news)
    self._judge(feed, name)
    feed.proceed()

  def on_timer(self, feed: FeedControl, now: Moment) -> None:
    self._request_news(feed)
    states = {state.subscription for state in feed.states()}
    self._standings = {s: found for s, found in self._standings.items() if s in states}
    for name in {self._source.family(subscription.instrument) for subscription in states}:
      family = self._families.get(name)
      if family is not None and family.whole and family.unjudged:
        due_ns = family.due_ns
        self._judge(feed, name)
        family.due_ns = min(due_ns, family.due_ns)
        feed.proceed()
      if family is not None and now.mono_ns >= family.due_ns:
        used = {self._source.symbol(s.instrument) for s in self._of(feed, name)}
        by_name = used <= family.known.keys() and not family.to_keep
        self._fetch(feed, name, sorted(used) if by_name else None)

  # Details -------------------------------------------------------------------------------------

  def _request_news(self, feed: FeedControl) -> None:
    """Requests the news of each list on the connections that carry what waits for it."""
    source = self._source
    if source.news is None:
      return
    wanted = {
      (connection, source.family(state.subscription.instrument))
      for state in feed.states()
      if source.waits(state.subscription)
      for connection in state.carriers
    }
    for connection, name in sorted(wanted - self._news_on):
      news = source.news(name)
      self._news_topics[news.topic] = name
      feed.actions.append(Send(connection, news.request))
    self._news_on = wanted

  def _take_news(self, name: str, frame: bytes) -> None:
    """Takes the rows that were pushed. What is not among them is as it was."""
    family = self._families[name]
    try:
      page = self._source.read(name, frame)
    except UNREADABLE:
      family.due_ns = 0  # The list itself says what it was.
      return
    family.news.update((market.symbol, market) for market in page.markets)
    if family.whole:
      family.known.update(family.news)
      family.unjudged = True

  def _decides(self, subscription: Subscription) -> bool:
    """Whether the list says that a market does not exist; elsewhere the venue has said so."""
    return not self._source.first or self._source.waits(subscription)

  def _fetch(self, feed: FeedControl, name: str, symbols: list[str] | None, rest: str = "") -> None:
    """Requests a list, unless it is under way."""
    family, source = self._families[name], self._source
    if symbols is not None and not 0 < len(symbols) <= source.by_name(name):
      symbols = None
    under_way = family.asked_ns is not None and feed.now_ns - family.asked_ns < GIVEN_UP_NS
    if under_way and symbols is None:
      return
    fetch = source.request(name, symbols, rest)
    if under_way and (fetch.url, fetch.body) in self._requests:
      return
    if not rest:
      family.news = {}
    if symbols is None and not rest:
      # What a reading before it has left is no part of this one.
      family.parts, family.unread = {}, {}
    waiting = not family.whole and any(map(source.waits, self._of(feed, name)))
    self._requests[fetch.url, fetch.body] = name, symbols
    family.asked_ns, family.due_ns = feed.now_ns, feed.now_ns + GIVEN_UP_NS
    feed.actions.append(attrs.evolve(fetch, needed=waiting))

  def _hand_over(self, name: str, family: _Family[M], response: Response) -> None:
    """Has a whole list kept, where that is to be done."""
    family.to_keep = False
    if self._keep is not None and SIMULATOR not in response.headers:
      there = {m.symbol: m.written for m in family.known.values() if m.state != "ended"}
      self._keep(name, there, family.unread)

  def _read(self, name: str, response: Response) -> ListPage[M] | str:
    """A part of a list; what is wrong with an answer that is none, and is requested again soon."""
    if response.status != 200:
      return f"HTTP {response.status}{said(response.body)}"
    try:
      return self._source.read(name, response.body)
    except UNREADABLE as exc:
      return own_words(str(exc), 200)

  def _tell_waiting(self, feed: FeedControl, name: str, trouble: str) -> None:
    """Tells the readers of what waits for a list that it does not come. One that decides
    nothing is requested less and less often, down to the usual pace."""
    family = self._families[name]
    if family.whole:
      return
    subscriptions = self._of(feed, name)
    if not any(map(self._decides, subscriptions)):
      family.due_ns = feed.now_ns + min(SOON_NS << family.failures, AGAIN_NS)
      family.failures = min(family.failures + 1, 5)
    for subscription in filter(self._source.waits, subscriptions):
      standing = self._standings.setdefault(subscription, _Standing())
      spelling, place = self._source.spelling(subscription.instrument), self._source.place(name)
      reason = f"it is not known yet what {spelling} is {place}: {trouble}"
      self._notify(feed, subscription, standing, reason)

  def _of(self, feed: FeedControl, name: str) -> list[Subscription]:
    """The subscriptions to markets of a family."""
    family = self._source.family
    return [s.subscription for s in feed.states() if family(s.subscription.instrument) == name]

  def _judge(self, feed: FeedControl, name: str) -> None:
    """Tells every subscription of a family what its list says, and when it is read again."""
    family, source, hints, soon = self._families[name], self._source, HINTS, False
    family.unjudged = False
    heard = {state.subscription: state.received_ns for state in feed.states()}
    for subscription in self._of(feed, name):
      standing = self._standings.setdefault(subscription, _Standing())
      market = family.known.get(source.symbol(subscription.instrument))
      spelling, place = source.spelling(subscription.instrument), source.place(name)
      last = heard.get(subscription)
      alive = last is not None and feed.now_ns - last < ALIVE_NS
      if market is None and not family.whole:
        continue
      if market is not None and market.instead:
        reason = f"what comes {place} for {spelling} is {market.instead}; write that"
        feed.reject(subscription, reason)
        continue
      if market is not None and (market.state == "open" or alive):
        self._open(feed, subscription, standing, market)
      elif market is not None and market.state == "paused":
        soon, standing.opened = True, True
        reason = f"{spelling} is not traded at present {place} (status {market.status})"
        self._notify(feed, subscription, standing, reason)
      elif market is None and alive:
        soon, standing.missing_ns = True, None
      elif market is None and (why := family.unread.get(source.symbol(subscription.instrument))):
        soon = True
        reason = f"what is listed {place} for {spelling} cannot be read: {why}"
        self._notify(feed, subscription, standing, reason)
      elif standing.opened or last is not None or not self._decides(subscription):
        soon = self._gone(feed, subscription, standing, market, spelling, place) or soon
      elif market is not None:
        # One list may be wrong, as one is that a venue's own cache gives for a moment.
        since_ns = standing.missing_ns = standing.missing_ns or feed.now_ns
        reason = f"{spelling} is no longer traded {place} (status {market.status})"
        if feed.now_ns - since_ns < SOON_NS:
          soon = standing.left = True
          self._notify(feed, subscription, standing, f"{reason}; the list is read once more")
        else:
          feed.reject(subscription, f"{reason}; leave it out")
      else:
        near = [m.written or m.symbol for m in family.known.values() if m.state != "ended"]
        written = all(m.written for m in family.known.values())
        meant = spelling if written else source.symbol(subscription.instrument)
        hint = did_you_mean(meant, near if hints > 0 else (), _SEE, 0.7)
        hints -= 1
        feed.reject(subscription, f"there is no {spelling} {place}{hint}")
    spread = AGAIN_NS // 5 * (crc32(name.encode()) % 100) // 100
    pause = KEEP_NS if family.to_keep else SOON_NS if soon else AGAIN_NS + spread
    family.due_ns = feed.now_ns + pause

  def _open(
    self, feed: FeedControl, subscription: Subscription, standing: _Standing, market: M
  ) -> None:
    """A market can be read: its readers learn so where they knew otherwise, and which of its terms
    are not what they were."""
    standing.opened, standing.missing_ns, standing.left = True, None, False
    if standing.told is not None:
      standing.told = None
      feed.actions.append(Notice(subscription, None))
    before, standing.terms = standing.terms, market.terms
    changed = "; ".join(
      f"the {term} is {value} now, it was {before[term]}"
      for term, value in market.terms.items()
      if before.get(term, value) != value
    )
    if changed:
      source = self._source
      place = source.place(source.family(subscription.instrument))
      reason = f"{source.spelling(subscription.instrument)} {place}: {changed}"
      feed.actions.append(Notice(subscription, reason, unavailable=False))

  def _gone(
    self,
    feed: FeedControl,
    subscription: Subscription,
    standing: _Standing,
    market: M | None,
    spelling: str,
    place: str,
  ) -> bool:
    """A market that was open is no longer listed, or has ended: it leaves the venue when a second
    reading says so too. Whether the list is to be read again soon."""
    if standing.left:
      return False
    if standing.missing_ns is None:
      standing.missing_ns = feed.now_ns
      return True
    if feed.now_ns - standing.missing_ns < SOON_NS:
      return True
    how = "listed" if market is None else f"traded (status {market.status})"
    standing.left, standing.told = True, f"{spelling} is no longer {how} {place}"
    feed.suspend(
      subscription, f"{standing.told}; Bond has unsubscribed and looks at the list again"
    )
    return False

  def _notify(
    self, feed: FeedControl, subscription: Subscription, standing: _Standing, reason: str
  ) -> None:
    if standing.told != reason:
      standing.told = reason
      feed.actions.append(Notice(subscription, reason))
