"""What the venue lists: a subscription that it cannot serve is refused, with the nearest spelling.

Sources: Spot "Exchange information", USD-M "Exchange Information" and "Common Definition".
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

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
from bond_core.venues import UNREADABLE, FeedControl

ENDED = frozenset(("BREAK", "CLOSE", "DELIVERING", "DELIVERED", "SETTLING"))
"""States that a market does not come back from. HALT, PENDING_TRADING and the like pass; a market
in one of them is waited for."""

_PLACES: dict[VenueMarket, str] = {SPOT: "on Binance spot", USDM: "among Binance's USD-M futures"}


class Listing:
  """Looks each symbol up once. Nothing waits for the answer, since the venue accepts a stream of a
  symbol that does not exist and stays silent."""

  def __init__(self, connection: Connection) -> None:
    self._endpoint = connection
    self._requested: dict[VenueMarket, set[str]] = {SPOT: set(), USDM: set()}

  def prepare(self, feed: FeedControl, subscriptions: Iterable[Subscription]) -> None:
    new: dict[VenueMarket, dict[str, None]] = {}
    for subscription in subscriptions:
      market, symbol = market_of(subscription.instrument), venue_symbol(subscription.instrument)
      if symbol not in self._requested[market]:
        new.setdefault(market, {})[symbol] = None
    for market, symbols in new.items():
      self._requested[market].update(symbols)
      self._fetch(feed, market, list(symbols))

  def ready(self, subscription: Subscription) -> bool:
    return True

  def on_response(self, feed: FeedControl, fetch: Fetch, response: Response) -> None:
    market: VenueMarket = SPOT if fetch.group == SPOT else USDM
    complete = not urlsplit(fetch.url).query
    if response.status == 400 and not complete:
      # One of the symbols is wrong; the whole list shows which, and what is like it.
      self._fetch(feed, market, None)
      return
    if response.status != 200:
      return  # The streams themselves will show what there is.
    try:
      rows = decode_listing(response.body).symbols
    except UNREADABLE:
      return
    if complete and not rows:
      return
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
  for instrument in instruments:
    row = listed.get(venue_symbol(instrument))
    if row is None and complete:
      found[instrument] = f"there is no {spelling(instrument)} {_PLACES[market]}" + did_you_mean(
        spelling(instrument), _known(market, rows), "; see the venue's list of markets", 0.7
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
