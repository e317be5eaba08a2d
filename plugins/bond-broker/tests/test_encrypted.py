"""A TLS connection whose writes are cut off."""

import socket
import ssl

import pytest
import trio
import trio.testing
import trustme
from bond_broker.server.sockets import Encrypted


async def test_what_follows_a_write_that_was_cut_off_is_not_sent():
  authority, own = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
  authority.issue_cert("broker.example").configure_cert(own)
  trusting = ssl.create_default_context()
  authority.configure_trust(trusting)
  ours, theirs = socket.socketpair()
  transport = Encrypted(ours, None, own)
  client = trio.SSLStream(
    trio.SocketStream(trio.socket.from_stdlib_socket(theirs)),
    trusting,
    server_hostname="broker.example",
  )
  async with trio.open_nursery() as nursery:
    nursery.start_soon(client.do_handshake)
    await transport.send(b"hello")
  assert await client.receive_some() == b"hello"
  with trio.fail_after(60):
    async with trio.open_nursery() as nursery:
      # The client reads no more, so this write waits until it is cancelled.
      nursery.start_soon(transport.send, bytes(1 << 24))
      await trio.testing.wait_all_tasks_blocked()
      nursery.cancel_scope.cancel()
      with trio.CancelScope(shield=True), pytest.raises(ConnectionError, match="cut off"):
        await transport.send(b"goodbye")
  transport.close()
  theirs.close()
