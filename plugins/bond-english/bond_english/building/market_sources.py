"""Sources of market data: on which venues, with which symbols and settings."""

from typing import Any

from bond_english.building.bars import BAR_NAMES, DAY, bar_lengths, has_bars
from bond_english.building.catalogue import CHANNELS, SourceCatalogue, SourceMatch
from bond_english.building.conditions import trade_condition
from bond_english.building.context import BuildContext
from bond_english.building.how_often import requested_interval
from bond_english.building.market_outputs import Delivery, add_market_branch, purpose
from bond_english.building.spec_draft import EACH, SAMPLE
from bond_english.meaning.sharing import Selection, Symbol
from bond_english.reading.pairs import Pair, symbol_of
from bond_english.text.chunks import ASSET, CHAIN
from bond_english.words import data, venues
from bond_english.words.assets import MONEY

_WINDOWED = frozenset(("trades", "volume", "vwap"))
"""Kinds that windows have sums of, which do not tell spot from perpetuals."""


def add_market_sources(context: BuildContext, selection: Selection) -> None:
  """Adds the sources for a kind of market data, on every venue of the selection."""
  label = data.KINDS[selection.kind].label
  if _is_decentralised(context, selection):
    context.add_unavailable(
      selection, f"{label} on decentralised exchanges: no package is known that offers this"
    )
    _use_intervals(selection)
  elif selection.kind == "cvd":
    _add_single_source(context, selection, context.catalogue.of_kind("cvd"))
  elif selection.kind == "implied_vol" or "option" in selection.market_types:
    source = context.catalogue.of_kind("implied_vol") or context.catalogue.by_words("options")
    _add_single_source(context, selection, source)
  else:
    undated = any(symbol.pair.expiry is None for symbol in selection.symbols)
    if "future" in selection.market_types and undated:
      context.findings.ask("Which dated future? Write it as BTC/USDT:USDT-261225.")
    requested = requested_interval(context.request, context.findings, selection)
    types = _market_types(selection)
    mixed = len(types) > 1 and selection.kind in (*_WINDOWED, "price")
    counted = requested or (selection.kind in data.WINDOWED)
    if mixed and counted and selection.kind in _WINDOWED:
      context.spec.add_missing(
        f"{label} of {' and '.join(sorted(types))} in windows: a window does not tell them apart; "
        "ask for one of them, or for every update"
      )
    delivery = Delivery(selection, requested, mixed and selection.kind == "price")
    for length in bar_lengths(selection, requested) if selection.kind == "ohlc" else [0.0]:
      for channel in _channels(selection, delivery):
        _add_channel(context, delivery, channel, label, length)


def _use_intervals(selection: Selection) -> None:
  for chunk in (*selection.intervals, *selection.venues, *selection.chains):
    chunk.told = True


def _market_types(selection: Selection) -> set[str]:
  found = {_market_type(symbol, selection) for symbol in selection.symbols}
  return set(selection.market_types) or found


def _market_type(symbol: Symbol, selection: Selection) -> str:
  if symbol.pair.inverse:
    return "inverse"
  derivative = symbol.pair.perpetual or selection.kind in data.DERIVATIVES
  return "perp" if derivative else "spot"


def _is_decentralised(context: BuildContext, selection: Selection) -> bool:
  on_chain = bool(context.request.having(CHAIN)) and all(
    other.kind not in ("onchain", "gas") for other in context.selections
  )
  if on_chain:
    selection.settings.use("chain")
  dex = selection.settings.use("venue_type") == "dex"
  return dex or on_chain or any(venue in venues.DEXES for venue in selection.venue_names)


def _add_single_source(context: BuildContext, selection: Selection, source: str | None) -> None:
  """Adds the one source of a kind that only a plugin with a word for it has."""
  if source is None:
    label = data.KINDS[selection.kind].label
    if "option" in selection.market_types and selection.kind != "implied_vol":
      label += " of options"
    context.add_unavailable(
      selection, f"{label}: no package is known that offers this; leave it out"
    )
    _use_intervals(selection)
    return
  symbols = [symbol.pair.symbol for symbol in selection.symbols]
  label = selection.kind.replace("_", "-")
  key = context.spec.add_source(label, source, {"symbols": symbols})
  add_plain_branch(context, selection, key, symbols)


