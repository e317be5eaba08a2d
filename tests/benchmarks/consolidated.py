"""What an update of one venue's book costs in the consolidated one, with few and many venues."""

import gc
import random
import time
from statistics import median
from typing import Any

from bond_bookkit import ConsolidatedBook

from bond_core import OrderBook

LEVELS = 200
UPDATES = 20_000
CHANGED = 4
ROUNDS = 5
QUIET = (1, 10, 100)


def _book(
  venue: str, sequence: int, levels: list[tuple[float, float]], *, delta: bool
) -> OrderBook:
  return OrderBook(
    exchange=venue,
    symbol="BTC/USDT",
    market_type="spot",
    bids=levels,
    asks=[(2 * 60_000 + 1 - price, size) for price, size in levels],
    update_type="delta" if delta else "snapshot",
    sequence=sequence,
    prev_sequence=sequence - 1 if delta else None,
  )


def _levels(pick: random.Random, count: int) -> list[tuple[float, float]]:
  """Near the best, as most changes are."""
  prices = {60_000.0 - round(pick.expovariate(0.05)) / 10 for _ in range(count)}
  return [(price, pick.choice((0.0, 0.5, 1.25))) for price in prices]


def _views(book: ConsolidatedBook, pick: random.Random) -> float:
  """Microseconds of a view of 20 levels after each of 1,000 further updates."""
  nanoseconds = 0
  for number in range(2 + UPDATES, 1_002 + UPDATES):
    book.take("busy", _book("busy", number, _levels(pick, CHANGED), delta=True), 0)
    begun = time.process_time_ns()
    book.view(20, 0)
    nanoseconds += time.process_time_ns() - begun
  return nanoseconds / 1_000 / 1e3


def microseconds(quiet: int) -> tuple[float, float]:
  """Of an update with that many other venues in the book, and of a view of 20 levels."""
  pick = random.Random(1)
  start = [(60_000.0 - n / 10, 1.0) for n in range(LEVELS)]
  updates = [_book("busy", 2 + n, _levels(pick, CHANGED), delta=True) for n in range(UPDATES)]
  taken, shown = [], []
  for _ in range(ROUNDS):
    book = ConsolidatedBook("BTC/USDT", "spot")
    for n in range(quiet):
      book.take(f"quiet {n}", _book(f"quiet {n}", 1, start, delta=False), 0)
    book.take("busy", _book("busy", 1, start, delta=False), 0)
    gc.collect()
    begun = time.process_time()
    for event in updates:
      book.take("busy", event, 0)
    taken.append((time.process_time() - begun) / UPDATES * 1e6)
    shown.append(_views(book, pick))
  return round(median(taken), 2), round(median(shown), 1)


def run() -> dict[str, Any]:
  """Microseconds an update of 8 levels with 100 quiet venues beside it."""
  found = {quiet: microseconds(quiet) for quiet in QUIET}
  return {
    "value": found[QUIET[-1]][0],
    "unit": "µs/update",
    "goal": None,
    "peers": {},
    "detail": {
      f"{quiet} quiet venues": {"update_us": update, "view_us": view}
      for quiet, (update, view) in found.items()
    },
  }
