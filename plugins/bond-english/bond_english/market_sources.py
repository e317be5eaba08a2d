"""Sources of what is traded: on which venues, with which symbols, gathered how."""

from typing import Any

from bond_english.binding import Item, Wish
from bond_english.conditions import move_condition, price_condition, trade_condition
from bond_english.durations import spoken
from bond_english.marks import CHAIN
from bond_english.numbers import whole
from bond_english.offers import CHANNELS, Offer
from bond_english.order import SAMPLED, Order
from bond_english.recipe import EACH, SAMPLE, WINDOW, Leg
from bond_english.words import data, venues

DAY = 86_400.0
_BARS = {
  60: "1m",
  180: "3m",
  300: "5m",
  900: "15m",
  1800: "30m",
  3600: "1h",
  7200: "2h",
  14400: "4h",
  21600: "6h",
  43200: "12h",
  86400: "1d",
}
"""The lengths of bars that venues have in common, in seconds."""
_USUAL_BAR = 60.0
_FIGURES = {"spread": "ask - bid", "mid": "(bid + ask) / 2"}
_PRICED = frozenset(("price", "trades", "volume", "vwap"))
"""Kinds whose windows have prices."""


def add_market(order: Order, wish: Wish) -> None:
  """Sources for a kind of market data, on every venue that is meant."""
  label = data.KINDS[wish.kind].label
  if _is_decentralised(order, wish):
    order.cannot(f"{label} on decentralised exchanges: no package is known that offers this")
  elif wish.kind == "cvd":
    _by_word(order, wish, "cvd", "volume delta")
  elif wish.kind == "implied_vol" or "option" in wish.markets:
    _by_word(order, wish, "implied vol", "implied volatility", "options")
  else:
    _keep_apart(order, wish)
    if "future" in wish.markets:
      order.draft.ask("Which dated future? Write it as BTC/USDT:USDT-261225.")
    for channel in _channels(order, wish):
      _add_channel(order, wish, channel, label)


def _keep_apart(order: Order, wish: Wish) -> None:
  """Spot and perpetual of one symbol would be one row of a window, which nobody wants."""
  if not order.interval or wish.kind in SAMPLED:
    return
  for item in wish.items:
    markets = {
      market
      for other in order.wishes
      if other.kind in _PRICED
      for same in other.items
      if same.pair.symbol == item.pair.symbol
      for market in (same.markets or other.markets or [_market_of(same, other)])
    }
    if len(markets) > 1 and wish.kind in _PRICED:
      order.recipe.lacks(
        f"{item.pair.symbol} {' and '.join(sorted(markets))} in windows: a window does not tell "
        "them apart; ask for one of them, or for every update"
      )


def _market_of(item: Item, wish: Wish) -> str:
  return "perp" if item.pair.perpetual or wish.kind in data.DERIVATIVES else "spot"


def _is_decentralised(order: Order, wish: Wish) -> bool:
  chained = bool(order.draft.of(CHAIN)) and all(
    w.kind not in ("onchain", "gas") for w in order.wishes
  )
  if chained:
    order.take("chain")
  dex = order.says("venue_type") and order.take("venue_type") == "dex"
  return dex or chained or any(venue in venues.DEXES for venue in wish.venues)


def _by_word(order: Order, wish: Wish, *words: str) -> None:
  """A kind that only a plugin with a word for it can give."""
  use = order.offers.by_word(*words)
  if use is None:
    label = data.KINDS[wish.kind].label
    label += " of options" if "option" in wish.markets and wish.kind != "implied_vol" else ""
    order.cannot(f"{label}: no package is known that offers this; leave it out")
    return
  settings = {"symbols": [item.pair.symbol for item in wish.items]}
  key = order.recipe.source(wish.kind.replace("_", "-"), use, settings)
  order.leg(wish, key, settings["symbols"])


