"""The conditions that callers wait for."""

from collections.abc import Callable
from typing import Final, get_args

from bond_expressions import Predicate, compile_predicate

from bond_core import (
  AnyEvent,
  Batch,
  Candle,
  Channel,
  Funding,
  Liquidation,
  Market,
  OpenInterest,
  Ticker,
  Trade,
  Window,
)
from bond_server.answers.markets import is_of
from bond_server.answers.refused import QuestionRefused

_TYPES: Final[dict[str, type[AnyEvent]]] = {
  "trades": Trade,
  "ticker": Ticker,
  "funding": Funding,
  "open_interest": OpenInterest,
  "liquidation": Liquidation,
  "candle": Candle,
}
"""Channels of which one can wait for an event, the likeliest first."""
MAX_WHERE: Final = 300


def condition_of(where: object, channel: str | None, *, stream: bool) -> tuple[Channel, Predicate]:
  """The channel that a condition is about and the condition, compiled; without a channel it is the
  first that has the condition's fields. Raises QuestionRefused."""
  if not isinstance(where, str) or not where.strip() or len(where) > MAX_WHERE:
    raise QuestionRefused(
      422, f"where is a condition of up to {MAX_WHERE} characters, such as price > 70000"
    )
  if channel is not None and channel not in _TYPES:
    raise QuestionRefused(422, f"one can wait for an event of {', '.join(_TYPES)}")
  if stream:
    types: dict[str, type[AnyEvent]] = {"window": Window, **_TYPES}
  else:
    types = _TYPES if channel is None else {channel: _TYPES[channel]}
  problem = ""
  for name, kind in types.items():
    try:
      return _channel(name), compile_predicate(where, (kind,))
    except ValueError as exc:
      problem = problem or str(exc)
  raise QuestionRefused(
    422,
    "this condition cannot be read: it is an expression over the fields of one channel, such as "
    "price > 70000 (trades), bid > 70000 or ask - bid < 1 (ticker), rate > 0.0001 (funding)",
    quoted={"problem": problem},
  )


def channels_that_wait() -> tuple[str, ...]:
  """The channels of which one can wait for an event."""
  return tuple(_TYPES)


def _channel(name: str) -> Channel:
  return next(channel for channel in get_args(Channel) if channel == name)


def matcher(
  predicate: Predicate, market: Market | None, exchanges: frozenset[str] | None
) -> Callable[[Batch], AnyEvent | None]:
  """What finds the first event of a batch that is of the market, of one of the venues, and fulfils
  the condition."""

  def first(batch: Batch) -> AnyEvent | None:
    of = [
      event
      for event in batch
      if type(event) in predicate.types
      and (exchanges is None or getattr(event, "exchange", None) in exchanges)
      and (market is None or is_of(market, event, type(event).channel))  # type: ignore[arg-type]
    ]
    found = predicate(of) if of else []
    return found[0] if found else None

  return first
