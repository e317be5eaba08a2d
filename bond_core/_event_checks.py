"""Checks of a plugin's events, each with one sentence: for conformance tests, and for every batch
of a run with debug checks."""

import math
from collections.abc import Collection, Iterable, Iterator
from typing import Any, get_args

import msgspec

from bond_core._errors import PluginError
from bond_core._events import (
  AnyEvent,
  Batch,
  ChainEvent,
  Consolidated,
  Gap,
  Heartbeat,
  Liquidation,
  OrderBook,
  Trade,
  encode,
)
from bond_core._literals import (
  BboState,
  ChainKind,
  GapReason,
  MarketType,
  Side,
  UpdateType,
  VenueState,
)
from bond_core._suggest import one_of

# Times are epoch milliseconds; seconds, microseconds and nanoseconds lie far outside.
_EARLIEST_MS, _LATEST_MS = 10**11, 10**14
_TIMES = ("ts_event", "ts_exchange", "ts_from", "ts_to", "start", "end", "next_time")

_CLOSED_SETS: dict[type[AnyEvent], tuple[str, Any]] = {
  Trade: ("side", Side),
  Liquidation: ("side", Side),
  OrderBook: ("update_type", UpdateType),
  ChainEvent: ("kind", ChainKind),
  Gap: ("reason", GapReason),
}


def problem_of(event: AnyEvent) -> str | None:
  """What is wrong with an event, None for nothing: a field of another type than the event's, a word
  that its closed set does not have, a number that is no number, a time in another unit."""
  kind = type(event)
  try:
    data = msgspec.to_builtins(event)
    msgspec.convert(data, kind)
  except msgspec.ValidationError as exc:
    return f"{kind.__name__}: {exc}"
  except (TypeError, ValueError, RecursionError) as exc:
    return f"{kind.__name__} holds what JSON cannot: {exc}"
  for name, value, known in _words(event):
    if value not in known:
      return f"{kind.__name__}.{name} is {value!r}; write {one_of(known)}"
  for name, value in data.items():
    if isinstance(value, float) and not math.isfinite(value):
      return f"{kind.__name__}.{name} is {value}; write None for what is not known"
    if name in _TIMES and value and not _EARLIEST_MS < value < _LATEST_MS:
      return f"{kind.__name__}.{name} is {value}; times are milliseconds since 1970"
  return None


def _words(event: AnyEvent) -> Iterator[tuple[str, str, tuple[str, ...]]]:
  """The fields that hold a word of a closed set: name, value, and the set."""
  market_type = getattr(event, "market_type", None)
  if market_type is not None:
    yield "market_type", market_type, get_args(MarketType)
  if type(event) in _CLOSED_SETS:
    name, known = _CLOSED_SETS[type(event)]
    yield name, getattr(event, name), get_args(known)
  if isinstance(event, Consolidated):
    yield "bbo.state", event.bbo.state, get_args(BboState)
    for venue, quote in event.venues.items():
      yield f"venues[{venue}].state", quote.state, get_args(VenueState)


def check_events(
  batch: Iterable[AnyEvent], who: str, emits: Collection[type[AnyEvent]] | None = None
) -> None:
  """Raises PluginError, in a sentence, for the first event that is wrong or of a type that `who`
  does not say it `emits`. Gaps and heartbeats may come from everybody."""
  for event in batch:
    kind = type(event)
    if emits is not None and kind not in (*emits, Gap, Heartbeat):
      names = " and ".join(sorted(one.__name__ for one in emits))
      raise PluginError(f"{who} gave a {kind.__name__}, but its type says that it emits {names}")
    if (problem := problem_of(event)) is not None:
      raise PluginError(f"{who} gave an event that is wrong: {problem}")


class Unchanged:
  """A batch that a component was given and must not change, since others read it too."""

  def __init__(self, batch: Batch) -> None:
    self._batch = batch
    self._before = [_text(event) for event in batch]

  def check(self, who: str) -> None:
    """Raises PluginError where the batch or an event of it is not as it was."""
    if len(self._batch) != len(self._before):
      raise PluginError(
        f"{who} changed the batch that it was given; others read it too, so make a new list"
      )
    for event, before in zip(self._batch, self._before, strict=True):
      if _text(event) != before:
        raise PluginError(
          f"{who} changed a {type(event).__name__} that it was given; others read it too, so "
          "change a copy: msgspec.structs.replace(event, …)"
        )


def _text(event: AnyEvent) -> bytes:
  try:
    return encode(event)
  except (TypeError, ValueError):
    return repr(event).encode(errors="replace")
