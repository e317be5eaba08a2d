"""Texts from outside: what they cost, and where they are shown."""

import re
from contextlib import suppress

import trio
from clients import pings
from over_http import api_of, request
from serving import EXAMPLE, served
from trio_websocket import ConnectionClosed, serve_websocket

SPEC = """
name: forged
sources:
  forged:
    use: ws.custom
    with:
      url: "ws://127.0.0.1:{port}"
      exchange: forged
      private: true
      map: [{{emit: custom, symbol: {{value: ALL}}, event_type: forged}}]
"""


async def test_what_a_venue_says_when_it_closes_is_one_line_and_moves_no_cursor(tmp_path):
  reason = "bye\n12:00:00 ERROR the key was stolen\r\x1b[2J\x1b]0;owned\x07\u202edesrever\x9b"

  async def venue(connecting):
    with suppress(ConnectionClosed):
      socket = await connecting.accept()
      await socket.aclose(4000, reason)

  async with trio.open_nursery() as nursery:
    server = await nursery.start(serve_websocket, venue, "127.0.0.1", 0, None)
    (tmp_path / "spec.yaml").write_text(SPEC.format(port=server.port))
    async with served(str(tmp_path / "spec.yaml"), sim=False) as bond:
      await bond.told(rb"the key was stolen")
    nursery.cancel_scope.cancel()
  said = bond.errors.decode()
  assert not re.search("^12:00:00 ERROR", said, re.MULTILINE)
  assert not re.search("[\\x00-\\x09\\x0b-\\x1f\\x7f-\\x9f\\u202a-\\u202e]", said)


async def test_a_large_spec_from_outside_holds_up_nobody():
  condition = " or ".join(f"(price > {n} and size < {n + 1})" for n in range(9))
  filters = {
    f"f{number}": {
      "use": "core.filter",
      "from": "trades",
      "with": {"where": f"price > {number} or {condition}"},
    }
    for number in range(110)
  }
  trades = {"use": "binance.trades", "with": {"symbols": ["BTC/USDT"]}}
  sinks = {"out": {"use": "no.such", "from": "f1"}}
  spec = {"sources": {"trades": trades}, "transforms": filters, "sinks": sinks}
  waits = []
  async with served(EXAMPLE) as server, trio.open_nursery() as nursery:
    url = f"{await api_of(server)}/v1/streams"
    # What is loaded once.
    await request("POST", url, {"spec": spec})
    nursery.start_soon(pings, server.port, waits)
    await trio.sleep(1)
    # How long this machine holds up anybody.
    usual = max(0.1, 2 * max(waits, default=0))
    answers = [await request("POST", url, {"spec": spec}) for _ in range(10)]
    nursery.cancel_scope.cancel()
  assert {status for status, _ in answers} == {422}
  assert sum(wait > usual for wait in waits) <= len(answers) // 2, sorted(waits)[-12:]
