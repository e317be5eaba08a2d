"""One subscription to a Geyser node over all its connections: updates in, events and gaps out, and
where to resume. No I/O."""

from collections.abc import Sequence
from typing import NamedTuple

from bond_geyser import geyser_pb2 as pb

from bond_core import Batch, BondError, Disconnected, Gap, Refused
from bond_core.feeds import Moment, own_words
from bond_core.sessions import Member, Session
from bond_onchain.config import Solana
from bond_onchain.events import EXCHANGE, EventReader, check
from bond_onchain.node import Node
from bond_onchain.progress import Progress
from bond_onchain.requests import included_by, request_of
from bond_onchain.status import ReplayRefused

REPLAY_TRIES = 2
"""A replay that was refused so often is given up: a node that is catching up refuses as well, and
more tries hammer it."""

REPLAY_MARGIN = 8
"""Slots after the oldest one that a node stores, since it forgets more until the next request."""

REPLAY_WAIT, OTHER_WAIT = 0.1, 1.0
"""Seconds until the request for a replay that the node does store, and until another one where it
refused the whole request."""


UNREADABLE = (ValueError, TypeError, ArithmeticError)


class Subscribe(NamedTuple):
  """A connection to open: the node, and the request that it begins with."""

  node: Node
  request: pb.SubscribeRequest


