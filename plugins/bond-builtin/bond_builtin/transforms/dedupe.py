"""core.dedupe: drops what a venue sent twice."""

from typing import Any, TypeAlias

import attrs

from bond_builtin.transforms.arrival import ArrivalClock
from bond_core import (
  AnyEvent,
  Batch,
  Candle,
  ChainEvent,
  Duration,
  Post,
  Trade,
  TransformContext,
  TransformType,
)

_Key: TypeAlias = tuple[object, ...]

# The kinds of chain events of which a signature names exactly one.
_WHOLE = ("tx", "transaction", "block")
# A reorganisation may bring a transaction into another block, which is then another event.
_PLACES = ("block", "index", "log_index", "instruction", "vout")


def _check_age(instance: object, attribute: "attrs.Attribute[Duration]", value: float) -> None:
  if not 1 <= value <= 86_400:
    raise ValueError("age is between 1s and 1d")


@attrs.frozen
class Dedupe:
  """At most `keep` identities are remembered, each for `age`."""

  keep: int = attrs.field(
    default=100_000,
    validator=[attrs.validators.ge(1), attrs.validators.le(10_000_000)],
  )
  age: Duration = attrs.field(default=Duration(3600), validator=_check_age)


def identity(event: AnyEvent) -> _Key | None:
  """The venue's own identity of an event; None where it has none. Two trades of equal price, size
  and time are two trades, so what an event says is never compared."""
  if isinstance(event, Trade):
    # An aggregated trade may carry the number of its first part, which is another event.
    if event.agg_trade_id is not None:
      number = "aggregate", event.agg_trade_id
    elif event.trade_id is not None:
      number = "trade", event.trade_id
    else:
      return None
    return event.exchange, event.market_type, event.symbol, event.expiry, *number
  if isinstance(event, Post):
    return None if event.tweet_id is None else (Post, event.exchange, event.tweet_id)
  if isinstance(event, Candle):
    if not event.closed:
      return None
    instrument = event.exchange, event.market_type, event.symbol, event.expiry
    return *instrument, "candle", event.interval, event.start
  if isinstance(event, ChainEvent):
    return _chain_identity(event, event.meta or {})
  return None


def _chain_identity(event: ChainEvent, meta: dict[str, Any]) -> _Key | None:
  """A transaction holds many transfers under its one signature: those need a place within it."""
  signature = meta.get("signature") or meta.get("txid") or meta.get("hash")
  if not isinstance(signature, str):
    return None
  place = tuple(str(meta[name]) for name in _PLACES if name in meta)
  if not place and event.kind not in _WHOLE:
    return None
  return ChainEvent, event.exchange, event.chain, event.kind, signature, place, event.removed


class Deduper:
  """Remembers the identities it saw. `dropped` counts what it left out; an event without an
  identity always passes."""

  def __init__(self, config: Dedupe, ctx: TransformContext) -> None:
    self.dropped = 0
    self._keep = config.keep
    self._age = round(config.age * 1000)
    self._arrival = ArrivalClock(ctx.clock)
    # By identity, when it was first seen, oldest first: a dict keeps the order of insertion.
    self._seen: dict[_Key, int] = {}

  def __call__(self, batch: Batch) -> Batch:
    """The batch without what was there before."""
    seen = self._seen
    arrival = self._arrival
    arrival.begin()
    out: Batch = []
    for event in batch:
      key = identity(event)
      if key is not None:
        arrival.of(event.ts_event, event.ts_internal)  # type: ignore[union-attr]
        if key in seen and seen[key] >= arrival.now - self._age:
          self.dropped += 1
          continue
        if type(event) is ChainEvent:
          # What was revoked may come again, and be revoked again.
          seen.pop((*key[:-1], not key[-1]), None)
        seen.pop(key, None)
        seen[key] = arrival.now
        if len(seen) > self._keep:
          del seen[next(iter(seen))]
      out.append(event)
    self._forget()
    return out

  def _forget(self) -> None:
    seen = self._seen
    before = self._arrival.now - self._age
    while seen and seen[oldest := next(iter(seen))] < before:
      del seen[oldest]


def make(config: Dedupe, ctx: TransformContext) -> Deduper:
  """A deduper with an empty memory."""
  return Deduper(config, ctx)


TYPE = TransformType(
  name="core.dedupe",
  summary="Drops events whose venue identity was seen before.",
  config=Dedupe,
  make=make,
  held=lambda config: config.keep,
  public=True,
  example="{keep: 100000}",
)
