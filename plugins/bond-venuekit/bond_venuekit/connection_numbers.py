"""Venues that number all messages of a connection one by one, whatever they are about: a number
that is left out may be of anything that the connection carries."""

from collections.abc import Callable
from typing import Any

import attrs

from bond_core import Batch
from bond_core.feeds import Moment, Subscription
from bond_venuekit.names import NamedFeed
from bond_venuekit.numbered import LEAP
from bond_venuekit.sequence import Ids, Verdict
from bond_venuekit.subscribed_book import SubscribedBook

IN_A_ROW = 3
"""Messages whose numbers go up by one, all of them older than the newest, after which the venue
must have started a new numbering."""


@attrs.define
class _Numbers:
  """Of a connection: the number that is next, None before the first; and of old ones the last, and
  how many in a row went up by one."""

  next_number: int | None = None
  stale: int | None = None
  in_a_row: int = 0


def as_they_come(applied: int, fresh: bool, ids: Ids) -> Verdict:
  """A SequenceRule for books whose updates have the numbers of their connection: those of other
  subscriptions lie between, and what is missing is found where all of them are read."""
  return Verdict.SKIP if ids.last < applied else Verdict.APPLY


class NumberedConnectionFeed(NamedFeed):
  """A NamedFeed whose connections number their messages. `number_of` reads the number of a message,
  None where it has none; `split` makes messages of one that is about several topics, an empty one
  of what does not say what it is about, which counts as lost.

  A message that did not come is a Gap of each subscription of the connection, and every book there
  begins anew; one that comes again, or too late, is left out.
  """

  def __init__(
    self,
    exchange: str,
    title: str,
    *,
    number_of: Callable[[bytes], int | None],
    split: Callable[[bytes], list[bytes]] = lambda frame: [frame],
    **parts: Any,
  ) -> None:
    super().__init__(exchange, title, **parts)
    self._number_of = number_of
    self._split_message = split
    self._numbers: dict[int, _Numbers] = {}

  def on_open(
    self, connection: int, subscriptions: list[Subscription], *, overlap: bool, now: Moment
  ) -> None:
    self._numbers[connection] = _Numbers()
    super().on_open(connection, subscriptions, overlap=overlap, now=now)

  def on_close(self, connection: int) -> None:
    self._numbers.pop(connection, None)
    super().on_close(connection)

  def on_frames(self, connection: int, frames: list[bytes], received: Moment) -> Batch:
    numbers = self._numbers.get(connection)
    if numbers is None:
      return super().on_frames(connection, frames, received)
    out: Batch = []
    run: list[bytes] = []
    for frame in frames:
      number = self._number_of(frame)
      if number is not None and number != numbers.next_number and numbers.next_number is not None:
        missing = self._missing(numbers, number)
        if missing is None:
          continue
        out += super().on_frames(connection, run, received)
        run = []
        self._declare(connection, _cause(*missing), *missing, received, out)
      parts = self._split_message(frame)
      if number is not None:
        numbers.next_number, numbers.in_a_row = number + 1, 0
        if not all(parts):
          # Before what its other parts tell, which comes after what is not known.
          out += super().on_frames(connection, run, received)
          run = []
          cause = f"a part of message {number} of the connection could not be read"
          self._declare(connection, cause, number, number, received, out)
      run += filter(None, parts)
    return out + super().on_frames(connection, run, received)

  def _missing(self, numbers: _Numbers, number: int) -> tuple[int, int | None] | None:
    """The first and last number that did not come before this one, no last where a new numbering
    began; None where the message is to be left out."""
    expected = numbers.next_number or 0
    if expected < number <= expected + LEAP:
      return expected, number - 1
    goes_up = numbers.stale is not None and number == numbers.stale + 1
    numbers.in_a_row = numbers.in_a_row + 1 if goes_up else 1
    numbers.stale = number
    return (expected, None) if numbers.in_a_row >= IN_A_ROW else None

  def _declare(
    self,
    connection: int,
    cause: str,
    first: int,
    last: int | None,
    received: Moment,
    out: Batch,
  ) -> None:
    for state in list(self.states()):
      if connection not in state.carriers:
        continue
      if isinstance(state, SubscribedBook):
        if state.synced:
          state.begin_anew(cause, received.ts_ms, received.mono_ns, out)
      elif state.received_ns is not None:
        out.append(
          state.gap(cause, received.ts_ms, received.mono_ns, venue_from=first, venue_to=last)
        )


def _cause(first: int, last: int | None) -> str:
  if last is None:
    return f"the numbers of the connection's messages went back from {first}"
  if first == last:
    return f"message {first} of the connection did not come"
  return f"messages {first} to {last} of the connection did not come"
