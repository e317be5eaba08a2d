"""A venue's markets as ccxt lists them, found by a user's spelling."""

import asyncio
import difflib
from decimal import Decimal
from typing import Any

import attrs

from bond_ccxt.units import IN_CURRENCY
from bond_core import Instrument, Market, MarketType, Refused, parse_symbol

KINDS: dict[str, MarketType] = {"spot": "spot", "swap": "perp", "future": "future"}


@attrs.define
class Listed:
  """A market of a venue: as Bond names it, as ccxt does, and how many units of the base currency
  one unit of a size is (`None` for inverse contracts, whose size is in the quote currency).
  `market` and `unit` are of the latest list. `heard` is when it last delivered, by the time of its
  loop; `readable` says that it is read: a market that is no longer listed is not. `turned` is set
  when that changes."""

  instrument: Instrument
  symbol: str
  market: Any = attrs.field(repr=False, eq=False)
  unit: Decimal | None = Decimal(1)
  heard: float | None = attrs.field(default=None, eq=False)
  readable: bool = attrs.field(default=True, eq=False)
  turned: asyncio.Event = attrs.field(factory=asyncio.Event, eq=False, repr=False)

  def turn(self, *, readable: bool) -> None:
    """Has it read from now on, or no longer."""
    if readable != self.readable:
      self.readable = readable
      self.turned.set()
      self.turned = asyncio.Event()

  def relist(self, market: Any) -> None:
    """Takes over what a newer list says of it."""
    self.market, self.unit = market, _unit(self.instrument.exchange, market)

  def size(self, amount: float, price: float) -> float:
    """An amount as ccxt has it, in base units. ccxt counts contracts; spot's are base units."""
    if self.unit == 1:
      return amount
    if self.unit is None:
      contract = 1.0
      if self.instrument.exchange not in IN_CURRENCY:
        contract = float(self.market.get("contractSize") or 1)
      return amount * contract / price if price else 0.0
    return float(Decimal(repr(amount)) * self.unit)


def find(exchange: Any, spelling: str, default: MarketType) -> Listed:
  """The market that a spelling means; `default` (spot, perp) serves where it leaves that open.
  Raises Refused for one that the venue does not list, with what it lists instead."""
  markets = usable(exchange.markets)
  market = found_in(markets, spelling, default)
  if market is None:
    raise Refused(f"{exchange.id} lists no {spelling}{_instead(markets, spelling, default)}")
  kind = KINDS.get(market["type"])
  if kind is None:
    raise Refused(f"{exchange.id}: {spelling} is of the kind {market['type']}, which is not served")
  name = f"{market['base']}/{market['quote']}".upper()
  instrument = Instrument(exchange.id, kind, name + _settlement(markets, market), _expiry(market))
  return Listed(instrument, market["symbol"], market, _unit(exchange.id, market))


def found_in(markets: dict[str, Any], spelling: str, default: MarketType) -> Any:
  """The row that a spelling means, None where there is none."""
  market = markets.get(spelling)
  if market is None or (":" not in spelling and default == "perp"):
    market = _listed_as(markets, spelling, default)
  return market


def usable(markets: Any) -> dict[str, Any]:
  """The rows that say what they are: one that does not spoils no other."""
  return {
    symbol: market
    for symbol, market in markets.items()
    if isinstance(market, dict)
    and all(isinstance(market.get(name), str) for name in ("symbol", "type", "base", "quote"))
  }


def _unit(exchange_id: str, market: Any) -> Decimal | None:
  if not market.get("contract"):
    return Decimal(1)
  if market.get("inverse"):
    return None
  if exchange_id in IN_CURRENCY:
    return Decimal(1)
  return Decimal(repr(market.get("contractSize") or 1)).normalize()


def _expiry(market: Any) -> str | None:
  """The day of a dated contract, which stands behind its settlement currency."""
  return market["symbol"].partition(":")[2].partition("-")[2] or None


def _settlement(markets: dict[str, Any], market: Any) -> str:
  """:SETTLE where the venue has two contracts of a kind, a pair and a day, and this is the less
  usual one: inverse ones are usual in dollars, linear ones in everything else."""
  usual = market["base"] if market["quote"] == "USD" else market["quote"]
  settle = market.get("settle") or usual
  if settle == usual:
    return ""
  pair = (market["type"], market["base"], market["quote"], _expiry(market))
  both = any(
    (one["type"], one["base"], one["quote"], _expiry(one)) == pair
    for one in markets.values()
    if one.get("settle") == usual
  )
  return f":{settle}".upper() if both else ""


def _listed_as(markets: dict[str, Any], spelling: str, default: MarketType) -> Any:
  parsed = parse_symbol(spelling)
  kind = parsed.market_type or default
  if parsed.name is not None:
    return _named(markets, parsed.name.upper(), kind)
  return _of(markets, parsed, kind)


def _of(markets: dict[str, Any], parsed: Market, kind: MarketType) -> Any:
  found = [
    market
    for market in markets.values()
    if market["base"].upper() == parsed.base.upper()
    and market["quote"].upper() == parsed.quote
    and KINDS.get(market["type"]) == kind
    and (parsed.settle is None or (market.get("settle") or "").upper() == parsed.settle)
    and (parsed.expiry is None or market["symbol"].endswith(f"-{parsed.expiry}"))
  ]
  # A perpetual that settles in its quote is the usual one.
  found.sort(key=lambda market: market.get("settle") != market["quote"])
  return found[0] if found else None


def _named(markets: dict[str, Any], name: str, kind: MarketType) -> Any:
  """The market that a name in one word is: the venue's own name of one, a pair without its slash,
  or an asset against USDT."""
  own = [market for market in markets.values() if str(market.get("id")).upper() == name]
  # A name may stand for a spot market and for a contract.
  own.sort(key=lambda market: KINDS.get(market["type"]) != kind)
  if own:
    return own[0]
  pairs = {
    (market["base"], market["quote"])
    for market in markets.values()
    if f"{market['base']}{market['quote']}".upper() == name
  }
  asset = Market(name, "USDT")
  wanted = [*(Market(base.upper(), quote.upper()) for base, quote in sorted(pairs)), asset]
  return next((found for market in wanted if (found := _of(markets, market, kind))), None)


def _instead(markets: dict[str, Any], spelling: str, default: MarketType) -> str:
  parsed = parse_symbol(spelling)
  same = [
    symbol
    for symbol, market in markets.items()
    if market["base"].upper() == parsed.base and market["type"] in KINDS
  ]
  close = sorted(same, key=len)[:4] or difflib.get_close_matches(
    str(parsed), [s for s, m in markets.items() if m["type"] in KINDS], 4, 0.6
  )
  return f"; it has {', '.join(close)}" if close else ""
