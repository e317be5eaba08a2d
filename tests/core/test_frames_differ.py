"""The frame reader against the websockets library's own parser: any bytes in any cut, both sides,
with and without compression."""

import codecs

import pytest
from hypothesis import given, settings, strategies as st
from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Close, CloseCode, Frame, Opcode
from websockets.protocol import Side, State
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from bond_core._ws.frames import FrameReader

LIMIT = 500
DATA = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)
URI = parse_uri("ws://peer/")


def deflate():
  return PerMessageDeflate(False, False, 15, 15)


class Judge:
  """The library alone, made to put messages together, to check UTF-8 frame by frame, and to take a
  close between fragments, which RFC 6455 (5.4) allows and the library refuses."""

  messages: list[tuple[bool, bytes]]
  pongs = 0

  def recv_frame(self, frame):
    if frame.opcode is Opcode.CLOSE:
      self.current_size = None
    super().recv_frame(frame)
    if frame.opcode is Opcode.PONG:
      self.pongs += 1
    if frame.opcode not in DATA:
      return
    if frame.opcode is not Opcode.CONT:
      self.parts, self.binary = b"", frame.opcode is Opcode.BINARY
      self.utf8 = codecs.getincrementaldecoder("utf-8")()
    if not self.binary:
      self.utf8.decode(bytes(frame.data), frame.fin)
    self.parts += bytes(frame.data)
    if frame.fin:
      self.messages.append((self.binary, self.parts))


class JudgingClient(Judge, ClientProtocol):
  pass


class JudgingServer(Judge, ServerProtocol):
  pass


def protocols(side, compressed):
  """The one to judge by, and an equal one to be read by the reader."""
  if side is Side.CLIENT:
    made = [c(URI, max_size=LIMIT, state=State.OPEN) for c in (JudgingClient, ClientProtocol)]
  else:
    made = [c(max_size=LIMIT, state=State.OPEN) for c in (JudgingServer, ServerProtocol)]
  for protocol in made:
    protocol.extensions = [deflate()] if compressed else []
  made[0].messages = []
  return made


