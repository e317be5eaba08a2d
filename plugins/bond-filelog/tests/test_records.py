"""Records and payloads as bytes, without a disk."""

import zlib
from pathlib import Path

import pytest
from bond_filelog.payload import RECORD_EVENTS, SHAPES, packed, unpacked
from bond_filelog.record import EVENTS, HEADER, MAGIC, framed, walk
from hypothesis import given, strategies as st
from kept_events import event

from bond_core import Custom, Trade
from bond_core._events import EVENT_TYPES, decode, encode

EPOCH = b"12345678"
GOLDEN = Path(__file__).parents[3] / "tests" / "core" / "golden_events.jsonl"


def walked(data, epoch=EPOCH):
  return [
    (found.first, found.payload)
    for found in walk(lambda at, size: data[at : at + size], 0, len(data), epoch)
  ]


def records(*payloads):
  return [framed(EVENTS, EPOCH, n, n, 5, payload) for n, payload in enumerate(payloads, 1)]


@given(st.lists(st.binary(max_size=200)))
def test_records_are_found_again(payloads):
  assert walked(b"".join(records(*payloads))) == list(enumerate(payloads, 1))


@given(
  st.lists(st.binary(max_size=60) | st.just(MAGIC * 20), min_size=1, max_size=6),
  st.data(),
)
def test_what_is_overwritten_is_passed_over_and_nothing_else_is(payloads, data):
  whole = records(*payloads)
  place = data.draw(st.integers(0, sum(map(len, whole)) - 1))
  stretch = data.draw(st.binary(min_size=1, max_size=4) | st.just(MAGIC))
  damaged = b"".join(whole)
  damaged = damaged[:place] + stretch + damaged[place + len(stretch) :]
  expected, at = [], 0
  for number, (payload, frame) in enumerate(zip(payloads, whole, strict=True), 1):
    if damaged[at : at + len(frame)] == frame:
      expected.append((number, payload))
    at += len(frame)
  assert walked(damaged) == expected


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=4), st.data())
def test_of_a_torn_end_the_whole_records_are_found(payloads, data):
  whole = records(*payloads)
  torn = b"".join(whole)[: data.draw(st.integers(0, sum(map(len, whole))))]
  expected, at = [], 0
  for number, frame in enumerate(whole, 1):
    at += len(frame)
    if at <= len(torn):
      expected.append((number, payloads[number - 1]))
  assert walked(torn) == expected


def test_records_of_another_epoch_are_none_and_the_first_one_decides():
  mine, other = records(b"mine"), [framed(EVENTS, b"abcdefgh", 1, 1, 5, b"other")]
  assert walked(b"".join(mine + other)) == [(1, b"mine")]
  assert walked(b"".join(other + mine), None) == [(1, b"other")]


def test_the_beginning_of_a_record_stands_in_no_text():
  with pytest.raises(UnicodeDecodeError):
    MAGIC.decode()


def test_a_long_batch_becomes_several_records_that_are_the_same_events():
  events = [event(n) for n in range(10, 1010)]
  parts = list(packed(10, events))
  assert [part.first for part in parts] == [10, 10 + RECORD_EVENTS, 522, 778]
  assert parts[-1].last == 1009
  found = [r for part in parts for r in unpacked(part.first, 7, part.payload)]
  assert [e for r in found for e in r.events] == events
  assert {r.ts_ms for r in found} == {7}


def test_large_events_are_fewer_to_a_record():
  parts = list(packed(1, [event(n, 100_000) for n in range(1, 65)]))
  assert len(parts) == 4


@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_every_type_of_event_comes_back_as_it_went(kind):
  marked = b'"type":"%s"' % kind.encode()
  shaped = [line for line in SHAPES.splitlines() if marked in line]
  (line,) = shaped[-1:] or [line for line in GOLDEN.read_bytes().splitlines() if marked in line]
  events = [decode(line)]
  (part,) = packed(1, events)
  ((_, _, found),) = unpacked(1, 0, part.payload)
  assert found == events
  if shaped:  # a type that came later is not in the dictionary
    assert len(part.payload) < len(encode(events[0])) / 4


@pytest.mark.parametrize("odd", [object(), "\ud800", {(1, 2): 3}])
def test_an_event_that_json_cannot_say_is_left_out_and_named(odd, caplog):
  events = [event(n) for n in range(1, 41)]
  for place in (0, 20, 21, 39):
    events[place] = Custom(exchange="venue", symbol="", event_type="odd", data={"a": odd})
  parts = list(packed(1, events))
  assert [(part.first, part.last) for part in parts] == [(2, 20), (23, 39)]
  assert "a Custom of venue cannot be stored" in caplog.text


def test_an_event_that_cannot_be_read_back_is_left_out_and_named(caplog):
  events = [event(1), Trade(exchange="x", symbol="y", price=float("nan"), size=1.0), event(3)]
  (part,) = packed(1, events)
  found = unpacked(1, 5, part.payload)
  assert found == [(1, 5, [event(1)]), (3, 5, [event(3)])]
  assert "from number 1 on cannot be read" in caplog.text


def test_the_dictionary_is_what_it_was():
  """What was kept with it can be read with nothing else; another one is another kind of record."""
  assert (len(SHAPES), zlib.crc32(SHAPES)) == (4467, 1665973583)


def test_the_header_is_what_the_documentation_says():
  assert HEADER.size == 44
