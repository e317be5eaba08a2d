"""What a narrow token leaves of a subscription."""

from collections.abc import Callable, Mapping
from typing import TypeVar

import attrs

from bond_broker.protocol.bad_request import BadRequest
from bond_broker.protocol.filters import ANY, Filter, MarketPattern
from bond_broker.protocol.query import EVERY_CHANNEL
from bond_broker.protocol.requests import DEFAULT_CHANNELS, Subscribe
from bond_core import Bounds, Channel, Market, parse_symbol
from bond_core.config import one_of

T = TypeVar("T")

_UNNAMED: tuple[frozenset[Channel], ...] = (frozenset(DEFAULT_CHANNELS), EVERY_CHANNEL)
"""What a subscription has that names no channel."""


def narrowed_request(request: Subscribe, bounds: Bounds) -> Subscribe:
  """The same request, of what a token is for. Raises BadRequest for what it is not for."""
  try:
    matched = narrowed(request.filter, bounds)
  except BadRequest as exc:
    exc.request_id = request.request_id
    raise
  markets = request.markets or tuple(_markets(bounds).values())
  return attrs.evolve(request, filter=matched, markets=markets)


def narrowed(matched: Filter, bounds: Bounds) -> Filter:
  """A filter that matches what a token is for: what was named has to be of that, and where nothing
  was named all of it is meant. Raises BadRequest for anything else."""
  if matched.raw or (matched.consolidated and bounds.exchanges is not None):
    what = "raw messages" if matched.raw else "consolidated books"
    raise _outside(f"{what} tell more than this narrow token is for; leave them out")
  channels, exchanges, markets = matched.channels, matched.exchanges, matched.markets
  if bounds.channels is not None:
    allowed = frozenset(c for c in EVERY_CHANNEL if c in bounds.channels)
    channels = allowed if channels in _UNNAMED else channels
    _check("channel", channels, allowed)
  if bounds.exchanges is not None:
    exchanges = bounds.exchanges if exchanges == ANY else exchanges
    _check("exchange", exchanges, bounds.exchanges)
  if bounds.symbols is not None:
    known = _markets(bounds)
    named = known.keys() if markets is None else {_exact(market) for market in markets}
    if matched.names or not named <= known.keys() or not named:
      raise _outside(f"this narrow token is for {one_of(sorted(bounds.symbols)) or 'no symbol'}")
    markets = frozenset(named)
  return matched._replace(channels=channels, exchanges=exchanges, markets=markets, narrow=True)


def _check(what: str, named: frozenset[str], allowed: frozenset[str]) -> None:
  if not named <= allowed or not named:
    raise _outside(f"this narrow token is for the {what} {one_of(sorted(allowed)) or 'of none'}")


def _outside(reason: str) -> BadRequest:
  return BadRequest(reason, name="narrow")


def _markets(bounds: Bounds) -> dict[MarketPattern, Market]:
  """The markets that a token names. A pair alone is its spot market."""
  found = map(parse_symbol, sorted(bounds.symbols or ()))
  return {_exact(MarketPattern(m.symbol, m.market_type, m.expiry, m.settle)): m for m in found}


def _exact(market: MarketPattern) -> MarketPattern:
  return market if market.market_type is not None else market._replace(market_type="spot")


def seen_by(
  bounds: Bounds | None, all_: Callable[[], Mapping[str, T]]
) -> Callable[[], Mapping[str, T]]:
  """What is said of each exchange, as far as a token is for it."""
  if bounds is None or bounds.exchanges is None:
    return all_
  allowed = bounds.exchanges
  return lambda: {name: value for name, value in all_().items() if name in allowed}
