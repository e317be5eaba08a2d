"""What a length of time belongs to: an interval, a bar, a window, the past."""

from typing import Any

from bond_english.draft import Draft
from bond_english.durations import spoken
from bond_english.intervals import Interval
from bond_english.marks import (
  ASSET,
  EXACT,
  FILLER,
  FILTER,
  INTERVAL,
  KIND,
  OF,
  PAIR,
  REFUSED,
  REPLAY,
  SPAN,
  Mark,
)
from bond_english.numbers import whole
from bond_english.spans import NEXT, PAST, ROLLING
from bond_english.words import data

_EVENTS = frozenset(("trades", "liquidations", "onchain", "tweets", "bluesky", "news"))


def settle_lengths(draft: Draft) -> None:
  """Gives every span its meaning."""
  for number, mark in draft.numbered(FILLER):
    _each_event(draft, number, mark)
  for number, mark in draft.numbered(SPAN):
    _span(draft, number, mark)
  for number, mark in draft.numbered(INTERVAL):
    _of_bars(draft, number, mark)


def _each_event(draft: Draft, number: int, mark: Mark) -> None:
  """Every trade, each BTC liquidation: every event by itself."""
  if draft.word(mark) not in ("every", "each"):
    return
  following = draft.after(number, over=(FILLER, ASSET, PAIR))
  if following is None or following.slot != KIND:
    return
  if any(value == {"event_types": ["block"]} for _, value, _ in following.facts):
    _each_block(draft, mark, following)
  elif not _EVENTS.isdisjoint(following.value):
    mark.slot, mark.value = INTERVAL, Interval(0.0)


def _each_block(draft: Draft, mark: Mark, block: Mark) -> None:
  """Gas every block is gas as often as it changes; a price has no blocks."""
  others = {kind for other in draft.of(KIND) if other is not block for kind in other.value}
  if others and not others <= {"gas", "onchain"}:
    mark.refuse("Every block of which chain? Say a time, for example every 12 s")
    return
  mark.slot, mark.value = INTERVAL, Interval(0.0)
  if others:
    draft.ignore(block)


def _span(draft: Draft, number: int, mark: Mark) -> None:
  seconds, flavour = mark.value
  if flavour == PAST:
    _past(draft, mark, seconds)
    return
  if flavour == NEXT:
    _limited(draft, mark, seconds)
    return
  following = draft.after(number, over=(FILLER,))
  previous = draft.before(number, over=(FILLER, OF))
  if following is not None and following.slot == KIND and "ohlc" in following.value:
    _filtered(mark, {"bar_sec": whole(seconds)})
    return
  if previous is not None and previous.slot == KIND and "ohlc" in previous.value:
    _filtered(mark, {"bar_sec": whole(seconds)})
    return
  windowed = data.WINDOWED | ({"price"} if flavour == ROLLING else set())
  for beside in (following, previous):
    if beside is None or beside.slot != KIND or windowed.isdisjoint(beside.value):
      continue
    if (
      beside is previous and "vwap" not in beside.value and not _leads(draft, number, "over", "in")
    ):
      continue
    _filtered(mark, {"window_sec": whole(seconds)})
    return
  if flavour == ROLLING:
    mark.refuse(f"Rolling {spoken(seconds)} of what: VWAP, volume?")
  elif _leads(draft, number, "for"):
    _limited(draft, mark, seconds)
  elif _leads(draft, number, "in", "after", "within", "until"):
    mark.refuse(f"What is to happen in {spoken(seconds)}? A stream starts at once.")
  else:
    mark.slot, mark.value = INTERVAL, Interval(seconds if seconds > 0 else None)
    if seconds <= 0:
      mark.value = Interval(None, "An interval must be above 0", invalid=True)


def _limited(draft: Draft, mark: Mark, seconds: float) -> None:
  """For 10 minutes: how long, which the stream itself does not know."""
  _filtered(mark, {"for_sec": whole(seconds)})
  draft.warn(
    f"a stream has no end of its own: stop it after {spoken(seconds)}, or run it with --duration"
  )


def _past(draft: Draft, mark: Mark, seconds: float) -> None:
  """The last 5 minutes: the beginning of a replay, the window of a figure, or history."""
  if draft.of(REPLAY):
    _filtered(mark, {"replay_sec": whole(seconds)})
  elif not data.WINDOWED.isdisjoint(draft.kinds()) or any(
    m.value == "move" and "window_sec" not in m.facts[0][1] for m in draft.of(FILTER)
  ):
    _filtered(mark, {"window_sec": whole(seconds)})
  else:
    mark.slot, mark.value = REFUSED, (draft.written(mark), "history")


def _of_bars(draft: Draft, number: int, mark: Mark) -> None:
  """Hourly candles have a length, hourly volume has a window and an interval."""
  interval: Interval = mark.value
  following = draft.after(number, over=(FILLER, ASSET, PAIR))
  if interval.seconds is None or following is None or following.slot != KIND:
    return
  named = draft.word(mark).endswith("ly") or draft.tokens[mark.last - 1].word in (
    "window",
    "windows",
  )
  if not named or interval.seconds <= 0:
    return
  direct = draft.after(number, over=(FILLER,)) is following
  if direct and "ohlc" in following.value:
    _filtered(mark, {"bar_sec": whole(interval.seconds)})
  elif not data.WINDOWED.isdisjoint(following.value):
    mark.facts.append(("filter", {"window_sec": whole(interval.seconds)}, EXACT))


def _leads(draft: Draft, number: int, *words: str) -> bool:
  """Whether one of the words stands right before a mark, or before a "the"."""
  tokens, first = draft.tokens, draft.marks[number].first
  at = first - 1
  if at >= 0 and tokens[at].word == "the":
    at -= 1
  return at >= 0 and tokens[at].word in words


def _filtered(mark: Mark, filters: dict[str, Any], how: str = EXACT) -> None:
  mark.slot, mark.value = FILTER, next(iter(filters))
  mark.facts.append(("filter", filters, how))
