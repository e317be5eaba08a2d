"""What each length of time is for: an interval, a bar, a window, a replay, or the past."""

from typing import Any

from bond_english.meaning.findings import Findings
from bond_english.meaning.operators import COUNTS
from bond_english.meaning.request import Scope
from bond_english.quantities.durations import duration_text
from bond_english.quantities.intervals import EVERY_UPDATE, Interval
from bond_english.quantities.numbers import integral
from bond_english.quantities.time_spans import (
  NEXT,
  NO_DIRECTION,
  PAST,
  ROLLING,
  TimeSpan,
)
from bond_english.text.chunks import (
  ASSET,
  CONJUNCTION,
  EXACT,
  FILLER,
  FILTER,
  INTERVAL,
  KIND,
  OPERATOR,
  PAIR,
  PREPOSITION,
  REPLAY,
  TIME_SPAN,
  UNKNOWN,
  Chunk,
  Role,
)
from bond_english.words import data

SHORT_PAST = 60.0
"""Seconds: so little of the past is seldom meant, and "last 5s" may be short for something else."""
_AVERAGED = frozenset(("price", "trades"))
"""Kinds that a window sums up, so that "over 5 minutes" is how often it comes."""
_HEDGES = frozenset(
  ("the", "a", "about", "around", "roughly", "approximately", "some", "another", "say", "maybe")
)
_EVENT_KINDS = frozenset(("trades", "liquidations", "onchain", "tweets", "bluesky", "news"))


def resolve_times(request: Scope, findings: Findings) -> None:
  """Makes every time span an interval, a filter or a refusal, and "every trade" an interval."""
  if request.having(INTERVAL, TIME_SPAN):
    for chunk in request.having(UNKNOWN):
      if request.first_word(chunk) in ("window", "windows"):
        # 1s VWAP windows: what has that length.
        chunk.make_filler()
  for index, chunk in request.indexed(FILLER):
    _every_event(request, index, chunk)
  for index, chunk in request.indexed(TIME_SPAN):
    _time_span(request, findings, index, chunk)
  for index, chunk in request.indexed(INTERVAL):
    _interval_of_kind(request, index, chunk)
  _bars_in_list(request)
  _prefer_seconds(request)


def _bars_in_list(request: Scope) -> None:
  """Bars every 5m and 1h: several lengths in a list, each of which has its bars."""
  if request.kinds() != {"ohlc"}:
    return
  for index, _ in list(request.indexed(CONJUNCTION)):
    pair = (request.previous(index), request.following(index, skip=(FILLER, PREPOSITION)))
    if all(one is not None and (_is_plain_interval(one) or one.value == "bar_sec") for one in pair):
      for one in pair:
        if one is not None and one.role == INTERVAL:
          _make_filter(one, {"bar_sec": integral(one.value.seconds)})


def _is_plain_interval(chunk: Chunk) -> bool:
  timed = chunk.role == INTERVAL and chunk.value.target is None
  return timed and bool(chunk.value.seconds)


def _prefer_seconds(request: Scope) -> None:
  """Real-time, every 5s: the number of seconds counts."""
  plain = [chunk for chunk in request.having(INTERVAL) if chunk.value.target is None]
  events = [c for c in request.having(KIND) if not _EVENT_KINDS.isdisjoint(c.value)]
  others = [c for c in request.having(KIND) if _EVENT_KINDS.isdisjoint(c.value)]
  if any(chunk.value.seconds for chunk in plain):
    for chunk in plain:
      if chunk.value.seconds != EVERY_UPDATE:
        continue
      if chunk.value.added_up or not events:
        chunk.make_filler()
      elif others:
        # Trades and the book every 100 ms, no aggregation: trades are what would be added up.
        chunk.value = Interval(EVERY_UPDATE, target=events[0].first)
      else:
        chunk.refuse("Each event as it comes, or added up at the interval?")


def _every_event(request: Scope, index: int, chunk: Chunk) -> None:
  """Every trade, each BTC liquidation: every update."""
  word = request.first_word(chunk)
  several = len([c for c in request.having(KIND) if not c.left_out]) > 1
  if word not in ("every", "each") and not (word == "all" and several):
    return
  following = request.following(index, skip=(FILLER, ASSET, PAIR))
  if following is None or following.role != KIND:
    return
  if any(value == {"event_types": ["block"]} for _, value, _ in following.facts):
    _every_block(request, chunk, following)
  elif not _EVENT_KINDS.isdisjoint(following.value):
    chunk.role, chunk.value = INTERVAL, Interval(EVERY_UPDATE, target=following.first)


def _every_block(request: Scope, every: Chunk, block: Chunk) -> None:
  """Gas every block is every update of the gas price; a market price has no blocks."""
  others = {kind for other in request.having(KIND) if other is not block for kind in other.value}
  if others and not others <= {"gas", "onchain"}:
    every.refuse("Every block of which chain? Say a time, for example every 12 s")
    return
  every.role, every.value = INTERVAL, Interval(EVERY_UPDATE)
  if others:
    block.make_filler()


