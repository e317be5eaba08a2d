"""What specs say to a venue's sources: symbols, an endpoint, how books and tickers are seen."""

from collections.abc import Callable, Hashable
from typing import Any, ClassVar, Literal, TypeAlias

import attrs

from bond_core import Instrument, Market
from bond_core.config import check_endpoint, without_slash
from bond_core.feeds import Subscription
from bond_venuekit.symbols import SettledIn, settled_in_quote, with_settlement

MAX_SYMBOLS = 2000

VenueChannel: TypeAlias = Literal[
  "trades", "orderbook", "ticker", "funding", "open_interest", "liquidation", "candle"
]
"""The channels of venues that the kit has a configuration for."""

OnMarket: TypeAlias = Literal["spot", "perp"]
"""The market that serves where a symbol leaves it open."""


@attrs.frozen(kw_only=True)
class Venue:
  """What all sources of a venue share.

  `exchange` is its name in events, `title` its name in sentences. `read` gives the market that a
  user's spelling means or raises ValueError with a sentence; `spelling` writes an instrument so
  that nothing is left open. `connection` makes the hashable identity of a connection from the
  endpoint of a spec, None for the venue itself; sources of equal connections share one feed.
  `endpoints` are words that a spec may write for an endpoint, besides the URL of a simulator;
  `endpoint_hint` ends the sentence about a wrong one. `settled_in` is what contracts usually settle
  in: the symbol of one that does not says so (BTC/USD:USD). `lists_names` says that the feed is a
  NamedFeed, so that a name in one word stays as it is until the venue's list has split it.
  """

  exchange: str
  title: str
  read: Callable[[str], Market]
  spelling: Callable[[Instrument], str]
  connection: Callable[[str | None], Hashable]
  endpoints: tuple[str, ...] = ()
  endpoint_hint: str = attrs.field()
  settled_in: SettledIn = settled_in_quote
  lists_names: bool = False

  @endpoint_hint.default
  def _endpoint_hint(self) -> str:
    return f"or leave it out for {self.title} itself"


def _check_symbols(
  config: "VenueSource", attribute: "attrs.Attribute[list[str]]", value: list[str]
) -> None:
  """An attrs validator: ValueError for a list that is empty, too long or names one twice."""
  if not value:
    raise ValueError("the list is empty; name at least one symbol such as BTC/USDT")
  if len(value) > MAX_SYMBOLS:
    raise ValueError(f"{len(value)} symbols are more than the {MAX_SYMBOLS} that a source takes")
  venue = config.venue
  seen: dict[Instrument, str] = {}
  for text in value:
    instrument = config.instrument(text)
    if instrument in seen:
      first = seen[instrument]
      twice = f"{text!r} is there twice" if first == text else f"{first!r} and {text!r} are equal"
      raise ValueError(f"{twice}: {venue.spelling(instrument)}; write it once")
    seen[instrument] = text


def _check_endpoint(
  config: "VenueSource", attribute: "attrs.Attribute[str | None]", value: str | None
) -> None:
  venue = config.venue
  if value is not None and value not in venue.endpoints:
    check_endpoint(value, venue.endpoint_hint)


@attrs.frozen(kw_only=True)
class VenueSource:
  """What all sources of a venue have. A venue's own class sets `venue`; its docstring is shown in
  docs/spec.md. `endpoint` is None for the venue itself, else mostly the URL of a simulator."""

  venue: ClassVar[Venue]
  channel: ClassVar[VenueChannel]

  symbols: list[str] = attrs.field(validator=_check_symbols, metadata={"public": True})
  endpoint: str | None = attrs.field(
    default=None, converter=without_slash, validator=_check_endpoint, metadata={"public": False}
  )

  @property
  def connection(self) -> Hashable:
    """The identity of this source's connection."""
    return self.venue.connection(self.endpoint)

  def instrument(self, text: str) -> Instrument:
    """The instrument of a symbol."""
    venue, market = self.venue, self.venue.read(text)
    found = market.on(venue.exchange, getattr(self, "market", "perp"))
    if market.name is not None and venue.lists_names:
      return found._replace(symbol=market.name)
    return with_settlement(found, market.settle, venue.settled_in)

  def subscriptions(self) -> list[Subscription]:
    """What is subscribed to: one subscription an instrument."""
    options = self.options()
    return [Subscription(self.channel, self.instrument(text), options) for text in self.symbols]

  def options(self) -> tuple[tuple[str, str], ...]:
    """The options of each subscription, sorted by name."""
    return ()


