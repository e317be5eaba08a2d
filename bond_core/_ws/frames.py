"""Frames to messages and back, without I/O.

Whole, unmasked, uncompressed data frames, which is what venues send, take the fast lane: one read
becomes a list of payloads in one loop. Everything else (control frames, fragments, compression,
protocol errors) goes frame by frame through the sans-IO protocol of the websockets library.
"""

import codecs

from websockets.exceptions import ConnectionClosed, ProtocolError
from websockets.frames import CTRL_OPCODES, CloseCode, Frame, Opcode
from websockets.protocol import Protocol, Side, State

_TEXT = 0x80 | int(Opcode.TEXT)
_BINARY = 0x80 | int(Opcode.BINARY)
_CLOSE = 0x80 | int(Opcode.CLOSE)
_MAX_CONTROL = 125
# Of one read: frames that bring nothing, or next to nothing. The smallest fragments in use have 64
# bytes.
_MAX_IDLE = 1000
_IDLE_BYTES = 32
_NO_LANE = (-1, -1)
_NOT_UTF8 = "text that is not UTF-8"
_utf8_decoder = codecs.getincrementaldecoder("utf-8")


class FrameReader:
  """Turns what a socket delivers into messages.

  `protocol` has finished its handshake. After each `feed`, `protocol.data_to_send()` may hold
  answers (pong, close) for the driver to write, `pongs` counts the pongs that came in, and a
  protocol that has left `State.OPEN` says that the connection is over. On a server `frames` counts
  all that came, also those that are no message. A message over `max_bytes` (after inflation) or
  text that is not UTF-8 fails the connection, as RFC 6455 requires, and so does a read full of
  control frames and tiny fragments. Where the difference matters, `binary` has the places of the
  binary messages in what `feed` returned last.
  """

  __slots__ = (
    "_fast",
    "_fragments",
    "_idle",
    "_lane",
    "_max_bytes",
    "_need",
    "_over",
    "_owed",
    "_parts",
    "_protocol",
    "_utf8",
    "_waiting",
    "binary",
    "frames",
    "pongs",
  )

  def __init__(self, protocol: Protocol, max_bytes: int) -> None:
    self._protocol = protocol
    self._max_bytes = max_bytes
    # The first bytes of frames that may take the fast lane: none on a server, which must refuse a
    # frame that is not masked, and none inside a fragmented message.
    self._lane = (_TEXT, _BINARY) if protocol.side is Side.CLIENT else _NO_LANE
    self._fast = self._lane
    # The beginning of a frame for the fast lane, until it is whole.
    self._parts: list[bytes] = []
    self._waiting = 0
    self._need = 0
    # Bytes still to come of a frame that the library has begun to read.
    self._owed = 0
    self._fragments: bytearray | None = None
    self._utf8: codecs.IncrementalDecoder | None = None
    self._over = False
    self._idle = 0
    self.binary: list[int] = []
    self.frames = 0
    self.pongs = 0

  def feed(self, data: bytes) -> list[bytes]:
    """The messages that `data` completes, in order."""
    messages: list[bytes] = []
    self._idle = 0
    if self.binary:
      self.binary = []
    if self._parts:
      # A frame that spans many reads is joined once, when it is complete.
      self._parts.append(data)
      self._waiting += len(data)
      if self._waiting < self._need:
        return messages
      data = b"".join(self._parts)
      self._parts.clear()
    position = 0
    end = len(data)
    if self._owed:
      position = min(self._owed, end)
      self._owed -= position
      self._slow(data[:position], messages)
    if self._over:
      return messages
    append = messages.append
    text, binary = self._fast
    limit = self._max_bytes
    need = 2
    while end - position >= 2:
      first = data[position]
      length = data[position + 1]
      start = position + 2
      masked = length & 0x80
      if masked:
        length &= 0x7F
      if length == 126:
        start += 2
        if start > end:
          need = 4
          break
        length = data[start - 2] << 8 | data[start - 1]
      elif length == 127:
        start += 8
        if start > end:
          need = 10
          break
        length = int.from_bytes(data[start - 8 : start], "big")
      if length > limit:
        # The library says what is wrong with the frame besides, if anything is.
        self._slow(data[position:start], messages)
        if not self._over:
          self._fail(CloseCode.MESSAGE_TOO_BIG, f"frame of {length} bytes, limit {limit}")
        return messages
      stop = start + length + 4 if masked else start + length
      if first == text and not masked:
        if stop > end:
          need = stop - position
          break
        payload = data[start:stop]
        if not payload.isascii() and not _is_utf8(payload):
          self._fail(CloseCode.INVALID_DATA, _NOT_UTF8)
          return messages
        append(payload)
      elif first == binary and not masked:
        if stop > end:
          need = stop - position
          break
        self.binary.append(len(messages))
        append(data[start:stop])
      else:
        if stop > end:
          self._owed = stop - end
          stop = end
        if first == _CLOSE and length <= _MAX_CONTROL:
          # A close may come between the fragments of a message (RFC 6455, 5.4), which then stays
          # incomplete; the library takes that for an error.
          self._protocol.current_size = None
        self._slow(data[position:stop], messages)
        if self._over:
          return messages
        text, binary = self._fast
      position = stop
    if position < end:
      self._parts.append(data[position:])
      self._waiting = end - position
      self._need = need
    return messages

  def _slow(self, data: bytes, messages: list[bytes]) -> None:
    """Has the library read `data`, which ends with a frame or within one."""
    protocol = self._protocol
    protocol.receive_data(data)
    for frame in protocol.events_received():
      if not isinstance(frame, Frame):
        continue
      self.frames += 1
      if frame.opcode is Opcode.PONG:
        self.pongs += 1
      elif frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
        self._take(frame, messages)
      self._idle += len(frame.data) < _IDLE_BYTES or frame.opcode in CTRL_OPCODES
      if self._idle > _MAX_IDLE and not self._over:
        self._fail(CloseCode.POLICY_VIOLATION, "a flood of control frames or tiny fragments")
    if protocol.close_rcvd is not None or protocol.parser_exc is not None:
      # What follows a close frame or an error is not looked at.
      self._over = True

  def _take(self, frame: Frame, messages: list[bytes]) -> None:
    """Adds the message that a data frame completes."""
    if frame.opcode is not Opcode.CONT:
      self._utf8 = _utf8_decoder() if frame.opcode is Opcode.TEXT else None
    if self._utf8 is not None:
      try:
        self._utf8.decode(bytes(frame.data), frame.fin)
      except UnicodeDecodeError:
        self._fail(CloseCode.INVALID_DATA, _NOT_UTF8)
        return
    if self._fragments is None and frame.fin:
      payload = bytes(frame.data)
    else:
      if self._fragments is None:
        self._fragments = bytearray()
        self._fast = _NO_LANE
      self._fragments += frame.data
      if not frame.fin:
        return
      payload = bytes(self._fragments)
      self._fragments = None
      self._fast = self._lane
    if self._utf8 is None:
      self.binary.append(len(messages))
    messages.append(payload)

  def _fail(self, code: CloseCode, reason: str) -> None:
    self._protocol.fail(code, reason)
    self._over = True