def add_plain_branch(
  context: BuildContext, selection: Selection, source: str, symbols: list[str]
) -> None:
  """Sends events of a source on: each, or the latest at the interval."""
  requested = requested_interval(context.request, context.findings, selection)
  if requested:
    context.add_branch(selection, source, SAMPLE, every=requested, symbols=symbols)
  else:
    context.add_branch(selection, source, EACH, symbols=symbols)


def _channels(selection: Selection, delivery: Delivery) -> tuple[str, ...]:
  settings, kind = selection.settings, selection.kind
  if kind == "volume" and settings.has("window_sec") and settings.use("window_sec") == DAY:
    # The venue's own figure of the last 24 hours.
    return ("ticker",)
  if kind == "price" and delivery.by_sample:
    return ("ticker",)
  if kind == "price" and settings.has("min_move_pct"):
    return ("trades",)
  return CHANNELS[kind]


def _add_channel(
  context: BuildContext, delivery: Delivery, channel: str, label: str, length: float
) -> None:
  catalogue, spec, selection = context.catalogue, context.spec, delivery.selection
  for venue in _venues(context, selection, channel, label):
    match, used = catalogue.of_venue(venue, channel), channel
    if used == "candle" and (match is None or not has_bars(catalogue, venue, length)):
      match, used = catalogue.of_venue(venue, "trades"), "trades"
    named = [c for c in selection.venues if c.value == "*" or venue in _places(catalogue, c.value)]
    for chunk in named:
      chunk.told = chunk.told or match is None
    if match is None:
      context.add_unavailable(
        selection, f"{label} on {venue}: no package is known that offers this"
      )
      continue
    if match.package is not None:
      spec.require_package(match.package, f"{label} on {venue}")
    spellings = _spellings(context, selection, venue)
    options = _options(delivery, used, match, length)
    settings = {**match.settings, "symbols": spellings, **options}
    where = trade_condition(context, selection)
    key = f"{venue}-{used.replace('_', '-')}"
    key = spec.add_source(key, match.use, settings, purpose(delivery, where))
    for chunk in named:
      chunk.shape(key)
    symbols = tuple(dict.fromkeys(map(symbol_of, spellings)))
    add_market_branch(context, delivery, used, key, symbols, where, length, venue)


def _places(catalogue: SourceCatalogue, venue: str) -> tuple[str, str]:
  return venue, catalogue.contracts_of(venue)


def _venues(context: BuildContext, selection: Selection, channel: str, label: str) -> list[str]:
  """The venues of the selection, else the default one."""
  catalogue, excluded = context.catalogue, context.excluded_venues
  if "*" in selection.venue_names:
    found = catalogue.all_venues(channel, excluded)
    if found:
      return found
  elif selection.venue_names:
    contracts = "spot" not in _market_types(selection)
    return [
      catalogue.contracts_of(venue) if contracts else venue for venue in selection.venue_names
    ]
  quotes = {symbol.pair.quote for symbol in selection.symbols}
  by_ccxt = venues.CCXT_SOURCES.get(channel, "")
  written_for = next((v for word, v in venues.DIALECTS.items() if word in context.request.text), "")
  if written_for and written_for not in excluded:
    context.spec.add_default("exchange", written_for)
    return [written_for]
  venue = catalogue.default_venue(channel, excluded)
  if quotes and quotes <= {"USD", "GBP"} and catalogue.is_installed(by_ccxt):
    usual = next((v for v in venues.USD_VENUES if v not in excluded), venue)
    venue = usual if _market_types(selection) == {"spot"} else venue
  if venue is None:
    context.add_unavailable(
      selection, f"{label}: no package is known that offers this; leave it out"
    )
    return []
  context.spec.add_default("exchange", venue)
  return [venue]


