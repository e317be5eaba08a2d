"""CBOR (RFC 8949) as JSON's values, and bytes. Tags are left out: a tagged value is its content."""

import struct
from typing import Any

MOST_DEEP = 64

_FLOATS = {25: ">e", 26: ">f", 27: ">d"}
_SIMPLE = {20: False, 21: True, 22: None, 23: None}
_BREAK = object()
_INDEFINITE = 31


class TooManyValues(ValueError):
  """A message holds more values than may be read of one."""

  def __init__(self, most: int) -> None:
    super().__init__(f"a frame holds more than {most} values")


def decode_cbor(data: bytes, most: int) -> Any:
  """The value of one item. Raises ValueError for what is none, and for more than one; and
  TooManyValues for one that holds more than `most`."""
  reader = _Reader(data, most)
  try:
    value = reader.item(0)
  except (IndexError, struct.error):
    raise ValueError("the CBOR ends too early") from None
  if value is _BREAK or reader.at != len(data):
    raise ValueError("there is something behind the CBOR, or nothing before its end")
  return value


class _Reader:
  def __init__(self, data: bytes, most: int) -> None:
    self.at = 0
    self._data = data
    self._most = most
    self._left = most

  def item(self, depth: int) -> Any:
    """The next item; _BREAK for the end of one of unknown length."""
    if depth > MOST_DEEP:
      raise ValueError("the CBOR is nested too deeply")
    self._left -= 1
    if self._left < 0:
      raise TooManyValues(self._most)
    head = self._data[self.at]
    self.at += 1
    major, more = head >> 5, head & 31
    if major == 7:
      return self._simple(more)
    length = None if more == _INDEFINITE and 2 <= major <= 5 else self._number(more)
    if major == 0:
      return length
    if major == 1:
      return -1 - (length or 0)
    if major in (2, 3):
      found = self._bytes(major, length, depth)
      return found.decode() if major == 3 else found
    if major == 4:
      return self._items(length, depth)
    if major == 5:
      return self._pairs(length, depth)
    return self.item(depth + 1)

  def _number(self, more: int) -> int:
    if more < 24:
      return more
    if more > 27:
      raise ValueError("that is no CBOR")
    return int.from_bytes(self._take(1 << (more - 24)))

  def _take(self, count: int) -> bytes:
    found = self._data[self.at : self.at + count]
    if len(found) < count:
      raise ValueError("the CBOR ends too early")
    self.at += count
    return found

  def _simple(self, more: int) -> Any:
    if more == _INDEFINITE:
      return _BREAK
    if more in _FLOATS:
      (value,) = struct.unpack(_FLOATS[more], self._take(1 << (more - 24)))
      return value
    return _SIMPLE.get(self._number(more))

  def _bytes(self, major: int, length: int | None, depth: int) -> bytes:
    if length is not None:
      return self._take(length)
    parts = []
    while (part := self.item(depth + 1)) is not _BREAK:
      part = part.encode() if major == 3 and isinstance(part, str) else part
      if not isinstance(part, bytes):
        raise ValueError("a part of a CBOR text is none")
      parts.append(part)
    return b"".join(parts)

  def _items(self, length: int | None, depth: int) -> list[Any]:
    found: list[Any] = []
    while length is None or len(found) < length:
      value = self.item(depth + 1)
      if value is _BREAK:
        if length is None:
          break
        raise ValueError("a CBOR list ends too early")
      found.append(value)
    return found

  def _pairs(self, length: int | None, depth: int) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    count = 0
    while length is None or count < length:
      key = self.item(depth + 1)
      if key is _BREAK and length is None:
        break
      value = self.item(depth + 1)
      if _BREAK in (key, value) or not isinstance(key, str | int | float):
        raise ValueError("a key of a CBOR map is neither a text nor a number")
      found[key] = value
      count += 1
    return found
