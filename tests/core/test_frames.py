"""The frame reader against the websockets library's own protocol, byte by byte."""

import tracemalloc

import pytest
from hypothesis import given, settings, strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from bond_core._ws.frames import FrameReader, text_frame, why_closed


def opened(max_bytes=1 << 20):
  protocol = ClientProtocol(parse_uri("ws://venue/"), max_size=max_bytes)
  protocol.state = State.OPEN
  protocol.parser = protocol.parse()
  next(protocol.parser)
  return protocol, FrameReader(protocol, max_bytes)


def frame(opcode, data, fin=True):
  return Frame(opcode, data, fin).serialize(mask=False)


messages = st.lists(
  st.one_of(
    st.binary(max_size=300).map(lambda b: ("binary", b)),
    st.text(max_size=200).map(lambda t: ("text", t.encode())),
    st.integers(126, 70_000).map(lambda n: ("text", b"x" * n)),
    st.binary(max_size=50).map(lambda b: ("ping", b)),
    st.lists(st.binary(max_size=40), min_size=2, max_size=4).map(lambda p: ("parts", p)),
  ),
  max_size=12,
)


def on_the_wire(kind, value):
  if kind == "parts":
    first = frame(Opcode.BINARY, value[0], fin=False)
    middle = b"".join(frame(Opcode.CONT, part, fin=False) for part in value[1:-1])
    return first + middle + frame(Opcode.CONT, value[-1])
  opcode = {"text": Opcode.TEXT, "binary": Opcode.BINARY, "ping": Opcode.PING}[kind]
  return frame(opcode, value)


@given(messages, st.lists(st.integers(1, 5000), max_size=40))
@settings(max_examples=200, deadline=None)
def test_any_cut_of_the_bytes_gives_the_same_messages(sent, cuts):
  wire = b"".join(on_the_wire(kind, value) for kind, value in sent)
  expected = [b"".join(v) if k == "parts" else v for k, v in sent if k != "ping"]
  protocol, reader = opened()
  got = []
  position = 0
  for cut in cuts:
    got += reader.feed(wire[position : position + cut])
    position += cut
  got += reader.feed(wire[position:])
  assert got == expected
  assert protocol.state is State.OPEN
  pongs = sum(kind == "ping" for kind, _ in sent)
  assert len(protocol.data_to_send()) == pongs


@given(st.binary(max_size=400))
@settings(max_examples=300, deadline=None)
def test_garbage_never_raises(data):
  _, reader = opened()
  reader.feed(data)


def test_text_that_is_not_utf8_fails_the_connection_with_1007():
  protocol, reader = opened()
  assert reader.feed(text_frame(b"ok") + text_frame(b"\xff\xfe")) == [b"ok"]
  assert protocol.close_sent.code == 1007


def test_fragments_that_are_not_utf8_fail_the_connection_before_the_message_is_whole():
  protocol, reader = opened()
  wire = frame(Opcode.TEXT, "κό".encode()[:-1], fin=False) + frame(Opcode.CONT, b"!", fin=False)
  assert reader.feed(wire) == []
  assert protocol.close_sent.code == 1007


def test_fragments_that_end_within_a_character_fail_the_connection_with_1007():
  protocol, reader = opened()
  wire = frame(Opcode.TEXT, b"ok", fin=False) + frame(Opcode.CONT, "κ".encode()[:-1])
  assert reader.feed(wire) == []
  assert protocol.close_sent.code == 1007


def test_fragments_without_end_and_content_hold_no_memory():
  _, reader = opened()
  reader.feed(frame(Opcode.TEXT, b"a", fin=False))
  empty = frame(Opcode.CONT, b"", fin=False) * 1000
  reader.feed(empty)
  tracemalloc.start()
  for _ in range(10):
    reader.feed(empty)
  held, _ = tracemalloc.get_traced_memory()
  tracemalloc.stop()
  assert held < 10_000
  assert reader.feed(frame(Opcode.CONT, b"b")) == [b"ab"]


def test_a_close_that_answers_ours_is_seen_behind_what_was_still_on_its_way():
  protocol, reader = opened()
  protocol.send_close(1000, "done")
  wire = text_frame(b"late") + frame(Opcode.PING, b"p") + frame(Opcode.CLOSE, b"\x03\xe8")
  assert reader.feed(wire) == [b"late"]
  assert protocol.close_rcvd.code == 1000


def test_a_message_over_the_limit_fails_the_connection_with_1009():
  protocol, reader = opened(max_bytes=1000)
  assert reader.feed(text_frame(b"y" * 1001)) == []
  assert protocol.close_sent.code == 1009


def test_fragments_over_the_limit_fail_the_connection_with_1009():
  protocol, reader = opened(max_bytes=1000)
  reader.feed(frame(Opcode.TEXT, b"y" * 900, fin=False) + frame(Opcode.CONT, b"y" * 900))
  assert protocol.close_sent.code == 1009


def test_a_data_frame_inside_a_fragmented_message_is_a_protocol_error():
  protocol, reader = opened()
  reader.feed(frame(Opcode.TEXT, b"a", fin=False) + text_frame(b"b"))
  assert protocol.close_sent.code == 1002
  assert "1002" in why_closed(protocol) or "protocol error" in why_closed(protocol)


def test_pongs_are_counted_and_a_close_ends_the_connection():
  protocol, reader = opened()
  reader.feed(frame(Opcode.PONG, b"bond") + frame(Opcode.CLOSE, b"\x03\xe9bye"))
  assert reader.pongs == 1
  assert protocol.state is not State.OPEN
  assert why_closed(protocol) == "closed by the other side with code 1001 (bye)"


@given(st.integers(0, 70_000))
@settings(max_examples=60, deadline=None)
def test_text_frame_equals_the_librarys(length):
  assert text_frame(b"z" * length) == frame(Opcode.TEXT, b"z" * length)


FLOODS = {
  "pings": frame(Opcode.PING, b"") * 1200,
  "long pings": frame(Opcode.PING, b"x" * 125) * 1200,
  "empty fragments": frame(Opcode.TEXT, b"x", fin=False)
  + frame(Opcode.CONT, b"", fin=False) * 1200,
  "tiny fragments": frame(Opcode.TEXT, b"x", fin=False)
  + frame(Opcode.CONT, b"y", fin=False) * 1200,
}


@pytest.mark.parametrize("wire", FLOODS.values(), ids=FLOODS)
def test_a_read_full_of_what_brings_nothing_fails_the_connection_with_1008(wire):
  protocol, reader = opened()
  assert reader.feed(text_frame(b"before") + wire) == [b"before"]
  assert protocol.close_sent.code == 1008
  assert reader.frames < 1010
  assert reader.feed(text_frame(b"after")) == []


def test_a_message_in_many_small_parts_is_no_flood():
  # As the Autobahn suite sends 4 MiB.
  protocol, reader = opened(1 << 23)
  part = frame(Opcode.CONT, b"y" * 64, fin=False)
  wire = frame(Opcode.BINARY, b"x" * 64, fin=False) + part * 65_534 + frame(Opcode.CONT, b"z" * 64)
  reads = [wire[start : start + 262_144] for start in range(0, len(wire), 262_144)]
  (message,) = [message for read in reads for message in reader.feed(read)]
  assert len(message) == 1 << 22
  assert protocol.state is State.OPEN
