"""The trades of one market in order, each once; what is missing is declared."""

from collections import Counter
from contextlib import suppress
from typing import Any, NamedTuple, TypeAlias

import ccxt

from bond_ccxt.events import UNREADABLE, Stamps, identity, number, number_or_none, trade_event
from bond_ccxt.faults import unreadable
from bond_ccxt.markets import Listed
from bond_ccxt.outbox import Outbox
from bond_ccxt.shared import CACHED
from bond_core import Trade

CONTIGUOUS = frozenset(("binance", "binanceus", "binanceusdm", "binancecoinm"))
"""Venues that number the trades of a market without holes, so that a hole is a loss. OKX's
"trades" channel joins trades and skips their numbers; Bybit's ids are UUIDs."""

_REMEMBERED = 4096
_PAGES = 4
"""How many pages of trades are remembered at least."""

LEAP = 1_000_000
"""No poll and no outage leaves out so many trades: a number that is further off is not believed by
itself."""

_RESTARTED = 3
"""So many lower numbers in a row, each the next one, are a new numbering."""

OLD_MS = 60_000
"""A trade that was so long before the first poll is old where that brought none."""


_Said: TypeAlias = tuple[float | None, float | None, float | None, str | None]
"""The time, price, size and side of a trade, None for what cannot be read."""
_Alike: TypeAlias = tuple[str | None, _Said]


class _Key(NamedTuple):
  """What tells a trade from the others: its id where that does (`nth` is None), else what it says,
  and which one it is of those of a page that are alike."""

  name: str | None
  said: _Said
  nth: int | None

  @property
  def alike(self) -> _Alike:
    return self.name, self.said


_Keyed: TypeAlias = tuple[_Key | None, Any]
"""A trade behind what tells it from the others, None where nothing does."""


