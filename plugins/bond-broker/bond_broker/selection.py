"""Which of a client's filters, if any, wants an event."""

from typing import TypeAlias

from bond_broker.filters import Filter
from bond_core import AnyEvent

Key: TypeAlias = tuple[type, str, str, str | None, str | None]
"""What decides who gets an event: its type, exchange, symbol, market type and expiry."""


def key_of(event: AnyEvent) -> Key:
  """The key of a market event."""
  return (
    type(event),
    event.exchange,  # type: ignore[union-attr]
    event.symbol,
    event.market_type,  # type: ignore[union-attr]
    getattr(event, "expiry", None),
  )


class Selection:
  """A set of filters as one question: which of them, if any, wants this key? Answers are kept, so
  each key is matched once."""

  __slots__ = ("_answers", "filters")

  def __init__(self, filters: tuple[Filter, ...]) -> None:
    self.filters = filters
    self._answers: dict[Key, Filter | None] = {}

  def pick(self, key: Key) -> Filter | None:
    """The first filter that wants events of this key."""
    try:
      return self._answers[key]
    except KeyError:
      kind, exchange, symbol, market_type, expiry = key
      channel: str = kind.channel  # type: ignore[attr-defined]
      found = next(
        (f for f in self.filters if f.matches(channel, exchange, symbol, market_type, expiry)), None
      )
      self._answers[key] = found
      return found

  def forget(self) -> None:
    """Drops the kept answers."""
    self._answers.clear()


NOTHING = Selection(())
"""Wants nothing."""
