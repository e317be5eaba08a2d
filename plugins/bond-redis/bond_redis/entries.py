"""Records as entries of a Redis stream, and back.

An entry's id is `{number of its last event}-{number of its events}`: ids grow as Redis demands, the
first entry from `{n}-0` on is the one that holds event n or what came after it, and Redis itself
refuses an entry whose numbers are taken. Its fields are `data`, the events' JSON, one a line, and
`ts`, when they were appended (epoch ms).
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from bond_core import AnyEvent, encode
from bond_core.logs import Record

logger = logging.getLogger("bond.redis")

MARKET_ENTRY = 64
"""Events in one entry of the log of all events. Streams of users have one, which is what readers of
the earlier system expect."""

# One call of the server, which does nothing else meanwhile.
CALL_ENTRIES = 1000
CALL_BYTES = 1024 * 1024

HIGHEST = (1 << 64) - 1

_decode_lines = msgspec.json.Decoder(AnyEvent).decode_lines


class Entry(NamedTuple):
  """One entry, not written yet."""

  last: int
  events: int
  ts_ms: int
  data: bytes

  @property
  def id(self) -> str:
    """Its id in the stream."""
    return f"{self.last}-{self.events}"


def entries_of(records: Iterable[Record], most: int, since_ms: int) -> list[Entry]:
  """The first entries of these records, as many as one call takes, at least one; each with up to
  `most` events. Their times never go back, not before `since_ms` either, so that a time can be
  found by halving."""
  entries: list[Entry] = []
  room = CALL_BYTES
  for record in records:
    since_ms = max(since_ms, record.ts_ms)
    for start in range(0, len(record.events), most):
      part = record.events[start : start + most]
      data = b"\n".join(map(encode, part))
      if entries and len(data) > room:
        return entries
      entries.append(Entry(record.first + start + len(part) - 1, len(part), since_ms, data))
      room -= len(data)
      if len(entries) == CALL_ENTRIES:
        return entries
  return entries


def place_of(entry_id: bytes) -> tuple[int, int]:
  """The number of an entry's last event and of its events."""
  last, _, count = entry_id.partition(b"-")
  return int(last), int(count)


def records_of(
  found: Sequence[tuple[bytes, Mapping[bytes, bytes]]], first: int, stream: str
) -> Iterator[Record]:
  """The records that these entries hold from number `first` on. Neighbours that were appended at
  the same time are one; an entry that cannot be read is left out."""
  begins, ts_ms, events = first, 0, list[AnyEvent]()
  for entry_id, fields in found:
    record = _record_of(entry_id, fields, stream)
    if record is None or record.last < first:
      continue
    record = record.since(first)
    if events and (record.first != begins + len(events) or record.ts_ms != ts_ms):
      yield Record(begins, ts_ms, events)
      events = []
    if not events:
      begins, ts_ms = record.first, record.ts_ms
    events += record.events
  if events:
    yield Record(begins, ts_ms, events)


def _record_of(entry_id: bytes, fields: Mapping[bytes, bytes], stream: str) -> Record | None:
  last, count = place_of(entry_id)
  try:
    events = _decode_lines(fields[b"data"])
    ts_ms = int(fields[b"ts"])
  except (KeyError, ValueError, msgspec.DecodeError) as exc:
    logger.error("%s: entry %s cannot be read: %s", stream, entry_id.decode(), exc)
    return None
  if len(events) != count:
    message = "%s: entry %s holds %d events"
    logger.error(message, stream, entry_id.decode(), len(events))
    return None
  return Record(last - count + 1, ts_ms, events)
