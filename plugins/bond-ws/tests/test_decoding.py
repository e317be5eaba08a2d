"""Frames that are no plain JSON, and conditions about what is there."""

import gzip
import struct
import time
import zlib

import msgspec
import pytest
from bond_ws.cbor import decode_cbor
from hypothesis import given, settings, strategies as st
from ws_feeds import GOOD, TRADE, fault_of, feed_of, read

from bond_core import Custom, Gap, Trade
from bond_core._events import decode, encode
from bond_core.feeds import Send


def deflated(data):
  found = zlib.compressobj(wbits=-15)
  return found.compress(data) + found.flush()


def flushed(data):
  found = zlib.compressobj(wbits=-15)
  return found.compress(data) + found.flush(zlib.Z_SYNC_FLUSH)


def cbor(value):
  """An encoder for the tests; RFC 8949's own vectors are below."""

  def head(major, number):
    if number < 24:
      return bytes([major << 5 | number])
    size = (number.bit_length() + 7) // 8
    bits = next(n for n in range(4) if size <= 1 << n)
    return bytes([major << 5 | (24 + bits)]) + number.to_bytes(1 << bits)

  match value:
    case None | True | False:
      return {None: b"\xf6", True: b"\xf5", False: b"\xf4"}[value]
    case int():
      return head(0, value) if value >= 0 else head(1, -1 - value)
    case float():
      return b"\xfb" + struct.pack(">d", value)
    case bytes():
      return head(2, len(value)) + value
    case str():
      return head(3, len(value.encode())) + value.encode()
    case list():
      return head(4, len(value)) + b"".join(map(cbor, value))
  return head(5, len(value)) + b"".join(cbor(k) + cbor(v) for k, v in value.items())


