"""Tickers come in two streams: quotes, which are numbered, and statistics, which are not."""

from typing import Protocol

from bond_core._events import Ticker
from bond_core._types.transform import Transform


class WantedTickers(Protocol):
  """Which of the two a reader wants."""

  @property
  def quotes(self) -> bool: ...
  @property
  def stats(self) -> bool: ...


def view_of_tickers(tickers: WantedTickers) -> Transform | None:
  """The part that was asked for, since another reader of the same feed may have the other."""
  if tickers.quotes and tickers.stats:
    return None
  quotes = tickers.quotes
  return lambda batch: [
    event for event in batch if type(event) is not Ticker or (event.sequence is not None) is quotes
  ]
