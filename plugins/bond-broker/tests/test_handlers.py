"""A path of another service on the broker's port, and what WebSockets require of every path."""

import bond_broker.server.session
import trio
from bond_broker.server.backing import Backing
from bond_server.access.access import OpenAccess
from readers import connected, serving
from websockets.frames import Frame, Opcode

from bond_core import SystemClock
from bond_core._logs.durable import DurableLog
from bond_core._ws.client import open_websocket
from bond_core.logs import MemoryLog


def mounted():
  async def shout(session, message, binary):
    opcode = Opcode.BINARY if binary else Opcode.TEXT
    session.send(Frame(opcode, message.upper()).serialize(mask=False))

  market = DurableLog(MemoryLog("market", stamps=True), None)
  clock = SystemClock()
  return Backing(clock=clock, access=OpenAccess(clock), log=market, handlers={"/shout": shout})


async def test_a_handler_answers_text_and_binary_at_its_path_without_a_limit_for_floods():
  async with (
    serving(backing=mounted()) as broker,
    open_websocket(f"{broker.addresses[0]}/shout") as websocket,
  ):
    with trio.fail_after(60):
      for number in range(300):
        message = b"message %d" % number
        await (websocket.send_binary if number % 2 else websocket.send)(message)
        assert await websocket.receive() == [message.upper()]
        assert websocket.binary == ([0] if number % 2 else [])


async def test_a_ping_between_fragments_is_answered_before_their_message():
  frames = [Frame(Opcode.TEXT, b"a", False), Frame(Opcode.PING, b"p"), Frame(Opcode.CONT, b"b")]
  expected = b"".join(
    frame.serialize(mask=False) for frame in (Frame(Opcode.PONG, b"p"), Frame(Opcode.TEXT, b"AB"))
  )
  async with serving(backing=mounted()) as broker, connected(broker, "/shout") as client:
    await client.stream.send_all(b"".join(frame.serialize(mask=True) for frame in frames))
    received = b""
    with trio.fail_after(60):
      while len(received) < len(expected):
        received += await client.stream.receive_some(1000)
  assert received == expected


async def test_after_a_protocol_error_the_broker_ends_its_side_at_once(monkeypatch):
  monkeypatch.setattr(bond_broker.server.session, "GOODBYE_WITHIN", 60.0)
  async with serving(backing=mounted()) as broker, connected(broker, "/shout") as client:
    # The message before the error is still answered.
    wire = Frame(Opcode.TEXT, b"a").serialize(mask=True) + b"\xff\x80\0\0\0\0"
    await client.stream.send_all(wire)
    received = b""
    with trio.fail_after(60):
      while data := await client.stream.receive_some(1000):
        received += data
  assert received.startswith(Frame(Opcode.TEXT, b"A").serialize(mask=False) + b"\x88")
  assert b"\x03\xea" in received
