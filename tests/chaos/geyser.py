"""Solana: the source on the simulated node, without the threads of gRPC between them.

A call is a queue in memory, and what a plan does to messages, calls and refusals happens there; the
session, its requests and replays are what runs in production. What is told has to be what the
ledger holds, slot by slot.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch

import bond_onchain.transport
import trio
from bond_geyser import base58, geyser_pb2 as pb
from bond_onchain.session import Subscribe
from bond_onchain.status import end_of
from bond_sim.geyser.config import GeyserConfig
from bond_sim.geyser.ledger import WHOLE, SolanaBlock, SolanaLedger
from bond_sim.geyser.node import GeyserNode, GrpcStatus
from bond_simkit import EpisodeKind, Hostility, VenueClock, between
from google.protobuf.message import DecodeError

from bond_core import ChainEvent, Disconnected, Gap
from bond_core._sources.source import SourceReader
from tests.chaos.judge import Judge, Violation

encode = cache(base58.encode)
POLL, PING = 0.2, 10.0
MESSAGES: tuple[EpisodeKind, ...] = ("drop", "repeat", "reorder", "delay", "cut", "alter")
ENDS: tuple[EpisodeKind, ...] = ("fin", "rst", "half-open", "mute")
KINDS: tuple[EpisodeKind, ...] = (*MESSAGES, *ENDS, "deaf", "handshake", "status", "stale")
_CODES = {3: "INVALID_ARGUMENT", 11: "OUT_OF_RANGE", 13: "INTERNAL", 14: "UNAVAILABLE"}
_LAG = {"processed": 3, "confirmed": 6, "finalized": 40}
"""Slots at the tip that may be under way, by commitment."""


async def serve_geyser(
  config: GeyserConfig, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
) -> None:
  """Makes the chain; its clients are `open_call`'s."""
  node = GeyserNode(
    VenueClock(ahead=config.ahead),
    seed=config.seed,
    speed=config.speed,
    slot_ms=config.slot_ms,
    forks=config.forks,
    token="",
  )
  # The plan stands between a site and its clients, and this node has none.
  plan: Any = between.get()
  _SERVED.append((node, plan.__self__))
  try:
    task_status.started("http://127.0.0.1:9000")
    await node.run()
  finally:
    _SERVED.pop()


_SERVED: list[tuple[GeyserNode, Hostility]] = []


@asynccontextmanager
async def open_call(subscribe: Subscribe) -> AsyncIterator["_Call"]:
  """A new subscription, or why there is none."""
  node, plan = _SERVED[-1]
  for kind in plan.strikes("handshake"):
    plan.strike(kind, "a call")
    await trio.sleep(plan._rng.choice((0.0, 5.0)))
    raise end_of("UNAVAILABLE", "the node is restarting", subscribe.node)
  if subscribe.request.HasField("from_slot"):
    for kind in plan.strikes("status", "stale"):
      plan.strike(kind, f"a replay from {subscribe.request.from_slot}")
      if kind == "status":
        raise end_of("INTERNAL", "failed to get replay response", subscribe.node)
      oldest = subscribe.request.from_slot + 10
      details = f"broadcast from 5 is not available, last available: {oldest}"
      raise end_of("OUT_OF_RANGE", details, subscribe.node)
  opened = node.opened("")
  if isinstance(opened, GrpcStatus):
    raise _ended(opened, subscribe)
  call = _Call(node, plan, opened, subscribe)
  await call.send(subscribe.request)
  try:
    yield call
  finally:
    call.lose()
    node.gone(opened)


def _ended(status: GrpcStatus, subscribe: Subscribe) -> Exception:
  return end_of(_CODES.get(status.code, "UNKNOWN"), status.details, subscribe.node)