def _channels(order: Order, wish: Wish) -> tuple[str, ...]:
  if wish.kind == "volume" and order.says("window_sec") and order.take("window_sec") == DAY:
    # The venue's own figure of the last 24 hours.
    return ("ticker",)
  if wish.kind == "ohlc" and _bar(order) not in _BARS:
    return ("trades",)
  if wish.kind == "price" and order.says("min_move_pct"):
    return ("trades",)
  return CHANNELS[wish.kind]


def _bar(order: Order) -> float:
  return float(order.take("bar_sec", order.said or _USUAL_BAR))


def _add_channel(order: Order, wish: Wish, channel: str, label: str) -> None:
  for venue in _venues(order, wish, channel, label):
    offer = order.offers.of_venue(venue, channel)
    used = channel
    if offer is None and wish.kind == "ohlc":
      used, offer = "trades", order.offers.of_venue(venue, "trades")
    if offer is None:
      order.cannot(f"{label} on {venue}: no package is known that offers this")
      continue
    if offer.package is not None:
      order.recipe.needs(offer.package, f"{label} on {venue}")
    symbols = _spellings(order, wish, venue)
    settings = {**offer.settings, "symbols": symbols, **_options(order, wish, used, offer)}
    label, where = f"{venue}-{used.replace('_', '-')}", trade_condition(order, wish)
    key = order.recipe.source(label, offer.use, settings, _purpose(order, wish, where))
    symbols = [symbol.partition(":")[0] for symbol in symbols]
    _gather(order, wish, used, key, tuple(dict.fromkeys(symbols)), where)


def _purpose(order: Order, wish: Wish, where: str) -> str:
  """What is done to the events, as far as it differs between kinds of one channel."""
  own_window = wish.kind in data.WINDOWED and order.says("window_sec")
  moves = wish.kind == "price" and (order.says("min_move_pct") or order.bounds(wish))
  apart = wish.kind if own_window or moves or wish.kind == "ohlc" else ""
  return f"{apart} {wish.kind in SAMPLED} {where}"


def _venues(order: Order, wish: Wish, channel: str, label: str) -> list[str]:
  """The venues that are said, else the usual one."""
  if "*" in wish.venues:
    found = order.offers.all_venues(channel, order.without)
    if found:
      return found
  elif wish.venues:
    return wish.venues
  quotes = {item.pair.quote for item in wish.items}
  by_ccxt = venues.BY_CCXT.get(channel, "")
  venue = order.offers.usual_venue(channel, order.without)
  if quotes and quotes <= {"USD", "GBP"} and order.offers.is_source(by_ccxt):
    venue = next((v for v in venues.HAVE_USD if v not in order.without), venue)
  if venue is None:
    order.cannot(f"{label}: no package is known that offers this; leave it out")
    return []
  order.recipe.default("exchange", venue)
  return [venue]


def _spellings(order: Order, wish: Wish, venue: str) -> list[str]:
  """The symbols as a source takes them: with a quote, perpetuals as BASE/QUOTE:SETTLE."""
  found: list[str] = []
  for item in wish.items:
    pair = item.pair
    kinds = item.markets or wish.markets or (["perp"] if pair.perpetual else [])
    kinds = kinds or [_market_of(item, wish)]
    if "inverse" in kinds:
      kinds = [kind for kind in kinds if kind != "perp"]
    quote = pair.quote
    if quote is None:
      quote = "USD" if pair.base == "USDT" else venues.QUOTE_OF.get(venue, "USDT")
      order.recipe.default("quote", quote)
    elif quote == "USD" and venue in venues.MAIN and not wish.venues:
      order.draft.warn(f"{venue} has no market in US dollars; USDT is taken for them")
      quote = "USDT"
    for kind in kinds:
      spelling = f"{pair.base}/{quote}"
      if pair.expiry is not None:
        spelling += f":{quote}-{pair.expiry}"
      elif kind == "inverse":
        spelling = f"{pair.base}/USD:{pair.base}"
      elif kind == "perp":
        spelling += f":{quote}"
      if spelling not in found:
        found.append(spelling)
  return found


