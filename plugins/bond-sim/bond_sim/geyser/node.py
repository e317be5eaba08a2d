"""The simulated node: its chain goes on, subscribers are sent what they ask for, faults happen.

Source: yellowstone-grpc, README and grpc.rs of August 2026: pings every 10 s, replay of stored
slots, and the refusals of from_slot. Everything here runs on trio; gRPC's threads ask through it.
"""

import queue
from collections import Counter, deque
from typing import Any

import attrs
import msgspec
import trio
from bond_geyser import geyser_pb2 as pb

from bond_sim.clock import Clock
from bond_sim.errors import SimulatorError
from bond_sim.geyser.faults import Fault, parse_fault
from bond_sim.geyser.filters import Filters
from bond_sim.geyser.ledger import DEAD, WHOLE, Block, Ledger
from bond_sim.geyser.updates import SlotUpdate, TransactionUpdate, Update, contents
from bond_sim.http import Request, Response, json_response

TRANSACTIONS = 20
"""Transactions of a block at speed 1, votes apart."""

CONFIRMS, FINALIZES = 2, 32
"""So many slots later a block is confirmed, and final."""

STORED = 100
KEPT = 5000
BUFFERED = 100_000
UNANSWERED = 3

OK, INVALID_ARGUMENT, OUT_OF_RANGE, INTERNAL, UNAVAILABLE, UNAUTHENTICATED = 0, 3, 11, 13, 14, 16
"""Codes of gRPC, which this file does not load."""


@attrs.frozen
class End:
  """The end of a stream, as the client is told it."""

  code: int
  details: str


class Subscriber:
  """One stream. `queue` is what its thread sends, ended by an End."""

  def __init__(self) -> None:
    self.queue: queue.Queue[bytes | End] = queue.Queue()
    self.filters: Filters | None = None
    self.unanswered = 0
    self.silent_until = 0.0

  def send(self, item: bytes | End) -> None:
    """Hands on an update; a client that is far behind is sent away as a real node does it."""
    if trio.current_time() < self.silent_until:
      return
    if self.queue.qsize() >= BUFFERED:
      item = End(INTERNAL, "lagged to send an update")
    self.queue.put(item)


@attrs.define(eq=False)
class _Stored:
  block: Block
  updates: list[Update]
  times: int = 1
  reached: int = 0

  @property
  def transactions(self) -> list[TransactionUpdate]:
    return [update for update in self.updates if isinstance(update, TransactionUpdate)]