class _Call:
  """One subscription under the plan."""

  def __init__(
    self, node: GeyserNode, plan: Hostility, subscriber: Any, subscribe: Subscribe
  ) -> None:
    self._node, self._plan, self._subscriber = node, plan, subscriber
    self._subscribe = subscribe
    self._rng = plan._rng
    self._ping_at = trio.current_time() + PING
    self._next_end = trio.current_time()
    self._end: EpisodeKind | None = None
    self._late: list[bytes] = []
    self._held_until = 0.0

  async def send(self, request: pb.SubscribeRequest) -> None:
    await trio.lowlevel.checkpoint()
    for kind in self._plan.strikes("deaf"):
      self._plan.strike(kind, "a ping's answer" if request.HasField("ping") else "a subscription")
      return
    self._node.request(self._subscriber, request)

  async def receive(self) -> list[pb.SubscribeUpdate]:
    while True:
      await trio.sleep(POLL)
      now = trio.current_time()
      if now >= self._ping_at:
        self._ping_at += PING
        self._node.ping(self._subscriber)
      if now >= self._next_end and self._end is None:
        self._next_end = now + self._rng.uniform(0.5, 3.0)
        for kind in self._plan.strikes(*ENDS):
          self._plan.strike(kind, "a call")
          self._end = kind
          break
      if self._end in ("fin", "rst"):
        self.lose()
        cause = "the Geyser node ended the stream"
        raise Disconnected(cause) if self._end == "fin" else _reset(self._subscribe)
      if now < self._held_until:
        continue
      updates = [update for body in self._bodies() for update in self._read(body)]
      if updates:
        return updates

  def lose(self) -> None:
    """Nothing that is still under way arrives."""
    queue = self._subscriber.queue
    while not queue.empty():
      item = queue.get_nowait()
      if isinstance(item, bytes):
        self._plan.withheld.append(item)
    self._plan.withheld += self._late
    self._late = []

  def _bodies(self) -> Iterator[bytes]:
    queue = self._subscriber.queue
    while not queue.empty():
      item = queue.get_nowait()
      if isinstance(item, GrpcStatus):
        raise _ended(item, self._subscribe)
      if self._end == "half-open":
        self._plan.withheld.append(item)
        continue
      if self._end == "mute" and pb.SubscribeUpdate.FromString(item).WhichOneof(
        "update_oneof"
      ) not in ("ping", "pong"):
        self._plan.withheld.append(item)
        continue
      yield from self._struck(item)
      if trio.current_time() < self._held_until:
        return

  def _struck(self, body: bytes) -> Iterator[bytes]:
    plan, rng = self._plan, self._rng
    for kind in plan.strikes(*MESSAGES):
      update = pb.SubscribeUpdate.FromString(body)
      plan.strike(kind, f"{update.WhichOneof('update_oneof')} of {_slot_of(update)}")
      match kind:
        case "repeat":
          yield from [body] * rng.randint(1, 3)
        case "delay":
          self._held_until = trio.current_time() + rng.uniform(0.1, 4.0)
        case "reorder":
          self._late.append(body)
          return
        case _:
          plan.withheld.append(body)
          if kind == "cut":
            yield body[: rng.randrange(1, len(body))]
          elif kind == "alter" and (altered := _altered(update, rng)) is not None:
            yield altered
          return
    yield body
    late, self._late = self._late, []
    yield from late

  def _read(self, body: bytes) -> list[pb.SubscribeUpdate]:
    try:
      update = pb.SubscribeUpdate.FromString(body)
    except DecodeError:
      # As grpc does: the call ends.
      self.lose()
      details = "Exception deserializing response!"
      raise end_of("INTERNAL", details, self._subscribe.node) from None
    return [update]


def _reset(subscribe: Subscribe) -> Exception:
  return end_of("UNAVAILABLE", "recvmsg: Connection reset by peer", subscribe.node)


def _slot_of(update: pb.SubscribeUpdate) -> int:
  kind = update.WhichOneof("update_oneof")
  return getattr(getattr(update, kind), "slot", 0) if kind else 0


def _altered(update: pb.SubscribeUpdate, rng: Any) -> bytes | None:
  """An update with a value that cannot be meant; None where it has none that shows."""
  kind = update.WhichOneof("update_oneof")
  if kind not in ("transaction", "block_meta"):
    return None
  part = getattr(update, kind)
  changes: list[Callable[[], None]] = [
    lambda: setattr(part, "slot", 2**62),
    lambda: part.ClearField("slot"),
  ]
  if kind == "transaction":
    changes.append(lambda: part.transaction.ClearField("signature"))
    changes.append(lambda: part.ClearField("transaction"))
  else:
    changes.append(lambda: setattr(part, "parent_slot", 2**62))
    changes.append(lambda: part.ClearField("blockhash"))
    changes.append(lambda: setattr(part.block_time, "timestamp", -1))
  rng.choice(changes)()
  return update.SerializeToString()


class GeyserTruth:
  """The blocks that the ledger made, by slot."""

  def __init__(self) -> None:
    self.blocks: dict[int, SolanaBlock] = {}
    self.tip = 0

  @contextmanager
  def noted(self) -> Iterator[None]:
    """Notes what is made while the block lasts, and stands between sources and gRPC."""
    made = patch.object(SolanaLedger, "next", _returned(SolanaLedger.next, self._made))
    opened = patch.object(bond_onchain.transport, "open_transport", open_call)
    with made, opened:
      yield

  def _made(self, ledger: SolanaLedger, block: SolanaBlock | None) -> None:
    self.tip = ledger.slot
    if block is not None:
      self.blocks[block.slot] = block


def _returned(method: Any, note: Any) -> Any:
  def noted(self: Any, *given: Any) -> Any:
    result = method(self, *given)
    note(self, result)
    return result

  return noted


