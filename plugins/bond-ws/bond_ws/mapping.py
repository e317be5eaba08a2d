"""Reading messages by rules: the events in one message."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from bond_expressions.language import compile_predicate, compile_value

from bond_core import Batch, Custom, Side, Ticker, Trade, parse_market
from bond_core.feeds import Moment
from bond_ws.matching import matcher
from bond_ws.paths import parse_path
from bond_ws.rules import EVENTS, Rule, Value, converted, own_fields, time_ms

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
  if upper.isalnum():
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

  def __init__(self, value: str | Value) -> None:
    given = Value(path=value) if isinstance(value, str) else value
    self._constant = given.value
    self._path = parse_path(given.path)
    self._map = given.map
    self._default = given.default

  def __call__(self, message: Any, item: Any) -> Any:
    if self._constant is not None:
      return self._constant
    value = self._path.read(message, item)
    if self._map and isinstance(value, str | bool | int | float):
      written = str(value).lower() if isinstance(value, bool) else str(value)
      value = self._map.get(written, value)
    return self._default if value is None else value


class Mapping:
  """One rule. `take` raises ValueError for a message that it should read and cannot."""

  def __init__(
    self,
    rule: Rule,
    exchange: str,
    market_type: str | None,
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
    self._fits = matcher(rule.where)
    self._each = parse_path(rule.each) if rule.each else None
    self._symbol = Reader(rule.symbol) if rule.symbol else None
    self._time = parse_path(rule.time) if rule.time else None
    known = own_fields(self._kind)
    self._fields = [
      (name, Reader(value), known.get(name, object)) for name, value in rule.fields.items()
    ]
    self._set = [
      (name, compile_value(text, [self._kind]), known[name]) for name, text in rule.set.items()
    ]
    self._keep: Callable[[Batch], Batch] | None = (
      compile_predicate(rule.keep, [self._kind]) if rule.keep else None
    )

  def take(
    self, frame: bytes, message: Any, received: Moment, out: Batch, faults: list[Exception]
  ) -> bool:
    """Adds the events in a message; false where the message is not this rule's. Of several items
    those that cannot be read are `faults`, and the others are events all the same."""
    matched = False
    for item in self._items(message):
      if self._fits(frame, message, item):
        matched = True
        try:
          event = self._event(message, item, received)
          kept = self._keep is None or self._keep([event])
        except UNREADABLE as exc:
          if self._each is None:
            raise
          faults.append(exc)
          continue
        if kept:
          out.append(event)
    return matched

  def size(self, message: Any) -> int:
    """How many items of a message would be looked at."""
    if self._each is None:
      return 1
    found = self._each.read(message, message)
    return len(found) if type(found) is list else 0

  def _items(self, message: Any) -> Iterator[Any]:
    if self._each is None:
      yield message
      return
    found = self._each.read(message, message)
    if type(found) is list:
      yield from found

  def _event(self, message: Any, item: Any, received: Moment) -> Trade | Ticker | Custom:
    values = self._values(message, item)
    common: dict[str, Any] = {
      "exchange": self._exchange,
      "symbol": self._symbol_of(message, item),
      "market_type": self._market_type,
      "ts_event": received.ts_ms,
      "ts_internal": received.mono_ns,
    }
    if self._time is not None:
      common["ts_exchange"] = time_ms(self._time.read(message, item), self._rule.unit)
    if self._kind is Custom:
      data = values if self._fields else item if type(item) is dict else {"value": item}
      return Custom(**common, event_type=self._rule.event_type, data=data)
    event = self._kind(**common, **values)
    for name, compute, kind in self._set:
      value = compute([event])[0]
      setattr(event, name, None if value is None else converted(value, kind, name))
    return event

  def _values(self, message: Any, item: Any) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, read, kind in self._fields:
      value = read(message, item)
      if value is None:
        if kind is object:
          values[name] = None
        elif name in ("price", "size"):
          raise ValueError(f"{name} is not there")
      elif name == "side":
        values[name] = _SIDES.get(str(value).lower(), "unknown")
      else:
        values[name] = value if kind is object else converted(value, kind, name)
    return values

  def _symbol_of(self, message: Any, item: Any) -> str:
    if self._symbol is None:
      return "*"
    value = self._symbol(message, item)
    if type(value) is not str or not value or len(value) > 100:
      raise ValueError("symbol is not there" if value is None else "symbol is no short text")
    found = self._known.get(value)
    if found is None:
      if len(self._known) >= MAX_KNOWN:
        self._known.clear()
      found = self._known[value] = symbol_of(value, self._symbols, self._quotes)
    return found
