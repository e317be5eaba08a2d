"""Reading messages by rules: the events in one message."""

from collections.abc import Callable, Sequence
from typing import Any

from bond_expressions.language import compile_predicate, compile_value

from bond_core import Batch, Candle, Custom, Gap, MarketType, Side, Ticker, Trade, parse_market
from bond_core.feeds import Moment
from bond_ws.matching import matcher
from bond_ws.numbers import Numbers
from bond_ws.paths import Each, Scope, parse_path
from bond_ws.rules import (
  EVENTS,
  REQUIRED,
  TIMES,
  Rule,
  Value,
  converted,
  length_ms,
  own_fields,
  time_ms,
)

UNREADABLE = (ValueError, TypeError, KeyError, OverflowError, RecursionError)

MAX_KNOWN = 10_000
"""Spellings of symbols that are cached."""

_SIDES: dict[str, Side] = {
  "buy": "buy",
  "sell": "sell",
  "b": "buy",
  "s": "sell",
  "bid": "buy",
  "ask": "sell",
}


_QUOTES = frozenset(["USD", "USDT", "USDC", "EUR", "GBP", "JPY", "BTC", "ETH"])
"""What follows a colon is the other half of a market where it is one of these."""


def symbol_of(text: str, symbols: dict[str, str], quotes: Sequence[str] = ()) -> str:
  """The symbol of a venue's spelling: what `symbols` says, BASE/QUOTE where it can be read or ends
  with one of the `quotes` (the longest first), else the spelling itself: no list says
  which of two markets DOTUSD is."""
  if (known := symbols.get(text)) is not None:
    return known
  upper = text.strip().upper()
  if ":" in text:
    last = upper.rpartition(":")[2]
    if text not in (upper, text.lower()) or ("/" not in text and last not in {*quotes, *_QUOTES}):
      return text  # A prefix of the venue's own: xyz:TSLA, tDOGE:USD, BINANCE:BTCUSDT.
  if upper.isalnum() and text in (upper, text.lower()):
    ends = [quote for quote in quotes if upper.endswith(quote) and len(upper) > len(quote)]
    if ends:
      quote = max(ends, key=len)
      return f"{upper.removesuffix(quote)}/{quote}"
  try:
    market = parse_market(text)
  except ValueError:
    return text
  return text if market.name is not None or upper == market.base else market.symbol


class Reader:
  """Reads the value of one field."""

  def __init__(self, value: str | Value, depth: int) -> None:
    given = Value(path=value) if isinstance(value, str) else value
    self._constant = given.value
    self._path = parse_path(given.path, depth)
    self._split = given.split
    self._parts = given.part if isinstance(given.part, list) else [given.part]
    self._map = given.map
    self._default = given.default

  def __call__(self, scope: Scope) -> Any:
    if self._constant is not None:
      return self._constant
    value = self._path.read(scope)
    if self._split and value is not None:
      value = self._parted(value)
    if self._map and isinstance(value, str | bool | int | float):
      written = str(value).lower() if isinstance(value, bool) else str(value)
      value = self._map.get(written, value)
    return self._default if value is None else value

  def _parted(self, value: Any) -> str | None:
    parts = value.split(self._split) if isinstance(value, str) else []
    if all(-len(parts) <= number < len(parts) for number in self._parts):
      return "/".join(parts[number] for number in self._parts)
    return None


