"""The simulated node: makes its chain, sends updates to subscribers, carries out faults.

Source: yellowstone-grpc, README and grpc.rs of August 2026: pings every 10 s, replay of stored
slots, and the refusals of from_slot. Everything here runs on trio; the threads of gRPC call it
through trio.
"""

import queue
from collections import Counter, deque
from typing import Any, Protocol

import attrs
import trio
from bond_geyser import geyser_pb2 as pb
from bond_simkit import (
  ControlEndpoint,
  HttpRequest,
  HttpResponse,
  VenueFault,
  VenueTime,
  fault_route,
  json_response,
)

from bond_sim.geyser.faults import GEYSER_FAULTS
from bond_sim.geyser.filters import GeyserFilters
from bond_sim.geyser.ledger import DEAD, WHOLE, SolanaBlock, SolanaLedger
from bond_sim.geyser.updates import GeyserUpdate, SlotUpdate, TransactionUpdate, contents

TRANSACTIONS = 20
"""Transactions of a block at speed 1, without votes."""

CONFIRMS, FINALIZES = 2, 32
"""Slots until a block is confirmed, and until it is final."""

STORED = 100
"""Blocks that can be replayed."""
LOGGED = 5000
BUFFERED = 100_000
"""Updates that a slow client may leave unread."""
UNANSWERED = 3
"""Pings that a client may leave unanswered."""

OK, INVALID_ARGUMENT, PERMISSION_DENIED, OUT_OF_RANGE = 0, 3, 7, 11
UNIMPLEMENTED, INTERNAL, UNAVAILABLE, UNAUTHENTICATED = 12, 13, 14, 16
"""Codes of gRPC, which this file does not load."""


@attrs.frozen
class GrpcStatus:
  """The end of a stream, as gRPC reports it to the client."""

  code: int
  details: str


class GeyserConnection(Protocol):
  """A client's TCP connection, for faults."""

  def reset(self) -> None:
    """Ends it with RST."""

  def freeze(self) -> None:
    """Lets nothing through any more."""


class GeyserSubscriber:
  """One stream. `queue` is what its thread sends; a GrpcStatus ends it."""

  def __init__(self) -> None:
    self.queue: queue.Queue[bytes | GrpcStatus] = queue.Queue()
    self.filters: GeyserFilters | None = None
    self.unanswered = 0
    self.silent_until = 0.0

  def send(self, item: bytes | GrpcStatus) -> None:
    """Queues an update. The stream of a client that is far behind is ended, as a real node does."""
    if trio.current_time() < self.silent_until:
      return
    if self.queue.qsize() >= BUFFERED:
      item = GrpcStatus(INTERNAL, "lagged to send an update")
    self.queue.put(item)


@attrs.define(eq=False)
class _StoredBlock:
  """A block with its updates, each sent `copies` times, and the commitment it has reached."""

  block: SolanaBlock
  updates: list[GeyserUpdate]
  copies: int = 1
  reached: int = 0

  @property
  def transactions(self) -> list[TransactionUpdate]:
    return [update for update in self.updates if isinstance(update, TransactionUpdate)]


