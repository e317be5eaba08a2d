"""Names that only the venue's list can split: DOTUSD is DOT/USD, WBTC is WBTC/USDT."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import attrs

from bond_core import Batch, Instrument
from bond_core.config import did_you_mean
from bond_core.feeds import Fetch, Handshake, Moment, Reject, Response, Subscription
from bond_core.venues import SECOND, UNREADABLE, MarketList
from bond_venuekit.watched import WatchedFeed

PURPOSE = "the list that says which market a name is"
QUOTE = "USDT"
"""What an asset alone is quoted in."""

MAX_WAIT = 30
"""Seconds between two tries."""


class NameRequest(NamedTuple):
  """A GET request, or with a `body` a POST, and what it costs in `group`'s rate limit."""

  url: str
  group: str
  weight: int = 1
  body: bytes | None = None


@attrs.frozen
class NameList:
  """Where a venue lists its markets. `requests` are made one after the other until an answer has
  the name. `read` gives the instruments in an answer by their names without separators; what it
  returns None for, or raises UNREADABLE, is no list, and is requested again."""

  requests: Callable[[Instrument], Sequence[NameRequest]]
  read: Callable[[Instrument, Response], Mapping[str, Instrument] | None]


@attrs.define
class _LookUp:
  """A name that is looked up: the place of its request, failures in a row, and when to try again
  (monotonic ns; None while an answer is under way)."""

  place: int = 0
  failures: int = 0
  again_ns: int | None = None


def is_name(instrument: Instrument) -> bool:
  """Whether an instrument is a name as it was written, which the venue's list has to split."""
  return "/" not in instrument.symbol