def _options(order: Order, wish: Wish, channel: str, offer: Offer) -> dict[str, Any]:
  """What a source has to be told besides its symbols."""
  options: dict[str, Any] = {}
  if channel == "orderbook":
    if order.says("depth"):
      options["depth"] = order.take("depth")
    if order.says("deltas"):
      options["deltas"] = order.take("deltas")
    elif 0 < order.interval < 0.1:
      options["speed_ms"] = max(1, int(order.interval * 1000))
  elif channel == "candle":
    options["interval"] = _BARS[int(_bar(order))]
  elif wish.kind == "bbo" and offer.use == "binance.ticker":
    options["stats"] = False
  return options


def _gather(
  order: Order, wish: Wish, channel: str, key: str, symbols: tuple[str, ...], where: str
) -> None:
  """How a market's events leave the spec: windows of a figure have a length of their own."""
  legs = order.recipe.legs
  if wish.kind == "ohlc":
    _gather_bars(order, wish, channel, key, symbols)
  elif wish.kind == "price" and order.says("min_move_pct"):
    window = order.take("window_sec")
    if window is not None:
      condition = move_condition(order)
      legs.append(Leg(key, WINDOW, whole(window), after=condition, symbols=symbols))
  elif wish.kind == "volume" and channel == "ticker":
    role = EACH if order.interval == 0 else SAMPLE
    legs.append(Leg(key, role, order.interval, symbols=symbols))
  elif wish.kind in data.WINDOWED and order.says("window_sec"):
    window = whole(order.take("window_sec"))
    others = any(other.kind not in data.WINDOWED for other in order.wishes)
    if order.said and order.said != window and others:
      order.draft.note(f"{data.KINDS[wish.kind].label} comes every {spoken(window)}")
    elif order.said and order.said != window:
      order.recipe.lacks(
        f"{data.KINDS[wish.kind].label} of {spoken(window)} every {spoken(order.said)}: nothing "
        f"installed has windows that overlap; it can be had every {spoken(window)}"
      )
    legs.append(Leg(key, WINDOW, window, where, symbols=symbols))
  elif wish.kind == "price" and order.bounds(wish):
    if order.interval:
      leg = order.leg(wish, key, symbols)
      leg.after = price_condition(order, wish, "price_close")
    elif channel == "trades":
      order.leg(wish, key, symbols, where=price_condition(order, wish, "price"))
  else:
    leg = order.leg(wish, key, symbols, where=where)
    if wish.kind == "bbo":
      leg.fields = _figures(order)


def _figures(order: Order) -> dict[str, str]:
  """What is computed from the best bid and ask: spread, mid price."""
  metrics = order.take_list("metric")
  fields = {"bid": "bid", "ask": "ask"}
  wanted = {name: source for name, source in _FIGURES.items() if name in metrics}
  return fields | wanted if wanted else {}


def _gather_bars(
  order: Order, wish: Wish, channel: str, key: str, symbols: tuple[str, ...]
) -> None:
  """Bars of the venue, the latest state of each at the interval; else windows over trades."""
  if channel == "candle":
    if order.said is None or order.said == _bar(order):
      order.recipe.legs.append(Leg(key, EACH, symbols=symbols))
    else:
      order.leg(wish, key, symbols)
    return
  bar = whole(_bar(order))
  if order.said and order.said != bar:
    order.recipe.lacks(
      f"bars of {spoken(bar)} every {spoken(order.said)}: no venue has bars of that length; "
      f"it can be had every {spoken(bar)}"
    )
  if bar > DAY or bar < 0.1:
    order.draft.ask(f"Bars of {spoken(bar)} are not offered: from 100 ms to a day; how long?")
  order.recipe.legs.append(Leg(key, WINDOW, bar, symbols=symbols))
