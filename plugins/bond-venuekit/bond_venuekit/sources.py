"""A venue's sources from one table."""

from collections.abc import Callable, Hashable, Mapping
from functools import cache, partial
from typing import Any, get_args, get_type_hints

import attrs

from bond_core import (
  AnyEvent,
  Candle,
  Funding,
  Gap,
  Liquidation,
  Market,
  OpenInterest,
  OrderBook,
  SourceType,
  Ticker,
  Trade,
  Transform,
)
from bond_core.feeds import Feed
from bond_venuekit.config import BooksOf, TickersOf, Venue, VenueChannel, VenueSource
from bond_venuekit.kept_lists import HINTS, Unlisted, is_due, keep, kept_list
from bond_venuekit.market_list import VenueMarkets
from bond_venuekit.names import NamedFeed, is_name
from bond_venuekit.views import view_of_books, view_of_tickers


@attrs.frozen
class VenueRow:
  """One source of a venue. What is left out is as usual for its channel: `summary` is a sentence,
  `words` are further words of plain English that follow the venue's name ("mark price" for
  "binance mark price"), `example` is the configuration in the documentation."""

  config: type[VenueSource]
  summary: str = ""
  words: tuple[str, ...] = ()
  example: str = ""


@attrs.frozen
class _Channel:
  """What sources of a channel have in common."""

  event: type[AnyEvent]
  words: tuple[str, ...]
  summary: str
  example: str = "{symbols: [BTC/USDT]}"


_CHANNELS: dict[VenueChannel, _Channel] = {
  "trades": _Channel(Trade, ("", "trades"), "Trades."),
  "orderbook": _Channel(
    OrderBook,
    ("order book", "book", "depth"),
    "Order books, verified: the best levels, or every change.",
    "{symbols: [BTC/USDT], depth: 20, speed_ms: 100}",
  ),
  "ticker": _Channel(
    Ticker,
    ("ticker", "price", "quotes"),
    "Best bid and ask, last price, 24-hour volume.",
    "{symbols: [BTC/USDT], stats: false}",
  ),
  "funding": _Channel(Funding, ("funding",), "Funding rates of perpetuals."),
  "open_interest": _Channel(OpenInterest, ("open interest",), "Open interest of contracts."),
  "liquidation": _Channel(Liquidation, ("liquidations",), "Liquidations of contracts."),
  "candle": _Channel(
    Candle,
    ("candles",),
    "Candles while they form and when they close.",
    "{symbols: [BTC/USDT], interval: 1m}",
  ),
}


def venue_sources(
  name: str,
  rows: Mapping[VenueChannel, VenueRow],
  *,
  feed: Callable[[Any], Feed],
  terms: str,
  simulator: str | None = None,
) -> list[SourceType]:
  """The sources NAME.CHANNEL of a venue, in the order of `rows`.

  `feed` makes the venue's feed from a connection, `terms` names its terms of use with their URL.
  `simulator` is the simulated venue that can stand in for it, None where there is none. The lists
  of markets of a NamedFeed are kept on this machine (kept_lists.py).
  """
  keeping = _Keeping(feed, tuple({row.config.venue for row in rows.values()}))
  return [_source(name, channel, row, keeping, terms, simulator) for channel, row in rows.items()]


@attrs.frozen
class _Keeping:
  """The same feed, whose lists are kept where its connection is one to the venue itself."""

  feed: Callable[[Any], Feed]
  venues: tuple[Venue, ...] = attrs.field(eq=False)

  def __call__(self, connection: Any) -> Feed:
    made = self.feed(connection)
    own = [venue for venue in self.venues if venue.connection(None) == connection]
    if own and isinstance(made, NamedFeed) and isinstance(made.markets, VenueMarkets):
      exchange = own[0].exchange
      made.markets.keep_lists(partial(is_due, exchange), partial(keep, exchange))
    return made


def _source(
  name: str,
  channel: VenueChannel,
  row: VenueRow,
  feed: Callable[[Any], Feed],
  terms: str,
  simulator: str | None,
) -> SourceType:
  usual = _CHANNELS[channel]
  return SourceType(
    name=f"{name}.{channel}",
    summary=row.summary or usual.summary,
    config=row.config,
    emits=(usual.event, Gap),
    feed=feed,
    connection=_connection,
    subscriptions=_subscriptions,
    view=_view_of(row.config),
    on_demand=_on_demand(row.config),
    unlisted=_unlisted(feed),
    simulator=simulator,
    public=True,
    market_data=True,
    terms=terms,
    words=tuple(
      f"{name} {word}".rstrip() for word in (*usual.words, *row.words, *_bars(row.config))
    ),
    example=row.example or usual.example,
  )


def _bars(config: type[VenueSource]) -> list[str]:
  """Words for the lengths of candles that a source has: 1m candles, 1h candles."""
  lengths = get_args(get_type_hints(config).get("interval"))
  return [f"{length} candles" for length in lengths]


def _connection(config: VenueSource) -> Hashable:
  return config.connection


def _subscriptions(config: VenueSource) -> list[Any]:
  return config.subscriptions()


def _unlisted(feed: Callable[[Any], Feed]) -> Callable[[VenueSource], list[Unlisted]]:
  def unlisted(config: VenueSource) -> list[Unlisted]:
    venue = config.venue
    if config.connection != venue.connection(None):
      return []
    made = feed(config.connection)
    markets = made.markets if isinstance(made, NamedFeed) else None
    if not isinstance(markets, VenueMarkets):
      return []
    # A list is read once, however many symbols there are.
    kept = cache(partial(kept_list, venue.exchange))
    instruments = [i for i in map(config.instrument, config.symbols) if not is_name(i)]
    found: list[Unlisted] = []
    for instrument in instruments:
      one = markets.unlisted(kept, instrument, hint=len(found) < HINTS)
      if one is not None:
        found.append(one)
    return found

  return unlisted


def _view_of(config: type[VenueSource]) -> Callable[[Any], Transform | None] | None:
  if issubclass(config, BooksOf):
    return view_of_books
  return view_of_tickers if issubclass(config, TickersOf) else None


def _on_demand(config: type[VenueSource]) -> Callable[[VenueSource | None, Market], VenueSource]:
  def more(given: VenueSource | None, market: Market) -> VenueSource:
    symbols = [str(market)]
    return config(symbols=symbols) if given is None else attrs.evolve(given, symbols=symbols)

  return more
