"""How venues number the updates of a book, as plug-in rules for a BookSync."""

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple, TypeAlias


class Ids(NamedTuple):
  """A venue's numbers on one update: the first and last change it holds, and the `last` of the
  update before it. A snapshot only has `last`."""

  last: int
  first: int | None = None
  prev: int | None = None


class Verdict(Enum):
  """What becomes of a delta."""

  APPLY = "apply"
  SKIP = "skip"
  """The book contains it already."""
  GAP = "gap"
  """Something before it is missing."""


SequenceRule: TypeAlias = Callable[[int, bool, Ids], Verdict]
"""(number of the last applied update, whether that was a snapshot, the delta's numbers) → Verdict.
"""


def contiguous(applied: int, fresh: bool, ids: Ids) -> Verdict:
  """Each delta starts right after the one before it.

  A delta that overlaps what was applied is applied too: sizes are absolute, so saying one again
  changes nothing. A venue that numbers whole updates gives `first` = `last`.
  Source: Binance Spot "How to manage a local order book correctly": drop u <= lastUpdateId, a U
  above the local number + 1 means that something was missed. Kucoin and Bybit number alike.
  """
  first = ids.last if ids.first is None else ids.first
  if ids.last <= applied:
    return Verdict.SKIP
  return Verdict.APPLY if first <= applied + 1 else Verdict.GAP


def linked_ranges(applied: int, fresh: bool, ids: Ids) -> Verdict:
  """Each delta names the last number of the one before it; the first one after a snapshot has to
  span the snapshot's number.

  Source: Binance USDⓈ-M Futures "How to manage a local order book correctly": the first processed
  event has U <= lastUpdateId <= u, after that each pu equals the u before. An instrument's numbers
  have holes, so a snapshot may fall between pu and U; pu <= lastUpdateId <= u then proves as well
  that nothing lies between them, and is accepted.
  """
  if ids.last <= applied:
    return Verdict.SKIP
  if ids.prev == applied:
    return Verdict.APPLY
  if fresh:
    starts = [start for start in (ids.first, ids.prev) if start is not None]
    if starts and min(starts) <= applied:
      return Verdict.APPLY
  return Verdict.GAP


def previous_id(applied: int, fresh: bool, ids: Ids) -> Verdict:
  """Each delta names the number of the message before it, be that a snapshot or a delta.

  Numbers may jump back, as long as the delta that does so is linked to the one before.
  Source: OKX "WS / Order book channel", section "Sequence ID": prevSeqId equals the seqId before,
  also where maintenance resets seqId to a smaller value, and where nothing changed (both equal).
  Deribit's prev_change_id is the same.
  """
  if ids.prev == applied:
    return Verdict.APPLY
  return Verdict.SKIP if ids.last <= applied else Verdict.GAP
