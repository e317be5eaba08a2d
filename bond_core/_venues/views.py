"""What one reader sees of a feed that others read too."""

from typing import Protocol

from bond_core._books.view import BookView
from bond_core._events import Ticker
from bond_core._types.transform import Transform


class BookSettings(Protocol):
  """How a reader sees books: the best `depth` levels at most every `speed_ms`, or all `deltas`."""

  @property
  def depth(self) -> int: ...
  @property
  def speed_ms(self) -> int: ...
  @property
  def deltas(self) -> bool: ...


class TickerSettings(Protocol):
  """Which tickers a reader sees."""

  @property
  def quotes(self) -> bool: ...
  @property
  def stats(self) -> bool: ...


def view_of_books(settings: BookSettings) -> Transform | None:
  """Shows a book as its reader configured it; None where the reader gets all deltas."""
  return None if settings.deltas else BookView(settings.depth, settings.speed_ms)


def view_of_tickers(settings: TickerSettings) -> Transform | None:
  """Shows quotes, which are numbered, or statistics, which are not; None where the reader gets
  both."""
  if settings.quotes and settings.stats:
    return None
  quotes = settings.quotes
  return lambda batch: [
    event for event in batch if type(event) is not Ticker or (event.sequence is not None) is quotes
  ]
