"""Declaring messages that cannot be decoded far enough to know whose they are."""

from collections.abc import Iterable
from typing import TypeVar

from bond_core._events import Gap
from bond_core._feeds.contract import Moment
from bond_core._venues.state import SubscriptionState

T = TypeVar("T")

MAX_NAMED = 50


def undecodable_gap(
  lost: int, carried: Iterable[SubscriptionState], received: Moment
) -> Gap | None:
  """The Gap for `lost` such messages on a connection that carries these subscriptions. Numbered
  ones show by themselves what they lost; None where all are."""
  affected = [state.subscription for state in carried if not state.numbered]
  if not affected:
    return None
  return Gap(
    channel=only(s.channel for s in affected) or "*",
    exchange=affected[0].instrument.exchange,
    symbol=only(s.instrument.symbol for s in affected) or "*",
    market_type=only(s.instrument.market_type for s in affected),
    expiry=only(s.instrument.expiry for s in affected),
    ts_event=received.ts_ms,
    ts_from=received.ts_ms,
    ts_to=received.ts_ms,
    missed=lost,
    cause="a message could not be read, nor whose it was",
    streams=[str(subscription) for subscription in affected[:MAX_NAMED]],
  )


def only(values: Iterable[T | None]) -> T | None:
  """The one value where all are equal."""
  found = set(values)
  return found.pop() if len(found) == 1 else None
