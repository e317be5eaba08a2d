"""bond top, as a user meets it: on a terminal, on a pipe, and with JSON."""

import json
import os
import re
from functools import partial

import pytest
import trio
from own_terminal import on_a_terminal
from serving import EXAMPLE, served
from venue import BOND
from websockets.sync.client import connect


async def top(*arguments):
  with trio.fail_after(60):
    return await trio.run_process(
      [*BOND, "top", *arguments], capture_stdout=True, capture_stderr=True, check=False
    )


async def test_a_running_server_on_a_pipe_in_json_and_on_a_terminal():
  async with served(EXAMPLE) as server:
    api = (await server.told(rb"api: (http://\S+)")).removeprefix("api: ")
    broker = f"http://127.0.0.1:{server.port}"
    with connect(f"ws://127.0.0.1:{server.port}/stream", ping_interval=None) as client:
      client.send(json.dumps({"type": "subscribe", "channels": ["trades"]}))
      while json.loads(client.recv(timeout=20))["type"] != "trade":
        await trio.lowlevel.checkpoint()
      # At the control plane and at the broker's own port.
      for url in (api, broker):
        done = await top("--url", url)
        assert done.returncode == 0, done.stderr.decode()
        text = done.stdout.decode()
        assert re.search(r"^binance +simulated ", text, re.M)
        assert re.search(r"^binance +BTC/USDT +spot +trades +[\d.,k]+/s +\d", text, re.M)
        assert re.search(r"^ +1 +(live|behind) +\d", text, re.M)
        found = json.loads((await top("--url", url, "--json")).stdout)
        assert found["url"] == url
        assert found["health"]["sources"] == {"binance": "simulated"}
        assert [client["id"] for client in found["broker"]["slowest"]] == [1]
      watching = partial(on_a_terminal, until=rb"trades.*\d/s(?s:.)*client", keys=b"\x03")
      shown, code = await trio.to_thread.run_sync(
        watching, ["top", "--url", api, "--every", "300ms"], os.environ
      )
  assert code == 0
  # What was on the terminal before is there again.
  assert b"\x1b[?1049h" in shown
  assert b"\x1b[?1049l" in shown
  assert b"Traceback" not in shown


@pytest.mark.parametrize("path", ["/", "/nothing"])
async def test_what_is_no_server_of_bond_is_said_to_be_none(path):
  async def answer(stream):
    async with stream:
      await stream.receive_some()
      await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

  async with trio.open_nursery() as nursery:
    listeners = await nursery.start(trio.serve_tcp, answer, 0)
    port = listeners[0].socket.getsockname()[1]
    done = await top("--url", f"http://127.0.0.1:{port}{path}")
    nursery.cancel_scope.cancel()
  assert done.returncode == 1
  assert "is no server of Bond" in done.stderr.decode()
