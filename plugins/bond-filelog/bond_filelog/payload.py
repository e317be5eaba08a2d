"""Events as the payload of a record: JSON lines, deflated.

The lines are the wire form, so what is stored is what was sent. zlib at level 1 makes a tenth of
them, without holding up the interpreter meanwhile. Records of few events, which is what a calm
market gives, would gain little from that: they begin with a dictionary of what every line holds
(shapes-1.jsonl), so one event takes less than half of what it would take alone.

The dictionary belongs to the format. It is never changed, also when events have more fields;
another one would be another kind of record.
"""

import logging
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from bond_core import AnyEvent, Batch
from bond_core.logs import Record

logger = logging.getLogger("bond.log")

# Small enough that encoding or decoding one holds the interpreter for less than half a
# millisecond, large enough to deflate as well as any larger one.
RECORD_EVENTS: Final = 256
RECORD_BYTES: Final = 256 * 1024
_STEP: Final = 16

SHAPES: Final = (Path(__file__).parent / "shapes-1.jsonl").read_bytes()

_encode_lines = msgspec.json.Encoder().encode_lines
_decode_lines = msgspec.json.Decoder(AnyEvent).decode_lines


class Packed(NamedTuple):
  """Events with consecutive numbers, ready to be framed."""

  first: int
  last: int
  payload: bytes


def packed(first: int, events: Batch) -> Iterator[Packed]:
  """The payloads that hold these events. An event that has no wire form (a plugin put something
  into it that JSON cannot say) is left out; its number is then a hole."""
  number = first
  lines: list[bytes] = []
  count = size = 0
  for start in range(0, len(events), _STEP):
    for line, several in _encoded(events[start : start + _STEP]):
      if line is not None:
        lines.append(line)
        count += several
        size += len(line)
      if count and (line is None or count >= RECORD_EVENTS or size >= RECORD_BYTES):
        yield Packed(number, number + count - 1, _deflated(lines))
        number += count
        lines, count, size = [], 0, 0
      if line is None:
        number += 1
  if count:
    yield Packed(number, number + count - 1, _deflated(lines))


def unpacked(first: int, ts_ms: int, payload: bytes) -> list[Record]:
  """The events of a payload; several records where some of them cannot be read any more."""
  lines = zlib.decompressobj(-zlib.MAX_WBITS, SHAPES).decompress(payload)
  try:
    return [Record(first, ts_ms, _decode_lines(lines))]
  except msgspec.DecodeError as exc:
    logger.error("a stored event from number %d on cannot be read: %s", first, exc)
  records: list[Record] = []
  for number, line in enumerate(lines.splitlines(), first):
    try:
      events = _decode_lines(line)
    except msgspec.DecodeError:
      continue
    if records and records[-1].last + 1 == number:
      records[-1].events.extend(events)
    else:
      records.append(Record(number, ts_ms, events))
  return records


def _encoded(events: Batch) -> Iterator[tuple[bytes | None, int]]:
  """The lines of some events and their count; None for each one that has no wire form."""
  try:
    whole = _encode_lines(events)
  except Exception:
    for event in events:
      try:
        line = _encode_lines([event])
      except Exception as exc:
        kind = type(event).__name__
        logger.error("a %s of %s cannot be stored: %s", kind, _origin(event), exc)
        yield None, 1
      else:
        yield line, 1
  else:
    yield whole, len(events)


def _origin(event: AnyEvent) -> str:
  return str(getattr(event, "exchange", None) or event.channel)


def _deflated(lines: list[bytes]) -> bytes:
  deflate = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS, zdict=SHAPES)
  return deflate.compress(b"".join(lines)) + deflate.flush()
