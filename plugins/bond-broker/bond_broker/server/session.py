"""One WebSocket from its first message to its last."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import count
from typing import Any, TypeAlias

import attrs
import trio
from bond_server.access.limits import LimitReached, Seat
from bond_server.replaying import LookAhead, Player
from websockets.protocol import State as ProtocolState

from bond_broker.delivery.delivery import GONE, Delivery, Ending
from bond_broker.delivery.pump import Pump
from bond_broker.delivery.transport import Transport
from bond_broker.protocol.bad_request import BadRequest
from bond_broker.protocol.filters import ANY
from bond_broker.protocol.gaps import lost_gap
from bond_broker.protocol.http import Head
from bond_broker.protocol.messages import (
  CloseCode,
  Status,
  ack,
  error_message,
  gap_message,
  heartbeat_message,
  pong_message,
  replay_message,
)
from bond_broker.protocol.narrowed import narrowed, narrowed_request
from bond_broker.protocol.query import Query
from bond_broker.protocol.requests import (
  Auth,
  Ping,
  Request,
  Steering,
  Subscribe,
  SubscriptionList,
  Unsubscribe,
  parse_request,
)
from bond_broker.protocol.since import AfterNumber, AtTime, parse_since
from bond_broker.protocol.subscription import Subscription
from bond_broker.server.leases import Leases
from bond_broker.server.metrics import ClientStatus
from bond_core import AuthError, BondError, Bounds, Principal
from bond_core.logs import DurableLog, EngineError
from bond_core.services import Lease, Rejection, SourceStatus
from bond_core.websockets import FrameReader

GOODBYE_WITHIN = 2.0
# How many messages a client may send in one second, beyond which it is a flood. Fragments and
# control frames cost as much as messages, so they count with them.
MESSAGES_PER_SECOND = 100
# What is read is parsed in pieces of this many bytes: a flood is noticed within a few milliseconds.
PIECE = 4096
MAX_SUBSCRIPTIONS = 200
# How long (s) a client that comes back waits for a server that does not yet have what it had.
BEHIND_FOR = 1.0
# Seconds between two heartbeats where what they say about sources keeps changing.
HURRIED_AFTER = 5.0
# Every ack lists all subscriptions, so this bounds an ack too.
MAX_SYMBOLS = 5_000

_numbers = count(1)

Handler: TypeAlias = Callable[["Session", bytes, bool], Awaitable[None]]
"""(message, whether it is binary) → what is done at a path that has no subscriptions; it
answers with `Session.send`."""


@attrs.frozen
class SessionLimits:
  """Seconds between heartbeats, for the first message, and without anything taken by the socket;
  the largest message of a client in bytes."""

  heartbeat: float
  first_message_within: float
  stalled_after: float
  max_message: int


@attrs.define(eq=False)
class Subscribed:
  """A subscription as its client knows it."""

  subscription: Subscription
  request: Subscribe
  lease: Lease


class Session:
  """Reads what a client sends, and answers. What goes out goes through its delivery."""

  def __init__(
    self,
    *,
    transport: Transport,
    head: Head,
    query: Query,
    pump: Pump,
    principal: Principal,
    bounds: Bounds | None,
    seat: Seat,
    leases: Leases,
    limits: SessionLimits,
    sources: Callable[[], Mapping[str, SourceStatus]],
    wrong_clocks: Callable[[], Mapping[str, int]],
    notices: Callable[[], Sequence[Mapping[str, str | None]]],
    handler: Handler | None = None,
    player: Player | None = None,
  ) -> None:
    self._scope = trio.CancelScope()
    self.delivery = Delivery(pump, transport, self._scope.cancel)
    self.pump = pump
    self._epoch = pump.log.epoch
    """What all numbers of this connection are of."""
    self.query = query
    self._transport = transport
    self._principal = principal
    self._bounds = bounds
    """What it may read, where it may not read all."""
    self._seat = seat
    self._leases = leases
    self._limits = limits
    self._sources = sources
    self._wrong_clocks = wrong_clocks
    self._notices = notices
    self._handler = handler
    self._player = player
    self._begins_with = head.early, head.rest
    """What came with the handshake: messages that were read already, and bytes."""
    self._protocol = head.protocol
    self._reader = FrameReader(head.protocol, limits.max_message)
    self._started = trio.current_time()
    self._number = next(_numbers)
    self._next_heartbeat = float("inf")
    self._last_heartbeat = 0.0
    self._subscribed: list[Subscribed] = []
    self._messages = 0
    self._second = 0
    self._burst = 0
    self._last = b""

  @property
  def stream(self) -> str:
    """The id of the stream that it reads; none where it reads all events."""
    return self.query.path[4:] if self.query.path.startswith("/ws/") else ""

  async def run(self) -> None:
    """Serves the client until one of the two sides ends."""
    try:
      with self._scope:
        if self.query.path != "/stream" and self._handler is None:
          await self._subscribe_by_url()
        await self._receive()
      await self._goodbye()
    finally:
      self.delivery.end()
      for subscribed in self._subscribed:
        self._leases.release(subscribed.lease)
      self._transport.close()

  def status(self) -> ClientStatus:
    """How far the client is."""
    delivery = self.delivery
    return ClientStatus(
      id=self._number,
      state=delivery.state,
      lag=delivery.lag,
      unsent_bytes=delivery.unsent_bytes,
      sent=delivery.sent,
      lost=delivery.lost,
      conflated=delivery.conflated,
      subscriptions=len(delivery.subscriptions.listed),
      connected_sec=int(trio.current_time() - self._started),
    )

  def send(self, frame: bytes) -> None:
    """Sends a frame in its turn, without waiting."""
    self.delivery.put(frame)

  def close(self, ending: Ending) -> None:
    """Sends the close frame and ends."""
    self.delivery.close(ending)

  async def _receive(self) -> None:
    early, data = self._begins_with
    self._begins_with = (), b""
    while self.delivery.ending is None:
      for start in range(0, len(data), PIECE) if data else (0,):
        await self._take(early, data[start : start + PIECE])
        if self.delivery.ending is not None:
          return
        early = ()
      try:
        data = await self._transport.receive()
      except OSError:
        data = b""
      if not data:
        self.close(GONE)

  async def _take(self, early: Sequence[bytes], data: bytes) -> None:
    """Answers messages, and those that are in a piece of what was read."""
    before = self._reader.frames
    messages = [*early, *(self._reader.feed(data) if data else ())]
    out = b"".join(self._protocol.data_to_send())
    is_open = self._protocol.state is ProtocolState.OPEN
    if not is_open:
      # Closed by the client, or broken; the answer is in `out` already, and goes last.
      self._last = out
    elif self._handler is None and self._is_flood(len(early) + self._reader.frames - before):
      reason = f"more than {MESSAGES_PER_SECOND} messages a second; subscribe with lists"
      self._refuse(BadRequest(reason, code=CloseCode.LIMIT, name="limit"), CloseCode.LIMIT)
      return
    elif out:
      # Pongs, for pings that may stand between the fragments of these messages.
      self.send(out)
    for place, message in enumerate(messages, -len(early)):
      if self._handler is None:
        self._messages += 1
        await self._handle(message)
      else:
        await self._handler(self, message, place in self._reader.binary)
      if self.delivery.ending is not None:
        return
    if not is_open:
      self.close(Ending(CloseCode.NORMAL, ""))

  def _is_flood(self, frames: int) -> bool:
    """Counts frames of any kind; whether they are more than a client may send in this second."""
    second = int(trio.current_time())
    if second != self._second:
      self._second, self._burst = second, 0
    self._burst += frames
    return self._burst > MESSAGES_PER_SECOND

  # By the clock -----------------------------------------------------------------------------------

  def check(self, now: float, now_ms: int, *, stream_exists: bool) -> None:
    """Sends a heartbeat where one is due, and ends the session where its time is over."""
    found = self._reason_to_end(now, now_ms, stream_exists)
    if found is not None:
      code, name, reason = found
      if name not in ("stalled", "new_epoch"):
        self.send(error_message(code, name, reason, retryable=code < CloseCode.BAD_TOKEN))
      self.close(Ending(code, reason))
    elif now >= self._next_heartbeat:
      self._heartbeat(now_ms)

  def _reason_to_end(
    self, now: float, now_ms: int, stream_exists: bool
  ) -> tuple[int, str, str] | None:
    limits = self._limits
    # Before the token: a new one would not help where there is no stream.
    if not stream_exists:
      return CloseCode.BAD_TOKEN, "stream_deleted", "the stream was deleted"
    try:
      self._principal.check(now_ms)
    except AuthError as exc:
      name = "token_expired" if exc.code == CloseCode.EXPIRED else "token_revoked"
      return exc.code, name, str(exc)
    silent = self.query.path == "/stream" and not self._messages
    if silent and now - self._started > limits.first_message_within:
      reason = f"no request within {limits.first_message_within:g} s; send a subscribe message"
      # A client that was held up says it when it comes back.
      return CloseCode.SLOW, "no_request", reason
    if self.pump.log.epoch != self._epoch:
      # What comes has other numbers than the client takes it for.
      return CloseCode.SHUTDOWN, "new_epoch", "the log has begun again; come back with from"
    if self.delivery.stalled_for(now) > limits.stalled_after:
      return CloseCode.SLOW, "stalled", f"nothing was read for {limits.stalled_after:g} s"
    return None

  def hurry_heartbeat(self) -> None:
    """What the next heartbeat says has changed: it is sent soon, where one is due at all."""
    if self._next_heartbeat < float("inf"):
      self._next_heartbeat = min(self._next_heartbeat, self._last_heartbeat + HURRIED_AFTER)

  def _heartbeat(self, now_ms: int) -> None:
    """Sends a heartbeat and notes when the next is due."""
    delivery = self.delivery
    self._last_heartbeat = trio.current_time()
    self._next_heartbeat = self._last_heartbeat + self._limits.heartbeat
    info: dict[str, Any] = {
      "seq": delivery.place,
      "epoch": self.pump.log.epoch,
      "sources": self._sources(),
      "conflated": delivery.conflated,
      "lost": delivery.lost,
    }
    if notices := self._notices():
      info["notices"] = notices
    if wrong := self._wrong_clocks():
      info["skew_ms"] = wrong
    self.send(heartbeat_message(now_ms, info))

  # What clients send ------------------------------------------------------------------------------

  async def _handle(self, message: bytes) -> None:
    first = self._messages == 1
    try:
      await self._answer(parse_request(message))
    except BadRequest as exc:
      # A client that begins with something that is no request at all speaks another protocol.
      stranger = first and exc.name in ("bad_request", "bad_type")
      self._refuse(exc, CloseCode.UNSUPPORTED if stranger else None)

  async def _answer(self, request: Request) -> None:
    if isinstance(request, Ping):
      self.send(pong_message(request.echo))
    elif isinstance(request, Auth):
      # Where it is needed, authentication came before the session began.
      return
    elif isinstance(request, Steering):
      if self._principal.reads_only:
        raise BadRequest("a narrow token reads, and steers nothing", name="narrow")
      await self._steer(request)
    elif self.query.path != "/stream":
      raise BadRequest(f"{self.query.path} takes no subscriptions; open /stream for that")
    elif isinstance(request, Subscribe):
      if self._bounds is not None:
        request = narrowed_request(request, self._bounds)
      await self._subscribe(request)
    elif isinstance(request, Unsubscribe):
      if self._bounds is not None and request.filter is not None:
        request = attrs.evolve(request, filter=narrowed(request.filter, self._bounds))
      self._unsubscribe(request)
    else:
      self._list("subscriptions", request)

  async def _steer(self, request: Steering) -> None:
    kind = request.message["type"]
    if self._player is None:
      raise BadRequest(
        f"{kind} is for recordings (bond replay --port); this server is live",
        name="live",
        request_id=request.request_id,
      )
    try:
      state = await self._player.steer(request.message)
    except BondError as exc:
      name = "look_ahead" if isinstance(exc, LookAhead) else f"bad_{kind}"
      raise BadRequest(str(exc), name=name, request_id=request.request_id) from exc
    self.send(replay_message(state, request.request_id))

  def _refuse(self, exc: BadRequest, close: int | None) -> None:
    """Answers with an error; ends the connection where `close` is a code."""
    message = error_message(
      exc.code, exc.name, str(exc), retryable=exc.retryable, request_id=exc.request_id
    )
    self.send(message)
    if close is not None:
      self.close(Ending(close, str(exc)))

  async def _subscribe(self, request: Subscribe) -> None:
    if len(self._subscribed) >= MAX_SUBSCRIPTIONS:
      raise _limit(
        request,
        f"a connection has at most {MAX_SUBSCRIPTIONS} subscriptions; name several symbols in one",
      )
    named = sum(len(subscribed.request.markets) for subscribed in self._subscribed)
    if named + len(request.markets) > MAX_SYMBOLS:
      raise _limit(
        request, f"a connection names at most {MAX_SYMBOLS} symbols; open another one, or use *"
      )
    seat = self._seat
    try:
      seat.subscribe()
      try:
        seat.lease(_leased(request), trio.current_time())
      except LimitReached:
        seat.unsubscribe()
        raise
    except LimitReached as exc:
      raise _limit(request, str(exc), exc.code) from exc
    try:
      await self._begin(request)
    except BadRequest:
      self._give_back(request)
      raise

  def _give_back(self, request: Subscribe) -> None:
    """Counts a subscription as ended."""
    self._seat.unsubscribe()
    self._seat.unlease(_leased(request))

  async def _begin(self, request: Subscribe) -> None:
    matched = request.filter
    if matched.consolidated and (matched.deltas or matched.exchanges != ANY):
      raise BadRequest(
        'consolidated books are of all exchanges ("*") and come as views; '
        "leave exchange and deltas out, or consolidated",
        name="not_offered",
        request_id=request.request_id,
      )
    start, recovered, gap = 0, None, None
    if request.since is not None:
      start, recovered, gap = await self._find(request.since)
    lease = await self._leases.lease(request)
    unknown = len({rejection.symbol for rejection in lease.rejected})
    self._seat.unknown(unknown, trio.current_time())
    subscription = Subscription(
      matched.with_instruments(lease.named),
      request.request_id,
      request.policy,
      start,
      resumes=recovered is True and not request.snapshot,
    )
    if lease.carried:
      self._subscribed.append(Subscribed(subscription, request, lease))

    def answer(seq: int) -> bytes:
      return self._ack("subscribed", request, seq, lease.rejected, recovered)

    if lease.carried:
      self.delivery.subscribe(subscription, answer, gap)
    else:
      self._give_back(request)
      self.send(answer(self.delivery.place))
    self._begin_heartbeats()

  def _begin_heartbeats(self) -> None:
    if self._next_heartbeat == float("inf"):
      self._heartbeat(self.pump.now_ms())

  async def _find(self, since: str) -> tuple[int, bool | None, bytes | None]:
    """Where a subscription begins, whether a resume reached its place, and the gap where the log
    does not reach back as far as a time."""
    log, now = self.pump.log, self.pump.now_ms()
    place = parse_since(since, now)
    self._check_time(place)
    if isinstance(place, AfterNumber):
      if place.epoch == log.epoch:
        # A server that follows the one where the client was may be a moment behind it.
        with trio.move_on_after(BEHIND_FOR):
          await log.ring.reached(place.number)
      return (*await resumed(log, place), None)
    try:
      start = await log.find(place.time_ms)
      if place.time_ms >= now or start > log.oldest:
        return start, None, None
      oldest = await log.records(log.oldest, 1)
    except EngineError:
      # The ring has the latest all the same.
      start, oldest = log.ring.find(place.time_ms), log.ring.records(log.ring.oldest, 1)
    if oldest and oldest[0].ts_ms <= place.time_ms:
      return start, None, None
    gap = lost_gap(1, start - 1, now, "expired", "the log does not reach back so far")
    gap.from_seq = None
    gap.ts_from, gap.ts_to = place.time_ms, oldest[0].ts_ms if oldest else now
    return start, None, gap_message(gap)

  def _check_time(self, place: AtTime | AfterNumber) -> None:
    """Raises BadRequest for a place after the time of a recording that is played."""
    if self._player is None:
      return
    log = self.pump.log
    ahead = (
      place.epoch == log.epoch and place.number > log.head
      if isinstance(place, AfterNumber)
      else place.time_ms > self._player.now_ms()
    )
    if ahead:
      raise BadRequest("from lies after the time of this replay", name="look_ahead")

  def _unsubscribe(self, request: Unsubscribe) -> None:
    gone = [subscribed for subscribed in self._subscribed if _is_of(subscribed, request)]
    if not gone:
      raise BadRequest(
        'there is no such subscription; {"type":"subscriptions"} lists them',
        name="bad_unsubscribe",
        request_id=request.request_id,
      )
    self._subscribed = [subscribed for subscribed in self._subscribed if subscribed not in gone]
    self.delivery.unsubscribe([subscribed.subscription for subscribed in gone])
    for subscribed in gone:
      self._give_back(subscribed.request)
      self._leases.release(subscribed.lease)
    self._list("unsubscribed", request)

  def _list(self, status: Status, request: Unsubscribe | SubscriptionList) -> None:
    self.send(self._ack(status, request, self.delivery.place, [], None))

  def _ack(
    self,
    status: Status,
    request: Subscribe | Unsubscribe | SubscriptionList,
    seq: int,
    rejected: Sequence[Rejection],
    recovered: bool | None,
  ) -> bytes:
    return ack(
      status,
      received=request.received,
      request_id=request.request_id,
      subscriptions=[_listed(subscribed) for subscribed in self._subscribed],
      rejected=[rejection._asdict() for rejection in rejected],
      epoch=self.pump.log.epoch,
      seq=seq,
      recovered=recovered,
      unknown=request.unknown if isinstance(request, Subscribe) else (),
    )

  async def _subscribe_by_url(self) -> None:
    """The one subscription of /raw and /ws, which is in the URL."""
    query = self.query
    try:
      matched = query.filter if self._bounds is None else narrowed(query.filter, self._bounds)
      start, recovered, gap = 0, None, None
      if query.since is not None:
        start, recovered, gap = await self._find(query.since)
    except BadRequest as exc:
      self._refuse(exc, CloseCode.UNSUPPORTED)
      return
    if recovered is False:
      # There is no ack here that would say so.
      reason = "the log does not have everything after that number, or has begun again"
      lost = lost_gap(1, 1, self.pump.now_ms(), "expired", reason)
      lost.from_seq = lost.to_seq = lost.missed = None
      gap = gap_message(lost)
    resumes = recovered is True and not query.snapshot
    subscription = Subscription(matched, None, query.policy, start, resumes=resumes)
    self.delivery.subscribe(subscription, None, gap)
    self._begin_heartbeats()

  # The end ----------------------------------------------------------------------------------------

  async def _goodbye(self) -> None:
    """Sends the reason, waits a moment for the answer, and closes."""
    ending = self.delivery.ending
    if ending is None or ending.code == CloseCode.GONE:
      return
    failed = self._protocol.state is not ProtocolState.OPEN and self._protocol.close_rcvd is None
    parting = self._last
    if self._protocol.state is ProtocolState.OPEN:
      self._protocol.send_close(ending.code, close_reason(ending.reason))
      parting = b"".join(self._protocol.data_to_send())
    with trio.move_on_after(GOODBYE_WITHIN, shield=True):
      try:
        for part in (*self.delivery.remaining(), memoryview(parting)):
          await send_all(self._transport, part)
        if failed:
          # What follows an error is not read as frames, so the client sees by the end of the stream
          # that its answer is not waited for (RFC 6455, 7.1.7).
          self._transport.finish()
        # The client's own close frame is the answer; then this side closes first (RFC 6455, 7.1.1).
        while self._protocol.close_rcvd is None:
          data = await self._transport.receive()
          if not data:
            return
          self._reader.feed(data)
      except OSError:
        return


async def send_all(transport: Transport, data: bytes | memoryview) -> None:
  """Writes all of it, however long the client takes."""
  rest = memoryview(data)
  while rest:
    rest = rest[await transport.send(rest) :]


async def resumed(log: DurableLog, place: AfterNumber) -> tuple[int, bool]:
  """Where a reader that comes back with its place begins, and whether nothing is missing there."""
  start = log.oldest
  if place.epoch == log.epoch:
    # What lies beyond the head is lost, or comes yet.
    start = min(max(place.number + 1, start), log.head + 1)
  return start, await log.continues(place.epoch, place.number)


def close_reason(reason: str) -> str:
  """A reason that fits into a close frame, which has room for 123 bytes."""
  return reason.encode()[:120].decode(errors="ignore")


def _limit(request: Subscribe, message: str, code: int = CloseCode.LIMIT) -> BadRequest:
  return BadRequest(message, code=code, name="limit", request_id=request.request_id)


def _leased(request: Subscribe) -> int:
  """The markets that a request names, each for every channel and venue."""
  matched = request.filter
  return len(request.markets) * len(matched.channels) * max(1, len(matched.exchanges))


def _is_of(subscribed: Subscribed, request: Unsubscribe) -> bool:
  """Whether a request to unsubscribe names a subscription."""
  subscription = subscribed.subscription
  if request.filter is None:
    return subscription.id == request.request_id
  same = subscribed.request.filter == request.filter
  return same and request.request_id in (None, subscription.id)


def _listed(subscribed: Subscribed) -> dict[str, object]:
  """A subscription as acks list it."""
  subscription = subscribed.subscription
  matched = subscription.filter
  return {
    "id": subscription.id,
    "channels": sorted(matched.channels),
    "symbols": [str(market) for market in subscribed.request.markets] or ["*"],
    "exchanges": sorted(matched.exchanges),
    "depth": matched.depth,
    "speed_ms": matched.speed_ms,
    "raw": matched.raw,
    "compact": matched.compact,
    "deltas": matched.deltas,
    "policy": subscription.policy,
  }
