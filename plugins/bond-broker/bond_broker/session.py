"""One WebSocket from its first message to its last."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

import attrs
import trio
from bond_server.access.limits import LimitReached, Seat
from websockets.protocol import State

from bond_broker.client import Client, Ending, Subscription
from bond_broker.filters import ANY, Filter
from bond_broker.gaps import lost_gap
from bond_broker.http import Head
from bond_broker.messages import CloseCode, ack, error_message, gap_message, pong_message
from bond_broker.pump import Pump
from bond_broker.query import Query
from bond_broker.requests import (
  Auth,
  BadRequest,
  Ping,
  Subscribe,
  Subscriptions,
  Unsubscribe,
  parse_request,
)
from bond_broker.since import AfterNumber, parse_since
from bond_broker.transport import Transport
from bond_core import Principal
from bond_core.services import Lease, Rejection
from bond_core.websockets import FrameReader

if TYPE_CHECKING:
  from bond_broker.server import Broker

GOODBYE = 2.0
# How many messages a client may send in one second, beyond which it is a flood.
MESSAGES_PER_SECOND = 100
MAX_SUBSCRIPTIONS = 200
# Every ack lists what there is, so this bounds an ack too.
MAX_SYMBOLS = 5_000


Handler = Callable[["Session", bytes, bool], Awaitable[None]]
"""What is done with a message, and whether it was binary, at a path that speaks something else than
subscriptions; it answers with `Session.send`."""


@attrs.define(eq=False)
class Asked:
  """A subscription as its client knows it."""

  subscription: Subscription
  request: Subscribe
  lease: Lease


class Session:
  """Reads what a client sends, and answers. What goes out goes through the pump."""

  def __init__(
    self,
    broker: "Broker",
    transport: Transport,
    head: Head,
    query: Query,
    pump: Pump,
    principal: Principal,
    seat: Seat,
    handler: Handler | None = None,
  ) -> None:
    self.broker = broker
    self.client = Client(transport)
    self.pump = pump
    self.principal = principal
    self.query = query
    self.next_heartbeat = float("inf")
    self.started = trio.current_time()
    self._handler = handler
    self._head = head
    self._protocol = head.protocol
    self._reader = FrameReader(head.protocol, broker.config.max_message)
    self._seat = seat
    self._asked: list[Asked] = []
    self._messages = 0
    self._second = 0
    self._burst = 0
    self._last = b""

  @property
  def silent(self) -> bool:
    """It was opened for subscribing and has not said anything yet."""
    return self.query.path == "/stream" and not self._messages

  @property
  def stream(self) -> str:
    """The id of the stream that it reads; none where it reads the market."""
    return self.query.path[4:] if self.query.path.startswith("/ws/") else ""

  async def run(self) -> None:
    """Serves the client until one of the two sides ends."""
    client, pump = self.client, self.pump
    self.broker.sessions[self] = None
    pump.add(client)
    try:
      with client.session:
        if self.query.path != "/stream" and self._handler is None:
          await self._follow_from_the_start()
        await self._receive()
      await self._goodbye()
    finally:
      pump.remove(client)
      self.broker.past.lost += client.lost
      self.broker.past.conflated += client.conflated
      del self.broker.sessions[self]
      for asked in self._asked:
        self.broker.release(asked.lease)
      client.writing.cancel()
      client.transport.close()

  def send(self, frame: bytes) -> None:
    """Sends a frame in its turn, without waiting."""
    self.pump.put(self.client, frame)

  async def _receive(self) -> None:
    data, early = self._head.rest, self._head.early
    while self.client.ending is None:
      messages = [*early, *(self._reader.feed(data) if data else ())]
      out = b"".join(self._protocol.data_to_send())
      is_open = self._protocol.state is State.OPEN
      if not is_open:
        # Closed by the client, or broken; the answer is in `out` already, and goes last.
        self._last = out
      elif out:
        # Pongs, for pings that may stand between the fragments of these messages.
        self.send(out)
      for place, message in enumerate(messages, -len(early)):
        if self._handler is None:
          self._count()
          await self._handle(message)
        else:
          await self._handler(self, message, place in self._reader.binary)
        if self.client.ending is not None:
          return
      early = ()
      if not is_open:
        self.pump.end(self.client, Ending(CloseCode.NORMAL, ""))
        return
      try:
        data = await self.client.transport.receive()
      except OSError:
        data = b""
      if not data:
        self.pump.end(self.client, Ending(CloseCode.GONE, "the connection is gone"))

  def _count(self) -> None:
    self._messages += 1
    second = int(trio.current_time())
    if second != self._second:
      self._second, self._burst = second, 0
    self._burst += 1
    if self._burst > MESSAGES_PER_SECOND:
      told = f"more than {MESSAGES_PER_SECOND} messages a second; subscribe with lists"
      self.refuse(BadRequest(told, code=CloseCode.LIMIT, name="limit"), CloseCode.LIMIT)

  # What clients say ------------------------------------------------------------------------------

  async def _handle(self, message: bytes) -> None:
    first = self._messages == 1
    try:
      request = parse_request(message)
      if isinstance(request, Ping):
        self.pump.put(self.client, pong_message(request.echo))
      elif isinstance(request, Auth):
        # Whoever needed to has authenticated before the session began.
        return
      elif self.query.path != "/stream":
        raise BadRequest(f"{self.query.path} takes no subscriptions; open /stream for that")
      elif isinstance(request, Subscribe):
        await self._subscribe(request)
      elif isinstance(request, Unsubscribe):
        self._unsubscribe(request)
      else:
        self._tell("subscriptions", request)
    except BadRequest as exc:
      # Who begins with something that is no request at all speaks another protocol.
      stranger = first and exc.name in ("bad_request", "bad_type")
      self.refuse(exc, CloseCode.UNSUPPORTED if stranger else None)

  def refuse(self, exc: BadRequest, close: int | None) -> None:
    """Answers with an error; ends the connection where `close` says with which code."""
    told = error_message(
      exc.code, exc.name, str(exc), retryable=exc.retryable, request_id=exc.request_id
    )
    self.pump.put(self.client, told)
    if close is not None:
      self.pump.end(self.client, Ending(close, str(exc)))

  async def _subscribe(self, request: Subscribe) -> None:
    if len(self._asked) >= MAX_SUBSCRIPTIONS:
      raise BadRequest(
        f"a connection has at most {MAX_SUBSCRIPTIONS} subscriptions; name several symbols in one",
        code=CloseCode.LIMIT,
        name="limit",
        request_id=request.request_id,
      )
    named = sum(len(asked.request.markets) for asked in self._asked) + len(request.markets)
    if named > MAX_SYMBOLS:
      raise BadRequest(
        f"a connection names at most {MAX_SYMBOLS} symbols; open another one, or use *",
        code=CloseCode.LIMIT,
        name="limit",
        request_id=request.request_id,
      )
    try:
      self._seat.subscribe()
    except LimitReached as exc:
      raise BadRequest(
        str(exc), code=exc.code, name="limit", request_id=request.request_id
      ) from exc
    try:
      await self._begin(request)
    except BadRequest:
      self._seat.unsubscribe()
      raise

  async def _begin(self, request: Subscribe) -> None:
    wish = request.filter
    if wish.consolidated and (wish.deltas or wish.exchanges != ANY):
      raise BadRequest(
        'consolidated books are of all exchanges ("*") and come as views; '
        "leave exchange and deltas out, or consolidated",
        name="not_offered",
        request_id=request.request_id,
      )
    start, recovered, gap = await self._place(request)
    lease = await self.broker.lease(request)
    asked = Asked(
      Subscription(
        request.filter,
        request.request_id,
        request.policy,
        start,
        resumes=recovered is True,
      ),
      request,
      lease,
    )
    useless = not lease.carried
    if useless:
      self._seat.unsubscribe()
    else:
      self._asked.append(asked)

    def answer(seq: int) -> bytes:
      return self._ack("subscribed", request, seq, lease.rejected, recovered)

    if useless:
      self.pump.put(self.client, answer(self.pump.seq_of(self.client)))
    else:
      self.pump.subscribe(self.client, asked.subscription, answer, gap)
    if self.next_heartbeat == float("inf"):
      self.broker.heartbeat(self)

  async def _place(self, request: Subscribe) -> tuple[int, bool | None, bytes | None]:
    """Where a subscription begins (0: now), whether a resume reached its place, and the gap where
    the log does not reach back as far as a time."""
    if request.since is None:
      return 0, None, None
    return await self._find(request.since)

  async def _find(self, since: str) -> tuple[int, bool | None, bytes | None]:
    log, now = self.pump.log, self.pump.now_ms()
    place = parse_since(since, now)
    if isinstance(place, AfterNumber):
      known = place.epoch == log.epoch and log.oldest - 1 <= place.number <= log.head
      recovered = await log.continues(place.epoch, place.number)
      return place.number + 1 if known else log.oldest, recovered, None
    start = await log.find(place.time_ms)
    if place.time_ms >= now or start > log.oldest:
      return start, None, None
    oldest = await log.records(log.oldest, 1)
    if oldest and oldest[0].ts_ms <= place.time_ms:
      return start, None, None
    told = "the log does not reach back so far"
    gap = lost_gap(1, start - 1, now, "expired", told)
    gap.from_seq = None
    gap.ts_from, gap.ts_to = place.time_ms, oldest[0].ts_ms if oldest else now
    return start, None, gap_message(gap)

  def _unsubscribe(self, request: Unsubscribe) -> None:
    gone = [asked for asked in self._asked if _meant(asked, request)]
    if not gone:
      raise BadRequest(
        'there is no such subscription; {"type":"subscriptions"} lists them',
        name="bad_unsubscribe",
        request_id=request.request_id,
      )
    self._asked = [asked for asked in self._asked if asked not in gone]
    self.pump.unsubscribe(self.client, [asked.subscription for asked in gone])
    self._seat.unsubscribe(len(gone))
    for asked in gone:
      self.broker.release(asked.lease)
    self._tell("unsubscribed", request)

  def _tell(self, status: str, request: Unsubscribe | Subscriptions) -> None:
    seq = self.pump.seq_of(self.client)
    self.pump.put(self.client, self._ack(status, request, seq, [], None))

  def _ack(
    self,
    status: str,
    request: Subscribe | Unsubscribe | Subscriptions,
    seq: int,
    rejected: Sequence[Rejection],
    recovered: bool | None,
  ) -> bytes:
    return ack(
      status,
      received=request.received,
      request_id=request.request_id,
      subscriptions=[_shown(asked) for asked in self._asked],
      rejected=[rejection._asdict() for rejection in rejected],
      epoch=self.pump.log.epoch,
      seq=seq,
      recovered=recovered,
    )

  # /raw and /ws, which send without being asked --------------------------------------------------

  async def _follow_from_the_start(self) -> None:
    try:
      start, recovered, gap = 0, None, None
      if self.query.since is not None:
        start, recovered, gap = await self._find(self.query.since)
    except BadRequest as exc:
      self.refuse(exc, CloseCode.UNSUPPORTED)
      return
    if recovered is False:
      # No ack says it here.
      now = self.pump.now_ms()
      told = "the log does not have everything after that number, or has begun anew"
      lost = lost_gap(1, 1, now, "expired", told)
      lost.from_seq = lost.to_seq = lost.missed = None
      gap = gap_message(lost)
    subscription = Subscription(
      self.query.filter, None, self.query.policy, start, resumes=recovered is True
    )
    self.pump.subscribe(self.client, subscription, None, gap)
    self.broker.heartbeat(self)

  # The end ---------------------------------------------------------------------------------------

  async def _goodbye(self) -> None:
    """Says why, waits a moment for the answer, and lets go."""
    client, ending = self.client, self.client.ending
    if ending is None or ending.code == CloseCode.GONE:
      return
    parting = b"".join(client.answers)
    failed = self._protocol.state is not State.OPEN and self._protocol.close_rcvd is None
    if self._protocol.state is State.OPEN:
      self._protocol.send_close(ending.code, _short(ending.reason))
      parting += b"".join(self._protocol.data_to_send())
    else:
      parting += self._last
    with trio.move_on_after(GOODBYE, shield=True):
      try:
        rest = client.rest
        for part in (rest, memoryview(parting)):
          while part:
            part = part[await client.transport.send(part) :]
        if failed:
          # What follows an error is not read as frames, so the client is told by the end of the
          # stream that its answer is not waited for (RFC 6455, 7.1.7).
          client.transport.finish()
        # The client's own close frame is the answer; then this side closes first (RFC 6455, 7.1.1).
        while self._protocol.close_rcvd is None:
          data = await client.transport.receive()
          if not data:
            return
          self._reader.feed(data)
      except OSError:
        return


def _short(reason: str) -> str:
  """A close frame's reason has at most 123 bytes."""
  return reason.encode()[:120].decode(errors="ignore")


def _meant(asked: Asked, request: Unsubscribe) -> bool:
  if request.filter is None:
    return asked.subscription.id == request.request_id
  return asked.subscription.filter == request.filter and request.request_id in (
    None,
    asked.subscription.id,
  )


def _shown(asked: Asked) -> dict[str, object]:
  """A subscription as acks list it."""
  wish: Filter = asked.subscription.filter
  return {
    "id": asked.subscription.id,
    "channels": sorted(wish.channels),
    "symbols": [str(market) for market in asked.request.markets] or ["*"],
    "exchanges": sorted(wish.exchanges),
    "depth": wish.depth,
    "speed_ms": wish.speed_ms,
    "raw": wish.raw,
    "compact": wish.compact,
    "deltas": wish.deltas,
    "policy": asked.subscription.policy,
  }
