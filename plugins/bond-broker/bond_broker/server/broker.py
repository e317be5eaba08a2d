"""The broker: one port for every reader of the log of all events and of the streams' logs."""

import logging
import socket
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from heapq import nlargest
from http import HTTPStatus
from operator import itemgetter

import trio
from bond_server.access.accepting import accept_from, within_descriptors
from bond_server.access.limits import LimitReached, Seat, Seats
from bond_server.access.port import PortRules, rules_of
from bond_server.access.tokens import MARKET
from bond_server.doors import Arrival
from websockets.datastructures import Headers

from bond_broker.config import BrokerConfig
from bond_broker.delivery.delivery import Ending
from bond_broker.delivery.market import MarketRouter
from bond_broker.delivery.pump import Pump
from bond_broker.delivery.stream import StreamRouter
from bond_broker.delivery.traffic import Traffic
from bond_broker.delivery.transport import Transport
from bond_broker.protocol.bad_request import BadRequest
from bond_broker.protocol.http import BadHead, Head, accept, plain_answer
from bond_broker.protocol.messages import CloseCode, shutdown_message
from bond_broker.protocol.narrowed import seen_by
from bond_broker.protocol.query import Query, parse_target
from bond_broker.server.backing import Backing
from bond_broker.server.handshake import (
  Denied,
  deny,
  first_message,
  receive_head,
  refusal,
  shown_in,
  stream_of,
)
from bond_broker.server.leases import Leases
from bond_broker.server.metrics import MAX_SLOWEST, Losses, Snapshot, snapshot_of
from bond_broker.server.session import Session, SessionLimits, send_all
from bond_broker.server.sockets import Encrypted, Plain, open_listeners, tls_of
from bond_broker.server.status import PATHS, answer, refuse_caller
from bond_core import AuthError, Credentials, Principal
from bond_core.logs import DurableLog, EngineError
from bond_core.packages import fault_of
from bond_core.websockets import FrameReader

logger = logging.getLogger("bond.broker")

DRAIN_WITHIN = 5.0
RETRY_AFTER_MS = 1000
STARTING = "this server has just started and not all of its streams run yet; come back in a moment"
SHARE = 0.75
"""Of the process's descriptors."""
MOST_TURNED_AWAY = 32
"""Connections that are held at one time to say that there is no place for them."""
READ_EVENTS = 1024
FORGET_EVERY = 15.0
"""Seconds between two looks at what is carried no more."""
STALLED_AT_LEAST = 2.0
"""Seconds for which every client may take nothing."""
CHECK_EVERY = 0.5
"""Seconds between two looks at heartbeats, deadlines and tokens."""


