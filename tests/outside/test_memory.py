"""What a server keeps in memory stays what it says, however large messages are."""

import json
from contextlib import suppress
from pathlib import Path

import trio
from clients import client, hear, say
from serving import served
from trio_websocket import ConnectionClosed, serve_websocket

MIB = 1024 * 1024
SPEC = """
name: large
sources:
  large:
    use: ws.custom
    with:
      url: "ws://127.0.0.1:{port}"
      exchange: large
      private: true
      map: [{{emit: custom, symbol: {{value: ALL}}, event_type: large}}]
"""


def resident(pid):
  """MiB of memory that a process has."""
  return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / MIB


async def test_messages_of_512_kib_do_not_fill_more_than_the_ring(tmp_path):
  # Half of it is one text, half many small ones, which weigh several times as much when decoded.
  message = json.dumps({"text": "x" * 262_144, "many": [{"a": n} for n in range(26_000)]})

  async def venue(request):
    socket = await request.accept()
    with suppress(ConnectionClosed):
      while True:
        await socket.send_message(message)
        await trio.sleep(0.02)

  async with trio.open_nursery() as nursery:
    server = await nursery.start(serve_websocket, venue, "127.0.0.1", 0, None)
    port = server.port
    (tmp_path / "spec.yaml").write_text(SPEC.format(port=port))
    async with served(str(tmp_path / "spec.yaml"), "--keep", "10m", sim=False) as bond:
      before = resident(bond.process.pid)
      async with client(bond.port) as socket:
        await say(socket, type="subscribe", channel="custom")
        await hear(socket, lambda found: found["type"] == "custom")
      await trio.sleep(6)
      grown = resident(bond.process.pid) - before
    nursery.cancel_scope.cancel()

  assert grown < 200
