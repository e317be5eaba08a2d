"""uWebSockets (C++) through socketify: topics, published from a timer of its own loop.

socketify's `app.run()` turns asyncio's loop and libuv's in turn without ever sleeping; nothing here
needs asyncio, so libuv's loop runs alone, which is faster.
"""

import json
import socket
from typing import Any

from socketify import App, OpCode

from tests.benchmarks.servers.offered import Offer

BACKPRESSURE = 16 << 20
"""Bytes that may wait for one client; beyond, uWebSockets drops messages."""


def free_port() -> int:
  with socket.create_server(("127.0.0.1", 0)) as listener:
    return int(listener.getsockname()[1])


def main() -> None:
  app, offer, port = App(), Offer(), free_port()

  def subscribe(client: Any, message: str, opcode: object) -> None:
    for topic in json.loads(message):
      client.subscribe(topic)
    client.send("subscribed", OpCode.TEXT)

  def turn(_: object) -> None:
    for topic, message in offer.due():
      app.publish(topic, message, OpCode.TEXT)
    if offer.ended:
      app.loop.uv_loop.stop()

  options = {"max_backpressure": BACKPRESSURE, "idle_timeout": 0, "message": subscribe}
  app.ws("/*", {**options, "max_payload_length": 1 << 20})
  app.listen({"host": "127.0.0.1", "port": port}, lambda _: offer.obey(port=port))
  timer = app.loop.uv_loop.create_timer(1, 1, turn, None)
  app.loop.uv_loop.run()
  timer.stop()


if __name__ == "__main__":
  main()
