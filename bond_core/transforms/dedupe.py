"""core.dedupe: drops what a venue told twice."""

from typing import TypeAlias

import attrs

from bond_core.components import TransformContext, TransformSpec
from bond_core.events import AnyEvent, Batch, Candle, ChainEvent, Post, Trade

_Key: TypeAlias = tuple[object, ...]


@attrs.frozen
class Dedupe:
  """`keep` is how many identities are remembered."""

  keep: int = attrs.field(
    default=100_000, validator=[attrs.validators.ge(1), attrs.validators.le(10_000_000)]
  )


def identity(event: AnyEvent) -> _Key | None:
  """The venue's own identity of an event; None where it has none. Two trades of equal price, size
  and time are two trades, so fields are never compared."""
  if isinstance(event, Trade):
    number = event.agg_trade_id or event.trade_id
    if number is None:
      return None
    aggregated = event.agg_trade_id is not None
    return (
      *(Trade, aggregated, event.exchange, event.market_type, event.symbol, event.expiry),
      number,
    )
  if isinstance(event, Post):
    return None if event.tweet_id is None else (Post, event.exchange, event.tweet_id)
  if isinstance(event, Candle):
    if not event.closed:
      return None
    return (
      *(Candle, event.exchange, event.market_type, event.symbol, event.expiry),
      *(event.interval, event.start),
    )
  if isinstance(event, ChainEvent):
    signature = (event.meta or {}).get("signature")
    if not isinstance(signature, str):
      return None
    return (ChainEvent, event.chain, event.kind, signature, (event.meta or {}).get("index"))
  return None


class Deduper:
  """Remembers the last identities it saw. `dropped` counts what it left out; an event without an
  identity always passes."""

  def __init__(self, keep: int) -> None:
    self.dropped = 0
    self._keep = keep
    self._seen: dict[_Key, None] = {}

  def __call__(self, batch: Batch) -> Batch:
    """The batch without what was there before."""
    seen = self._seen
    out: Batch = []
    for event in batch:
      key = identity(event)
      if key is not None:
        if key in seen:
          self.dropped += 1
          continue
        seen[key] = None
        if len(seen) > self._keep:
          # A dict keeps the order of insertion: the oldest goes.
          del seen[next(iter(seen))]
      out.append(event)
    return out


def make(config: Dedupe, ctx: TransformContext) -> Deduper:
  """A deduper with an empty memory."""
  return Deduper(config.keep)


SPEC = TransformSpec(
  name="core.dedupe",
  summary="Drops events whose venue identity was seen before.",
  config=Dedupe,
  make=make,
  example="{keep: 100000}",
)
