"""Frames to messages and back, without I/O.

Whole, unmasked, uncompressed data frames, which is what venues send, take the fast lane: one read
becomes a list of payloads in one loop. Everything else (control frames, fragments, compression,
protocol errors) goes frame by frame through the sans-IO protocol of the websockets library.
"""

from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import Protocol, State

_TEXT = 0x80 | int(Opcode.TEXT)
_BINARY = 0x80 | int(Opcode.BINARY)


class FrameReader:
  """Turns what a socket delivers into messages.

  `protocol` has finished its handshake. After each `feed`, `protocol.data_to_send()` may hold
  answers (pong, close) for the driver to write, `pongs` counts the pongs that came in, and a
  protocol that has left `State.OPEN` says that the connection is over. A message over `max_bytes`
  (after inflation) or text that is not UTF-8 fails the connection, as RFC 6455 asks.
  """

  __slots__ = ("_fragments", "_max_bytes", "_need", "_parts", "_protocol", "_waiting", "pongs")

  def __init__(self, protocol: Protocol, max_bytes: int) -> None:
    self._protocol = protocol
    self._max_bytes = max_bytes
    self._parts: list[bytes] = []
    self._waiting = 0
    self._need = 0
    self._fragments: list[Frame] = []
    self.pongs = 0

  def feed(self, data: bytes) -> list[bytes]:
    """The messages that `data` completes, in order."""
    if self._parts:
      # A frame that spans many reads is joined once, when it is complete.
      self._parts.append(data)
      self._waiting += len(data)
      if self._waiting < self._need:
        return []
      data = b"".join(self._parts)
      self._parts.clear()
    messages: list[bytes] = []
    append = messages.append
    text = _TEXT
    limit = self._max_bytes
    position = 0
    end = len(data)
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
        self._protocol.fail(CloseCode.MESSAGE_TOO_BIG, f"frame of {length} bytes, limit {limit}")
        return messages
      stop = start + length + 4 if masked else start + length
      if stop > end:
        need = stop - position
        break
      if first == text and not masked and not self._fragments:
        payload = data[start:stop]
        if not payload.isascii() and not _is_utf8(payload):
          self._protocol.fail(CloseCode.INVALID_DATA, "text that is not UTF-8")
          return messages
        append(payload)
      elif first == _BINARY and not masked and not self._fragments:
        append(data[start:stop])
      else:
        message = self._slow(data[position:stop])
        if message is not None:
          append(message)
        if self._protocol.state is not State.OPEN:
          return messages
      position = stop
    if position < end:
      self._parts.append(data[position:])
      self._waiting = end - position
      self._need = need
    return messages

  def _slow(self, frame_bytes: bytes) -> bytes | None:
    self._protocol.receive_data(frame_bytes)
    for frame in self._protocol.events_received():
      if not isinstance(frame, Frame):
        continue
      if frame.opcode is Opcode.PONG:
        self.pongs += 1
      elif frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
        self._fragments.append(frame)
        if not frame.fin:
          continue
        payload = b"".join(bytes(part.data) for part in self._fragments)
        text = self._fragments[0].opcode is Opcode.TEXT
        self._fragments.clear()
        if text and not _is_utf8(payload):
          self._protocol.fail(CloseCode.INVALID_DATA, "text that is not UTF-8")
          return None
        return payload
    return None


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
  if protocol.parser_exc is not None and not isinstance(protocol.parser_exc, EOFError):
    return f"broken by a protocol error: {protocol.parser_exc}"
  if protocol.close_sent is not None:
    return f"closed by us with code {protocol.close_sent.code} ({protocol.close_sent.reason})"
  return "cut off without a close frame"