class GeyserNode:
  """What is served. `log` are the latest blocks; `violations` counts what a provider forbids."""

  def __init__(
    self, clock: VenueTime, *, seed: int, speed: float, slot_ms: int, forks: float, token: str
  ) -> None:
    self.token = token
    """The x-token that calls need, "" for none."""
    self.log: deque[_StoredBlock] = deque(maxlen=LOGGED)
    self.violations: Counter[str] = Counter()
    self.streams = 0
    self.subscribers: set[GeyserSubscriber] = set()
    self.requests: list[dict[str, Any]] = []
    self.withheld: list[int] = []
    """Slots of the blocks that the fault `gap` has left out."""
    self.connections: set[GeyserConnection] = set()
    self._clock = clock
    self._ledger = SolanaLedger(seed, max(1, round(TRANSACTIONS * speed)), forks)
    self._slot_seconds = slot_ms / 1000
    self._stored: deque[_StoredBlock] = deque(maxlen=STORED)
    self._until: dict[str, float] = {}
    """When each fault that lasts ends (trio's time)."""
    self._duplicates = self._gaps = 0
    """How many blocks the faults `duplicate` and `gap` still change."""
    self._control = ControlEndpoint(
      {
        "GET /_sim/log": self._log_of_blocks,
        "GET /_sim/stats": self._stats,
        "POST /_sim/faults": fault_route(GEYSER_FAULTS, self.fault),
      }
    )

  async def run(self) -> None:
    """Makes a block every slot until cancelled."""
    length = self._slot_seconds
    due = trio.current_time()
    begin = self._clock.now_ms()
    while True:
      due += length
      await trio.sleep_until(due)
      end = self._clock.now_ms()
      self.advance(begin, end)
      begin = end

  def advance(self, begin_ms: int, end_ms: int) -> None:
    """Passes one slot: makes its block, and confirms and finalizes earlier blocks."""
    block = self._ledger.next(begin_ms, end_ms)
    if block is not None:
      stored = _StoredBlock(block, list(contents(block)), 2 if self._duplicates else 1)
      self._duplicates = max(0, self._duplicates - 1)
      self.log.append(stored)
      self._stored.append(stored)
      for status in (pb.SLOT_FIRST_SHRED_RECEIVED, pb.SLOT_CREATED_BANK):
        self._send_slot(_slot(block, status, end_ms), stored)
      if self._gaps > 0 and block.fate == WHOLE:
        self._gaps -= 1
        self.withheld.append(block.slot)
        stored.updates = []
      self._send_contents(stored, pb.PROCESSED)
      if block.fate == DEAD:
        self._send_slot(_slot(block, pb.SLOT_DEAD, end_ms, "block is invalid"), stored)
      else:
        self._send_slot(_slot(block, pb.SLOT_COMPLETED, end_ms), stored)
        self._send_slot(_slot(block, pb.SLOT_PROCESSED, end_ms), stored)
    for level, slots, status in (
      (pb.CONFIRMED, CONFIRMS, pb.SLOT_CONFIRMED),
      (pb.FINALIZED, FINALIZES, pb.SLOT_FINALIZED),
    ):
      for stored in self._stored:
        old = self._ledger.slot - stored.block.slot >= slots
        if old and stored.reached == level - 1 and stored.block.fate == WHOLE:
          stored.reached = level
          self._send_contents(stored, level)
          self._send_slot(_slot(stored.block, status, end_ms), stored)

  def _send_contents(self, stored: _StoredBlock, level: int) -> None:
    """Sends the updates of a block that has reached a commitment."""
    for _ in range(stored.copies):
      self._send(stored, stored.updates, level)

  def _send_slot(self, update: SlotUpdate, stored: _StoredBlock) -> None:
    self._send(stored, [update], None)

  def _send(self, stored: _StoredBlock, updates: list[GeyserUpdate], level: int | None) -> None:
    transactions = stored.transactions
    for subscriber in self.subscribers:
      filters = subscriber.filters
      if filters is not None and (level is None or filters.commitment == level):
        for update in updates:
          for body in filters.encoded(update, transactions):
            subscriber.send(body)

  def _is_on(self, kind: str) -> bool:
    """Whether a fault that lasts is active."""
    return trio.current_time() < self._until.get(kind, 0.0)

  # What the threads of gRPC call ------------------------------------------------------------------

  def opened(self, token: str) -> GeyserSubscriber | GrpcStatus:
    """A new stream, or the status that refuses it."""
    if self.token and token != self.token:
      return GrpcStatus(UNAUTHENTICATED, "No valid auth token")
    if self._is_on("refuse"):
      return GrpcStatus(UNAVAILABLE, "the node is restarting")
    if self._is_on("denied"):
      return GrpcStatus(PERMISSION_DENIED, "Received http2 header with status: 403")
    if self._is_on("unknown"):
      return GrpcStatus(UNIMPLEMENTED, "Received http2 header with status: 404")
    self.streams += 1
    subscriber = GeyserSubscriber()
    self.subscribers.add(subscriber)
    return subscriber

  def request(self, subscriber: GeyserSubscriber, request: pb.SubscribeRequest) -> None:
    """Carries out a request on a stream: new filters in place of the old ones, or the reply to a
    ping."""
    if request.HasField("ping"):
      subscriber.unanswered = 0
      pong = pb.SubscribeUpdate()
      pong.pong.id = request.ping.id
      subscriber.send(pong.SerializeToString())
      return
    try:
      filters = GeyserFilters(request)
    except ValueError as error:
      self.violations["filters"] += 1
      subscriber.send(GrpcStatus(INVALID_ARGUMENT, str(error)))
      return
    self.requests.append(
      {
        "at_ms": self._clock.now_ms(),
        "commitment": filters.commitment,
        "from_slot": request.from_slot if request.HasField("from_slot") else None,
      }
    )
    if request.HasField("from_slot"):
      refusal = self._refusal(request.from_slot)
      if refusal is not None:
        subscriber.send(refusal)
        return
    subscriber.filters = filters
    if request.HasField("from_slot"):
      self._replay(subscriber, filters, request.from_slot)

  def ping(self, subscriber: GeyserSubscriber) -> None:
    """Pings a stream, every ten seconds. A client that does not reply is cut off, as proxies do."""
    if subscriber.unanswered >= UNANSWERED:
      self.violations["unanswered pings"] += 1
      subscriber.send(GrpcStatus(UNAVAILABLE, "the stream was idle for too long"))
      return
    subscriber.unanswered += 1
    update = pb.SubscribeUpdate()
    update.ping.SetInParent()
    subscriber.send(update.SerializeToString())

  def gone(self, subscriber: GeyserSubscriber) -> None:
    """A stream has ended."""
    self.subscribers.discard(subscriber)

  def _refusal(self, slot: int) -> GrpcStatus | None:
    """Why a replay from a slot is refused, None where it is not."""
    if self._is_on("no-replay"):
      return GrpcStatus(INTERNAL, "from_slot is not supported")
    if self._is_on("wrong-replay"):
      return GrpcStatus(INVALID_ARGUMENT, f"failed to get replay position for slot {slot}")
    if self._is_on("catching-up"):
      return GrpcStatus(INTERNAL, "failed to get replay response")
    oldest = self._stored[0].block.slot if self._stored else self._ledger.slot + 1
    if slot < oldest or self._is_on("late-replay"):
      details = f"broadcast from {slot} is not available, last available: {oldest}"
      return GrpcStatus(OUT_OF_RANGE, details)
    return None

  def _replay(self, subscriber: GeyserSubscriber, filters: GeyserFilters, slot: int) -> None:
    level = filters.commitment
    for stored in self._stored:
      if stored.block.slot < slot or stored.reached < level:
        continue
      status = (pb.SLOT_PROCESSED, pb.SLOT_CONFIRMED, pb.SLOT_FINALIZED)[level]
      if stored.block.fate == DEAD:
        status = pb.SLOT_DEAD
      now = stored.block.created_ms
      for update in (*stored.updates, _slot(stored.block, status, now)):
        for body in filters.encoded(update, stored.transactions):
          subscriber.send(body)

  # Faults and control ---------------------------------------------------------------------------

  def fault(self, fault: VenueFault) -> None:
    """Carries out a fault now."""
    if fault.kind == "drop":
      for connection in list(self.connections):
        connection.reset()
    elif fault.kind == "half-open":
      for connection in list(self.connections):
        connection.freeze()
    elif fault.kind == "lagged":
      for subscriber in list(self.subscribers):
        subscriber.send(GrpcStatus(INTERNAL, "lagged to send an update"))
    elif fault.kind == "silence":
      for subscriber in self.subscribers:
        subscriber.silent_until = trio.current_time() + fault.seconds
    elif fault.kind == "gap":
      self._gaps = fault.count
    elif fault.kind == "duplicate":
      self._duplicates = fault.count
    else:
      self._until[fault.kind] = trio.current_time() + fault.seconds

  async def http(self, request: HttpRequest) -> HttpResponse:
    """The control endpoint."""
    if (response := self._control.respond(request)) is not None:
      return response
    return json_response({"error": "the node serves gRPC, and GET /_sim/stats over HTTP/1.1"}, 404)

  def _log_of_blocks(self, request: HttpRequest) -> HttpResponse:
    return json_response([_shown(stored) for stored in self.log])

  def _stats(self, request: HttpRequest) -> HttpResponse:
    return json_response(
      {
        "violations": self.violations,
        "streams": self.streams,
        "open": len(self.subscribers),
        "requests": self.requests,
        "withheld": self.withheld,
      }
    )


def _slot(block: SolanaBlock, status: int, now_ms: int, error: str = "") -> SlotUpdate:
  return SlotUpdate(block.slot, block.parent, status, now_ms, error)


def _shown(stored: _StoredBlock) -> dict[str, Any]:
  """A block as GET /_sim/log lists it."""
  block = stored.block
  return {
    "slot": block.slot,
    "parent": block.parent,
    "height": block.height,
    "created_ms": block.created_ms,
    "fate": block.fate,
    "commitment": ("processed", "confirmed", "finalized")[stored.reached],
    "transactions": [
      transaction.shown(index) for index, transaction in enumerate(block.transactions)
    ],
  }