def _is_utf8(payload: bytes) -> bool:
  try:
    payload.decode()
  except UnicodeDecodeError:
    return False
  return True


def text_frame(payload: bytes) -> bytes:
  """The unmasked frame that a server sends for a text message."""
  length = len(payload)
  if length < len(_HEADERS):
    return _HEADERS[length] + payload
  return _header(length) + payload


def _header(length: int) -> bytes:
  if length < 126:
    return bytes((_TEXT, length))
  if length < 65536:
    return bytes((_TEXT, 126, length >> 8, length & 0xFF))
  return bytes((_TEXT, 127)) + length.to_bytes(8, "big")


# Nearly every event is shorter than this: its header is looked up, which is three times as fast as
# making it.
_HEADERS = [_header(length) for length in range(2048)]


def why_closed(protocol: Protocol) -> str:
  """A sentence about how a connection ended."""
  exc = protocol.close_exc if protocol.state is State.CLOSED else None
  if isinstance(exc, ConnectionClosed) and exc.rcvd is not None:
    reason = f" ({exc.rcvd.reason})" if exc.rcvd.reason else ""
    return f"closed by the other side with code {exc.rcvd.code}{reason}"
  if protocol.close_rcvd is not None:
    reason = f" ({protocol.close_rcvd.reason})" if protocol.close_rcvd.reason else ""
    return f"closed by the other side with code {protocol.close_rcvd.code}{reason}"
  if isinstance(protocol.parser_exc, ProtocolError):
    return f"broken by a protocol error: {protocol.parser_exc}"
  if protocol.close_sent is not None:
    return f"closed by us with code {protocol.close_sent.code} ({protocol.close_sent.reason})"
  return "cut off without a close frame"
