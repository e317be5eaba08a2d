"""What arrives: one entry for each path through the spec and each symbol, and a line for people."""

from typing import Any, TypeAlias

from bond_english.building.spec_draft import CONSOLIDATE, EACH, SAMPLE, WINDOW, Branch, SpecDraft
from bond_english.quantities.durations import duration_text
from bond_english.reading.pairs import market_of, symbol_of
from bond_english.words import data

Delivery: TypeAlias = dict[str, Any]

_EVENTS = {
  "price": "trade",
  "trades": "trade",
  "volume": "trade",
  "vwap": "trade",
  "cvd": "trade",
  "orderbook": "orderbook",
  "bbo": "ticker",
  "ohlc": "candle",
  "funding": "funding",
  "mark_price": "funding",
  "index_price": "funding",
  "open_interest": "open_interest",
  "liquidations": "liquidation",
  "onchain": "chain",
  "gas": "chain",
}
"""The type of the events of a kind of data; those of other kinds are posts, or of a plugin."""

_EACH = {
  "price": "every trade and quote",
  "trades": "every trade",
  "volume": "every trade",
  "vwap": "every trade",
  "orderbook": "the best levels of the order book as they change",
  "bbo": "every best bid and ask",
  "ohlc": "candles",
  "funding": "every funding rate",
  "mark_price": "every mark price",
  "index_price": "every index price",
  "open_interest": "every open interest",
  "liquidations": "every liquidation",
  "tweets": "every tweet",
  "bluesky": "every Bluesky post",
  "onchain": "every event on chain",
  "gas": "every gas price",
}
_WINDOWS = {
  "price": "price",
  "trades": "trades added up",
  "volume": "volume",
  "vwap": "VWAP",
  "bbo": "average bid and ask",
  "ohlc": "bars",
  "liquidations": "number of liquidations",
  "tweets": "number of tweets",
  "bluesky": "number of Bluesky posts",
  "onchain": "number of events on chain",
}


def deliveries(spec: SpecDraft) -> list[Delivery]:
  """Every delivery: `type` (of the event), `symbol` ("" where it has none), `venue` (a list where
  several are one figure), `market`, `every` (seconds; 0: each event), `where` (a condition), and
  `text`, the same line for all symbols of a path."""
  found: list[Delivery] = []
  for group in _paths(spec):
    branch = group[0]
    settings = spec.sources[branch.source]["with"]
    places = [_venue(spec, one) for one in group]
    places = list(dict.fromkeys(place for place in places if place))
    symbols = settings.get("symbols") or list(branch.symbols) or [""]
    text = _text(branch, symbols, places, settings)
    found += [
      {
        "type": _type(branch),
        "symbol": symbol_of(symbol),
        "venue": places if len(places) > 1 else "".join(places),
        "market": market_of(symbol) if places else "",
        "every": branch.every if branch.output != EACH else 0,
        "where": " and ".join(filter(None, (branch.where, branch.window_where))),
        "text": text,
      }
      for symbol in symbols
    ]
  return [entry for number, entry in enumerate(found) if entry not in found[:number]]


def lines(found: list[Delivery]) -> list[str]:
  """The lines of deliveries, each once."""
  return list(dict.fromkeys(entry["text"] for entry in found))


def _paths(spec: SpecDraft) -> list[list[Branch]]:
  """The branches that people see as one: a price is of trades and quotes, a consolidated book of
  all venues, and so is a figure that blends them."""
  groups: dict[tuple[object, ...], list[Branch]] = {}
  for number, branch in enumerate(spec.branches):
    venue = _venue(spec, branch)
    apart: object = venue
    if branch.output == CONSOLIDATE or (branch.output == WINDOW and not branch.group and venue):
      apart = "together"
    merged = branch.kind == "price" or apart == "together"
    markets = tuple(sorted(map(market_of, spec.sources[branch.source]["with"].get("symbols", []))))
    key = (branch.kind, branch.output, branch.every, branch.window_where, apart, markets)
    groups.setdefault((*key, "" if merged else number), []).append(branch)
  return list(groups.values())


def _venue(spec: SpecDraft, branch: Branch) -> str:
  source = spec.sources[branch.source]
  if branch.kind not in data.KINDS or not data.KINDS[branch.kind].market:
    return ""
  return str(source["with"].get("exchange") or source["use"].partition(".")[0])


def _type(branch: Branch) -> str:
  if branch.output == WINDOW:
    return "window"
  if branch.output == CONSOLIDATE:
    return "consolidated"
  if branch.kind == "price" and branch.output == SAMPLE:
    return "ticker"
  if branch.fields:
    return "custom"
  return _EVENTS.get(branch.kind, "post" if branch.kind in data.TEXTS else "event")


def _text(branch: Branch, symbols: list[str], places: list[str], settings: dict[str, Any]) -> str:
  kind = data.KINDS[branch.kind].label if branch.kind in data.KINDS else branch.kind
  names = ", ".join(dict.fromkeys(symbol_of(symbol) for symbol in symbols if symbol))
  if branch.output == EACH:
    what = _EACH.get(branch.kind, f"all {kind}")
    if branch.kind == "ohlc":
      what = f"candles of {settings.get('interval', '')}"
    if settings.get("deltas"):
      what = "every change of the order book"
  elif branch.output == WINDOW:
    what = _WINDOWS.get(branch.kind, kind)
  elif branch.output == CONSOLIDATE:
    what = "one order book of all venues"
  else:
    what = f"latest {kind}"
  if branch.fields:
    what += f" ({', '.join(branch.fields)})"
  parts = [what, names]
  if places:
    markets = list(dict.fromkeys(market_of(symbol) for symbol in symbols))
    together = " together" if len(places) > 1 and branch.output == WINDOW else ""
    parts.append(f"{' + '.join(places)} {' + '.join(markets)}{together}")
  elif "chain" in settings:
    parts.append(settings["chain"])
  parts.append(branch.said)
  if branch.output == WINDOW:
    parts.append(f"a row every {duration_text(branch.every)}")
  elif branch.every and branch.output != EACH:
    parts.append(f"every {duration_text(branch.every)}")
  return ", ".join(filter(None, parts))