class Node:
  """What is served. `log` are the latest blocks; `violations` counts what a provider forbids."""

  def __init__(
    self, clock: Clock, *, seed: int, speed: float, slot_ms: int, forks: float, token: str
  ) -> None:
    self.token = token
    """What calls must show as x-token, if anything."""
    self.log: deque[_Stored] = deque(maxlen=KEPT)
    self.violations: Counter[str] = Counter()
    self.streams = 0
    self.subscribers: set[Subscriber] = set()
    self.requests: list[dict[str, Any]] = []
    self.withheld: list[int] = []
    self.connections: set[Any] = set()
    """Open connections: each can be `reset` or `frozen` by a fault."""
    self._clock = clock
    self._ledger = Ledger(seed, max(1, round(TRANSACTIONS * speed)), forks)
    self._slot_seconds = slot_ms / 1000
    self._stored: deque[_Stored] = deque(maxlen=STORED)
    self._until: dict[str, float] = {}
    self._twice = self._missing = 0

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
    """The next slot has passed."""
    block = self._ledger.next(begin_ms, end_ms)
    if block is not None:
      stored = _Stored(block, list(contents(block)), 2 if self._twice else 1)
      self._twice = max(0, self._twice - 1)
      self.log.append(stored)
      self._stored.append(stored)
      for status in (pb.SLOT_FIRST_SHRED_RECEIVED, pb.SLOT_CREATED_BANK):
        self._tell(_slot(block, status, end_ms), stored)
      withheld = self._missing > 0 and block.fate == WHOLE
      if withheld:
        self._missing -= 1
        self.withheld.append(block.slot)
        stored.updates = []
      self._give(stored, pb.PROCESSED)
      if block.fate == DEAD:
        self._tell(_slot(block, pb.SLOT_DEAD, end_ms, "block is invalid"), stored)
      else:
        self._tell(_slot(block, pb.SLOT_COMPLETED, end_ms), stored)
        self._tell(_slot(block, pb.SLOT_PROCESSED, end_ms), stored)
    for level, later, status in (
      (pb.CONFIRMED, CONFIRMS, pb.SLOT_CONFIRMED),
      (pb.FINALIZED, FINALIZES, pb.SLOT_FINALIZED),
    ):
      for stored in self._stored:
        old = self._ledger.slot - stored.block.slot >= later
        if old and stored.reached == level - 1 and stored.block.fate == WHOLE:
          stored.reached = level
          self._give(stored, level)
          self._tell(_slot(stored.block, status, end_ms), stored)

  def _give(self, stored: _Stored, level: int) -> None:
    """Sends the contents of a block that has reached a commitment."""
    for _ in range(stored.times):
      self._send(stored, stored.updates, level)

  def _send(self, stored: _Stored, updates: list[Update], level: int | None) -> None:
    transactions = stored.transactions
    for subscriber in self.subscribers:
      filters = subscriber.filters
      if filters is not None and (level is None or filters.commitment == level):
        for update in updates:
          for body in filters.encoded(update, transactions):
            subscriber.send(body)

  def _tell(self, update: SlotUpdate, stored: _Stored) -> None:
    self._send(stored, [update], None)

  def _holds(self, kind: str) -> bool:
    return trio.current_time() < self._until.get(kind, 0.0)

  # What gRPC's threads ask ------------------------------------------------------------------------

  def opened(self, token: str) -> Subscriber | End:
    """A new stream, or why it is refused."""
    if self.token and token != self.token:
      return End(UNAUTHENTICATED, "No valid auth token")
    if self._holds("refuse"):
      return End(UNAVAILABLE, "the node is restarting")
    self.streams += 1
    subscriber = Subscriber()
    self.subscribers.add(subscriber)
    return subscriber

  def asked(self, subscriber: Subscriber, request: pb.SubscribeRequest) -> None:
    """A request on a stream: new filters in place of the old ones, or an answer to a ping."""
    if request.HasField("ping"):
      subscriber.unanswered = 0
      pong = pb.SubscribeUpdate()
      pong.pong.id = request.ping.id
      subscriber.send(pong.SerializeToString())
      return
    try:
      filters = Filters(request)
    except ValueError as error:
      self.violations["filters"] += 1
      subscriber.send(End(INVALID_ARGUMENT, str(error)))
      return
    self.requests.append(
      {
        "at_ms": self._clock.now_ms(),
        "commitment": filters.commitment,
        "from_slot": request.from_slot if request.HasField("from_slot") else None,
      }
    )
    if request.HasField("from_slot"):
      refused = self._refusal(request.from_slot)
      if refused is not None:
        subscriber.send(refused)
        return
    subscriber.filters = filters
    if request.HasField("from_slot"):
      self._replay(subscriber, filters, request.from_slot)

  def ping(self, subscriber: Subscriber) -> None:
    """Ten seconds have passed on a stream. Who does not answer is cut off, as proxies do."""
    if subscriber.unanswered >= UNANSWERED:
      self.violations["unanswered pings"] += 1
      subscriber.send(End(UNAVAILABLE, "the stream was idle for too long"))
      return
    subscriber.unanswered += 1
    update = pb.SubscribeUpdate()
    update.ping.SetInParent()
    subscriber.send(update.SerializeToString())

  def gone(self, subscriber: Subscriber) -> None:
    """A stream has ended."""
    self.subscribers.discard(subscriber)

  def _refusal(self, slot: int) -> End | None:
    if self._holds("no-replay"):
      return End(INTERNAL, "from_slot is not supported")
    if self._holds("catching-up"):
      return End(INTERNAL, "failed to get replay response")
    oldest = self._stored[0].block.slot if self._stored else self._ledger.slot + 1
    if slot < oldest or self._holds("late-replay"):
      told = f"broadcast from {slot} is not available, last available: {oldest}"
      return End(OUT_OF_RANGE, told)
    return None

  def _replay(self, subscriber: Subscriber, filters: Filters, slot: int) -> None:
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

  async def fault_later(self, fault: Fault) -> None:
    """Does what the fault says when its time has come."""
    await trio.sleep(fault.after)
    self.fault(fault)

  def fault(self, fault: Fault) -> None:
    """Does what the fault says, now."""
    if fault.kind == "drop":
      for connection in list(self.connections):
        connection.reset()
    elif fault.kind == "half-open":
      for connection in list(self.connections):
        connection.freeze()
    elif fault.kind == "lagged":
      for subscriber in list(self.subscribers):
        subscriber.send(End(INTERNAL, "lagged to send an update"))
    elif fault.kind == "silence":
      for subscriber in self.subscribers:
        subscriber.silent_until = trio.current_time() + fault.amount
    elif fault.kind == "gap":
      self._missing = int(fault.amount)
    elif fault.kind == "duplicate":
      self._twice = int(fault.amount)
    else:
      self._until[fault.kind] = trio.current_time() + fault.amount

  async def http(self, request: Request) -> Response:
    """The control endpoint."""
    route = f"{request.method} {request.path}"
    if route == "GET /_sim/log":
      return json_response([_shown(stored) for stored in self.log])
    if route == "GET /_sim/stats":
      return json_response(
        {
          "violations": self.violations,
          "streams": self.streams,
          "open": len(self.subscribers),
          "requests": self.requests,
          "withheld": self.withheld,
        }
      )
    if route == "POST /_sim/faults":
      try:
        self.fault(parse_fault(_fault_of(request.body)))
      except SimulatorError as error:
        return json_response({"error": f'{error}; send {{"fault": "drop"}}'}, 400)
      return json_response({}, 201)
    known = "GET /_sim/log, GET /_sim/stats, POST /_sim/faults"
    return json_response({"error": f"no such control; there are {known}"}, 404)


def _fault_of(body: bytes) -> str:
  try:
    return msgspec.json.decode(body, type=dict[str, str])["fault"]
  except (msgspec.DecodeError, KeyError):
    raise SimulatorError("the body is no fault") from None


def _slot(block: Block, status: int, now_ms: int, error: str = "") -> SlotUpdate:
  return SlotUpdate(block.slot, block.parent, status, now_ms, error)


def _shown(stored: _Stored) -> dict[str, Any]:
  block = stored.block
  return {
    "slot": block.slot,
    "parent": block.parent,
    "height": block.height,
    "created_ms": block.created_ms,
    "fate": block.fate,
    "commitment": ("processed", "confirmed", "finalized")[stored.reached],
    "transactions": [made.shown(index) for index, made in enumerate(block.transactions)],
  }