class NamedFeed(WatchedFeed):
  """A WatchedFeed that looks up the names that users write in one word before it subscribes to what
  they stand for; `listed` is what they turned out to be, `markets` the venue's list. A name and the
  market that it is are one subscription at the venue. All else is as in TopicFeed, and `parts` are
  what that takes."""

  def __init__(self, exchange: str, title: str, *, names: NameList, **parts: Any) -> None:
    super().__init__(exchange, title, **parts)
    self.markets: MarketList | None = parts.get("markets")
    self.listed: dict[Instrument, Instrument] = {}
    self._title_of_venue = title
    self._names = names
    self._look_ups: dict[Instrument, _LookUp] = {}
    self._requested: dict[tuple[str, bytes | None], dict[Instrument, None]] = {}
    """Names that wait for the answer of a request, by its URL and body."""
    self._waiting: dict[int, dict[Subscription, None]] = {}
    """Subscriptions to names that are not known yet, by connection."""
    self._read_as: dict[int, dict[Subscription, dict[Subscription, None]]] = {}
    """By connection, what is subscribed to at the venue, and the subscriptions that it serves."""

  # What it would take --------------------------------------------------------------------------

  def group(self, subscription: Subscription) -> str:
    return super().group(self._known(subscription))

  def snapshot_weight(self, subscription: Subscription) -> int:
    return super().snapshot_weight(self._known(subscription))

  def opening_messages(self, group: str, subscriptions: list[Subscription]) -> list[bytes]:
    return super().opening_messages(group, _markets(subscriptions))

  def handshake(self, group: str, subscriptions: list[Subscription]) -> Handshake:
    return super().handshake(group, _markets(subscriptions))

  def silence(self, subscription: Subscription) -> float | None:
    return super().silence(self._known(subscription))

  def last_received(self, subscription: Subscription) -> int | None:
    return super().last_received(self._known(subscription))

  # Connections ---------------------------------------------------------------------------------

  def on_open(
    self, connection: int, subscriptions: list[Subscription], *, overlap: bool, now: Moment
  ) -> None:
    self.now_ns = now.mono_ns
    if not subscriptions:
      return
    # What the handshake may have subscribed to. A name may be known only since then.
    markets = self._take_on(connection, _markets(subscriptions))
    if markets:
      super().on_open(connection, markets, overlap=overlap, now=now)
    else:
      self.open_connection(connection, self.group(subscriptions[0]))
    names = [subscription for subscription in subscriptions if is_name(subscription.instrument)]
    super().on_change(connection, self._take_on(connection, names), [], now)

  def on_change(
    self,
    connection: int,
    added: list[Subscription],
    removed: list[Subscription],
    now: Moment,
  ) -> None:
    self.now_ns = now.mono_ns
    gone = []
    carried = self._read_as.get(connection, {})
    for subscription in removed:
      self._waiting.get(connection, {}).pop(subscription, None)
      served = carried.get(known := self._known(subscription))
      if served is not None and served.pop(subscription, 0) is None and not served:
        del carried[known]
        gone.append(known)
    super().on_change(connection, self._take_on(connection, added), gone, now)

  def on_close(self, connection: int) -> None:
    super().on_close(connection)
    self._waiting.pop(connection, None)
    self._read_as.pop(connection, None)

  def on_timer(self, now: Moment) -> Batch:
    out = super().on_timer(now)
    wanted = {s.instrument for waiting in self._waiting.values() for s in waiting}
    for name, look_up in list(self._look_ups.items()):
      if name not in wanted:
        # Its request may have been given up with its last reader: the next one makes another.
        self._forget(name)
      elif look_up.again_ns is not None and now.mono_ns >= look_up.again_ns:
        self._request(name, look_up)
    return out

  def on_response(self, fetch: Fetch, response: Response, received: Moment) -> Batch:
    if fetch.purpose != PURPOSE:
      return super().on_response(fetch, response, received)
    self.now_ns = received.mono_ns
    for name in self._requested.pop((fetch.url, fetch.body), {}):
      self._answered(name, response, received)
    return []

  def reject(self, subscription: Subscription, reason: str) -> None:
    super().reject(subscription, reason)
    for carried in self._read_as.values():
      for served in carried.pop(subscription, {}):
        if served != subscription:
          self.actions.append(Reject(served, reason))

  # Names ---------------------------------------------------------------------------------------

  def _known(self, subscription: Subscription) -> Subscription:
    """The subscription with the instrument that its name is, as far as that is known."""
    found = self.listed.get(subscription.instrument)
    return subscription if found is None else subscription._replace(instrument=found)

  def _take_on(self, connection: int, subscriptions: list[Subscription]) -> list[Subscription]:
    """Notes what a connection is to carry, and looks up what is not known; returns what it did not
    carry before."""
    carried = self._read_as.setdefault(connection, {})
    new = []
    for subscription in subscriptions:
      known = self._known(subscription)
      if is_name(known.instrument):
        self._waiting.setdefault(connection, {})[subscription] = None
        if known.instrument not in self._look_ups:
          self._request(known.instrument, _LookUp())
        continue
      if known not in carried:
        new.append(known)
      carried.setdefault(known, {})[subscription] = None
    return new

  def _request(self, name: Instrument, look_up: _LookUp) -> None:
    look_up.again_ns = None
    self._look_ups[name] = look_up
    url, group, weight, body = self._names.requests(name)[look_up.place]
    if (url, body) not in self._requested:
      self.actions.append(Fetch(url, PURPOSE, group, weight, body=body))
    self._requested.setdefault((url, body), {})[name] = None

  def _forget(self, name: Instrument) -> None:
    del self._look_ups[name]
    for request, names in list(self._requested.items()):
      names.pop(name, None)
      if not names:
        del self._requested[request]

  def _answered(self, name: Instrument, response: Response, received: Moment) -> None:
    look_up = self._look_ups[name]
    try:
      rows = self._names.read(name, response)
    except UNREADABLE:
      rows = None
    if rows is None:
      wait = min(1 << look_up.failures, MAX_WAIT) * SECOND
      look_up.failures, look_up.again_ns = look_up.failures + 1, self.now_ns + wait
      return
    found = rows.get(name.symbol) or rows.get(name.symbol + QUOTE)
    if found is None and look_up.place + 1 < len(self._names.requests(name)):
      self._request(name, _LookUp(look_up.place + 1))
      return
    del self._look_ups[name]
    if found is not None:
      self.listed[name] = found
    for connection, waiting in list(self._waiting.items()):
      mine = [subscription for subscription in waiting if subscription.instrument == name]
      for subscription in mine:
        del waiting[subscription]
      if found is None:
        self.actions.extend(Reject(s, self._not_listed(name, rows)) for s in mine)
      else:
        self._begin(connection, mine, received)

  def _begin(self, connection: int, subscriptions: list[Subscription], now: Moment) -> None:
    """Subscribes to what has been looked up."""
    here = []
    for subscription in subscriptions:
      known = self._known(subscription)
      if super().group(known) == super().group(subscription):
        here.append(subscription)
      else:
        reason = f"{subscription}: it is {known.instrument}; write it as BASE/QUOTE:SETTLE"
        self.actions.append(Reject(subscription, reason))
    super().on_change(connection, self._take_on(connection, here), [], now)

  def _not_listed(self, name: Instrument, rows: Mapping[str, Instrument]) -> str:
    hint = did_you_mean(name.symbol, rows, "; write BASE/QUOTE such as BTC/USDT", 0.7)
    return (
      f"{self._title_of_venue} lists no {name.symbol} ({name.market_type}), neither as a pair nor "
      f"as {name.symbol}/{QUOTE}{hint}"
    )


def _markets(subscriptions: Iterable[Subscription]) -> list[Subscription]:
  """Those that are to no name."""
  return [subscription for subscription in subscriptions if not is_name(subscription.instrument)]
