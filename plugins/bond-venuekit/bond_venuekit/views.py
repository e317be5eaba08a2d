"""What one reader sees of a feed that others read too."""

from bond_bookkit import BookView

from bond_core import Ticker, Transform
from bond_venuekit.config import BooksOf, TickersOf


def view_of_books(config: BooksOf) -> Transform | None:
  """Shows a book as its reader configured it; None where the reader gets all deltas."""
  return None if config.deltas else BookView(config.depth, config.speed_ms)


def view_of_tickers(config: TickersOf) -> Transform | None:
  """Shows quotes, which are numbered, or statistics, which are not; None where the reader gets
  both."""
  if config.quotes and config.stats:
    return None
  quotes = config.quotes
  return lambda batch: [
    event for event in batch if type(event) is not Ticker or (event.sequence is not None) is quotes
  ]