payloads = st.one_of(
  st.text(max_size=40).map(str.encode),
  st.binary(max_size=40),
  st.sampled_from([b"", b"\xce", b"\xba\xe1\xbd", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"]),
  st.sampled_from([124, 125, 126, 127, 255, LIMIT, LIMIT + 1, 100_000]).map(lambda n: b"x" * n),
  st.sampled_from(
    [b"\x03", b"\x03\xe8", b"\x03\xe8bye", b"\x03\xe8\xff", b"\x03\xee", b"\x13\x88"]
  ),
)


def right(opcode, payload, fin=True):
  """A frame as RFC 6455 has it: opcode, payload, FIN, reserved bits, masked as it must be."""
  return (opcode, payload, fin, 0, True)


def in_parts(opcode, payload, places, ping):
  """A message cut at `places`, with a ping after each of its frames but the last."""
  edges = sorted({min(place, len(payload)) for place in places})
  parts = [payload[a:b] for a, b in zip([0, *edges], [*edges, len(payload)], strict=True)]
  frames = []
  for number, part in enumerate(parts):
    if number and ping is not None:
      frames.append(right(Opcode.PING, ping))
    last = number == len(parts) - 1
    frames.append(right(Opcode.CONT if number else opcode, part, fin=last))
  return frames


opcodes = st.sampled_from([Opcode.TEXT, Opcode.BINARY])
texts = st.text(max_size=80).map(str.encode)
good = st.one_of(
  st.builds(right, opcodes, texts).map(lambda frame: [frame]),
  st.builds(right, opcodes, texts).map(lambda frame: [frame]),
  st.builds(
    right, st.sampled_from([Opcode.PING, Opcode.PONG]), texts.filter(lambda t: len(t) < 126)
  ).map(lambda frame: [frame]),
  st.builds(
    in_parts,
    opcodes,
    texts,
    st.lists(st.integers(0, 90), max_size=4),
    st.none() | texts.filter(lambda t: len(t) < 126),
  ),
)
# Anything that a frame can have wrong, and what is wrong only where it stands.
stray = st.builds(right, st.sampled_from([*DATA, Opcode.CLOSE]), payloads, st.booleans())
odd = st.tuples(
  st.integers(0, 15), payloads, st.booleans(), st.sampled_from([0, 1, 2, 4]), st.booleans()
)


@st.composite
def streams(draw):
  """Messages in order, and mostly one frame among theirs that does not belong there."""
  frames = [frame for item in draw(st.lists(good, max_size=8)) for frame in item]
  fault = draw(st.none() | stray | odd)
  if fault is not None:
    frames.insert(draw(st.integers(0, len(frames))), fault)
  return frames


def on_the_wire(frames, side, compressed):
  """The bytes of the frames, as right and as wrong as they are."""
  peer = deflate()
  out = b""
  for opcode, payload, fin, reserved, well_masked in frames:
    first = (0x80 if fin else 0) | reserved << 4 | opcode
    # A peer that negotiated compression compresses most messages, not all.
    if compressed and opcode in DATA and len(payload) % 4:
      encoded = peer.encode(Frame(Opcode(opcode), payload, fin))
      payload = bytes(encoded.data)
      first |= 0x40 if encoded.rsv1 else 0
    masked = (side is Side.SERVER) == well_masked
    length = len(payload)
    mask = 0x80 if masked else 0
    if length < 126:
      out += bytes((first, mask | length))
    elif length < 65536:
      out += bytes((first, mask | 126)) + length.to_bytes(2, "big")
    else:
      out += bytes((first, mask | 127)) + length.to_bytes(8, "big")
    if masked:
      key = b"\x01\x80\x00\xff"
      out += key + bytes(byte ^ key[i % 4] for i, byte in enumerate(payload[: LIMIT * 2]))
      out += payload[LIMIT * 2 :]
    else:
      out += payload
  return out


def compare(wire, cuts, side, compressed):
  judge, protocol = protocols(side, compressed)
  judge.receive_data(wire)
  reader = FrameReader(protocol, LIMIT)
  got = []
  position = 0
  for cut in [*cuts, len(wire)]:
    messages = reader.feed(wire[position : position + cut])
    got += [(place in reader.binary, message) for place, message in enumerate(messages)]
    position += cut
  assert got == judge.messages
  if protocol.close_rcvd is not None and judge.close_rcvd is None:
    # The library counts a close as part of the message whose fragments it comes between.
    assert judge.close_sent.code == CloseCode.MESSAGE_TOO_BIG
    return
  assert protocol.state is judge.state
  assert protocol.close_rcvd == judge.close_rcvd
  sent, expected = protocol.close_sent, judge.close_sent
  assert (sent and sent.code) == (expected and expected.code)
  assert len(protocol.data_to_send()) == len(judge.data_to_send())
  assert reader.pongs == judge.pongs


# Fourteen zeros complete any header: the library judges some of them before they are complete.
TAIL = bytes(14)
cuts = st.lists(st.integers(1, 300), max_size=30)


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("compressed", [False, True])
@given(frames=streams(), cuts=cuts, tail=st.sampled_from([b"", TAIL]))
@settings(max_examples=100, deadline=None)
def test_any_frames_in_any_cut_are_read_as_the_library_reads_them(
  side, compressed, frames, cuts, tail
):
  compare(on_the_wire(frames, side, compressed) + tail, cuts, side, compressed)


@pytest.mark.parametrize("side", Side)
@given(data=st.binary(max_size=100), cuts=cuts)
@settings(max_examples=100, deadline=None)
def test_any_bytes_in_any_cut_are_judged_as_the_library_judges_them(side, data, cuts):
  compare(data + TAIL, cuts, side, compressed=False)


@pytest.mark.parametrize("side", Side)
def test_every_first_two_bytes_are_judged_as_the_library_judges_them(side):
  for first in range(256):
    for second in (0, 1, 5, 126, 127, 128, 133, 254, 255):
      compare(bytes((first, second)) + TAIL, [1, 1, 3], side, compressed=False)


@pytest.mark.parametrize("side", Side)
def test_a_close_between_fragments_is_answered_with_its_own_code(side):
  _, protocol = protocols(side, compressed=False)
  mask = side is Side.SERVER
  close = Close(CloseCode.NORMAL_CLOSURE, "bye")
  wire = Frame(Opcode.TEXT, b"half", fin=False).serialize(mask=mask)
  wire += Frame(Opcode.CLOSE, close.serialize()).serialize(mask=mask)
  assert FrameReader(protocol, LIMIT).feed(wire + b"not looked at") == []
  assert protocol.close_sent == close