def _spellings(context: BuildContext, selection: Selection, venue: str) -> list[str]:
  """The symbols as sources take them: with a quote, perpetuals as BASE/QUOTE:SETTLE."""
  found: list[str] = []
  for symbol in selection.symbols:
    pair = symbol.pair
    if pair.own is not None:
      found.append(pair.own)
      continue
    market_types = selection.market_types or [_market_type(symbol, selection)]
    # The quarterly against the perp: another clause has its own market of the same asset.
    other = all(market.clause != symbol.chunk.clause for market in selection.markets)
    apart = "future" in market_types or (other and bool(selection.markets))
    usual = context.catalogue.market_of(venue)
    coins = usual == "inverse" and selection.market_types == ["perp"] and pair.quote is None
    plain = market_types in (["spot"], ["perp"]) and not selection.market_types
    if usual is not None and (plain or coins):
      market_types = [usual]
      if _market_type(symbol, selection) == "spot":
        context.spec.add_default("filter", {"market": usual})
    if "perp" in market_types and _settles_in_coins(context, pair, venue):
      market_types = [*(kind for kind in market_types if kind != "perp"), "inverse"]
    if "inverse" in market_types:
      market_types = [market_type for market_type in market_types if market_type != "perp"]
    quote = pair.quote
    if quote is None:
      quote = "USD" if pair.base == "USDT" else context.catalogue.quote_of(venue)
      if market_types != ["inverse"]:
        context.spec.add_default("quote", quote)
        _ask_for_quote(context, selection, symbol, quote)
    elif quote == "USD" and _has_no_dollars(venue, selection, symbol, market_types):
      context.findings.warn(f"{venue} has no market in US dollars; USDT is taken for them")
      quote = "USDT"
    for market_type in market_types:
      spelling = f"{pair.base}/{quote}"
      if pair.expiry is not None and (market_type == "future" or not apart):
        spelling += f":{pair.settle or quote}-{pair.expiry}"
      elif market_type == "inverse" or pair.inverse:
        spelling = f"{pair.base}/USD:{pair.base}"
      elif market_type == "perp":
        spelling += f":{pair.settle or quote}"
      if spelling not in found:
        found.append(spelling)
  return found


def _ask_for_quote(context: BuildContext, selection: Selection, symbol: Symbol, usual: str) -> None:
  """BTC and ETH/USDT on a venue of dollars: whether what one says is of the other, too."""
  said = {other.pair.quote for other in selection.symbols} & MONEY - {usual}
  base, chunk = symbol.pair.base, symbol.chunk
  if len(said) == 1 and base not in said and chunk.role == ASSET:
    pairs = [f"{base}/{quote}" for quote in (*said, usual)]
    answers = (((chunk.first, chunk.end, pair),) for pair in pairs)
    context.findings.ask(f"{base} against what: {' or '.join(pairs)}?", *answers)


def _settles_in_coins(context: BuildContext, pair: Pair, venue: str) -> bool:
  """Whether a perpetual in dollars is an inverse one: where the linear ones are in USDT."""
  usual = context.catalogue.quote_of(venue)
  return pair.quote == "USD" and pair.settle is None and usual == "USDT"


def _has_no_dollars(
  venue: str, selection: Selection, symbol: Symbol, market_types: list[str]
) -> bool:
  """Whether dollars are USDT on a venue that the request does not name."""
  by_default = venue in venues.DEFAULT_VENUES and not selection.venues
  return by_default and symbol.pair.settle is None and "inverse" not in market_types


def _options(delivery: Delivery, channel: str, match: SourceMatch, length: float) -> dict[str, Any]:
  """The settings of a source besides its symbols."""
  selection, settings = delivery.selection, delivery.selection.settings
  interval = delivery.requested
  options: dict[str, Any] = {}
  if channel == "orderbook":
    if settings.has("depth"):
      options["depth"] = settings.use("depth")
    if settings.has("deltas"):
      options["deltas"] = settings.use("deltas")
    elif interval is not None and 0 < interval < 0.1:
      options["speed_ms"] = max(1, int(interval * 1000))
  elif channel == "candle":
    options["interval"] = BAR_NAMES[int(length)]
  elif selection.kind == "bbo" and match.use == "binance.ticker":
    options["stats"] = False
  return options
