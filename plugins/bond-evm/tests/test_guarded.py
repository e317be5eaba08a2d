"""A node that a caller named may be hostile."""

import pytest
import trio
from bond_evm.sources import MAX_GUARDED, SOURCES
from trio_websocket import serve_websocket

from bond_core import Disconnected
from bond_core.config import read_allowance
from bond_core.feeds import Handshake


@pytest.mark.parametrize("guarded", [True, False])
async def test_a_message_of_a_caller_s_node_is_bounded_before_it_is_read(guarded):
  async def talk(request):
    socket = await request.accept()
    await socket.send_message("x" * (MAX_GUARDED + 1))
    await trio.sleep_forever()

  (source_type,) = SOURCES
  async with trio.open_nursery() as nursery:
    server = await nursery.start(serve_websocket, talk, "127.0.0.1", 0, None)
    url = f"ws://127.0.0.1:{server.port}/"
    allowance = read_allowance(f"127.0.0.1:{server.port}", "") if guarded else None
    with trio.fail_after(60):
      async with source_type.transport(Handshake(url, allowance=allowance)) as transport:
        if guarded:
          with pytest.raises(Disconnected, match=r"1009|bytes|large"):
            await transport.receive()
        else:
          assert len((await transport.receive())[0]) == MAX_GUARDED + 1
    nursery.cancel_scope.cancel()
