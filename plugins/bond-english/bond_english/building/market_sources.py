"""Sources of market data: on which venues, with which symbols and settings."""

from typing import Any

from bond_english.building.bars import DAY, VENUE_BARS, bar_length
from bond_english.building.catalogue import CHANNELS, SourceMatch
from bond_english.building.conditions import trade_condition
from bond_english.building.context import BuildContext
from bond_english.building.market_outputs import add_market_branch, purpose
from bond_english.meaning.binding import Selection, Symbol
from bond_english.text.chunks import CHAIN
from bond_english.words import data, venues

_PRICED = frozenset(("price", "trades", "volume", "vwap"))
"""Kinds whose windows have prices."""


def add_market_sources(context: BuildContext, selection: Selection) -> None:
  """Adds the sources for a kind of market data, on every venue of the selection."""
  label = data.KINDS[selection.kind].label
  if _is_decentralised(context, selection):
    context.add_unavailable(
      f"{label} on decentralised exchanges: no package is known that offers this"
    )
  elif selection.kind == "cvd":
    _add_single_source(context, selection, context.catalogue.of_kind("cvd"))
  elif selection.kind == "implied_vol" or "option" in selection.market_types:
    source = context.catalogue.of_kind("implied_vol") or context.catalogue.by_words("options")
    _add_single_source(context, selection, source)
  else:
    _check_market_types(context, selection)
    if "future" in selection.market_types:
      context.findings.ask("Which dated future? Write it as BTC/USDT:USDT-261225.")
    for channel in _channels(context, selection):
      _add_channel(context, selection, channel, label)


def _check_market_types(context: BuildContext, selection: Selection) -> None:
  """Says that spot and perpetual of one symbol would be one row of a window."""
  if not context.interval or selection.kind not in _PRICED:
    return
  for symbol in selection.symbols:
    market_types = {
      market_type
      for other in context.selections
      if other.kind in _PRICED
      for same in other.symbols
      if same.pair.symbol == symbol.pair.symbol
      for market_type in (same.market_types or other.market_types or [_market_type(same, other)])
    }
    if len(market_types) > 1:
      context.spec.add_missing(
        f"{symbol.pair.symbol} {' and '.join(sorted(market_types))} in windows: a window does not "
        "tell them apart; ask for one of them, or for every update"
      )


def _market_type(symbol: Symbol, selection: Selection) -> str:
  return "perp" if symbol.pair.perpetual or selection.kind in data.DERIVATIVES else "spot"


def _is_decentralised(context: BuildContext, selection: Selection) -> bool:
  on_chain = bool(context.request.having(CHAIN)) and all(
    other.kind not in ("onchain", "gas") for other in context.selections
  )
  if on_chain:
    context.filters.use("chain")
  dex = context.filters.use("venue_type") == "dex"
  return dex or on_chain or any(venue in venues.DEXES for venue in selection.venues)


def _add_single_source(context: BuildContext, selection: Selection, source: str | None) -> None:
  """Adds the one source of a kind that only a plugin with a word for it has."""
  if source is None:
    label = data.KINDS[selection.kind].label
    if "option" in selection.market_types and selection.kind != "implied_vol":
      label += " of options"
    context.add_unavailable(f"{label}: no package is known that offers this; leave it out")
    return
  symbols = [symbol.pair.symbol for symbol in selection.symbols]
  label = selection.kind.replace("_", "-")
  key = context.spec.add_source(label, source, {"symbols": symbols})
  context.add_branch(selection, key, symbols)


def _channels(context: BuildContext, selection: Selection) -> tuple[str, ...]:
  filters, kind = context.filters, selection.kind
  if kind == "volume" and filters.use("window_sec") == DAY:
    # The venue's own figure of the last 24 hours.
    return ("ticker",)
  if kind == "ohlc" and bar_length(context) not in VENUE_BARS:
    return ("trades",)
  if kind == "price" and filters.has("min_move_pct"):
    return ("trades",)
  return CHANNELS[kind]


