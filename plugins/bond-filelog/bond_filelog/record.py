"""The records of a segment, one after the other, each with a checksum of its own.

A record is a header of 44 bytes, little endian, and a payload:

| bytes | what |
|---|---|
| 4 | `\\xb0BL1`, the last of them the version of this format; no UTF-8 text holds the first |
| 1 + 3 | kind, zeros |
| 4 | length of the payload |
| 4 | number of events |
| 8 | epoch of the log |
| 8 | number of the first event; of a mark, the one that would come next |
| 8 | when they were appended (epoch ms) |
| 4 | CRC-32 of the 40 bytes before and the payload |

CRC-32 finds every single flipped bit and every burst of up to 32 bits. A record needs nothing that
stands outside it, so what is left of a damaged segment can always be read.
"""

import struct
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple
from zlib import crc32

MAGIC: Final = b"\xb0BL1"
HEADER: Final = struct.Struct("<4sB3xII8sQqI")
CHECKED: Final = HEADER.size - 4
_CRC: Final = struct.Struct("<I")
_BLOCK: Final = 64 * 1024

EVENTS: Final = 1
FINISHED: Final = 2
"""A mark at the end of a log that was ended in order."""
SEALED: Final = 3
"""A mark at the end of a segment that takes no more records; its payload is the segment's index."""

Reader = Callable[[int, int], bytes]
"""The bytes at an offset: as many as the size given, or up to the end."""


class Found(NamedTuple):
  """A record that is whole, and where it stands: from `offset` up to `stop`. `last` is the number
  of its last event, first - 1 for a mark."""

  kind: int
  epoch: bytes
  first: int
  last: int
  ts_ms: int
  payload: bytes
  offset: int
  stop: int


def framed(
  kind: int, epoch: bytes, first: int, last: int, ts_ms: int, payload: bytes = b""
) -> bytes:
  """The bytes of a record; of a mark where `last` is first - 1."""
  count = last - first + 1
  head = HEADER.pack(MAGIC, kind, len(payload), count, epoch, first, ts_ms, 0)[:CHECKED]
  return b"".join((head, _CRC.pack(crc32(payload, crc32(head))), payload))


def walk(read: Reader, start: int, end: int, epoch: bytes | None) -> Iterator[Found]:
  """Every whole record of a log's epoch between two offsets, in order; None takes the epoch of the
  first one found. What is damaged, torn or not a record is passed over: a record whose `offset` is
  not the `stop` of the one before it comes after such a stretch."""
  offset = start
  while offset + HEADER.size <= end:
    found = record_at(read, offset, end, epoch)
    if found is None:
      offset = _next_magic(read, offset + 1, end)
      continue
    epoch = found.epoch
    yield found
    offset = found.stop


def record_at(read: Reader, offset: int, end: int, epoch: bytes | None) -> Found | None:
  """The record that begins at an offset, or None where there is no whole one."""
  head = read(offset, HEADER.size)
  if len(head) < HEADER.size:
    return None
  magic, kind, length, count, owner, first, ts_ms, _ = HEADER.unpack(head)
  stop = offset + HEADER.size + length
  if magic != MAGIC or stop > end or (epoch is not None and owner != epoch):
    return None
  payload = read(offset + HEADER.size, length)
  if len(payload) < length or not _proven(head, payload):
    return None
  return Found(kind, owner, first, first + count - 1, ts_ms, payload, offset, stop)


def is_of_another_version(read: Reader) -> bool:
  """Whether a file begins with a whole record of another version of this format. Every version has
  this header; a byte that was damaged makes no other version."""
  head = read(0, HEADER.size)
  if len(head) < HEADER.size or head[:4] == MAGIC or head[:3] != MAGIC[:3]:
    return False
  return _proven(head, read(HEADER.size, HEADER.unpack(head)[2]))


def _proven(head: bytes, payload: bytes) -> bool:
  expected: int = _CRC.unpack_from(head, CHECKED)[0]
  return crc32(payload, crc32(head[:CHECKED])) == expected


def _next_magic(read: Reader, offset: int, end: int) -> int:
  """Where a record may begin at an offset or later; `end` where none does."""
  while offset < end:
    block = read(offset, min(_BLOCK, end - offset))
    at = block.find(MAGIC)
    if at >= 0:
      return offset + at
    if len(block) < len(MAGIC) or offset + len(block) >= end:
      break
    offset += len(block) - len(MAGIC) + 1
  return end
