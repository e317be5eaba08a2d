"""The state of the sources behind a value, without I/O."""

from collections.abc import Iterable, Sequence
from typing import Final

from bond_core import Channel, Instrument
from bond_core.feeds import SourceState
from bond_server.answers.freshness import Doubt
from bond_server.market_state import Standing

DOUBTS: Final[dict[str, Doubt]] = {
  "stale": "silent",
  "connecting": "connecting",
  "reconnecting": "reconnecting",
  "unavailable": "unavailable",
  "rejected": "rejected",
}
"""Why an answer is stale, by the state of a source in words."""

_WORST_FIRST: Final = (
  SourceState.UNAVAILABLE,
  SourceState.STALE,
  SourceState.RECONNECTING,
  SourceState.CONNECTING,
  SourceState.REJECTED,
  SourceState.QUIET,
  SourceState.LIVE,
)


def worst_of(standings: Iterable[Standing]) -> SourceState | None:
  """The state of the part that is worst; what was refused concerns those who named it only."""
  states = {standing.state for standing in standings} - {SourceState.REJECTED}
  return next((state for state in _WORST_FIRST if state in states), None)


def standing_of(
  standings: Sequence[Standing], channel: Channel, instrument: Instrument | None
) -> SourceState | None:
  """The state of the part that carries a channel of an instrument; where none is surely it, the
  worst of those that may be."""
  if instrument is not None:
    exact = [
      s
      for s in standings
      if s.channel == channel
      and s.instrument is not None
      and s.instrument.symbol == instrument.symbol
      and s.instrument.market_type in (None, instrument.market_type)
    ]
    if exact:
      # Several subscriptions may bring parts of one channel, such as prices and statistics: which
      # of them a value came by is not known, so all of them have to work.
      return worst_of(exact)
  of_channel = [s for s in standings if s.channel in (None, channel)]
  return worst_of(of_channel or standings)