def _time_span(request: Scope, findings: Findings, index: int, chunk: Chunk) -> None:
  span: TimeSpan = chunk.value
  if span.direction == PAST:
    _past(request, chunk, span.seconds)
    return
  if span.direction == NEXT:
    _limit(findings, chunk, span.seconds)
    return
  if span.direction == NO_DIRECTION and _is_bar(request, index):
    _make_filter(chunk, {"bar_sec": integral(span.seconds)})
    return
  following = request.following(index, skip=(FILLER,))
  previous = request.previous(index, skip=(FILLER, PREPOSITION))
  if following is not None and following.role == KIND and following.value == ("funding",):
    # The 8h funding is the rate as venues have it.
    findings.note(f"{request.text_of(chunk)} funding is taken for the venue's own rate")
    chunk.make_filler()
    return
  windowed = data.WINDOWED | ({"price"} if span.direction == ROLLING else set())
  for beside in (following, previous):
    if beside is None or beside.role != KIND or windowed.isdisjoint(beside.value):
      continue
    before_span = beside is previous and "vwap" not in beside.value
    if before_span and not _is_after(request, index, "over", "in"):
      continue
    _make_filter(chunk, {"window_sec": integral(span.seconds)})
    # 24h volume and the last price: the price has no window; the number of trades has.
    chunk.value = tuple(data.WINDOWED.union(beside.value, ("trades",) if _counts(request) else ()))
    return
  if request.kinds() & data.WINDOWED and _is_after(request, index, "over", "during", "across"):
    _make_filter(chunk, {"window_sec": integral(span.seconds)})
    return
  if span.direction == ROLLING:
    chunk.refuse(f"Rolling {duration_text(span.seconds)} of what: VWAP, volume?")
  elif _is_after(request, index, "for"):
    _limit(findings, chunk, span.seconds)
  elif _is_after(request, index, "in", "after", "within", "until"):
    chunk.refuse(f"What is to happen in {duration_text(span.seconds)}? A stream starts at once.")
  elif _is_after(request, index, "over", "during") and not request.kinds() <= _AVERAGED:
    chunk.refuse(f"What is to be added up over {request.text_of(chunk)}: the volume, a VWAP?")
  elif span.seconds > 0:
    chunk.role, chunk.value = INTERVAL, Interval(span.seconds)
  else:
    problem = "An interval must be above 0"
    chunk.role, chunk.value = INTERVAL, Interval(None, problem, invalid=True)


def _counts(request: Scope) -> bool:
  counted = any(chunk.value == "count" for chunk in request.having(FILTER))
  return counted or any(chunk.value in COUNTS for chunk in request.having(OPERATOR))


def _is_bar(request: Scope, index: int) -> bool:
  """Whether a length of time is that of bars: beside them, in a list of lengths (1m, 5m and 15m
  candles), or anywhere in their clause where no other one is."""
  if "ohlc" not in request.kinds():
    return False
  beside: tuple[Role, ...] = (CONJUNCTION, FILLER, PREPOSITION, TIME_SPAN, FILTER)
  for chunk in (request.following(index, skip=beside), request.previous(index, skip=beside)):
    if chunk is not None and chunk.role == KIND and "ohlc" in chunk.value:
      return True
  named = any(
    "bar_sec" in value for c in request.having(FILTER) for _, value, _ in c.facts if value
  )
  return not named and not _is_after(request, index, "for", "in", "after", "within", "until")


def _limit(findings: Findings, chunk: Chunk, seconds: float) -> None:
  """For 10 minutes: a stream does not know how long it is to run."""
  _make_filter(chunk, {"for_sec": integral(seconds)})
  length = duration_text(seconds)
  findings.warn(
    f"a stream has no end of its own: stop it after {length}, or run it with --duration"
  )


def _past(request: Scope, chunk: Chunk, seconds: float) -> None:
  """The last 5 minutes: the beginning of a replay, the window of a figure, or history."""
  if request.having(REPLAY):
    _make_filter(chunk, {"replay_sec": integral(seconds)})
    return
  windowed = not data.WINDOWED.isdisjoint(request.kinds())
  if windowed or any(
    other.value == "move" and "window_sec" not in other.facts[0][1]
    for other in request.having(FILTER)
  ):
    _make_filter(chunk, {"window_sec": integral(seconds)})
  elif seconds <= SHORT_PAST and request.kinds() <= {"price"}:
    length = duration_text(seconds)
    written = request.text_of(chunk)
    question = f"{written!r}: the last price every {length}? A stream has no past"
    chunk.refuse(question, instead=[f"last price every {length}"])
  else:
    chunk.refuse(request.text_of(chunk), "history")


def _interval_of_kind(request: Scope, index: int, chunk: Chunk) -> None:
  """Hourly candles have that length; hourly volume has a window and an interval."""
  interval: Interval = chunk.value
  following = request.following(index, skip=(FILLER, ASSET, PAIR))
  if interval.seconds is None or following is None or following.role != KIND:
    return
  last_word = request.tokens[chunk.end - 1].word
  adjective = last_word.endswith("ly") or last_word in ("window", "windows")
  if not adjective or interval.seconds <= 0:
    return
  adjacent = request.following(index, skip=(FILLER,)) is following
  if adjacent and "ohlc" in following.value:
    _make_filter(chunk, {"bar_sec": integral(interval.seconds)})
  elif not data.WINDOWED.isdisjoint(following.value):
    chunk.facts.append(("filter", {"window_sec": integral(interval.seconds)}, EXACT))


def _is_after(request: Scope, index: int, *words: str) -> bool:
  """Whether one of the words is right before a chunk, or before its article or a word such as
  about."""
  tokens, first = request.tokens, request.chunks[index].first
  at = first - 1
  while at >= 0 and tokens[at].word in _HEDGES:
    at -= 1
  return at >= 0 and tokens[at].word in words


def _make_filter(chunk: Chunk, filters: dict[str, Any]) -> None:
  chunk.role, chunk.value = FILTER, next(iter(filters))
  chunk.facts.append(("filter", filters, EXACT))
