"""What the credentials of a caller are for."""

from collections.abc import Iterable

from bond_core import Bounds, Channel, Gap, Instrument, Market, Principal
from bond_server.access.tokens import MARKET
from bond_server.answers.refused import QuestionRefused


def concerns(gap: Gap, bounds: Bounds | None) -> bool:
  """Whether a loss concerns what a narrow token is for."""
  if bounds is None:
    return True
  plain = bounds.symbols and frozenset(symbol.partition(":")[0] for symbol in bounds.symbols)
  return all(
    name == "*" or allows(allowed, name)
    for allowed, name in (
      (bounds.exchanges, gap.exchange),
      (bounds.channels, gap.channel),
      (plain, gap.symbol),
    )
  )


def allows(allowed: frozenset[str] | None, name: str) -> bool:
  """Whether a name is one of those that are allowed; None allows all."""
  return allowed is None or name in allowed


def may_see(bounds: Bounds | None, channel: Channel, instrument: Instrument) -> bool:
  """Whether a token is for a channel of an instrument; perpetuals and dated contracts are named
  with what they settle in."""
  if bounds is None:
    return True
  plain = instrument.market_type in ("spot", None)
  named = bounds.symbols is None or any(
    (symbol == instrument.symbol if plain else symbol.partition(":")[0] == instrument.symbol)
    and (":" in symbol) != plain
    for symbol in bounds.symbols
  )
  return (
    named and allows(bounds.exchanges, instrument.exchange) and allows(bounds.channels, channel)
  )


def allow(
  caller: Principal,
  channels: Iterable[Channel],
  venues: Iterable[str],
  market: Market | None,
) -> None:
  """Raises QuestionRefused for what a caller may not read."""
  if caller.may_read(MARKET):
    return
  bounds = caller.bounds
  if bounds is None:
    raise QuestionRefused(403, "these credentials read streams only; name one with `stream`")
  for names, allowed, what in (
    (None if market is None else [str(market)], bounds.symbols, "symbol"),
    (list(venues), bounds.exchanges, "exchange"),
    (list[str](channels) or ["*"], bounds.channels, "channels"),
  ):
    if allowed is not None and not allowed.issuperset(names or ["*"]):
      raise QuestionRefused(403, f"this narrow token is not for that; name a {what} that it is for")
