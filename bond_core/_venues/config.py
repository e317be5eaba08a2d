"""What specs say to every venue's sources: symbols, an endpoint, how books are shown."""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Literal, Protocol

import attrs

from bond_core._books.view import BookView
from bond_core._feeds.contract import Subscription
from bond_core._instruments import Instrument, Market
from bond_core._spec.urls import check_endpoint, without_slash
from bond_core._types.transform import Transform

MAX_SYMBOLS = 2000


def check_symbols(symbols: list[str], read: Callable[[str], tuple[Instrument, str]]) -> None:
  """Raises ValueError for a list that is empty, too long or names an instrument twice. `read` gives
  the instrument that a spelling means and the spelling that leaves nothing open."""
  if not symbols:
    raise ValueError("the list is empty; name at least one symbol such as BTC/USDT")
  if len(symbols) > MAX_SYMBOLS:
    raise ValueError(f"{len(symbols)} symbols are more than the {MAX_SYMBOLS} that a source takes")
  seen: dict[Instrument, str] = {}
  for text in symbols:
    instrument, spelling = read(text)
    if instrument in seen:
      first = seen[instrument]
      twice = f"{text!r} is there twice" if first == text else f"{first!r} and {text!r} are one"
      raise ValueError(f"{twice}: {spelling}; write it once")
    seen[instrument] = text


class ShownBooks(Protocol):
  """How books are shown: the best `depth` levels at most every `speed_ms`, or all `deltas`."""

  @property
  def depth(self) -> int: ...
  @property
  def speed_ms(self) -> int: ...
  @property
  def deltas(self) -> bool: ...


def check_depth(config: Any, attribute: "attrs.Attribute[int]", value: int) -> None:
  """An attrs validator of `depth`."""
  if not 1 <= value <= 500:
    raise ValueError(f"{value} levels cannot be shown; ask for 1 to 500, or for deltas: true")


def check_speed(config: Any, attribute: "attrs.Attribute[int]", value: int) -> None:
  """An attrs validator of `speed_ms`."""
  if not 0 <= value <= 60_000:
    raise ValueError(f"{value} ms is no pace; write 0 (every update) to 60000")


def check_deltas(config: ShownBooks, attribute: "attrs.Attribute[bool]", value: bool) -> None:
  """An attrs validator of `deltas`, after the two others."""
  if value and (config.depth != 20 or config.speed_ms != 100):
    raise ValueError(
      "deltas are every level as it changes; leave depth and speed_ms out, or deltas"
    )


def view_of_books(books: ShownBooks) -> Transform | None:
  """The view that a reader of books sees them through."""
  return None if books.deltas else BookView(books.depth, books.speed_ms)


def check_kinds(kinds: Iterable[bool], names: str) -> None:
  """Raises ValueError where no kind of stream is wanted; `names` are theirs."""
  if not any(kinds):
    raise ValueError(f"{names} are both false, so nothing is left; make one of them true")


@attrs.frozen
class Venue:
  """How a venue's markets are spelled. `read` gives the market that a user's spelling means (or
  raises ValueError with a sentence), `spelling` the one that leaves nothing open; `places` are
  words for an endpoint besides URLs of simulators."""

  exchange: str
  title: str
  read: Callable[[str], Market]
  spelling: Callable[[Instrument], str]
  places: tuple[str, ...] = ()
  or_else: str = "or leave it out for {title} itself"


def _check_symbols(
  config: "VenueSource", attribute: "attrs.Attribute[list[str]]", value: list[str]
) -> None:
  venue, market = config.venue, getattr(config, "market", "perp")

  def read(text: str) -> tuple[Instrument, str]:
    instrument = venue.read(text).on(venue.exchange, market)
    return instrument, venue.spelling(instrument)

  check_symbols(value, read)


def _check_endpoint(
  config: "VenueSource", attribute: "attrs.Attribute[str | None]", value: str | None
) -> None:
  venue = config.venue
  if value is not None and value not in venue.places:
    check_endpoint(value, venue.or_else.format(title=venue.title))


@attrs.frozen(kw_only=True)
class VenueSource:
  """What all sources of a venue have. `endpoint` is None for the venue itself."""

  venue: ClassVar[Venue]

  symbols: list[str] = attrs.field(validator=_check_symbols)
  endpoint: str | None = attrs.field(
    default=None, converter=without_slash, validator=_check_endpoint, metadata={"trusted": True}
  )

  def instruments(self, market: str) -> list[Instrument]:
    """The instruments meant; `market` serves where a spelling leaves it open."""
    venue = self.venue
    return [venue.read(text).on(venue.exchange, market) for text in self.symbols]


OnMarket = Literal["spot", "perp"]


@attrs.frozen(kw_only=True)
class BooksOf(VenueSource):
  """A source of books, shown as its reader wants them."""

  market: OnMarket = "spot"
  depth: int = attrs.field(default=20, validator=check_depth)
  speed_ms: int = attrs.field(default=100, validator=check_speed)
  deltas: bool = attrs.field(default=False, validator=check_deltas)

  def subscriptions(self) -> list[Subscription]:
    """One stream an instrument; depth and pace are the reader's own view."""
    return [Subscription("orderbook", i) for i in self.instruments(self.market)]


@attrs.frozen(kw_only=True)
class TickersOf(VenueSource):
  """A source of quotes, and of what happened in 24 hours."""

  market: OnMarket = "spot"
  quotes: bool = attrs.field(default=True)
  stats: bool = attrs.field(default=True)

  @stats.validator
  def _check_stats(self, attribute: "attrs.Attribute[bool]", value: bool) -> None:
    check_kinds((self.quotes, value), "quotes and stats")

  def subscriptions(self) -> list[Subscription]:
    """Up to two streams an instrument."""
    kinds = [kind for kind, wanted in (("quotes", self.quotes), ("stats", self.stats)) if wanted]
    return [
      Subscription("ticker", instrument, (("stream", kind),))
      for instrument in self.instruments(self.market)
      for kind in kinds
    ]
