"""Windows, computed again: what a log of windows has to say, given what the market's log was
given."""

from collections.abc import Iterator
from datetime import datetime
from math import fsum, inf, isclose
from typing import Any, NamedTuple

from bond_bookkit import AHEAD_MS
from bond_builtin.transforms.window import MAX_EMPTY

from tests.chaos.judge import Violation
from tests.chaos.network import Host
from tests.chaos.world import START_MS
from tests.world.record import Appended, LogRecord

SAME = 1e-12
"""By how much sums may differ that are rounded in another order, as a share."""
LATENESS_MS = 1_000
LATENCY_MS = 100
"""By how much a venue's news is late at most where nothing holds it up."""
HELD_MS = 5_000
"""The same where something does."""


def check_windows(
  windows: LogRecord, market: LogRecord, venue: str, *, every_ms: int, held: bool
) -> None:
  """Raises Violation where a row is not what the spot trades of BTC/USDT at a venue make of its
  time. The first row of a life is of a window that the stream did not see whole. `held` says that
  something may have delayed what came from the venue."""
  lives: dict[tuple[str, Host | None], list[Appended]] = {}
  for appended in windows.appended:
    lives.setdefault((appended.epoch, appended.writer), []).append(appended)
  for (_, writer), rows in lives.items():
    fed = [one for one in market.appended if one.writer is writer]
    _Life(fed, venue, every_ms, held).check(rows)


class _Trade(NamedTuple):
  """A trade: the time in the world at which it was received, and the venue time at which it counts
  (epoch ms)."""

  at: float
  when: int
  event: Any