class Mapping:
  """One rule. `take` raises ValueError for a message that it should read and cannot."""

  def __init__(
    self,
    rule: Rule,
    exchange: str,
    market_type: MarketType | None,
    symbols: dict[str, str],
    quotes: Sequence[str] = (),
  ) -> None:
    self._kind = EVENTS[rule.emit]
    self._rule = rule
    self._exchange = exchange
    self._market_type = market_type
    self._symbols = symbols
    self._quotes = quotes
    self._known: dict[str, str] = {}
    self._each = Each(rule.each) if rule.each else None
    depth = self._each.depth if self._each else 0
    self._fits = matcher(rule.where, depth)
    self._symbol = Reader(rule.symbol, depth) if rule.symbol else None
    self._time = parse_path(rule.time, depth) if rule.time else None
    self._number = parse_path(rule.consecutive, depth) if rule.consecutive else None
    known = own_fields(self._kind)
    self._required = REQUIRED.get(rule.emit, ())
    self._fields = [
      (name, Reader(value, depth), known.get(name, object)) for name, value in rule.fields.items()
    ]
    self._set = [
      (name, compile_value(text, [self._kind]), known[name]) for name, text in rule.set.items()
    ]
    self._keep: Callable[[Batch], Batch] | None = (
      compile_predicate(rule.keep, [self._kind]) if rule.keep else None
    )

  def scopes(self, scope: Scope, most: int) -> list[Scope]:
    """The items of a message that the rule looks at. Raises ValueError for more than `most`."""
    return [scope] if self._each is None else self._each.scopes(scope, most)

  def take(
    self,
    frame: bytes,
    scopes: list[Scope],
    received: Moment,
    numbers: Numbers,
    out: Batch,
    faults: list[Exception],
  ) -> bool:
    """Adds the events in a message; false where the message is not this rule's. Of several items
    those that cannot be read are `faults`, and the others are events all the same."""
    matched = False
    for scope in scopes:
      if self._fits(frame, scope):
        matched = True
        try:
          event = self._event(scope, received)
          kept = self._keep is None or self._keep([event])
          if self._number is not None:
            number = converted(self._number.read(scope), int, self._rule.consecutive)
            if skipped := numbers.skipped((self, event.symbol), number):
              out.append(self._gap(skipped, event.symbol, received))
        except UNREADABLE as exc:
          if self._each is None:
            raise
          faults.append(exc)
          continue
        if kept:
          out.append(event)
    return matched

  def _event(self, scope: Scope, received: Moment) -> Trade | Ticker | Candle | Custom:
    values = self._values(scope)
    common: dict[str, Any] = {
      "exchange": self._exchange,
      "symbol": self._symbol_of(scope),
      "market_type": self._market_type,
      "ts_event": received.ts_ms,
      "ts_internal": received.mono_ns,
    }
    if self._time is not None:
      common["ts_exchange"] = time_ms(self._time.read(scope), self._rule.unit)
    if self._kind is Custom:
      item = scope[0]
      data = values if self._fields else item if type(item) is dict else {"value": item}
      return Custom(**common, event_type=self._rule.event_type, data=data)
    if self._kind is Candle and values.get("end") is None:
      values["end"] = values["start"] + length_ms(values["interval"])
    event = self._kind(**common, **values)
    for name, compute, kind in self._set:
      value = compute([event])[0]
      setattr(event, name, None if value is None else converted(value, kind, name))
    return event

  def _values(self, scope: Scope) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, read, kind in self._fields:
      value = read(scope)
      if value is None:
        if kind is object:
          values[name] = None
        elif name in self._required:
          raise ValueError(f"{name} is not there")
      elif name == "side":
        values[name] = _SIDES.get(str(value).lower(), "unknown")
      elif self._kind is Candle and name in TIMES:
        values[name] = time_ms(value, self._rule.unit)
      else:
        values[name] = value if kind is object else converted(value, kind, name)
    return values

  def _gap(self, skipped: range, symbol: str, received: Moment) -> Gap:
    return Gap(
      channel=self._kind.channel,
      exchange=self._exchange,
      symbol=symbol,
      market_type=self._market_type,
      ts_event=received.ts_ms,
      ts_from=received.ts_ms,
      ts_to=received.ts_ms,
      venue_from=skipped[0],
      venue_to=skipped[-1],
      missed=len(skipped),
      cause=f"numbers at {self._rule.consecutive} are missing",
    )

  def _symbol_of(self, scope: Scope) -> str:
    if self._symbol is None:
      return "*"
    value = self._symbol(scope)
    if type(value) is not str or not value or len(value) > 100:
      raise ValueError("symbol is not there" if value is None else "symbol is no short text")
    found = self._known.get(value)
    if found is None:
      if len(self._known) >= MAX_KNOWN:
        self._known.clear()
      found = self._known[value] = symbol_of(value, self._symbols, self._quotes)
    return found
