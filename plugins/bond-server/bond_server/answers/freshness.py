"""How fresh an answer is, without I/O.

An answer is called live only where its source is at work and the value is no older than a source
that is at work leaves between two messages. What is older is quiet while its connection is known to
be healthy, since it is then still the last word, and stale in every other case.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias

import attrs

from bond_core.feeds import SourceState

State: TypeAlias = Literal["live", "quiet", "stale", "simulated", "replay"]
"""`simulated` is what would be live or quiet and comes from a simulator; `replay` is all that a
recording tells, at the time up to which it was played."""

Doubt: TypeAlias = Literal[
  "silent", "reconnecting", "connecting", "unavailable", "rejected", "lost", "before", "unknown"
]
"""Why a value is stale."""

LIVE_MS: Final = 5_000
"""A source that has been silent for longer is quiet (bond_core.feeds), so nothing older is live."""

UNWATCHED_MS: Final = 60_000
"""Nothing says whether a source without a liveness of its own still works: after so long without an
event it is not taken to."""

_DOUBT_OF: Final[dict[SourceState, Doubt]] = {
  SourceState.STALE: "silent",
  SourceState.RECONNECTING: "reconnecting",
  SourceState.CONNECTING: "connecting",
  SourceState.UNAVAILABLE: "unavailable",
  SourceState.REJECTED: "rejected",
}

_BECAUSE: Final[dict[Doubt, str]] = {
  "silent": "its source has been silent for longer than is normal for it",
  "reconnecting": "the connection to its source is lost and being restored",
  "connecting": "its source is not connected yet",
  "unavailable": "its source refuses it for now",
  "rejected": "its source does not have it",
  "lost": "a loss was declared after it, so later changes may be missing",
  "before": "it is from before the market was subscribed to",
  "unknown": "no source of it is known to be at work",
}


@attrs.frozen
class Freshness:
  """The time that a value is of (`as_of_ms`, epoch ms, by our clock), its age, and what both say.
  None for a value that there is not."""

  as_of_ms: int | None
  age_ms: int | None
  state: State
  doubt: Doubt | None = None

  @property
  def fresh(self) -> bool:
    """Whether its source is at work and it is no older than that leaves between two messages."""
    return self.doubt is None and self.age_ms is not None and self.age_ms <= LIVE_MS

  def sentence(self, what: str) -> str | None:
    """What a reader has to know of the value of `what`, None where it is fresh."""
    if self.fresh:
      return None
    if self.age_ms is None:
      because = _BECAUSE[self.doubt] if self.doubt else "nothing has come yet"
      return f"There is no {what} yet: {because}."
    age = f"{self.age_ms / 1000:.1f} s old"
    if self.doubt is None and self.state == "replay":
      return f"The {what} is {age}: nothing newer had been received at that time."
    if self.doubt is not None:
      return f"NOT FRESH: the {what} is {age}; {_BECAUSE[self.doubt]}."
    return f"The {what} is {age}: nothing newer came, over a connection that is healthy."


def judge(
  age_ms: int,
  standing: SourceState | None,
  *,
  simulated: bool,
  lost: bool = False,
  before: bool = False,
  watched: bool = True,
  replay: bool = False,
) -> tuple[State, Doubt | None]:
  """The state of a value of that age. `standing` is that of its source, None for none; `lost` says
  that a loss was declared after it, `before` that it is older than the subscription. Where nothing
  is known of sources, as their server is another one, nothing is `watched`. In a `replay` only
  losses count: nothing is connected."""
  if replay:
    return "replay", "lost" if lost else None
  doubt: Doubt | None = None
  if standing is not None:
    doubt = _DOUBT_OF.get(standing)
  elif watched or age_ms > UNWATCHED_MS:
    doubt = "unknown"
  if doubt is None and lost:
    doubt = "lost"
  if doubt is None and before:
    doubt = "before"
  if doubt is not None:
    return "stale", doubt
  if simulated:
    return "simulated", None
  live = standing in (None, SourceState.LIVE) and age_ms <= LIVE_MS
  return "live" if live else "quiet", None


_WORST_FIRST: Final[tuple[State, ...]] = ("stale", "quiet", "simulated", "replay", "live")


def worst(found: Iterable[Freshness]) -> Freshness:
  """The freshness of an answer with several values: that of the one which is worst, and of those
  the oldest."""
  listed = list(found)
  if not listed:
    return Freshness(None, None, "stale")
  return min(listed, key=lambda one: (_WORST_FIRST.index(one.state), -_age_of(one)))


def _age_of(one: Freshness) -> int:
  return 1 << 60 if one.age_ms is None else one.age_ms


def rfc3339(ms: int | None) -> str | None:
  """2026-11-30T16:40:05.123Z."""
  if ms is None:
    return None
  moment = datetime.fromtimestamp(ms // 1000, UTC)
  return f"{moment:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03}Z"
