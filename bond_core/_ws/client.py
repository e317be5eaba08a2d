"""A websocket client on trio that reads in batches."""

import re
import ssl
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

import trio
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake, InvalidURI
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import CloseCode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI, parse_uri

from bond_core._errors import Disconnected, Refused, Unavailable
from bond_core._feeds.rate_limit import retry_after
from bond_core._simulated import note_answer
from bond_core._words import said
from bond_core._ws.frames import FrameReader, why_closed

READ_BYTES = 256 * 1024
# From a server that somebody else named: less at a time, and so many times as long a pause as what
# came has held the event loop.
GUARDED_BYTES, PAUSES = 16 * 1024, 2
MAX_HEAD_BYTES = 64 * 1024


class HandshakeRefused(Unavailable):
  """The server answered the opening request with something else than 101."""

  def __init__(
    self, status: int, headers: dict[str, str], body: bytes, hidden: Iterable[str] = ()
  ) -> None:
    """What the request had of secrets is `hidden` where the answer repeats it."""
    words = said(body, hidden)
    super().__init__(
      f"the server answered the websocket request with HTTP {status}{words}", retry_after(headers)
    )
    self.status = status
    self.headers = headers
    self.body = body


class WebSocket:
  """An open connection. One task receives, any number send."""

  def __init__(
    self,
    stream: trio.abc.Stream,
    protocol: ClientProtocol,
    max_bytes: int,
    early: bytes = b"",
    *,
    guarded: bool = False,
  ) -> None:
    """`early` is what came behind the handshake already. A `guarded` one has a share of the event
    loop only."""
    self._stream = stream
    self._protocol = protocol
    self._reader = FrameReader(protocol, max_bytes)
    self._send_lock = trio.StrictFIFOLock()
    self._early = early
    self._guarded = guarded
    self._read_at = trio.current_time()

  @property
  def pongs(self) -> int:
    """How many pongs have come in."""
    return self._reader.pongs

  @property
  def subprotocol(self) -> str | None:
    """The subprotocol that the server chose."""
    return self._protocol.subprotocol

  @property
  def binary(self) -> list[int]:
    """The places of the binary messages in what `receive` returned last; the others are text."""
    return self._reader.binary

  async def receive(self) -> list[bytes]:
    """The next messages, at least one. Raises Disconnected, with the reason, when there are no
    more."""
    while True:
      if self._protocol.state is not State.OPEN:
        raise Disconnected(why_closed(self._protocol))
      messages = self._reader.feed(await self._read())
      try:
        await self._flush()
      except Disconnected:
        # What came before the cut counts; the next call says that there was one.
        if not messages:
          raise
      if messages:
        return messages

  async def _read(self) -> bytes:
    if self._early:
      early, self._early = self._early, b""
      return early
    if self._guarded:
      await trio.sleep(min(1.0, PAUSES * (trio.current_time() - self._read_at)))
    try:
      data = await self._stream.receive_some(GUARDED_BYTES if self._guarded else READ_BYTES)
    except (trio.BrokenResourceError, trio.ClosedResourceError) as exc:
      raise Disconnected(f"cut off: {_words(exc)}") from exc
    if not data:
      self._protocol.receive_eof()
      raise Disconnected(why_closed(self._protocol))
    self._read_at = trio.current_time()
    return bytes(data)

  async def send(self, message: bytes) -> None:
    """Sends a text message."""
    if self._protocol.state is not State.OPEN:
      raise Disconnected(why_closed(self._protocol))
    self._protocol.send_text(message)
    await self._flush()

  async def send_binary(self, message: bytes) -> None:
    """Sends a binary message."""
    if self._protocol.state is not State.OPEN:
      raise Disconnected(why_closed(self._protocol))
    self._protocol.send_binary(message)
    await self._flush()

  async def ping(self) -> None:
    """Sends a ping; `pongs` grows when it is answered."""
    if self._protocol.state is State.OPEN:
      self._protocol.send_ping(b"bond")
      await self._flush()

  async def close(self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = "") -> None:
    """Starts the closing handshake; does not wait for the answer."""
    if self._protocol.state is State.OPEN:
      self._protocol.send_close(code, reason)
      await self._flush()

  async def _flush(self) -> None:
    # Frames are written in the order in which they were made: one writer at a time, and the
    # buffer is emptied under the lock.
    async with self._send_lock:
      data = b"".join(self._protocol.data_to_send())
      if not data:
        return
      try:
        await self._stream.send_all(data)
      except (trio.BrokenResourceError, trio.ClosedResourceError) as exc:
        raise Disconnected(f"cut off: {_words(exc)}") from exc