class _Life:
  """What one life of a stream made of what one life of a server received."""

  def __init__(self, fed: list[Appended], venue: str, every_ms: int, held: bool) -> None:
    self._every = every_ms
    self._delay = HELD_MS if held else LATENCY_MS
    self._trades: dict[int, list[_Trade]] = {}
    self._gaps: list[tuple[float, Any]] = []
    self._unsure: set[int] = set()
    """The starts of windows of which a trade whose time cannot be right may be."""
    self._clock: list[tuple[float, int]] = []
    """What the venue's times said while ahead of ours, and when: windows close by these."""
    for at, event in _events(fed):
      kind = type(event).__name__
      told = getattr(event, "ts_exchange", None)
      if event.exchange == venue and told is not None and 0 < told - event.ts_event <= AHEAD_MS:
        self._clock.append((at, told))
      if kind == "Trade" and (event.exchange, event.symbol, event.market_type) == (
        *(venue, "BTC/USDT", "spot"),
      ):
        when = event.ts_exchange
        if when - event.ts_event > AHEAD_MS:
          # No news is from so far ahead: it counts at the time of its receipt, less what the
          # others lately took.
          when = event.ts_event
          earliest = when - self._delay
          self._unsure.update(range(earliest - earliest % every_ms, when + 1, every_ms))
        start = when - when % every_ms
        self._trades.setdefault(start, []).append(_Trade(at, when, event))
      elif kind == "Gap" and event.exchange in ("*", venue) and event.reason == "upstream":
        self._gaps.append((at, event))

  def check(self, rows: list[Appended]) -> None:
    """Goes through the rows in the order in which they were appended."""
    known: dict[int, int] = {}
    """How many trades were counted, by the start of a window."""
    flagged = declared = empty = 0
    begun: int | None = None
    last: tuple[int, float] | None = None
    for at, event in _events(rows):
      kind = type(event).__name__
      if kind == "Gap" and event.reason == "late":
        declared += event.missed
      if kind != "Window":
        continue
      start = _ms(event.window_start)
      if last is not None:
        # A leap of time is filled with so many empty rows.
        leaps = empty >= MAX_EMPTY - 1 and start > last[0]
        if start != last[0] + self._every and not leaps:
          self._fail(event, f"it follows the one of {last[0]}")
        if flagged != declared:
          self._fail(event, f"rows before it say {flagged} were late, gaps {declared}")
        self._check_late(known, declared, last, begun)
      flagged += event.raw_data.get("late", 0)
      if begun is None:
        begun = start
      else:
        if start not in self._unsure:
          known[start] = event.raw_data["trades"]
          self._check_row(event, start, at)
        self._check_flags(event, start, at)
      last = start, at
      empty = 0 if event.raw_data["trades"] else empty + 1

  def _check_row(self, row: Any, start: int, at: float) -> None:
    all_of_it = [trade for trade in self._trades.get(start, []) if trade.at <= at]
    count = row.raw_data["trades"]
    # It closes once: all that came before is in it, and nothing that came after.
    until = start + self._every + LATENESS_MS
    closed = min((at for at, told in self._clock if told >= until), default=inf)
    closed = min(closed, (until - START_MS) / 1000)
    in_time = [trade for trade in all_of_it if trade.at < closed]
    if not len(in_time) <= count <= len(all_of_it):
      self._fail(row, f"it counts {count} trades of {len(in_time)} to {len(all_of_it)}")
    for name, told in _computed(all_of_it[:count]).items():
      said = getattr(row, name)
      if (said is None) != (told is None) or (
        told is not None and not isclose(said, told, rel_tol=SAME)
      ):
        self._fail(row, f"its {name} is {said}, that of its trades {told}")

  def _check_late(
    self, known: dict[int, int], declared: int, last: tuple[int, float], begun: int | None
  ) -> None:
    """What came too late is declared by when the next window has closed."""
    start, at = last
    late = sum(
      max(0, sum(trade.at < at for trade in self._trades.get(window, ())) - count)
      for window, count in known.items()
      if window < start
    )
    uncertain = sum(
      len(trades)
      for window, trades in self._trades.items()
      if begun is None or window <= begun or window in self._unsure
    )
    if not late <= declared <= late + uncertain:
      raise Violation(0, f"by the window of {start} {declared} were declared late, not {late}")

  def _check_flags(self, row: Any, start: int, at: float) -> None:
    end = start + self._every
    said = bool(row.raw_data.get("incomplete"))
    for when, gap in self._gaps:
      if gap.channel == "trades" and when < at and gap.ts_from is not None:
        until = gap.ts_to if gap.ts_to is not None else gap.ts_event
        if gap.ts_from < end and until - self._delay >= start and not said:
          self._fail(row, f"nothing says that a part is missing: {gap}")
    if said and not any(
      (gap.ts_from or gap.ts_event) - self._delay < end
      and (gap.ts_to or gap.ts_event) + self._delay >= start
      for when, gap in self._gaps
      if when <= at
    ):
      self._fail(row, "it says that a part is missing, and no gap does")

  def _fail(self, row: Any, sentence: str) -> None:
    raise Violation(0, f"the window {row.window_start} to {row.window_end}: {sentence}")


def _computed(counted: list[_Trade]) -> dict[str, float | None]:
  """The figures of a row, of these trades."""
  if not counted:
    return dict.fromkeys(("price_avg", "price_open", "price_high", "price_low", "price_close"))
  in_order = [
    one.event for one in sorted(counted, key=lambda one: (one.when, int(one.event.trade_id)))
  ]
  trades = [one.event for one in counted]
  prices = [trade.price for trade in trades]
  volume = fsum(trade.size for trade in trades)
  return {
    "price_avg": fsum(prices) / len(prices),
    "price_open": in_order[0].price,
    "price_high": max(prices),
    "price_low": min(prices),
    "price_close": in_order[-1].price,
    "vwap": fsum(trade.price * trade.size for trade in trades) / volume,
    "volume_sum": volume,
  }


def _events(appended: list[Appended]) -> Iterator[tuple[float, Any]]:
  return ((one.at, event) for one in appended for event in one.batch)


def _ms(text: str) -> int:
  return round(datetime.fromisoformat(text).timestamp() * 1000)