FORMS = {
  "json": bytes,
  "gzip": gzip.compress,
  "zlib": zlib.compress,
  "deflate": deflated,
  "msgpack": lambda text: msgspec.msgpack.encode(msgspec.json.decode(text)),
  "cbor": lambda text: cbor(msgspec.json.decode(text)),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_the_same_trade(form):
  feed = feed_of(TRADE, decode=form)
  (event,) = read(feed, FORMS[form](msgspec.json.encode(GOOD)))
  assert (type(event), event.symbol, event.price) == (Trade, "BTC/USD", 42.5)
  # A ping may be plain text all the same.
  assert read(feed, b'{"e":"t", "s":"X-USD", "p":1, "q":2, "d":"buy", "T":1700000000123}')


def test_parts_of_a_compressed_frame_belong_together():
  feed = feed_of(TRADE, decode="gzip")
  text = msgspec.json.encode(GOOD)
  assert [type(e) for e in read(feed, gzip.compress(text[:9]) + gzip.compress(text[9:]))] == [Trade]
  assert read(feed_of(TRADE, decode="deflate"), flushed(text))


@pytest.mark.parametrize("form", ["gzip", "zlib", "deflate"])
def test_a_frame_that_holds_more_than_the_most_is_a_gap_and_no_memory(form):
  feed = feed_of(TRADE, decode=form, max_message="1MiB")
  pack = FORMS[form]
  bomb = pack(b" " * 20_000_000)
  assert len(bomb) < 1_000_000
  (gap,) = read(feed, bomb)
  assert "more than the 1048576 bytes of max_message" in gap.cause
  assert [type(event) for event in read(feed, pack(msgspec.json.encode(GOOD)))] == [Trade]


MANY = {
  "json": b"[" + b"{}," * 1_300_000 + b"{}]",
  "gzip": gzip.compress(b"[" + b"[1]," * 900_000 + b"1]"),
  "msgpack": b"\xdd\x00\x3b\x82\x60" + b"\x80" * 3_900_000,
  "cbor": b"\x9a\x00\x1d\xc1\x30" + b"\xa0\xa0" * 975_000,
}


@pytest.mark.parametrize("form", MANY)
def test_a_message_of_millions_of_values_is_a_gap_and_takes_no_time(form):
  feed = feed_of({"emit": "custom", "event_type": "all"}, decode=form)
  began = time.process_time()
  (gap,) = read(feed, MANY[form])
  # Each of them took seconds to be made and weighed.
  assert time.process_time() - began < 1.5
  assert "more than 200000 values" in gap.cause
  assert read(feed, FORMS[form](msgspec.json.encode(GOOD)))


@pytest.mark.parametrize("form", [*FORMS, "text"])
@settings(max_examples=25, deadline=None)
@given(data=st.binary(max_size=60))
def test_whatever_comes_ends_nothing(form, data):
  feed = feed_of(TRADE, {"emit": "custom", "event_type": "all"}, decode=form)
  for frame in (data, b"\x1f\x8b" + data, b"\x78\x9c" + data, b"\xbf" + data):
    for event in read(feed, frame):
      decode(encode(event))
  if form in FORMS:
    assert Trade in [type(event) for event in read(feed, FORMS[form](msgspec.json.encode(GOOD)))]


def test_what_msgpack_has_and_json_has_not_can_be_sent_on():
  feed = feed_of({"emit": "custom", "event_type": "x"}, decode="msgpack")
  value = {1: float("nan"), b"k": b"\xff", "e": msgspec.msgpack.Ext(7, b"ab"), "l": [{2: 3}]}
  (event,) = read(feed, msgspec.msgpack.encode(value))
  decode(encode(event))
  assert event.data == {"1": None, "k": b"\xff", "e": b"ab", "l": [{"2": 3}]}


def seen_by(function, monkeypatch, frame, **more):
  import sys
  import types

  module = types.ModuleType("frames_seen")
  module.seen = []
  module.take = lambda message, received: module.seen.append(message)
  monkeypatch.setitem(sys.modules, "frames_seen", module)
  read(feed_of(function="frames_seen:take", **more), frame)
  return module.seen[0]


@pytest.mark.parametrize(
  ("options", "frame", "seen"),
  [
    ({}, b'{"a":1}', {"a": 1}),
    ({}, b"a,b", "a,b"),
    # Not valid as text: nothing is lost.
    ({}, b"\x1f\x8b\xff\x00", b"\x1f\x8b\xff\x00"),
    ({"decode": "text"}, b'{"a":1}', '{"a":1}'),
    ({"decode": "bytes"}, b'{"a":1}', b'{"a":1}'),
    ({"decode": "gzip"}, gzip.compress(b"a,b", mtime=0), "a,b"),
    ({"decode": "msgpack"}, b"\x93\x01\xc3\xc0", [1, True, None]),
  ],
)
def test_a_function_gets_what_came(monkeypatch, options, frame, seen):
  assert seen_by("", monkeypatch, frame, **options) == seen


def test_bytes_are_not_for_rules():
  assert "bytes are read by a function" in fault_of(TRADE, decode="bytes")


# RFC 8949, appendix A.
@pytest.mark.parametrize(
  ("data", "value"),
  [
    ("00", 0),
    ("1bffffffffffffffff", 18446744073709551615),
    ("3903e7", -1000),
    ("f93c00", 1.0),
    ("fa47c35000", 100000.0),
    ("fb7e37e43c8800759c", 1.0e300),
    ("f97c00", float("inf")),
    ("f4f5"[:2], False),
    ("f7", None),
    ("c11a514b67b0", 1363896240),
    ("4401020304", b"\x01\x02\x03\x04"),
    ("62c3bc", "ü"),
    ("83010203", [1, 2, 3]),
    ("98190102030405060708090a0b0c0d0e0f101112131415161718181819", list(range(1, 26))),
    ("a26161016162820203", {"a": 1, "b": [2, 3]}),
    ("5f42010243030405ff", b"\x01\x02\x03\x04\x05"),
    ("7f657374726561646d696e67ff", "streaming"),
    ("9f018202039f0405ffff", [1, [2, 3], [4, 5]]),
    ("bf61610161629f0203ffff", {"a": 1, "b": [2, 3]}),
  ],
)
def test_cbor_is_read_as_it_is_written(data, value):
  assert decode_cbor(bytes.fromhex(data), 1000) == value


@pytest.mark.parametrize(
  "data",
  ["", "ff", "83ff", "0000", "1c", "9f", "61", "5b7fffffffffffffff", "5fff00", "81" * 100 + "00"],
)
def test_what_is_no_cbor_is_a_fault(data):
  with pytest.raises((ValueError, IndexError)):
    decode_cbor(bytes.fromhex(data), 1000)


# Conditions --------------------------------------------------------------------------------------

PONG = {"when": {"ping": {"has": True}}, "send": {"pong": "${ping}"}}


def test_what_is_there_can_be_said():
  feed = feed_of(TRADE, replies=[PONG], decode="gzip")
  assert read(feed, gzip.compress(b'{"ping":1492420473027}')) == []
  assert feed.actions.popleft() == Send(1, b'{"pong":1492420473027}')
  # Null is something, too; another message is none.
  read(feed, {"ping": None}, GOOD)
  assert [action.data for action in feed.actions] == [b'{"pong":null}']


def test_what_is_not_there_can_be_said():
  rule = {
    "emit": "custom",
    "event_type": "x",
    "where": {"error": {"has": False}, "$.a.b": {"has": True}},
  }
  feed = feed_of(rule)
  events = read(feed, {"a": {"b": None}}, {"a": {"b": 1}, "error": None}, {"a": {}}, {"a": [1]})
  assert [(type(event), event.data) for event in events] == [(Custom, {"a": {"b": None}})]


@pytest.mark.parametrize("frame", [b"\xff\x00", b"{", gzip.compress(b"{}", mtime=0)])
def test_a_condition_does_not_hold_before_there_is_a_message(frame):
  quiet = {"when": {"ch": None, "subbed": None}, "send": {"op": "hello"}}
  failure = {"when": {"ok": None}, "text": "why"}
  feed = feed_of(TRADE, replies=[quiet], failures=[failure])
  (gap,) = read(feed, frame)
  assert type(gap) is Gap
  assert not feed.actions