@asynccontextmanager
async def open_websocket(
  url: str,
  *,
  headers: Sequence[tuple[str, str]] = (),
  subprotocols: Sequence[str] = (),
  addresses: Sequence[str] | None = None,
  tls: ssl.SSLContext | None = None,
  max_message_bytes: int = 16 * 1024 * 1024,
  compression: bool = False,
  open_timeout: float = 10.0,
) -> AsyncIterator[WebSocket]:
  """An open websocket to `url`, closed on exit.

  `addresses` pins the connection to addresses that were vetted before: the name is then not
  resolved again, but still stands in Host and in the certificate check, and what comes takes a
  third of the event loop's time at most. Proxies from the environment are never used, redirects are
  not followed. Raises Disconnected when the connection cannot be made, HandshakeRefused when the
  server answers with an HTTP status, Unavailable where its certificate is not accepted, Refused
  when the URL is wrong.
  """
  try:
    uri = parse_uri(url)
  except InvalidURI as exc:
    raise Refused(
      f"{url!r} is not a websocket URL; write ws://host/path or wss://host/path"
    ) from exc
  with trio.move_on_after(open_timeout) as opening:
    stream = await _connect(uri, addresses, tls)
    try:
      protocol = ClientProtocol(
        uri,
        subprotocols=[Subprotocol(name) for name in subprotocols] or None,
        extensions=[ClientPerMessageDeflateFactory()] if compression else None,
        max_size=max_message_bytes,
      )
      rest = await _handshake(stream, protocol, headers)
    except BaseException:
      await trio.aclose_forcefully(stream)
      raise
  if opening.cancelled_caught:
    raise Disconnected(f"no websocket within {open_timeout:g} s")
  guarded = addresses is not None
  websocket = WebSocket(stream, protocol, max_message_bytes, rest, guarded=guarded)
  try:
    yield websocket
  finally:
    # The peer may be dead: a goodbye is tried for a moment, then the socket goes.
    with trio.move_on_after(0.2, shield=True):
      try:
        await websocket.close()
      except Disconnected:
        pass
    await trio.aclose_forcefully(stream)


async def _connect(
  uri: WebSocketURI, addresses: Sequence[str] | None, tls: ssl.SSLContext | None
) -> trio.abc.Stream:
  failure: OSError | None = None
  for host in addresses if addresses is not None else (uri.host,):
    try:
      stream: trio.abc.Stream = await trio.open_tcp_stream(host, uri.port)
    except OSError as exc:
      failure = exc
      continue
    if not uri.secure:
      return stream
    if tls is None:  # It takes 70 ms to read what this machine trusts.
      tls = await trio.to_thread.run_sync(ssl.create_default_context)
    secured = trio.SSLStream(
      stream,
      tls,
      server_hostname=uri.host,
      https_compatible=True,
    )
    try:
      await secured.do_handshake()
    except trio.BrokenResourceError as exc:
      await trio.aclose_forcefully(stream)
      if isinstance(exc.__cause__, ssl.SSLCertVerificationError):
        raise Unavailable(
          f"the certificate of {uri.host} was not accepted: {exc.__cause__.verify_message}; "
          "check the host name and this machine's clock and certificate store"
        ) from exc
      raise Disconnected(f"TLS with {uri.host} failed: {_words(exc)}") from exc
    except BaseException:
      await trio.aclose_forcefully(stream)
      raise
    return secured
  raise Disconnected(f"cannot connect to {uri.host}:{uri.port}: {failure}")


async def _handshake(
  stream: trio.abc.Stream, protocol: ClientProtocol, headers: Sequence[tuple[str, str]]
) -> bytes:
  """Opens the protocol; the bytes that came after the server's answer."""
  request = protocol.connect()
  for name, value in headers:
    request.headers[name] = value
  protocol.send_request(request)
  try:
    await stream.send_all(b"".join(protocol.data_to_send()))
    received = b""
    while b"\r\n\r\n" not in received:
      data = await stream.receive_some(READ_BYTES)
      if not data:
        raise Disconnected("the server closed the connection during the websocket handshake")
      received += data
      # Messages may follow the head in the same read; only the head is bounded here.
      if received.find(b"\r\n\r\n", 0, MAX_HEAD_BYTES) < 0 and len(received) > MAX_HEAD_BYTES:
        raise Disconnected("the server's answer to the websocket request is too long")
    head, _, rest = received.partition(b"\r\n\r\n")
    switching = head.split(b" ", 2)[1:2] == [b"101"]
    protocol.receive_data(head + b"\r\n\r\n" + (b"" if switching else rest))
    while not switching and protocol.handshake_exc is None:
      # A refusal has a body; it ends with its length or with the connection.
      data = await stream.receive_some(READ_BYTES)
      if data:
        protocol.receive_data(data)
      else:
        protocol.receive_eof()
        break
  except (trio.BrokenResourceError, trio.ClosedResourceError) as exc:
    raise Disconnected(f"cut off during the websocket handshake: {_words(exc)}") from exc
  answer = next((e for e in protocol.events_received() if isinstance(e, Response)), None)
  if answer is not None:
    note_answer(answer.headers)
  if answer is not None and answer.status_code != 101:
    raise HandshakeRefused(
      answer.status_code,
      {name.lower(): value for name, value in answer.headers.raw_items()},
      bytes(answer.body or b""),
      # A key may be in the path, the query or a header.
      [
        *re.split(r"[/?&=]", protocol.uri.resource_name),
        *(part for _, value in headers for part in value.split()),
      ],
    )
  if protocol.handshake_exc is not None:
    raise Disconnected(_handshake_sentence(protocol.handshake_exc)) from protocol.handshake_exc
  return rest


def _words(exc: BaseException) -> str:
  """What an error of the stream says; some say nothing."""
  return str(exc.__cause__ or exc) or "the connection was lost"


def _handshake_sentence(exc: Exception) -> str:
  kind = "is not a valid websocket answer" if isinstance(exc, InvalidHandshake) else "is not HTTP"
  return f"the server's answer {kind}: {exc}"