class Broker:
  """Serves until its block ends."""

  def __init__(self, config: BrokerConfig, backing: Backing, nursery: trio.Nursery) -> None:
    self.addresses: list[str] = []
    self.refused: Counter[str] = Counter()
    """Connections that were refused, or closed for want of memory, by the reason."""
    self.sessions: dict[Session, None] = {}
    self._config = config
    self._backing = backing
    self._nursery = nursery
    self._session_limits = SessionLimits(
      heartbeat=config.heartbeat,
      first_message_within=config.handshake_within,
      stalled_after=config.stalled_after,
      max_message=int(config.max_message),
    )
    self._rules = rules_of(
      config.host, hosts=config.hosts, origins=config.origins, open_to_all=backing.open_to_all
    )
    if self._rules.names is not None:
      logger.warning("%s", self._rules.names)
    self.seats = Seats(within_descriptors(config.limits, SHARE))
    self._traffic = Traffic()
    self._market = MarketRouter(self._traffic, follows=backing.follows)
    self._leases = Leases(
      backing.demand, backing.exchanges, self._market.unseen if backing.follows else lambda _: ()
    )
    self._pumps: dict[str, Pump] = {}
    self._departed = Losses()
    self._stopping = False
    self._turned_away = 0

  # Connections ------------------------------------------------------------------------------------

  async def listen(self, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
    """Takes connections until it is cancelled."""

    def take(sock: socket.socket, address: str | None) -> None:
      make = (
        partial(Plain, sock, address) if tls is None else partial(Encrypted, sock, address, tls)
      )
      self._nursery.start_soon(self._serve, sock, make, self._rules)

    await accept_from(listener, take)

  def take_over(self, arrival: Arrival) -> None:
    """Serves a connection that another service has accepted."""
    make = partial(Plain, arrival.socket, arrival.address, arrival.received)
    self._nursery.start_soon(self._serve, arrival.socket, make, arrival.rules)

  async def _serve(
    self, sock: socket.socket, make: Callable[[], Transport], rules: PortRules
  ) -> None:
    try:
      transport = make()
    except OSError:
      # The client has gone already.
      sock.close()
      return
    session: Session | None = None
    try:
      if self._stopping:
        raise LimitReached("this server is about to stop; come back in a moment", 1)
      seat = self.seats.enter(transport.address)
      try:
        session = await self._serve_transport(transport, seat, rules)
      finally:
        if session is None:
          seat.leave()
    except LimitReached as exc:
      await self._turn_away(transport, exc)
    except OSError:
      return
    except BaseException as exc:
      self._failed(exc)
    finally:
      if session is None:
        transport.close()
    if session is not None:
      # Another task, so that an idle client costs no memory for its handshake.
      self.sessions[session] = None
      self._nursery.start_soon(self._run, session, seat)

  async def _run(self, session: Session, seat: Seat) -> None:
    try:
      with seat:
        await session.run()
    except OSError:
      return
    except BaseException as exc:
      self._failed(exc)
    finally:
      del self.sessions[session]
      self._departed = self._departed.plus([session.delivery])

  def _failed(self, exc: BaseException) -> None:
    """Any error is its connection's own. Raises what is none, as at the end of the server."""
    error = fault_of(exc)
    self.refused["failed"] += 1
    logger.error("a connection failed with %s: %s", type(error).__name__, error, exc_info=error)

  async def _turn_away(self, transport: Transport, exc: LimitReached) -> None:
    self.refused["limit"] += 1
    headers = Headers({"Retry-After": str(exc.retry_after)})
    said = plain_answer(HTTPStatus.SERVICE_UNAVAILABLE, {"error": str(exc)}, headers=headers)
    if self._turned_away >= MOST_TURNED_AWAY:
      # What is held for a moment counts, too: these have what can be said without waiting.
      with suppress(OSError):
        transport.send_now(said)
      return
    self._turned_away += 1
    try:
      with trio.move_on_after(1.0):
        # What the client has sent is read, or closing would reset the answer away.
        await transport.receive()
        await send_all(transport, said)
    except OSError:
      return
    finally:
      self._turned_away -= 1

  async def _serve_transport(
    self, transport: Transport, seat: Seat, rules: PortRules
  ) -> Session | None:
    """Answers the request; returns the session that it begins, if any."""
    with trio.move_on_after(self._config.handshake_within) as waiting:
      head = await receive_head(transport, int(self._config.max_message))
    if waiting.cancelled_caught or head is None:
      self.refused["handshake"] += 1
      return None
    try:
      query = parse_target(head.request.path)
    except BadRequest as exc:
      await self._refuse_target(transport, head, exc)
      return None
    refused = refusal(head, rules)
    if refused is not None:
      self.refused["origin"] += 1
      await send_all(transport, refused)
    elif head.upgrades:
      return await self._open_websocket(transport, head, query, seat, rules)
    else:
      await send_all(transport, await self._answer(transport, head, query, rules))
    return None

  async def _answer(
    self, transport: Transport, head: Head, query: Query, rules: PortRules
  ) -> bytes:
    """The answer to a plain GET. Figures are for those who may read the market."""
    if query.path == "/metrics":
      try:
        await self._backing.access.admit(
          shown_in(head, transport.address), MARKET, open_to_all=rules.open_to_all
        )
      except AuthError as exc:
        self.refused["bad_token"] += 1
        return refuse_caller(exc)
    return answer(
      head,
      query,
      sources=self._backing.sources(),
      notices=self._backing.notices(""),
      snapshot=self.snapshot,
      traffic=self._traffic,
    )

  async def _refuse_target(self, transport: Transport, head: Head, exc: BadRequest) -> None:
    opening = None
    if head.upgrades:
      with suppress(BadHead):
        opening = accept(head)
    if opening is None:
      await send_all(transport, plain_answer(HTTPStatus.BAD_REQUEST, {"error": str(exc)}))
      return
    # Pages see nothing of an HTTP status, but they see an error message.
    await send_all(transport, opening)
    await self._deny(transport, head, Denied(CloseCode.UNSUPPORTED, exc.name, str(exc)))

  # WebSockets -------------------------------------------------------------------------------------

  async def _open_websocket(
    self, transport: Transport, head: Head, query: Query, seat: Seat, rules: PortRules
  ) -> Session | None:
    pump = self._pump_for(query.path)
    if pump is None and not query.path.startswith("/ws/"):
      await send_all(transport, plain_answer(HTTPStatus.NOT_FOUND, {"error": PATHS}))
      return None
    # Whether there is a stream is for those to know who may read it. All others see the same, and
    # after the same time, whether there is one or not.
    caller = await self._caller(transport, head, query, rules)
    if pump is None and isinstance(caller, Principal):
      await send_all(transport, self._not_found())
      return None
    try:
      opening = accept(head)
    except BadHead as exc:
      await send_all(transport, exc.answer)
      return None
    await send_all(transport, opening)
    try:
      return await self._session(transport, head, query, seat, caller, pump)
    except Denied as exc:
      await self._deny(transport, head, exc)
    except AuthError as exc:
      name = "token_expired" if exc.code == CloseCode.EXPIRED else "bad_token"
      await self._deny(transport, head, Denied(exc.code, name, str(exc)))
    except LimitReached as exc:
      await self._deny(transport, head, Denied(exc.code, "limit", str(exc)))
    return None

  async def _caller(
    self, transport: Transport, head: Head, query: Query, rules: PortRules
  ) -> Principal | AuthError | Credentials:
    """Who the client is, why it may not read what it requests, or what it has shown where its first
    message may show more."""
    try:
      shown = shown_in(head, transport.address)
      if not shown.shown and not rules.open_to_all:
        return shown
      return await self._admit(shown, query, open_to_all=rules.open_to_all)
    except AuthError as exc:
      return exc

  async def _admit(
    self, credentials: Credentials, query: Query, *, open_to_all: bool = False
  ) -> Principal:
    """Who may read what a client requests; of all events also who may read a part of them. Raises
    AuthError."""
    access, stream = self._backing.access, stream_of(query)
    try:
      return await access.admit(credentials, stream, open_to_all=open_to_all)
    except AuthError:
      caller = await access.identify(credentials) if stream == MARKET else None
      if caller is None or caller.bounds is None:
        raise
      return caller

  async def _session(
    self,
    transport: Transport,
    head: Head,
    query: Query,
    seat: Seat,
    caller: Principal | AuthError | Credentials,
    pump: Pump | None,
  ) -> Session:
    """The session of a client that may have one. Raises Denied, AuthError or LimitReached."""
    config, backing = self._config, self._backing
    stream = query.path.removeprefix("/ws/") if query.path.startswith("/ws/") else ""
    if isinstance(caller, AuthError):
      raise caller
    if isinstance(caller, Credentials):
      reader = FrameReader(head.protocol, int(config.max_message))
      within = config.handshake_within
      caller, head = await first_message(transport, head, caller, reader, within)
      caller = await self._admit(caller, query)
    if pump is None:
      raise self._no_stream()
    self._check_query(query)
    seat.belongs_to(caller.name)
    # Not needed any more; they would cost every idle client memory.
    head.request.headers.clear()
    sources = partial(backing.stream_sources, stream) if stream else backing.sources
    bounds = None if caller.may_read(stream_of(query)) else caller.bounds
    return Session(
      transport=transport,
      head=head,
      query=query,
      pump=pump,
      principal=caller,
      bounds=bounds,
      seat=seat,
      leases=self._leases,
      limits=self._session_limits,
      sources=seen_by(bounds, sources),
      wrong_clocks=seen_by(bounds, self._traffic.wrong_clocks),
      # A notice names markets that others read.
      notices=partial(backing.notices, stream) if bounds is None else tuple,
      handler=backing.handlers.get(query.path),
      player=backing.player,
    )

  def _not_found(self) -> bytes:
    if not self._backing.starting():
      return plain_answer(HTTPStatus.NOT_FOUND, {"error": PATHS})
    self.refused["starting"] += 1
    headers = Headers({"Retry-After": "1"})
    return plain_answer(HTTPStatus.SERVICE_UNAVAILABLE, {"error": STARTING}, headers=headers)

  def _no_stream(self) -> Denied:
    if self._backing.starting():
      return Denied(CloseCode.SHUTDOWN, "starting", STARTING)
    reason = "there is no such stream here; it was deleted, or never made"
    return Denied(CloseCode.UNSUPPORTED, "unknown_stream", reason)

  def _check_query(self, query: Query) -> None:
    """Raises Denied for a /raw of venues without a source."""
    if query.path != "/raw":
      return
    known = self._backing.exchanges()
    unknown = sorted(set(query.exchanges) - known)
    if unknown:
      there = ", ".join(sorted(known)) or "none yet"
      reason = f"there is no exchange {', '.join(unknown)} here; there is {there}"
      raise Denied(CloseCode.UNSUPPORTED, "unknown_exchange", reason)

  async def _deny(self, transport: Transport, head: Head, denied: Denied) -> None:
    self.refused[denied.name] += 1
    await deny(transport, head, denied)

  # Logs -------------------------------------------------------------------------------------------

  @property
  def market(self) -> MarketRouter:
    """What the log of all events says of each market now."""
    return self._market

  async def follow_market(self) -> None:
    """Begins to follow the log of all events, so that new clients find its books: with what comes,
    or with all that there is where another process writes it."""
    log = self._backing.log
    if log is None:
      return
    number = log.head + 1
    if self._backing.follows:
      number = log.oldest
      with suppress(EngineError):
        while records := await log.records(number, READ_EVENTS):
          for record in records:
            if record.first > number:
              self._market.sort_lost(number, record.first - 1, self._backing.clock.now_ms())
            self._market.sort(record)
            number = record.last + 1
    self._pump("", log, number)

  def _pump_for(self, path: str) -> Pump | None:
    backing = self._backing
    if path in ("/stream", "/raw") or path in backing.handlers:
      return None if backing.log is None else self._pump("", backing.log)
    if path.startswith("/ws/") and (log := backing.stream(path[4:])) is not None:
      return self._pump(path[4:], log)
    return None

  def _pump(self, stream: str, log: DurableLog, begin: int | None = None) -> Pump:
    """The pump of a stream's log, or of all events where the id is empty. A new one begins with a
    number, or with what comes."""
    known = self._pumps.get(stream)
    if known is not None and known.log is log:
      return known
    router = StreamRouter() if stream else self._market
    pump = Pump(log, router, self._nursery, self._backing.clock.now_ms, begin)
    self._pumps[stream] = pump
    self._nursery.start_soon(pump.run)
    return pump

  def _exists(self, stream: str, pump: Pump) -> bool:
    """Whether what a pump carries is still there."""
    return not stream or self._backing.stream(stream) is pump.log

  # By the clock -----------------------------------------------------------------------------------

  async def watch(self) -> None:
    """Looks at heartbeats, deadlines, tokens and streams that ended, until it is cancelled."""
    known: dict[str, list[dict[str, str | None]]] = {}
    forget_at = 0.0
    while True:
      await trio.sleep(CHECK_EVERY)
      now, now_ms = trio.current_time(), self._backing.clock.now_ms()
      read = dict.fromkeys(session.stream for session in self.sessions)
      notices = {stream: self._backing.notices(stream) for stream in read}
      # Who connects now is told with the first heartbeat.
      changed = {stream for stream in read if notices[stream] != known.get(stream, notices[stream])}
      known = notices
      if (log := self._backing.log) is not None:
        self._traffic.tick(log.head)
        if self._backing.demand is not None and now >= forget_at:
          self._market.forget(log.oldest, self._backing.demand.carried)
          forget_at = now + FORGET_EVERY
      for stream, pump in list(self._pumps.items()):
        if not self._exists(stream, pump) and all(s.pump is not pump for s in self.sessions):
          pump.scope.cancel()
          del self._pumps[stream]
      for session in list(self.sessions):
        exists = self._exists(session.stream, session.pump)
        if session.stream in changed:
          session.hurry_heartbeat()
        session.check(now, now_ms, stream_exists=exists)
      self._relieve(now)

  def _relieve(self, now: float) -> None:
    """Closes clients that take nothing where what they hold is too much together."""
    behind = [(s.delivery.stalled_for(now), s) for s in self.sessions if s.delivery.unsent_bytes]
    # What several hold counts for the one that moves, since ending another would not free it.
    behind.sort(key=itemgetter(0))
    held, known = 0, set[int]()
    for stalled, session in behind:
      held += session.delivery.held(known)
      if held > self._config.max_unread and stalled >= STALLED_AT_LEAST:
        self.refused["unread"] += 1
        reason = f"nothing was read for {stalled:.0f} s, and others need the memory"
        session.close(Ending(CloseCode.SLOW, reason))

  def snapshot(self) -> Snapshot:
    """The figures of /metrics."""
    backing = self._backing
    slowest = nlargest(MAX_SLOWEST, self.sessions, key=lambda session: session.delivery.lag)
    return snapshot_of(
      traffic=self._traffic,
      deliveries=[session.delivery for session in self.sessions],
      slowest=[session.status() for session in slowest],
      pumps=list(self._pumps.values()),
      departed=self._departed,
      refused=self.refused,
      sources=backing.sources(),
      reconnects=backing.reconnects(),
      figures=backing.figures(),
      log=backing.log,
      channels=self._market.channels(backing.clock.now_ms()),
    )

  async def shut_down(self) -> None:
    """Closes all connections; returns when they have ended or 5 s have passed."""
    self._stopping = True
    farewell = shutdown_message(RETRY_AFTER_MS)
    for session in list(self.sessions):
      session.send(farewell)
      session.close(Ending(CloseCode.SHUTDOWN, "this server stops"))
    with trio.move_on_after(DRAIN_WITHIN):
      while self.sessions:
        await trio.sleep(0.01)


@asynccontextmanager
async def open_broker(config: BrokerConfig, backing: Backing) -> AsyncIterator[Broker]:
  """A broker that listens for as long as the block lasts; `addresses` are its URLs. BondError where
  it cannot listen."""
  tls = tls_of(config)
  listeners = open_listeners(config)
  try:
    async with trio.open_nursery() as nursery:
      broker = Broker(config, backing, nursery)
      await broker.follow_market()
      for listener in listeners:
        unix = listener.family == socket.AF_UNIX
        if not unix:
          host, port = listener.getsockname()[:2]
          shown = f"[{host}]" if ":" in host else host
          broker.addresses.append(f"{'ws' if tls is None else 'wss'}://{shown}:{port}")
        nursery.start_soon(broker.listen, listener, None if unix else tls)
      if config.unix is not None:
        broker.addresses.append(f"unix:{config.unix}")
      nursery.start_soon(broker.watch)
      yield broker
      nursery.cancel_scope.cancel()
  finally:
    for listener in listeners:
      listener.close()
