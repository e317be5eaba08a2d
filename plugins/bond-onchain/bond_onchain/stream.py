"""One stream over all its connections: updates in, events and gaps out, and where to go on."""

from bond_geyser import geyser_pb2 as pb

from bond_core import Batch, Gap
from bond_onchain.config import Solana
from bond_onchain.events import EXCHANGE, Reader
from bond_onchain.progress import Progress

TRIES = 2
"""A replay that was refused so often is given up: a node that is catching up refuses as well, and
asking on and on hammers it."""

MARGIN = 8
"""Slots after the oldest one that a node says it has, since it forgets more until it is asked
again, which is within a second."""


class Stream:
  """What came, and what is missing. `live` tells whether this connection has brought something."""

  def __init__(self, config: Solana) -> None:
    self.live = False
    self._processed = config.commitment == "processed"
    self._reader = Reader(config)
    self._progress = Progress()
    self._refused = 0
    self._asked: int | None = None
    self._oldest = 0
    self._down_since: int | None = None
    self._cause = ""
    self._block_at = 0

  def begin(self, now_ms: int) -> int | None:
    """A connection begins: the slot to ask for, None for what comes next."""
    self.live = False
    slot = None if self._refused >= TRIES else self._progress.resume()
    if slot is not None and self._oldest:
      slot = max(slot, self._oldest + MARGIN)
    self._asked = slot
    return slot

  def cut(self, cause: str, now_ms: int, *, refused: bool = False, oldest: int = 0) -> None:
    """The connection has ended. `refused` where the node may have meant the replay; `oldest` is the
    slot that it could have begun with, where it said so."""
    if self._down_since is None and self._progress.last is not None:
      self._down_since, self._cause = now_ms, cause
    if refused and self._asked is not None and not self.live:
      self._refused += 1
      self._oldest = oldest

  def pong(self) -> pb.SubscribeRequest:
    """The answer to a ping."""
    return pb.SubscribeRequest(ping=pb.SubscribeRequestPing(id=1))

  def take(self, update: pb.SubscribeUpdate, now_ms: int) -> Batch:
    """The events of an update, gaps before them."""
    kind = update.WhichOneof("update_oneof")
    if kind == "slot":
      return self._slot(update)
    if kind not in ("transaction", "block_meta", "account"):
      return []
    slot = getattr(update, kind).slot
    batch = self._up(slot, now_ms)
    if not self._progress.is_new(slot, _key(update, kind)):
      return batch
    if kind == "block_meta":
      missing = self._progress.block(slot, update.block_meta.parent_slot)
      if missing is not None:
        cause = f"blocks of the slots {missing[0]} to {missing[1]} did not come"
        batch.append(_gap(cause, self._block_at or now_ms, now_ms, *missing))
      self._block_at = now_ms
    batch += self._reader.read(update)
    return batch

  def _up(self, slot: int, now_ms: int) -> Batch:
    """The connection delivers. An outage that a replay did not cover is declared."""
    if self.live:
      return []
    self.live = True
    since, self._down_since = self._down_since, None
    last = self._progress.last
    self._refused = self._oldest = 0
    joined = self._asked is not None and (last is None or self._asked <= last)
    if since is None or last is None or joined:
      return []
    # Neither the last slot before the cut nor the first one after it was seen whole.
    self._progress.leap(slot)
    return [_gap(self._cause, since, now_ms, last, max(last, slot))]

  def _slot(self, update: pb.SubscribeUpdate) -> Batch:
    if not self._processed:
      return []
    told = update.slot
    when = update.created_at.ToMilliseconds() if update.HasField("created_at") else None
    if told.status == pb.SLOT_DEAD:
      dead = self._progress.dead(told.slot)
      return [self._reader.undone(told.slot, "dead", when)] if dead else []
    if told.status == pb.SLOT_FINALIZED:
      gone = self._progress.final(told.slot)
      return [self._reader.undone(slot, "abandoned", when) for slot in gone]
    return []


def _key(update: pb.SubscribeUpdate, kind: str) -> tuple[object, ...]:
  """What tells an update from the others of its slot."""
  if kind == "transaction":
    info = update.transaction.transaction
    return info.signature, info.index
  if kind == "account":
    account = update.account.account
    return account.pubkey, account.write_version
  return "block", update.block_meta.blockhash


def _gap(cause: str, since: int, now_ms: int, first: int, last: int) -> Gap:
  return Gap(
    exchange=EXCHANGE,
    symbol="*",
    channel="chain",
    ts_event=now_ms,
    ts_from=since,
    ts_to=now_ms,
    venue_from=first,
    venue_to=last,
    cause=cause,
  )
