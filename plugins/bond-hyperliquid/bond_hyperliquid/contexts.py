"""Statistics, funding and open interest: one topic has them all, about once a second and whether or
not they have changed. It names no time, so of two connections the older one is read.

`funding` is the rate of an hour, paid on the hour. Source: "Subscriptions" (WsActiveAssetCtx).
"""

from abc import abstractmethod
from math import isfinite
from typing import Any

from bond_venuekit import price_or_none

from bond_core import AnyEvent, Batch, Funding, OpenInterest, Ticker
from bond_core.venues import SubscriptionState, Topic
from bond_hyperliquid.messages import Context, decode_context


class ContextPart(SubscriptionState):
  """One channel of the topic; it has an event where something of it has changed. A context without
  its value is one that cannot be read."""

  _last: tuple[float | None, ...] | None = None

  def take(self, frame: bytes, ts_ms: int, mono_ns: int, out: Batch) -> None:
    raise NotImplementedError("its topic decodes messages, for all parts at once")

  def unreadable(self, cause: str, ts_ms: int, mono_ns: int, out: Batch) -> None:
    self._last = None
    super().unreadable(cause, ts_ms, mono_ns, out)

  def on_close(self, connection: int, now_ns: int) -> None:
    super().on_close(connection, now_ns)
    self._last = None

  def update(self, context: Context, ts_ms: int, mono_ns: int, out: Batch) -> None:
    """Adds the event of a context, where it differs from the last one."""
    values = self.values(context)
    if values is None:
      self.unreadable(f"a context without its {self.subscription.channel}", ts_ms, mono_ns, out)
      return
    self.received_ns = mono_ns
    if values == self._last:
      return
    self._last = values
    common = {
      "exchange": self._exchange,
      "symbol": self._symbol,
      "market_type": self._market_type,
      "ts_event": ts_ms,
      "ts_internal": mono_ns,
    }
    out.append(self.event(context, common))

  @abstractmethod
  def values(self, context: Context) -> tuple[float | None, ...] | None:
    """What the event says, None where there is none."""

  @abstractmethod
  def event(self, context: Context, common: dict[str, Any]) -> AnyEvent:
    """The event of a context that has the values."""


class StatsPart(ContextPart):
  """Mark price, the oracle's, and the volume of 24 hours."""

  def values(self, context: Context) -> tuple[float | None, ...] | None:
    found = context.mark, context.oracle, context.volume
    return found if any(value is not None for value in found) else None

  def event(self, context: Context, common: dict[str, Any]) -> AnyEvent:
    return Ticker(mark=context.mark, index=context.oracle, volume=context.volume, **common)


class FundingPart(ContextPart):
  """The rate of the current hour."""

  def values(self, context: Context) -> tuple[float | None, ...] | None:
    if context.funding is None or not isfinite(context.funding):
      return None
    return context.funding, context.mark, context.oracle

  def event(self, context: Context, common: dict[str, Any]) -> AnyEvent:
    rate = context.funding or 0.0
    return Funding(rate=rate, mark=context.mark, index=context.oracle, **common)


class OpenInterestPart(ContextPart):
  """Open contracts in the base, and their value by the mark price."""

  def values(self, context: Context) -> tuple[float | None, ...] | None:
    return None if context.interest is None else (context.interest, context.mark)

  def event(self, context: Context, common: dict[str, Any]) -> AnyEvent:
    amount, mark = context.interest or 0.0, context.mark
    return OpenInterest(amount=amount, value=None if mark is None else amount * mark, **common)


class ContextTopic(Topic):
  """The context of one asset."""

  def __init__(self, name: str) -> None:
    super().__init__(name, argument=name, one_connection=True)

  def take(self, frame: bytes, ts_ms: int, mono_ns: int, out: Batch) -> None:
    context = decode_context(frame).data.ctx
    context.mark, context.oracle = price_or_none(context.mark), price_or_none(context.oracle)
    for part in self.states.values():
      if isinstance(part, ContextPart):
        part.update(context, ts_ms, mono_ns, out)
