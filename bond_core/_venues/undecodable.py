"""Declaring messages that do not even tell which stream they are of."""

from collections.abc import Iterable

from bond_core._events import Gap
from bond_core._feeds.contract import Moment
from bond_core._venues.state import SubscriptionState

NAMED_STREAMS = 50


def undecodable_gap(
  lost: int, carried: Iterable[SubscriptionState], received: Moment
) -> Gap | None:
  """The gap for `lost` such messages on a connection that carries these streams. Streams whose
  messages are numbered show by themselves what they lost; None where all do."""
  concerned = [stream.subscription for stream in carried if not stream.numbered]
  if not concerned:
    return None
  return Gap(
    channel=only(s.channel for s in concerned) or "*",
    exchange=concerned[0].instrument.exchange,
    symbol=only(s.instrument.symbol for s in concerned) or "*",
    market_type=only(s.instrument.market_type for s in concerned),
    expiry=only(s.instrument.expiry for s in concerned),
    ts_event=received.ts_ms,
    ts_from=received.ts_ms,
    ts_to=received.ts_ms,
    missed=lost,
    cause="a message could not be read, and not even told which stream it was of",
    streams=[str(s) for s in concerned[:NAMED_STREAMS]],
  )


def only(values: Iterable[str | None]) -> str | None:
  """The one value where there is just one."""
  found = set(values)
  return found.pop() if len(found) == 1 else None
