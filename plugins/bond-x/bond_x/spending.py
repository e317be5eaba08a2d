"""What reading posts costs, and the cap.

Source: X API v2, pricing of 2026 (pay-per-use): 0.005 USD for a post that is read, 0.010 USD for a
user that comes with it; the same one within a UTC day is charged once. Users are counted with every
post here, so the figure is an upper bound. "Counts: Recent" is 0.005 USD for a request, whatever it
counts.

A server keeps what was spent today in its data folder, so that a restart is no new day.
"""

import json
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bond_core import Refused

logger = logging.getLogger("bond.x")

POST_USD = 0.005
USER_USD = 0.010
COUNT_USD = 0.005
DAY_MS = 86_400_000
FILE = "x-spending.json"
"""The name of the file in a server's data folder."""


class Spending:
  """What an account has spent in the current UTC day. `keep` stores it."""

  def __init__(
    self,
    day: int = 0,
    posts: int = 0,
    counts: int = 0,
    keep: Callable[["Spending"], None] = lambda spending: None,
  ) -> None:
    self.day = day
    """Days since the epoch."""
    self.posts = posts
    self.counts = counts
    """Requests for counts."""
    self._keep = keep

  @property
  def usd(self) -> float:
    """US dollars spent today, at most."""
    return round(self.posts * (POST_USD + USER_USD) + self.counts * COUNT_USD, 3)

  def read(self, now_ms: int, posts: int = 1) -> None:
    """Notes posts that were read."""
    self._note(now_ms, posts, 0)

  def counted(self, now_ms: int) -> None:
    """Notes one more request for counts that was answered."""
    self._note(now_ms, 0, 1)

  def _note(self, now_ms: int, posts: int, counts: int) -> None:
    if (day := now_ms // DAY_MS) != self.day:
      self.day, self.posts, self.counts = day, 0, 0
    self.posts += posts
    self.counts += counts
    if posts or counts:
      self._keep(self)

  def over(self, cap: float, now_ms: int) -> str:
    """Returns why no more may be read today, "" where it may. A cap of 0 USD is none."""
    self.read(now_ms, 0)
    if not cap or self.usd < cap:
      return ""
    return (
      f"{self.usd:.2f} USD were spent on X today, and spend_cap is {cap:g}; "
      "raise it, or begin again tomorrow (UTC)"
    )


class Ledger:
  """What was spent today, by account and caller, in a file. A thread writes it, since each post is
  noted as it comes; it has written all when the process ends."""

  def __init__(self, path: Path) -> None:
    """Reads the file. Raises Refused where it is damaged: what was spent is not known then."""
    self._path = path
    self._days: dict[str, tuple[int, int, int]] = {}
    self._failing = False
    self._thread = ThreadPoolExecutor(1, "bond-x-spending")
    self._is_due = False
    try:
      stored = json.loads(path.read_bytes())
      for name, (day, posts, counts) in stored.items():
        self._days[str(name)] = int(day), int(posts), int(counts)
    except FileNotFoundError:
      pass
    except (OSError, ValueError, TypeError, AttributeError) as exc:
      raise Refused(
        f"what was spent on X today cannot be read from {path} ({type(exc).__name__}); mend that, "
        "or delete the file to begin at 0 USD"
      ) from None

  def spending(self, name: str) -> Spending:
    """Returns what is known of an account, or of a caller at it, and keeps what it spends."""
    return Spending(
      *self._days.get(name, (0, 0, 0)), keep=lambda spending: self._keep(name, spending)
    )

  def _keep(self, name: str, spending: Spending) -> None:
    noted = {**self._days, name: (spending.day, spending.posts, spending.counts)}
    # A day that is over counts no more.
    self._days = {one: kept for one, kept in noted.items() if kept[0] >= spending.day}
    if not self._is_due:
      self._is_due = True
      self._thread.submit(self._write)

  def _write(self) -> None:
    """Stores what is noted by now, on the thread. What is noted from now on makes another call
    due."""
    self._is_due = False
    beside = self._path.with_name(f".{self._path.name}.{os.getpid()}")
    try:
      beside.write_text(json.dumps(self._days), encoding="utf-8")
      beside.replace(self._path)
      self._failing = False
    except OSError as exc:
      if not self._failing:
        logger.error(
          "what is spent on X is not stored, so a restart would begin the day at 0 USD: %s", exc
        )
      self._failing = True


class Budget:
  """What one source may still spend: an account's spending under a cap; for a source of a server's
  caller the operator's caps, on what callers' sources may bring the account to (`X_SPEND_CAP`), and
  on what one caller causes (`X_SPEND_CAP_EACH`)."""

  def __init__(self, account: Spending, cap: float, own: Spending | None, each: float) -> None:
    self.cap = cap
    self.own = own
    self._account = account
    self._each = each

  @property
  def usd(self) -> float:
    """US dollars that the account spent today, at most."""
    return self._account.usd

  def read(self, now_ms: int, posts: int) -> None:
    """Notes posts that this source alone has read."""
    self._account.read(now_ms, posts)
    if self.own is not None:
      self.own.read(now_ms, posts)

  def counted(self, now_ms: int) -> None:
    """Notes one more request for counts that was answered."""
    self._account.counted(now_ms)
    if self.own is not None:
      self.own.counted(now_ms)

  def left(self, now_ms: int) -> float | None:
    """Returns the US dollars that may be spent today, None where there is no cap."""
    self._account.read(now_ms, 0)
    if self.own is None:
      return self.cap - self.usd if self.cap else None
    self.own.read(now_ms, 0)
    return min(self.cap - self.usd, self._each - self.own.usd)

  def over(self, now_ms: int) -> str:
    """Returns why no more may be read today, "" where it may."""
    if self.own is None:
      return self._account.over(self.cap, now_ms)
    left = self.left(now_ms)
    if left is None or left > 0:
      return ""
    if self.cap <= self.usd:
      spent = "what streams of callers may spend on X today is spent"
    else:
      spent = "you have spent on X what one caller may today"
    return f"{spent}; begin again tomorrow (UTC), or have the operator raise X_SPEND_CAP(_EACH)"


def estimate(cap: float) -> str:
  """Returns the sentence to log before anything is spent on posts."""
  each = POST_USD + USER_USD
  price = (
    f"X charges up to {each:.3f} USD for a post with its author: {each * 86_400:,.0f} USD a day"
  )
  price += " at one post a second"
  if not cap:
    return f"{price}; spend_cap is 0, so there is no cap"
  return f"{price}; this source ends at {cap:g} USD in a UTC day, which is {int(cap / each)} posts"


def estimate_counts(queries: int, every: float, cap: float) -> str:
  """Returns the same for counts: so many queries, each requested once in `every` seconds."""
  daily = queries * 86_400 / every * COUNT_USD
  price = (
    f"X charges {COUNT_USD:.3f} USD for a request of counts: {daily:,.2f} USD a day for "
    f"{queries} every {every:g} s"
  )
  if not cap:
    return f"{price}; spend_cap is 0, so there is no cap"
  if daily <= cap:
    return f"{price}; this source ends at {cap:g} USD in a UTC day"
  hours = 24 * cap / daily
  return f"{price}; this source ends at {cap:g} USD, {hours:.1f} hours into a UTC day"