@attrs.frozen(kw_only=True)
class TradesOf(VenueSource):
  """Trades."""

  channel = "trades"

  market: OnMarket = "spot"


MOST_LEVELS = 500


def _check_depth(config: Any, attribute: "attrs.Attribute[int]", value: int) -> None:
  if not 1 <= value <= config.most_levels:
    otherwise = ", or deltas: true" if config.most_levels == MOST_LEVELS else ""
    raise ValueError(f"{value} levels cannot be shown; write 1 to {config.most_levels}{otherwise}")


def _check_speed(config: Any, attribute: "attrs.Attribute[int]", value: int) -> None:
  if not 0 <= value <= 60_000:
    raise ValueError(f"{value} ms is out of range; write 0 (every update) to 60000")


@attrs.frozen(kw_only=True)
class BooksOf(VenueSource):
  """Order books. One subscription serves all readers of a book; depth and speed are each reader's
  own view, of `most_levels` at most."""

  channel = "orderbook"
  most_levels: ClassVar[int] = MOST_LEVELS

  market: OnMarket = "spot"
  depth: int = attrs.field(default=20, validator=_check_depth)
  speed_ms: int = attrs.field(default=100, validator=_check_speed)
  deltas: bool = attrs.field(default=False)

  @deltas.validator
  def _check_deltas(self, attribute: "attrs.Attribute[bool]", value: bool) -> None:
    if value and (self.depth != 20 or self.speed_ms != 100):
      raise ValueError(
        "deltas are every level as it changes; leave depth and speed_ms out, or deltas"
      )


@attrs.frozen(kw_only=True)
class TickersOf(VenueSource):
  """Quotes, and statistics of 24 hours: a subscription each, with the option `stream`."""

  channel = "ticker"

  market: OnMarket = "spot"
  quotes: bool = attrs.field(default=True)
  stats: bool = attrs.field(default=True)

  @stats.validator
  def _check_stats(self, attribute: "attrs.Attribute[bool]", value: bool) -> None:
    if not self.quotes and not value:
      raise ValueError("quotes and stats are both false, so nothing is left; make one of them true")

  def subscriptions(self) -> list[Subscription]:
    """Up to two subscriptions an instrument."""
    kinds = [kind for kind, on in (("quotes", self.quotes), ("stats", self.stats)) if on]
    return [
      Subscription(self.channel, self.instrument(text), (("stream", kind),))
      for text in self.symbols
      for kind in kinds
    ]


@attrs.frozen(kw_only=True)
class FundingOf(VenueSource):
  """Funding rates; a symbol that leaves the market open is the perpetual."""

  channel = "funding"


@attrs.frozen(kw_only=True)
class OpenInterestOf(VenueSource):
  """Open interest; a symbol that leaves the market open is the perpetual."""

  channel = "open_interest"


@attrs.frozen(kw_only=True)
class LiquidationsOf(VenueSource):
  """Liquidations; a symbol that leaves the market open is the perpetual."""

  channel = "liquidation"


@attrs.frozen(kw_only=True)
class CandlesOf(VenueSource):
  """Candles. A venue's own class narrows `interval` to the lengths that it has."""

  channel = "candle"

  market: OnMarket = "spot"
  interval: str = "1m"

  def options(self) -> tuple[tuple[str, str], ...]:
    return (("interval", self.interval),)
