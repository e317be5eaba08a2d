"""The dialect of a mempool server: one WebSocket path and a little REST.

Source: mempool/mempool on GitHub, backend/src/api/websocket-handler.ts. A message may hold several
requests at once, and one that cannot be read ends the connection.
"""

import re
from typing import Any

import msgspec
from bond_simkit import (
  ClientConnection,
  ClientHandler,
  CloseFrame,
  ConnectionPolicy,
  HttpRequest,
  HttpResponse,
  json_response,
)

from bond_sim.bitcoin.generator import BitcoinGenerator

PATH = "/api/v1/ws"
PARTS = ("blocks", "stats")
"""Parts that the action "want" chooses from."""
MAX_ADDRESSES = 10

_ADDRESS = re.compile(r"[a-km-zA-HJ-NP-Z1-9]{26,35}|[a-z]{2,5}1[ac-hj-np-z02-9]{8,100}")
_SWITCHES = {"track-mempool-txids": "mempool-txids", "track-mempool": "mempool-transactions"}


class BitcoinDialect:
  """A mempool server on one port."""

  def __init__(self, generator: BitcoinGenerator) -> None:
    self.fanout = generator.fanout
    self._generator = generator

  async def run(self) -> None:
    await self._generator.run()

  async def http(self, request: HttpRequest) -> HttpResponse:
    chain = self._generator.chain
    statistics = chain.statistics()
    bodies: dict[str, Any] = {
      "/api/v1/fees/recommended": statistics["fees"],
      "/api/v1/blocks": self._generator.latest()[::-1],
      "/api/mempool/txids": list(chain.mempool),
      "/api/blocks/tip/height": chain.blocks[-1]["height"],
    }
    if request.path in bodies:
      return json_response(bodies[request.path])
    return json_response({"error": f"the simulator has nothing at {request.path}"}, 404)

  def upgrade(self, request: HttpRequest) -> ConnectionPolicy | HttpResponse:
    if request.path != PATH:
      return json_response({"error": f"the WebSocket is at {PATH}"}, 404)
    return ConnectionPolicy()

  def opened(self, connection: ClientConnection) -> ClientHandler:
    return BitcoinClientHandler(self._generator, connection)

  def stats(self) -> dict[str, Any]:
    """The venue's rows of GET /_sim/stats."""
    generator = self._generator
    return {
      "sequence": generator.sequence,
      "height": generator.chain.blocks[-1]["height"] if generator.chain.blocks else None,
      "reorganised": generator.chain.reorganised,
      "addresses": generator.chain.addresses[:5],
      "changes": list(generator.log),
    }


class BitcoinClientHandler:
  """One reader, and the parts of messages that it reads."""

  def __init__(self, generator: BitcoinGenerator, connection: ClientConnection) -> None:
    self._generator = generator
    self._connection = connection
    self._parts: frozenset[str] = frozenset()
    self._topic: str | None = None
    generator.fanout.open(connection)

  def received(self, data: bytes, *, binary: bool) -> None:
    try:
      request = msgspec.json.decode(data, type=dict[str, Any])
    except msgspec.DecodeError:
      self._connection.finish(CloseFrame(1000))
      return
    answer = self._answer(request)
    if answer:
      self._connection.send_text(msgspec.json.encode(answer))

  def closed(self) -> None:
    self._generator.fanout.close(self._connection)

  def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    parts = set(self._parts)
    if request.get("action") == "want" and isinstance(request.get("data"), list):
      chosen = {name for name in PARTS if name in request["data"]}
      if "blocks" in chosen - parts:
        answer["blocks"] = self._generator.latest()
      if "stats" in chosen - parts:
        answer |= self._generator.chain.statistics()
      parts = (parts - {*PARTS}) | chosen
    if request.get("action") == "ping":
      answer["pong"] = True
    for key, part in _SWITCHES.items():
      if request.get(key) is True:
        parts.add(part)
      elif request.get(key) is False:
        parts.discard(part)
    if isinstance(request.get("track-addresses"), list):
      parts = {part for part in parts if not part.startswith("address:")}
      texts = [text for text in request["track-addresses"] if isinstance(text, str)]
      addresses = [text for text in texts if _ADDRESS.fullmatch(text)]
      if len(addresses) > MAX_ADDRESSES:
        answer["track-addresses-error"] = (
          "too many addresses requested, this connection supports tracking a maximum of "
          f"{MAX_ADDRESSES} addresses"
        )
      else:
        parts |= {f"address:{address}" for address in addresses}
    self._subscribe(frozenset(parts))
    return answer

  def _subscribe(self, parts: frozenset[str]) -> None:
    if parts == self._parts:
      return
    fanout = self._generator.fanout
    if self._topic is not None:
      fanout.unsubscribe(self._connection, self._topic)
      self._topic = None
    self._parts = parts
    if parts:
      self._topic = self._generator.topic(parts)
      fanout.subscribe(self._connection, self._topic)
