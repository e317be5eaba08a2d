"""What the log of all events says of each market now. The broker keeps it anyway, for its clients;
it registers it with the server, for services that answer questions about it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import attrs

from bond_core import AnyEvent, Channel, Gap, Instrument, OrderBook, Ticker
from bond_core.feeds import SourceState


class MarketState(Protocol):
  """The last event of each kind of each market, and the books."""

  @property
  def number(self) -> int:
    """The last sequence number of the log that is in it."""

  def last(self, kind: type[AnyEvent], instrument: Instrument) -> AnyEvent | None:
    """Returns the last event of this type, None where none was seen. Books are not among them."""

  def tickers(self, instrument: Instrument) -> Sequence[Ticker]:
    """Returns the last of each kind of message that says a part of the ticker."""

  def book(self, instrument: Instrument, depth: int | None) -> OrderBook | None:
    """Returns the best levels of a book, or all; None while it is not known to be whole."""

  def instruments(self) -> Iterator[tuple[Channel, Instrument]]:
    """Returns what was seen."""

  def latest(self) -> Iterator[AnyEvent]:
    """Returns the last event of each channel of each market."""

  def gaps(self) -> Iterator[Gap]:
    """Returns declared losses, the latest first; a bounded number of them."""

  def wrong_clocks(self) -> Mapping[str, int]:
    """Returns how far behind ours the clocks are that must be wrong (ms), by exchange."""

  def skews(self) -> Mapping[str, int]:
    """Returns how far behind ours every clock is (ms), by exchange."""


@attrs.frozen
class Standing:
  """The state of a channel of an instrument at the source that carries it. `instrument` None is
  all of its exchange."""

  exchange: str
  channel: Channel | None
  instrument: Instrument | None
  state: SourceState