class GeyserJudge(Judge):
  """Reads what was told. Blocks name their parents, so that none can be missed; a transaction that
  the node itself left out cannot be noticed, and `withheld` says which those are."""

  def __init__(
    self, exchange: str, truth: GeyserTruth, withheld: Iterable[bytes], *, numbered: bool
  ) -> None:
    super().__init__(exchange)
    self._truth = truth
    self._withheld = withheld
    self._commitment = "confirmed"
    self._kinds: set[str] = set()
    self._told: dict[int, set[tuple[Any, ...]]] = {}
    self._undone: set[int] = set()
    self._gaps: list[tuple[int, int]] = []
    self._first: int | None = None

  def follow(self, readers: list[SourceReader]) -> None:
    """Takes the kinds of events and the commitment, which the name of the reader says."""
    for reader in readers:
      *kinds, self._commitment = reader.name.split("-")
      self._kinds |= set(kinds)

  def take(self, event: Any) -> None:
    if isinstance(event, Gap):
      first = 0 if event.venue_from is None else event.venue_from
      self._gaps.append((first, self._truth.tip if event.venue_to is None else event.venue_to))
    elif isinstance(event, ChainEvent):
      self._event(event, event.meta or {})

  def wrong(self, readers: list[SourceReader]) -> str | None:
    """What is missing, or was not taken back; None where all is told or declared."""
    if self._first is None:
      return "nothing was told"
    last = self._truth.tip - _LAG[self._commitment]
    for slot, block in self._truth.blocks.items():
      if block.fate != WHOLE:
        settled = slot < self._truth.tip - _LAG["finalized"]
        kept = slot in self._told and slot not in self._undone
        if kept and settled and not self._declared(slot):
          return f"the {block.fate} block of {slot} was told, and is not taken back"
      elif self._first < slot <= last and not self._declared(slot):
        missing = self._missing(block)
        if missing is not None:
          return missing
    return None

  def _missing(self, block: SolanaBlock) -> str | None:
    told = self._told.get(block.slot, set())
    # Before the first one nothing shows that a block is missing.
    begun = any(slot < block.slot and ("block",) in self._told[slot] for slot in self._told)
    if "block" in self._kinds and ("block",) not in told and begun:
      return f"the block of {block.slot} was not told"
    for transaction in block.transactions:
      if transaction.vote or transaction.failed or self._told_off(transaction.signature):
        continue
      name = encode(transaction.signature)
      if "tx" in self._kinds and ("tx", name) not in told:
        return f"the transaction {name} of {block.slot} was not told"
      for moved in transaction.transfers if "transfer" in self._kinds else ():
        if ("transfer", name, moved.mint, moved.amount) not in told:
          return f"a transfer of {name} in {block.slot} was not told"
    return None

  def _event(self, event: ChainEvent, meta: dict[str, Any]) -> None:
    slot = meta["slot"]
    block = self._truth.blocks.get(slot)
    if block is None:
      raise Violation(self.at, f"there is no block of the slot {slot}")
    if meta.get("status") in ("dead", "abandoned"):
      # A dead slot whose update was lost is abandoned for all that shows.
      if block.fate == WHOLE:
        raise Violation(self.at, f"the block of {slot} is taken back, and is part of the chain")
      self._undone.add(slot)
      return
    if block.fate != WHOLE and self._commitment != "processed":
      raise Violation(self.at, f"the {block.fate} block of {slot} is told as {self._commitment}")
    key = self._key(event, meta, block)
    told = self._told.setdefault(slot, set())
    if key in told:
      raise Violation(self.at, f"{key} of {slot} is told twice")
    told.add(key)
    self._first = slot if self._first is None else min(slot, self._first)

  def _key(self, event: ChainEvent, meta: dict[str, Any], block: SolanaBlock) -> tuple[Any, ...]:
    if event.kind == "block":
      if (meta["hash"], meta["parent"]) != (block.hash, block.parent):
        raise Violation(self.at, f"the block of {block.slot} is none of the ledger's")
      return ("block",)
    name = meta["signature"]
    found = [one for one in block.transactions if encode(one.signature) == name]
    if not found:
      raise Violation(self.at, f"the transaction {name} of {block.slot} is none of the ledger's")
    if event.kind == "tx":
      return "tx", name
    moved = [(one.sender, one.receiver, one.mint, one.amount) for one in found[0].transfers]
    told = meta["from"], meta["to"], meta["mint"] or "", int(meta["amount"])
    if told not in moved:
      raise Violation(self.at, f"a transfer {told}, the ledger's are {moved}")
    return "transfer", name, told[2], told[3]

  def _declared(self, slot: int) -> bool:
    return any(first <= slot <= last for first, last in self._gaps)

  def _told_off(self, signature: bytes) -> bool:
    return any(signature in message for message in self._withheld)