class SolanaSession(Session[Subscribe, pb.SubscribeUpdate, pb.SubscribeRequest]):
  """The session of one source. It is live as soon as a connection has brought an update of a
  slot; `unreadable` counts updates."""

  name = "the Geyser node"
  resumes = True
  silence = 30.0
  """There is a block every 0.4 s and a ping every 10 or 15 s. Nodes store about 100 slots, so what
  is not resumed within 40 s is lost. Pings alone are silence, too."""

  def __init__(self, config: Solana, node: Node) -> None:
    super().__init__()
    self._config = config
    self._node = node
    self._processed = config.commitment == "processed"
    self._reader = EventReader(config)
    self._progress = Progress()
    self._live = False
    self.unreadable = 0
    self._replay_from: int | None = None
    self._replays_refused = 0
    self._oldest_stored = 0
    self._down_since_ms: int | None = None
    self._cause = ""
    self._last_block_ms = 0
    self._updated_ns = 0

  def target(self, now: Moment) -> Subscribe:
    """The subscription, from where it was interrupted if that is known."""
    self._live = False
    slot = None if self._replays_refused >= REPLAY_TRIES else self._progress.resume_slot()
    if slot is not None and self._oldest_stored:
      slot = max(slot, self._oldest_stored + REPLAY_MARGIN)
    self._replay_from = slot
    return Subscribe(self._node, request_of(self._config, slot))

  def on_open(self, now: Moment) -> None:
    self._updated_ns = now.mono_ns

  def on_timer(self, now: Moment) -> None:
    if now.mono_ns - self._updated_ns >= self.silence * 1e9:
      raise Disconnected(f"the Geyser node sent pings and no update for {self.silence:g} s")

  def on_join(self, member: Member, now: Moment) -> None:
    config = self._config
    if included_by(config) and not (config.accounts or config.addresses):
      member.log.warning(
        "only transactions that name the mint are read; a plain Transfer does not, so set "
        "complete: true to miss none (that reads every transaction of the chain)"
      )

  def on_messages(self, messages: Sequence[pb.SubscribeUpdate], now: Moment) -> None:
    batch: Batch = []
    for update in messages:
      if update.HasField("ping"):
        self.requests.append(pb.SubscribeRequest(ping=pb.SubscribeRequestPing(id=1)))
      else:
        if not update.HasField("pong"):
          self._updated_ns = now.mono_ns
        batch += self._take(update, now.ts_ms)
    for member in self.members:
      if batch:
        member.give(batch)
      elif self._live:
        member.live()

  def on_close(self, error: BondError, now: Moment) -> float | None:
    if self._down_since_ms is None and self._progress.last is not None:
      self._down_since_ms, self._cause = now.ts_ms, str(error)
    # The same codes may have other reasons where no replay was requested, or the stream was live.
    if self._replay_from is None or self._live:
      return None
    if isinstance(error, Refused):
      # It may be the replay alone that the node does not take.
      self._replays_refused += 1
      return OTHER_WAIT
    if not isinstance(error, ReplayRefused):
      return None
    self._replays_refused += 1
    self._oldest_stored = error.oldest
    return REPLAY_WAIT if error.oldest else None

  def _take(self, update: pb.SubscribeUpdate, now_ms: int) -> Batch:
    """Returns the events of an update, gaps before them."""
    kind = update.WhichOneof("update_oneof")
    if kind == "slot":
      return self._slot(update)
    if kind not in ("transaction", "block_meta", "account"):
      return []
    slot = getattr(update, kind).slot
    if not slot or not _is_named(update, kind):
      return [self._unreadable(f"an update of kind {kind} says not of what", now_ms)]
    if self._progress.is_doubtful(slot):
      return [self._unreadable(f"an update of the slot {slot}, far ahead of all others", now_ms)]
    batch = self._up(slot, now_ms)
    try:
      check(update)
    except UNREADABLE as exc:
      return [*batch, self._unread(slot, exc, now_ms)]
    if not self._progress.is_new(slot, _key(update, kind)):
      return batch
    if kind == "block_meta" and update.block_meta.parent_slot >= slot:
      cause = f"the block of the slot {slot} follows that of {update.block_meta.parent_slot}"
      return [*batch, self._unreadable(cause, now_ms)]
    if kind == "block_meta":
      missing = self._progress.block(slot, update.block_meta.parent_slot)
      if missing is not None:
        cause = f"blocks of the slots {missing[0]} to {missing[1]} did not come"
        batch.append(_gap(cause, self._last_block_ms or now_ms, now_ms, *missing))
      self._last_block_ms = now_ms
    try:
      batch += list(self._reader.read(update))
    except UNREADABLE as exc:
      batch.append(self._unread(slot, exc, now_ms))
    return batch

  def _unread(self, slot: int, exc: Exception, now_ms: int) -> Gap:
    cause = f"an update of the slot {slot} could not be read: {own_words(str(exc), 200)}"
    return self._unreadable(cause, now_ms, slot)

  def _unreadable(self, cause: str, now_ms: int, slot: int | None = None) -> Gap:
    self.unreadable += 1
    gap = _gap(cause, now_ms, now_ms, slot, slot)
    gap.missed = 1
    return gap

  def _up(self, slot: int, now_ms: int) -> Batch:
    """The connection delivers. Returns the gap of an outage that a replay did not cover."""
    if self._live:
      return []
    self._live = True
    since, self._down_since_ms = self._down_since_ms, None
    last = self._progress.last
    self._replays_refused = self._oldest_stored = 0
    replayed = self._replay_from is not None and (last is None or self._replay_from <= last)
    if since is None or last is None or replayed:
      return []
    # Neither the last slot before the outage nor the first one after it was seen whole. And which
    # of the last blocks are the chain's does not show any more.
    unsettled = self._progress.unsettled() if self._processed else None
    self._progress.leap(slot)
    first = last if unsettled is None else min(last, unsettled)
    return [_gap(self._cause, since, now_ms, first, max(last, slot))]

  def _slot(self, update: pb.SubscribeUpdate) -> Batch:
    """Returns events for slots whose blocks are undone."""
    if not self._processed:
      return []
    slot, status = update.slot.slot, update.slot.status
    when = update.created_at.ToMilliseconds() if update.HasField("created_at") else None
    if status == pb.SLOT_DEAD:
      return [self._reader.undone(slot, "dead", when)] if self._progress.dead(slot) else []
    if status == pb.SLOT_FINALIZED:
      abandoned = self._progress.finalize(slot)
      return [self._reader.undone(found, "abandoned", when) for found in abandoned]
    return []


def _is_named(update: pb.SubscribeUpdate, kind: str) -> bool:
  """Returns whether an update says which transaction, account or block it is of."""
  if kind == "transaction":
    return bool(update.transaction.transaction.signature)
  if kind == "account":
    return bool(update.account.account.pubkey)
  return bool(update.block_meta.blockhash)


def _key(update: pb.SubscribeUpdate, kind: str) -> tuple[object, ...]:
  """Returns what tells an update from the others of its slot."""
  if kind == "transaction":
    info = update.transaction.transaction
    return info.signature, info.index
  if kind == "account":
    account = update.account.account
    return account.pubkey, account.write_version
  return "block", update.block_meta.blockhash


def _gap(cause: str, since_ms: int, now_ms: int, first: int | None, last: int | None) -> Gap:
  return Gap(
    exchange=EXCHANGE,
    symbol="*",
    channel="chain",
    ts_event=now_ms,
    ts_from=since_ms,
    ts_to=now_ms,
    venue_from=first,
    venue_to=last,
    cause=cause,
  )