def _add_channel(context: BuildContext, selection: Selection, channel: str, label: str) -> None:
  catalogue, spec = context.catalogue, context.spec
  for venue in _venues(context, selection, channel, label):
    match, used = catalogue.of_venue(venue, channel), channel
    if match is None and selection.kind == "ohlc":
      match, used = catalogue.of_venue(venue, "trades"), "trades"
    if match is None:
      context.add_unavailable(f"{label} on {venue}: no package is known that offers this")
      continue
    if match.package is not None:
      spec.require_package(match.package, f"{label} on {venue}")
    spellings = _spellings(context, selection, venue)
    options = _options(context, selection, used, match)
    settings = {**match.settings, "symbols": spellings, **options}
    where = trade_condition(context, selection)
    key = f"{venue}-{used.replace('_', '-')}"
    key = spec.add_source(key, match.use, settings, purpose(context, selection, where))
    symbols = tuple(dict.fromkeys(spelling.partition(":")[0] for spelling in spellings))
    add_market_branch(context, selection, used, key, symbols, where)


def _venues(context: BuildContext, selection: Selection, channel: str, label: str) -> list[str]:
  """The venues of the selection, else the default one."""
  catalogue, excluded = context.catalogue, context.excluded_venues
  if "*" in selection.venues:
    found = catalogue.all_venues(channel, excluded)
    if found:
      return found
  elif selection.venues:
    return selection.venues
  quotes = {symbol.pair.quote for symbol in selection.symbols}
  by_ccxt = venues.CCXT_SOURCES.get(channel, "")
  venue = catalogue.default_venue(channel, excluded)
  if quotes and quotes <= {"USD", "GBP"} and catalogue.is_installed(by_ccxt):
    venue = next((v for v in venues.USD_VENUES if v not in excluded), venue)
  if venue is None:
    context.add_unavailable(f"{label}: no package is known that offers this; leave it out")
    return []
  context.spec.add_default("exchange", venue)
  return [venue]


def _spellings(context: BuildContext, selection: Selection, venue: str) -> list[str]:
  """The symbols as sources take them: with a quote, perpetuals as BASE/QUOTE:SETTLE."""
  found: list[str] = []
  for symbol in selection.symbols:
    pair = symbol.pair
    market_types = symbol.market_types or selection.market_types
    market_types = market_types or [_market_type(symbol, selection)]
    if "inverse" in market_types:
      market_types = [market_type for market_type in market_types if market_type != "perp"]
    quote = pair.quote
    if quote is None:
      quote = "USD" if pair.base == "USDT" else venues.QUOTE_OF_VENUE.get(venue, "USDT")
      context.spec.add_default("quote", quote)
    elif quote == "USD" and venue in venues.DEFAULT_VENUES and not selection.venues:
      context.findings.warn(f"{venue} has no market in US dollars; USDT is taken for them")
      quote = "USDT"
    for market_type in market_types:
      spelling = f"{pair.base}/{quote}"
      if pair.expiry is not None:
        spelling += f":{quote}-{pair.expiry}"
      elif market_type == "inverse":
        spelling = f"{pair.base}/USD:{pair.base}"
      elif market_type == "perp":
        spelling += f":{quote}"
      if spelling not in found:
        found.append(spelling)
  return found


def _options(
  context: BuildContext, selection: Selection, channel: str, match: SourceMatch
) -> dict[str, Any]:
  """The settings of a source besides its symbols."""
  filters = context.filters
  options: dict[str, Any] = {}
  if channel == "orderbook":
    if filters.has("depth"):
      options["depth"] = filters.use("depth")
    if filters.has("deltas"):
      options["deltas"] = filters.use("deltas")
    elif 0 < context.interval < 0.1:
      options["speed_ms"] = max(1, int(context.interval * 1000))
  elif channel == "candle":
    options["interval"] = VENUE_BARS[int(bar_length(context))]
  elif selection.kind == "bbo" and match.use == "binance.ticker":
    options["stats"] = False
  return options
