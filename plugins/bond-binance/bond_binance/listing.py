"""What the venue lists: a subscription that it cannot serve is refused, with the nearest spelling.

Sources: Spot "Exchange information", USD-M "Exchange Information" and "Common Definition".
"""

from collections.abc import Iterable
from contextlib import suppress
from urllib.parse import urlsplit

import attrs

from bond_binance.endpoints import LISTING_WEIGHT, Connection
from bond_binance.messages import Listed, decode_listing
from bond_binance.symbols import (
  SPOT,
  USDM,
  VenueMarket,
  instrument_of,
  market_of,
  spelling,
  venue_symbol,
)
from bond_core import Instrument
from bond_core.config import did_you_mean
from bond_core.feeds import Fetch, Moment, Response, Subscription
from bond_core.venues import SECOND, UNREADABLE, FeedControl

ENDED = frozenset(("BREAK", "CLOSE", "DELIVERING", "DELIVERED", "SETTLING"))
"""States that a market does not come back from. HALT, PENDING_TRADING and the like pass; a market
in one of them is waited for."""

_PLACES: dict[VenueMarket, str] = {SPOT: "on Binance spot", USDM: "among Binance's USD-M futures"}


HINTS = 5
"""Wrong symbols of a request whose nearest spelling is looked for."""

KEPT_NS = 60 * SECOND
"""How long the whole list answers for what is not in it. A symbol may have been listed since."""


@attrs.define
class _Looked:
  """What is known of a market: the symbols that were looked up, and the whole list with its age,
  where it was fetched. `waiting` says that it is being fetched again."""

  symbols: set[str] = attrs.field(factory=set)
  rows: list[Listed] = attrs.field(factory=list)
  listed: frozenset[str] = frozenset()
  at_ns: int = 0
  waiting: bool = False


class Listing:
  """Looks symbols up. Nothing waits for the first answers, since the venue accepts a stream of a
  symbol that does not exist and stays silent. From the first wrong symbol on the whole list is
  known, and nothing is requested for what is not in it."""

  def __init__(self, connection: Connection) -> None:
    self._endpoint = connection
    self._looked: dict[VenueMarket, _Looked] = {SPOT: _Looked(), USDM: _Looked()}

  def prepare(self, feed: FeedControl, subscriptions: Iterable[Subscription]) -> None:
    new: dict[VenueMarket, dict[str, None]] = {}
    for subscription in subscriptions:
      market, symbol = market_of(subscription.instrument), venue_symbol(subscription.instrument)
      looked = self._looked[market]
      if symbol not in (looked.listed or looked.symbols):
        new.setdefault(market, {})[symbol] = None
    for market, symbols in new.items():
      looked = self._looked[market]
      if not looked.listed:
        looked.symbols.update(symbols)
        self._fetch(feed, market, list(symbols))
      elif feed.now_ns - looked.at_ns < KEPT_NS:
        self._refuse(feed, market, looked.rows, complete=True)
      elif not looked.waiting:
        looked.waiting = True
        self._fetch(feed, market, None)

  def ready(self, subscription: Subscription) -> bool:
    listed = self._looked[market_of(subscription.instrument)].listed
    return not listed or venue_symbol(subscription.instrument) in listed

  def on_response(self, feed: FeedControl, fetch: Fetch, response: Response) -> None:
    market: VenueMarket = SPOT if fetch.group == SPOT else USDM
    complete = not urlsplit(fetch.url).query
    if response.status == 400 and not complete:
      # One of the symbols is wrong; the whole list shows which, and what is like it.
      self._fetch(feed, market, None)
      return
    rows: list[Listed] = []
    if response.status == 200:
      with suppress(*UNREADABLE):
        rows = decode_listing(response.body).symbols
    if complete:
      # Without a list the streams themselves will show what there is.
      listed = frozenset(row.symbol for row in rows if row.status not in ENDED)
      self._looked[market] = _Looked(rows=rows, listed=listed, at_ns=feed.now_ns)
    self._refuse(feed, market, rows, complete=complete and bool(rows))
    feed.proceed()

  def _refuse(
    self, feed: FeedControl, market: VenueMarket, rows: list[Listed], *, complete: bool
  ) -> None:
    subscriptions = [
      state.subscription
      for state in feed.states()
      if market_of(state.subscription.instrument) == market
    ]
    instruments = {subscription.instrument for subscription in subscriptions}
    refused = refusals(market, instruments, rows, complete=complete)
    for subscription in subscriptions:
      if (reason := refused.get(subscription.instrument)) is not None:
        feed.reject(subscription, reason)

  def on_timer(self, feed: FeedControl, now: Moment) -> None:
    """Nothing is due."""

  def _fetch(self, feed: FeedControl, market: VenueMarket, symbols: list[str] | None) -> None:
    url = self._endpoint.listing(market, symbols)
    feed.actions.append(Fetch(url, "the list of markets", market, LISTING_WEIGHT[market]))


def refusals(
  market: VenueMarket, instruments: Iterable[Instrument], rows: list[Listed], *, complete: bool
) -> dict[Instrument, str]:
  """Why each instrument that cannot be served cannot, in a sentence. Rows that are not `complete`
  say nothing about what is not in them."""
  listed = {row.symbol: row for row in rows}
  found: dict[Instrument, str] = {}
  known: list[str] | None = None
  for instrument in instruments:
    row = listed.get(venue_symbol(instrument))
    if row is None and complete:
      if known is None:
        known = _known(market, rows)
      # Looking for the nearest among thousands takes a while: the first ones show what is wrong.
      near = known if len(found) < HINTS else ()
      found[instrument] = f"there is no {spelling(instrument)} {_PLACES[market]}" + did_you_mean(
        spelling(instrument), near, "; see the venue's list of markets", 0.7
      )
    elif row is not None and row.status in ENDED:
      found[instrument] = (
        f"{spelling(instrument)} is no longer traded {_PLACES[market]} (status {row.status}); "
        "leave it out"
      )
  return found


def _known(market: VenueMarket, rows: list[Listed]) -> list[str]:
  return [
    spelling(instrument_of(market, row.symbol, row.base, row.quote))
    for row in rows
    if row.status not in ENDED
  ]
