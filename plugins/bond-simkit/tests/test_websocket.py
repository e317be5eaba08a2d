import pytest
import trio
import trio.lowlevel
from bond_simkit import ClientConnection, CloseFrame, ConnectionPolicy, HttpRequest, TcpClose
from websockets.client import ClientProtocol
from websockets.frames import Opcode
from websockets.uri import parse_uri

from bond_core.websockets import text_frame


class Handler:
  def __init__(self, connection):
    self.connection = connection
    self.messages = []
    self.ended = 0

  def received(self, data, *, binary):
    self.messages.append((data, binary))

  def closed(self):
    self.ended += 1


class Peer:
  """A client's end over memory, driven frame by frame."""

  def __init__(self, stream):
    self.stream = stream
    self.protocol = ClientProtocol(parse_uri("ws://x/"), max_size=2**24)
    self.frames = []

  async def flush(self):
    for data in self.protocol.data_to_send():
      if data:
        await self.stream.send_all(data)

  async def read(self):
    data = await self.stream.receive_some(1 << 20)
    if not data:
      self.protocol.receive_eof()
    else:
      self.protocol.receive_data(data)
      self.frames += [e for e in self.protocol.events_received() if hasattr(e, "opcode")]
    return bool(data)


async def opened(nursery, policy=None):
  """A connection over memory streams, past its handshake, and the peer."""
  server, client = trio.testing.memory_stream_pair()
  peer = Peer(client)
  request = peer.protocol.connect()
  headers = {name.lower(): value for name, value in request.headers.raw_items()}
  peer.protocol.send_request(request)
  peer.protocol.data_to_send()
  connection = ClientConnection(
    1, HttpRequest(method="GET", path="/ws", headers=headers), policy or ConnectionPolicy(), server
  )
  handler = Handler(connection)

  async def run():
    if await connection.handshake(b""):
      await connection.run(handler)
    await server.aclose()

  nursery.start_soon(run)
  await peer.read()
  return connection, peer, handler


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536])
async def test_frames_of_every_length_arrive(nursery, size):
  connection, peer, _ = await opened(nursery)
  connection.send(text_frame(b"x" * size))
  while not peer.frames:
    await peer.read()
  assert peer.frames[0].data == b"x" * size


async def test_messages_come_whole_also_in_fragments(nursery):
  _, peer, handler = await opened(nursery)
  peer.protocol.send_text(b"ab", fin=False)
  peer.protocol.send_continuation(b"cd", fin=True)
  peer.protocol.send_binary(b"ef")
  await peer.flush()
  await trio.testing.wait_all_tasks_blocked()
  assert handler.messages == [(b"abcd", False), (b"ef", True)]


async def test_pings_are_answered_and_sent_and_a_missing_pong_ends_it(nursery, autojump_clock):
  policy = ConnectionPolicy(
    ping_every=20, pong_within=60, ping_payload=lambda: b"%d" % trio.current_time()
  )
  connection, peer, handler = await opened(nursery, policy)
  peer.protocol.send_ping(b"hello")
  await peer.flush()
  began = trio.current_time()
  for number in range(4):
    await peer.read()
    if number:
      await peer.flush()  # the client's protocol answers each ping
  pongs = [f.data for f in peer.frames if f.opcode is Opcode.PONG]
  pings = [f.data for f in peer.frames if f.opcode is Opcode.PING]
  assert (pongs, pings) == ([b"hello"], [b"20", b"40", b"60"])
  assert trio.current_time() - began == 60

  while connection.ended is None:
    peer.protocol.send_pong(b"")  # unsolicited: allowed, and no answer to a ping
    peer.protocol.data_to_send()
    await peer.read()
    peer.protocol.data_to_send()  # pongs are never sent
  assert connection.ended == CloseFrame(1008, "Pong timeout")
  assert trio.current_time() - began == 80 + 60
  assert handler.ended == 1


async def test_a_pong_answers_the_pings_before_it(nursery, autojump_clock):
  policy = ConnectionPolicy(
    ping_every=20, pong_within=60, ping_payload=lambda: b"%d" % trio.current_time()
  )
  connection, peer, _ = await opened(nursery, policy)
  for _ in range(9):
    await peer.read()
    peer.protocol.data_to_send()
    if (newest := peer.frames[-1].data) in (b"60", b"120", b"180"):
      peer.protocol.send_pong(newest)
      await peer.flush()
  assert connection.ended is None


async def test_the_server_closes_by_the_book(nursery):
  connection, peer, handler = await opened(nursery)
  connection.send_text(b"last words")
  connection.finish(CloseFrame(1001, "bye"))
  connection.send_text(b"too late")
  await peer.read()
  await peer.flush()
  while await peer.read():
    pass
  assert [frame.data for frame in peer.frames[:1]] == [b"last words"]
  assert (peer.protocol.close_code, peer.protocol.close_reason) == (1001, "bye")
  assert handler.ended == 1


async def test_a_client_that_closes_is_answered(nursery):
  _, peer, handler = await opened(nursery)
  peer.protocol.send_close(1000, "done")
  await peer.flush()
  while await peer.read():
    pass
  assert peer.protocol.close_code == 1000
  assert handler.ended == 1


async def test_a_protocol_error_ends_the_connection(nursery):
  _, peer, handler = await opened(nursery)
  await peer.stream.send_all(b"\x81\x05hello")  # a client's frames have to be masked
  while await peer.read():
    pass
  assert peer.protocol.close_code == 1002
  assert handler.ended == 1


async def test_a_half_open_connection_neither_sends_nor_receives(nursery, autojump_clock):
  policy = ConnectionPolicy(ping_every=20, pong_within=None)
  connection, peer, handler = await opened(nursery, policy)
  connection.half_open = True
  connection.send_text(b"nothing")
  peer.protocol.send_text(b"hello")
  peer.protocol.send_ping(b"there?")
  await peer.flush()
  with trio.move_on_after(100) as quiet:
    await peer.read()
  assert quiet.cancelled_caught
  assert handler.messages == []


async def test_a_reader_that_does_not_read_is_cut_off():
  async with trio.open_nursery() as nursery:
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    accepted = []

    async def accept(stream):
      connection = ClientConnection(
        1, HttpRequest(method="GET", path="/"), ConnectionPolicy(), stream
      )
      accepted.append(connection)
      await connection.run(Handler(connection))

    nursery.start_soon(trio.serve_listeners, accept, listeners)
    port = listeners[0].socket.getsockname()[1]
    client = await trio.open_tcp_stream("127.0.0.1", port)
    while not accepted:
      await trio.sleep(0.001)
    frame = text_frame(b"x" * 1_000_000)
    sent = 0
    while accepted[0].ended is None:
      accepted[0].send(frame)
      await trio.lowlevel.checkpoint()
      sent += 1
    assert accepted[0].ended is TcpClose.RST
    assert accepted[0].too_slow
    assert sent > 60
    with pytest.raises(trio.BrokenResourceError):
      [part async for part in client]
    await client.aclose()
    nursery.cancel_scope.cancel()
