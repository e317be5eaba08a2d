"""The broker: one port for every reader of the market's log and of the streams' logs."""

import errno
import logging
import os
import socket
import ssl
import stat
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import Any

import attrs
import trio
from bond_server.access.credentials import credentials_of, with_first_message
from bond_server.access.limits import LimitReached, Seat, Seats
from bond_server.access.origins import host, origin, refuse_host, refuse_origin
from bond_server.access.tokens import MARKET
from websockets.datastructures import Headers

from bond_broker.client import Ending
from bond_broker.config import BrokerConfig
from bond_broker.http import BadHead, Head, accept, plain_answer, read_head
from bond_broker.market import MarketRouter
from bond_broker.messages import CloseCode, error_message, heartbeat_message, shutdown_message
from bond_broker.metrics import Metrics
from bond_broker.pump import Pump
from bond_broker.query import Query, parse_target
from bond_broker.requests import BadRequest, Subscribe
from bond_broker.session import Handler, Session
from bond_broker.status import PATHS, answer
from bond_broker.stream import StreamRouter
from bond_broker.transport import Encrypted, Plain, Transport
from bond_core import AuthError, BondError, Clock, Credentials, Principal
from bond_core.logs import DurableLog
from bond_core.services import Access, Demand, Lease, Rejection, SourceStatus
from bond_core.websockets import FrameReader

logger = logging.getLogger("bond.broker")

DRAIN = 5.0
RETRY_AFTER_MS = 1000
MAX_PARTING_BYTES = 64 * 1024


@attrs.frozen
class Backing:
  """What a broker serves. `log` has all events, None where there is only one stream to serve;
  `stream` finds the log of a stream by its id, and `starting` says that more of them may soon be
  there. `follows` says that another process writes the log. `open_to_all` lets in who shows
  nothing, which is for loopback only."""

  clock: Clock
  access: Access
  log: DurableLog | None = None
  stream: Callable[[str], DurableLog | None] = lambda stream_id: None
  starting: Callable[[], bool] = lambda: False
  demand: Demand | None = None
  follows: bool = False
  sources: Callable[[], dict[str, SourceStatus]] = dict
  reconnects: Callable[[], int] = int
  figures: Callable[[], dict[str, dict[str, float]]] = dict
  open_to_all: bool = True
  handlers: Mapping[str, Handler] = attrs.field(factory=dict)
  """Paths of somebody else's on the same port, and what they do with a message; they need a
  `log` beside them."""


@attrs.frozen
class NoLease:
  """What a subscription has asked of nobody: all events that come are there for it."""

  rejected: Sequence[Rejection] = ()
  carried: bool = True


class Denied(BondError):
  """A WebSocket that may not go on: the close code and the sentence."""

  def __init__(self, code: int, name: str, told: str) -> None:
    super().__init__(told)
    self.code = code
    self.name = name


@attrs.define
class Past:
  """Counts of clients that have gone."""

  lost: int = 0
  conflated: int = 0


