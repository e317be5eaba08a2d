"""Frames as messages: JSON, compressed JSON, text, MessagePack, CBOR, or the bytes themselves.

Sources: RFC 1950 (zlib), RFC 1951 (deflate), RFC 1952 (gzip), the MessagePack specification,
RFC 8949 (CBOR). Each frame is compressed by itself.
"""

import math
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import msgspec

from bond_ws.cbor import TooManyValues, decode_cbor
from bond_ws.matching import UNDECODED

Form = Literal["json", "text", "bytes", "gzip", "zlib", "deflate", "msgpack", "cbor"]

UNREADABLE = (ValueError, TypeError, RecursionError, OverflowError, zlib.error)

MOST_VALUES = 200_000
"""In one message. Making objects of millions, and weighing them, would hold up everything else."""

_WINDOWS = {"gzip": 31, "zlib": 15, "deflate": -15}
GZIP = b"\x1f\x8b"
_MARKS = {"gzip": GZIP, "zlib": b"\x78"}


def decoder(form: Form, most: int) -> Callable[[bytes], tuple[bytes, Any]]:
  """What makes of a frame the text that it holds and the message that this is, UNDECODED for what
  is none. A frame in another form than the venue's usual one, as pings may be, is read as text.
  Raises ValueError for one that holds more than `most` bytes, or more than MOST_VALUES values."""
  if form in _WINDOWS:
    window, mark = _WINDOWS[form], _MARKS.get(form, b"")

    def compressed(frame: bytes) -> tuple[bytes, Any]:
      text = _decompressed(frame, window, most) if frame.startswith(mark) else frame
      return text, _json(text)

    return compressed
  if form == "json":
    return lambda frame: (frame, _json(frame))
  if form == "text":
    return lambda frame: (frame, _text(frame))
  if form == "bytes":
    return lambda frame: (frame, frame)
  unpack = msgspec.msgpack.Decoder(ext_hook=_extension).decode
  binary = partial(decode_cbor, most=MOST_VALUES) if form == "cbor" else unpack

  def encoded(frame: bytes) -> tuple[bytes, Any]:
    try:
      return frame, _plain(_bounded(binary(frame), len(frame)))
    except TooManyValues:
      raise
    except UNREADABLE:
      return frame, _json(frame)

  return encoded


def as_text(frame: bytes) -> str | bytes:
  """What a function gets of a frame that holds no message: its text, or its bytes."""
  text = _text(frame)
  return frame if text is UNDECODED else str(text)


def _decompressed(frame: bytes, window: int, most: int) -> bytes:
  found, rest = b"", frame
  try:
    while rest:
      part = zlib.decompressobj(window)
      found += part.decompress(rest, most + 1 - len(found))
      if len(found) > most:
        raise ValueError(f"a frame holds more than the {most} bytes of max_message")
      rest = part.unused_data if part.eof else b""
  except zlib.error:
    if not found and not frame.startswith(tuple(_MARKS.values())):
      return frame
    raise ValueError("it cannot be decompressed") from None
  return found


def _json(text: bytes) -> Any:
  # Most values have a comma or a colon before them.
  if len(text) > MOST_VALUES and text.count(b",") + text.count(b":") > MOST_VALUES:
    raise TooManyValues(MOST_VALUES)
  try:
    return msgspec.json.decode(text)
  except UNREADABLE:
    return UNDECODED


def _text(frame: bytes) -> Any:
  try:
    return frame.decode()
  except UnicodeDecodeError:
    return UNDECODED


def _bounded(value: Any, length: int) -> Any:
  """The same value of a frame of this length. Raises TooManyValues."""
  left, inner = MOST_VALUES, [value] if length > MOST_VALUES else []
  while inner:
    item = inner.pop()
    if isinstance(item, dict | list):
      left -= len(item)
      if left < 0:
        raise TooManyValues(MOST_VALUES)
      inner += item.values() if isinstance(item, dict) else item
  return value


def _plain(value: Any) -> Any:
  """A value with texts for keys, and None for numbers that are none, as JSON has them."""
  if isinstance(value, dict):
    return {_key(key): _plain(item) for key, item in value.items()}
  if isinstance(value, list | tuple):
    return [_plain(item) for item in value]
  if isinstance(value, float) and not math.isfinite(value):
    return None
  return value


def _key(key: Any) -> str:
  return key.decode(errors="replace") if isinstance(key, bytes) else str(key)


def _extension(code: int, data: memoryview) -> bytes:
  return bytes(data)
