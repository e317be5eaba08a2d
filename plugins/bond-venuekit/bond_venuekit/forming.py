"""Candles of venues that send them as they grow, and do not say that one has closed: the next one
shows it, where a connection has brought both."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

import msgspec

from bond_core import AnyEvent, Batch, Candle
from bond_core.feeds import Moment, Subscription
from bond_venuekit.latest import LatestCandles, Order

ReadCandles: TypeAlias = Callable[[bytes, dict[str, Any]], Iterable[tuple[float, Candle]]]
"""(message, the event fields that do not depend on it) → each candle in it, with a number that
grows as it does, such as its trades or its volume."""


class FormingCandles(LatestCandles):
  """The candles of one length; `read` makes their events, none of them closed. What a message has
  of before the last candle that had an event, or, at first, of before its newest, is history; but
  a closed one that has grown since has another event."""

  def __init__(self, subscription: Subscription, name: str, read: ReadCandles) -> None:
    super().__init__(subscription, name, self._read_forming)
    self._read_candles = read
    self._forming: tuple[float, Candle] | None = None

  def on_open(self, connection: int, *, overlap: bool, now: Moment) -> None:
    super().on_open(connection, overlap=overlap, now=now)
    if not overlap:
      self._forming = None

  def unreadable(self, cause: str, ts_ms: int, mono_ns: int, out: Batch) -> None:
    # It may have been the last state of a candle.
    self._forming = None
    super().unreadable(cause, ts_ms, mono_ns, out)

  def _read_forming(self, frame: bytes, common: dict[str, Any]) -> Iterator[tuple[Order, AnyEvent]]:
    found = sorted(self._read_candles(frame, common), key=lambda row: row[1].start)
    if not found:
      return
    newest = found[-1][1].start
    since = min(self._last[0], newest) if self._last else newest
    for size, candle in found:
      if self._is_of_ended(candle.start):
        if size > self._ended[-1]:
          yield self._closed(size, candle, candle)
        continue
      if candle.start < since:
        continue
      forming = self._forming
      if forming is not None and candle.start > forming[1].start:
        yield self._closed(*forming, candle)
      # Of two connections one is behind the other.
      if forming is None or (candle.start, size) >= (forming[1].start, forming[0]):
        self._forming = size, candle
    size, candle = found[-1]
    yield (candle.start, False, size), candle

  def _closed(self, size: float, candle: Candle, by: Candle) -> tuple[Order, Candle]:
    closed = msgspec.structs.replace(
      candle,
      closed=True,
      ts_event=by.ts_event,
      ts_internal=by.ts_internal,
      ts_exchange=by.ts_exchange,
    )
    return (candle.start, True, size), closed