class Tape:
  """Trades of one market as ccxt hands them over, streamed or in pages that overlap. A trade came
  before if one of its id did that says nothing else: some venues begin their ids again. Those
  without an id, or with one that several of a page have, are told apart in pages by how often a
  page has what they say: two trades of one time, price, size and side are two."""

  def __init__(self, listed: Listed, outbox: Outbox) -> None:
    self._listed = listed
    self._outbox = outbox
    self._numbered = listed.instrument.exchange in CONTIGUOUS
    self._last: int | None = None
    self._doubted: int | None = None
    self._seen: dict[str | _Key, _Said] = {}
    self._begun_ms: int | None = None
    self._longest = 0
    """Trades of the longest page so far: a longer one leaves out nothing of before."""
    self._shared: set[str] = set()
    """Ids that several trades have."""
    self._cut: _Alike | None = None
    """What the trades say that the last page began with, where that left open which are new."""
    self._lower = 0
    """How many numbers in a row were below the last one, and went up by one."""
    self._low = -1
    self._unreadable: dict[str, Exception] = {}

  def streamed(self, trades: list[Any], stamps: Stamps) -> None:
    """Takes what came since the last call."""
    if len(trades) >= CACHED and not self._numbered:
      cause = f"ccxt keeps {CACHED} trades, and as many came at once"
      self._outbox.gap(self._listed.instrument, cause)
    keyed: list[_Keyed] = []
    for trade in trades:
      try:
        keyed.append((_Key(identity(trade), _said(trade), None), trade))
      except UNREADABLE:
        keyed.append((None, trade))
    self._put(keyed, stamps)

  def page(self, trades: list[Any], stamps: Stamps) -> None:
    """Takes the newest trades, oldest first; the first page only shows where the tape begins.
    Raises ccxt.NotSupported where nothing shows which trades are new."""
    if self._numbered:
      # ccxt orders those of one time by the text of their numbers.
      trades = sorted(trades, key=_place)
    keyed = self._keyed(trades)
    longest, self._longest = self._longest, max(self._longest, len(keyed))
    first = not self._seen
    if self._begun_ms is None:
      self._begun_ms = stamps[0] if not trades else -1
    if first:
      # Where the first pages were empty, what came since is new.
      begun_ms = self._begun_ms
      old = [row for row in keyed if begun_ms < 0 or _is_before(row[1], begun_ms)]
      new = [row for row in keyed if begun_ms >= 0 and not _is_before(row[1], begun_ms)]
      for key, trade in old:
        if key is not None and self._is_new(key):
          with suppress(*UNREADABLE):
            self._last = (_number(trade) if self._numbered else None) or self._last
      self._put(new, stamps)
      return
    keys = [key for key, _ in keyed if key is not None]
    if not self._numbered or any(key.name is None for key in keys):
      self._compare(keys, full=len(keyed) <= longest)
    self._put(keyed, stamps)

  def _compare(self, keys: list[_Key], *, full: bool) -> None:
    """Declares what a page may have left out."""
    known = [key for key in keys if self._knows(key)]
    cause = None
    if not known:
      cut = None
      if keys:
        cause = "more trades came between two polls than one answer holds"
    else:
      # Equal trades with which a page begins may be others than those that were there before.
      cut = keys[0].alike if full and keys[0].nth is not None else None
      if any(key.alike != cut for key in known):
        cut = None
      elif len(known) < len(keys) or (len(keys) > 1 and cut != self._cut):
        cause = "an answer begins with trades that say the same, so how many are new is open"
    self._cut = cut
    if cause is not None:
      self._outbox.gap(self._listed.instrument, cause)

  def _put(self, keyed: list[_Keyed], stamps: Stamps) -> None:
    events: list[Trade] = []
    failed: dict[str, Exception] = {}
    for key, trade in keyed:
      try:
        if key is None:
          # An id that cannot be read says so itself.
          identity(trade)
          raise ValueError("it has neither an id nor a time")
        if self._is_new(key):
          self._take(trade, stamps, events)
      except UNREADABLE as exc:
        failed[repr(trade)] = exc
    self._flush(events)
    while len(self._seen) > max(_REMEMBERED, _PAGES * len(keyed)):
      del self._seen[next(iter(self._seen))]
    # Pages overlap, and what has no id that can be read comes with each of them.
    new = [failed[trade] for trade in failed if trade not in self._unreadable]
    self._unreadable = failed
    if new:
      self._outbox.gap(self._listed.instrument, unreadable("trade", new[-1]), missed=len(new))

  def _take(self, trade: Any, stamps: Stamps, events: list[Trade]) -> None:
    number = _number(trade) if self._numbered else None
    self._follow(number, events)
    # Binance futures: what is not MARKET (insurance fund, deleveraging) was not traded.
    if self._numbered and trade["info"].get("X") not in (None, "MARKET"):
      return
    events.append(trade_event(self._listed, trade, stamps, number))

  def _follow(self, number: int | None, events: list[Trade]) -> None:
    if number is None:
      return
    last, doubted = self._last, self._doubted
    self._doubted = None
    if last is not None and last - LEAP <= number <= last:
      self._lower = self._lower + 1 if number == self._low + 1 else 1
      self._low = number
      if self._lower >= _RESTARTED:
        self._last, self._lower = number, 0
        self._flush(events)
        cause = f"the venue's trade numbers went back from {last} to {number}"
        self._outbox.gap(self._listed.instrument, cause)
      return
    self._lower = 0
    if last is not None and abs(number - last) > LEAP and doubted != number - 1:
      # The trade is the next one, whatever its number.
      self._last, self._doubted = last + 1, number
      self._flush(events)
      cause = f"a trade has the number {number}, the one before it {last}"
      self._outbox.gap(self._listed.instrument, cause)
      return
    if doubted == number - 1:
      last = doubted
    self._last = max(number, last or 0)
    if last is not None and number > last + 1:
      self._flush(events)
      self._outbox.gap(
        self._listed.instrument,
        "trades are missing: their numbers never came",
        missed=number - last - 1,
        first=last + 1,
        last=number - 1,
      )

  def _flush(self, events: list[Trade]) -> None:
    if events:
      self._outbox.put(self._listed.instrument, events)
      events.clear()

  def _is_new(self, key: _Key) -> bool:
    """Notes a trade; returns False where it came before."""
    if key.nth is None and key.name is None:
      return True
    if self._knows(key):
      return False
    self._note(key)
    return True

  def _note(self, key: _Key) -> None:
    place = key.name if key.nth is None and key.name is not None else key
    self._seen.pop(place, None)
    self._seen[place] = key.said

  def _knows(self, key: _Key) -> bool:
    if key.nth is not None or key.name is None:
      return key in self._seen
    said = self._seen.get(key.name)
    return said is not None and not _contradict(said, key.said)

  def _keyed(self, trades: list[Any]) -> list[_Keyed]:
    """Each trade of a page with what tells it from the others, None for nothing. Raises
    ccxt.NotSupported where that is so of all."""
    alike: list[_Alike | None] = []
    saying: dict[str, _Said] = {}
    for trade in trades:
      try:
        name, said = identity(trade), _said(trade)
      except UNREADABLE:
        alike.append(None)
        continue
      alike.append((name, said))
      if name is not None and _contradict(saying.setdefault(name, said), said):
        self._share(name)
    keyed: list[_Keyed] = []
    counts: Counter[_Alike] = Counter()
    nameless = 0
    for trade, of in zip(trades, alike, strict=True):
      key = None
      if of is not None:
        name, said = of
        time = said[0]
        if name is not None and name not in self._shared:
          key = _Key(name, said, None)
        elif time is not None:
          key = _Key(name, said, counts[of])
          counts[of] += 1
        else:
          nameless += 1
      keyed.append((key, trade))
    if len(keyed) > 1 and nameless == len(keyed):
      raise ccxt.NotSupported(
        "its trades have neither ids nor times, so that polling does not show which are new; write "
        "mode: stream where the venue has that, or name another venue"
      )
    return keyed

  def _share(self, name: str) -> None:
    """Notes that an id is of several trades, one of which may have come before."""
    if name in self._shared or len(self._shared) >= _REMEMBERED:
      return
    self._shared.add(name)
    if (said := self._seen.pop(name, None)) is not None:
      self._note(_Key(name, said, 0))


def _said(trade: Any) -> _Said:
  side = trade.get("side")
  time, price, amount = (_readable(trade.get(name)) for name in ("timestamp", "price", "amount"))
  return time, price, amount, side if isinstance(side, str) else None


def _readable(value: Any) -> float | None:
  try:
    return number(value, "")
  except UNREADABLE:
    return None


def _contradict(one: _Said, other: _Said) -> bool:
  return any(a is not None and b is not None and a != b for a, b in zip(one, other, strict=True))


def _is_before(trade: Any, begun_ms: int) -> bool:
  time = trade.get("timestamp") if isinstance(trade, dict) else None
  return isinstance(time, int | float) and time < begun_ms - OLD_MS


def _place(trade: Any) -> int:
  try:
    return _number(trade) or -1
  except UNREADABLE:
    return -1


def _number(trade: Any) -> int | None:
  text = identity(trade)
  return number_or_none(int(text)) if text is not None and text.isdecimal() else None