class Broker:
  """Serves until its block ends."""

  def __init__(self, config: BrokerConfig, backing: Backing, nursery: trio.Nursery) -> None:
    self.config = config
    self.backing = backing
    self.sessions: dict[Session, None] = {}
    self.addresses: list[str] = []
    self.stopping = False
    self.refused: Counter[str] = Counter()
    self.metrics = Metrics()
    self.past = Past()
    """What clients lost that are gone."""
    self._market = MarketRouter(self.metrics)
    self._nursery = nursery
    self.seats = Seats(config.limits)
    self._origins = frozenset(map(origin, config.origins))
    self._hosts = frozenset(map(host, [*config.hosts, config.host]))
    self.pumps: dict[str, tuple[DurableLog, Pump]] = {}

  # Connections -----------------------------------------------------------------------------------

  async def listen(self, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
    """Takes connections until it is cancelled."""
    while True:
      await trio.lowlevel.wait_readable(listener)
      for _ in range(64):
        try:
          sock, peer = listener.accept()
        except BlockingIOError:
          break
        except OSError as exc:
          if exc.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
            logger.error("no more connections can be taken: %s; raise ulimit -n", exc.strerror)
            await trio.sleep(0.1)
          break
        address = peer[0] if isinstance(peer, tuple) else None
        self.take(sock, address, tls)

  def take(
    self, sock: socket.socket, address: str | None, tls: ssl.SSLContext | None = None
  ) -> None:
    """Serves one connection."""
    self._nursery.start_soon(self._serve, sock, address, tls)

  async def _serve(
    self, sock: socket.socket, address: str | None, tls: ssl.SSLContext | None
  ) -> None:
    transport: Transport
    transport = Plain(sock, address) if tls is None else Encrypted(sock, address, tls)
    try:
      if self.stopping:
        raise LimitReached("this server is about to stop; come back in a moment", 1)
      with self.seats.enter(address) as seat:
        await self._serve_transport(transport, seat)
    except LimitReached as exc:
      await self._turn_away(transport, exc)
    except OSError:
      return
    except Exception as exc:
      # Whatever it was, it was this connection's.
      self.refused["failed"] += 1
      logger.error("a connection failed with %s: %s", type(exc).__name__, exc, exc_info=exc)
    finally:
      transport.close()

  async def _turn_away(self, transport: Transport, exc: LimitReached) -> None:
    self.refused["limit"] += 1
    headers = Headers({"Retry-After": str(exc.retry_after)})
    answer = plain_answer(HTTPStatus.SERVICE_UNAVAILABLE, {"error": str(exc)}, headers=headers)
    with trio.move_on_after(1.0):
      try:
        # What the client has sent is read, or closing would reset the answer away.
        await transport.receive()
        await _send_all(transport, answer)
      except OSError:
        return

  async def _serve_transport(self, transport: Transport, seat: Seat) -> None:
    with trio.move_on_after(self.config.handshake_within) as waiting:
      head = await self._read_head(transport)
    if waiting.cancelled_caught or head is None:
      self.refused["handshake"] += 1
      return
    try:
      query = parse_target(head.request.path)
    except BadRequest as exc:
      opening = None
      if head.upgrades:
        with suppress(BadHead):
          opening = accept(head)
      if opening is not None:
        # Pages see nothing of an HTTP status, but they see an error message.
        await _send_all(transport, opening)
        await self._deny(transport, head, Denied(CloseCode.UNSUPPORTED, exc.name, str(exc)))
      else:
        await _send_all(transport, plain_answer(HTTPStatus.BAD_REQUEST, {"error": str(exc)}))
      return
    refusal = self._refusal(head)
    if refusal is not None:
      self.refused["origin"] += 1
      await _send_all(transport, refusal)
    elif head.upgrades:
      await self._serve_websocket(transport, head, query, seat)
    else:
      await _send_all(transport, answer(self, head, query))

  async def _read_head(self, transport: Transport) -> Head | None:
    received = b""
    while True:
      data = await transport.receive()
      if not data:
        return None
      received += data
      try:
        head = read_head(received, int(self.config.max_message))
      except BadHead as exc:
        await _send_all(transport, exc.answer)
        return None
      if head is not None:
        return head

  def _refusal(self, head: Head) -> bytes | None:
    headers = head.request.headers
    told = refuse_host(headers.get_all("Host"), self._hosts)
    if told is not None:
      return plain_answer(HTTPStatus.MISDIRECTED_REQUEST, {"error": told})
    told = refuse_origin(headers.get_all("Origin"), self._origins)
    if told is not None:
      return plain_answer(HTTPStatus.FORBIDDEN, {"error": told})
    return None

  # WebSockets ------------------------------------------------------------------------------------

  async def _serve_websocket(
    self, transport: Transport, head: Head, query: Query, seat: Seat
  ) -> None:
    pump = self._pump_for(query.path)
    if pump is None:
      await _send_all(transport, self._nothing_at(query.path))
      return
    try:
      opening = accept(head)
    except BadHead as exc:
      await _send_all(transport, exc.answer)
      return
    await _send_all(transport, opening)
    try:
      principal, head = await self._admit(transport, head, query)
      self._check_query(query)
      seat.belongs_to(principal.name)
    except Denied as exc:
      await self._deny(transport, head, exc)
    except AuthError as exc:
      name = "token_expired" if exc.code == CloseCode.EXPIRED else "bad_token"
      await self._deny(transport, head, Denied(exc.code, name, str(exc)))
    except LimitReached as exc:
      await self._deny(transport, head, Denied(exc.code, "limit", str(exc)))
    else:
      # Not needed any more; it would weigh on every idle client.
      head.request.headers.clear()
      handler = self.backing.handlers.get(query.path)
      await Session(self, transport, head, query, pump, principal, seat, handler).run()

  def _nothing_at(self, path: str) -> bytes:
    if not (path.startswith("/ws/") and self.backing.starting()):
      return plain_answer(HTTPStatus.NOT_FOUND, {"error": PATHS})
    self.refused["starting"] += 1
    told = "this server has just started and not all of its streams run yet; come back in a moment"
    headers = Headers({"Retry-After": "1"})
    return plain_answer(HTTPStatus.SERVICE_UNAVAILABLE, {"error": told}, headers=headers)

  async def _admit(self, transport: Transport, head: Head, query: Query) -> tuple[Principal, Head]:
    """Who the client is, by its URL, its headers or its first message, and what it sent after
    that. Raises AuthError."""
    stream = MARKET if query.path in ("/stream", "/raw") else query.path.rpartition("/")[2]
    request, backing = head.request, self.backing
    headers = request.headers.raw_items()
    credentials = credentials_of(request.path, headers, address=transport.address)
    if not credentials.shown and not backing.open_to_all:
      credentials, head = await self._ask(transport, head, credentials)
    principal = await backing.access.admit(credentials, stream, open_to_all=backing.open_to_all)
    return principal, head

  async def _ask(
    self, transport: Transport, head: Head, credentials: Credentials
  ) -> tuple[Credentials, Head]:
    """Waits for the token as first message."""
    reader = FrameReader(head.protocol, int(self.config.max_message))
    messages = reader.feed(head.rest) if head.rest else []
    with trio.move_on_after(self.config.handshake_within):
      while not messages:
        data = await transport.receive()
        if not data:
          raise ConnectionError
        messages = reader.feed(data)
    shown = with_first_message(credentials, messages[0]) if messages else None
    return shown or credentials, head._replace(rest=b"", early=messages[1:] if shown else messages)

  def _check_query(self, query: Query) -> None:
    """Raises Denied for a /raw of venues that nobody has."""
    if query.path != "/raw":
      return
    known = set(self.backing.sources())
    if self.backing.demand is not None:
      known |= self.backing.demand.exchanges()
    unknown = sorted(set(query.exchanges) - known)
    if unknown:
      there = ", ".join(sorted(known)) or "none yet"
      told = f"there is no exchange {', '.join(unknown)} here; there is {there}"
      raise Denied(CloseCode.UNSUPPORTED, "unknown_exchange", told)

  def start_market(self) -> None:
    """Begins to follow the market's log."""
    if self.backing.log is not None:
      self._pump("", self.backing.log)

  def market_streams(self, now_ms: int) -> list[dict[str, Any]]:
    """Every stream of the market with its age, its events and its books' new beginnings."""
    return self._market.streams(now_ms)

  def _pump_for(self, path: str) -> Pump | None:
    if path in ("/stream", "/raw") or path in self.backing.handlers:
      return None if self.backing.log is None else self._pump("", self.backing.log)
    if path.startswith("/ws/") and (log := self.backing.stream(path[4:])) is not None:
      return self._pump(path[4:], log)
    return None

  def _pump(self, name: str, log: DurableLog) -> Pump:
    known = self.pumps.get(name)
    if known is not None and known[0] is log:
      return known[1]
    router = StreamRouter() if name else self._market
    pump = Pump(log, router, self._nursery, self.backing.clock.now_ms)
    self.pumps[name] = log, pump
    self._nursery.start_soon(pump.run)
    return pump

  async def _deny(self, transport: Transport, head: Head, exc: Denied) -> None:
    self.refused[exc.name] += 1
    await deny(transport, head, exc)

  # Demand ----------------------------------------------------------------------------------------

  async def lease(self, request: Subscribe) -> Lease:
    """Asks the sources for what a subscription names; waits a moment for what they say."""
    demand = self.backing.demand
    if demand is None or not request.markets:
      await trio.lowlevel.checkpoint()
      return NoLease(self._market.unseen(request)) if self.backing.follows else NoLease()
    wanted = request.filter
    lease = demand.lease(wanted.channels, request.markets, wanted.exchanges, raw=wanted.raw)
    try:
      await demand.await_verdicts(lease)
    except BaseException:
      demand.release(lease)
      raise
    return lease

  def release(self, lease: Lease) -> None:
    """A subscription ends."""
    demand = self.backing.demand
    if demand is not None and not isinstance(lease, NoLease):
      demand.release(lease)

  # What goes out by the clock --------------------------------------------------------------------

  def heartbeat(self, session: Session) -> None:
    """Sends a heartbeat and notes when the next is due."""
    session.next_heartbeat = trio.current_time() + self.config.heartbeat
    info = {
      "seq": session.pump.seq_of(session.client),
      "epoch": session.pump.log.epoch,
      "sources": self.backing.sources(),
      "conflated": session.client.conflated,
      "lost": session.client.lost,
    }
    session.pump.put(session.client, heartbeat_message(self.backing.clock.now_ms(), info))

  async def tick(self) -> None:
    """Once a second: heartbeats, deadlines, tokens that have ended."""
    while True:
      await trio.sleep(0.5)
      now, now_ms = trio.current_time(), self.backing.clock.now_ms()
      if self.backing.log is not None:
        self.metrics.tick(self.backing.log.head)
      for name, (log, pump) in list(self.pumps.items()):
        if name and self.backing.stream(name) is not log and not self._reads(pump):
          pump.scope.cancel()
          del self.pumps[name]
      for session in list(self.sessions):
        ending = self._over(session, now, now_ms)
        if ending is not None:
          code, name, told = ending
          if code in (CloseCode.BAD_REQUEST, CloseCode.EXPIRED, CloseCode.BAD_TOKEN):
            session.pump.put(session.client, error_message(code, name, told))
          session.pump.end(session.client, Ending(code, told))
        elif now >= session.next_heartbeat:
          self.heartbeat(session)

  def _reads(self, pump: Pump) -> bool:
    return any(session.pump is pump for session in self.sessions)

  def _over(self, session: Session, now: float, now_ms: int) -> tuple[int, str, str] | None:
    client, principal = session.client, session.principal
    # Before the token: a new one would not help where there is no stream.
    if session.stream and self.backing.stream(session.stream) is not session.pump.log:
      return CloseCode.BAD_TOKEN, "stream_deleted", "the stream was deleted"
    try:
      principal.check(now_ms)
    except AuthError as exc:
      name = "token_expired" if exc.code == CloseCode.EXPIRED else "token_revoked"
      return exc.code, name, str(exc)
    if session.silent and now - session.started > self.config.handshake_within:
      told = (
        f"nothing was asked for within {self.config.handshake_within:g} s; send a subscribe message"
      )
      return CloseCode.BAD_REQUEST, "no_request", told
    if client.rest is not None and now - client.moved_at > self.config.stalled_after:
      return CloseCode.SLOW, "stalled", f"nothing was read for {self.config.stalled_after:g} s"
    return None

  async def shut_down(self) -> None:
    """Takes leave of everybody; returns when all have gone or 5 s have passed."""
    self.stopping = True
    farewell = shutdown_message(RETRY_AFTER_MS)
    for session in list(self.sessions):
      session.pump.put(session.client, farewell)
      session.pump.end(session.client, Ending(CloseCode.SHUTDOWN, "this server stops"))
    with trio.move_on_after(DRAIN):
      while self.sessions:
        await trio.sleep(0.01)


async def deny(transport: Transport, head: Head, exc: Denied) -> None:
  """An error that says why, and the close."""
  retryable = exc.code < CloseCode.BAD_TOKEN and exc.code != CloseCode.UNSUPPORTED
  code = exc.code if exc.code >= CloseCode.SHUTDOWN else CloseCode.BAD_REQUEST
  data = error_message(code, exc.name, str(exc), retryable=retryable)
  head.protocol.send_close(exc.code, str(exc).encode()[:120].decode(errors="ignore"))
  with trio.move_on_after(2.0):
    await _send_all(transport, data + b"".join(head.protocol.data_to_send()))
    # The client's own close frame says that it has read it.
    reader = FrameReader(head.protocol, MAX_PARTING_BYTES)
    while head.protocol.close_rcvd is None and (received := await transport.receive()):
      reader.feed(received)


async def _send_all(transport: Transport, data: bytes) -> None:
  rest = memoryview(data)
  while rest:
    rest = rest[await transport.send(rest) :]


def open_listeners(config: BrokerConfig) -> list[socket.socket]:
  """The sockets that a broker listens on. BondError says what is in the way."""
  listeners: list[socket.socket] = []
  try:
    found = socket.getaddrinfo(
      config.host, config.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    for family, kind, proto, _, address in dict.fromkeys(found):
      listener = socket.socket(family, kind, proto)
      listeners.append(listener)
      listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
      if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
      if config.reuse_port:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
      listener.bind(address)
      listener.listen(1024)
    if config.unix is not None:
      listeners.append(_unix_listener(config.unix))
  except OSError as exc:
    for listener in listeners:
      listener.close()
    raise BondError(
      f"cannot listen on {config.host}:{config.port}: {exc.strerror or exc}; choose another --port"
    ) from exc
  for listener in listeners:
    listener.setblocking(False)
  return listeners


def _unix_listener(path: str) -> socket.socket:
  if os.path.exists(path) and stat.S_ISSOCK(os.stat(path).st_mode):
    # Left by a process that was killed; a living one would be overtaken, so it is asked first.
    with socket.socket(socket.AF_UNIX) as probe:
      try:
        probe.connect(path)
      except OSError:
        os.unlink(path)
  listener = socket.socket(socket.AF_UNIX)
  listener.bind(path)
  os.chmod(path, 0o600)
  listener.listen(1024)
  return listener


def _tls_of(config: BrokerConfig) -> ssl.SSLContext | None:
  if config.tls_cert is None and config.tls_key is None:
    return None
  if config.tls_cert is None:
    raise BondError("--tls-key needs --tls-cert too")
  context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
  context.minimum_version = ssl.TLSVersion.TLSv1_2
  try:
    context.load_cert_chain(config.tls_cert, config.tls_key)
  except (OSError, ssl.SSLError) as exc:
    raise BondError(f"--tls-cert {config.tls_cert} cannot be used: {exc}") from exc
  return context


@asynccontextmanager
async def open_broker(config: BrokerConfig, backing: Backing) -> AsyncIterator[Broker]:
  """A broker that listens for as long as the block lasts; `addresses` are its URLs."""
  tls = _tls_of(config)
  listeners = open_listeners(config)
  try:
    async with trio.open_nursery() as nursery:
      broker = Broker(config, backing, nursery)
      for listener in listeners:
        unix = listener.family == socket.AF_UNIX
        if not unix:
          host, port = listener.getsockname()[:2]
          shown = f"[{host}]" if ":" in host else host
          broker.addresses.append(f"{'ws' if tls is None else 'wss'}://{shown}:{port}")
        nursery.start_soon(broker.listen, listener, None if unix else tls)
      if config.unix is not None:
        broker.addresses.append(f"unix:{config.unix}")
      nursery.start_soon(broker.tick)
      if backing.log is not None:
        # Books are followed from the start, so that whoever comes finds them.
        broker.start_market()
      yield broker
      nursery.cancel_scope.cancel()
  finally:
    for listener in listeners:
      listener.close()
