"""A mempool server as the common server sees it: one WebSocket path and a little REST.

mempool/mempool on GitHub, backend/src/api/websocket-handler.ts: messages may hold several requests
at once, and what cannot be read ends the connection.
"""

import re
from typing import Any

import msgspec

from bond_sim.bitcoin.world import World
from bond_sim.http import Request, Response, json_response
from bond_sim.hub import Wrap
from bond_sim.websocket import Close, Connection, Policy, Session

PATH = "/api/v1/ws"
WANTABLE = ("blocks", "stats")
MAX_ADDRESSES = 10

_ADDRESS = re.compile(r"[a-km-zA-HJ-NP-Z1-9]{26,35}|[a-z]{2,5}1[ac-hj-np-z02-9]{8,100}")
_SWITCHES = {"track-mempool-txids": "mempool-txids", "track-mempool": "mempool-transactions"}


class BitcoinDialect:
  """A mempool server on one port."""

  def __init__(self, world: World) -> None:
    self.hub = world.hub
    self._world = world

  async def run(self) -> None:
    await self._world.run()

  async def http(self, request: Request) -> Response:
    chain = self._world.chain
    statistics = chain.statistics()
    answers: dict[str, Any] = {
      "/api/v1/fees/recommended": statistics["fees"],
      "/api/v1/blocks": self._world.latest()[::-1],
      "/api/mempool/txids": list(chain.mempool),
      "/api/blocks/tip/height": chain.blocks[-1]["height"],
    }
    if request.path in answers:
      return json_response(answers[request.path])
    return json_response({"error": f"the simulator has nothing at {request.path}"}, 404)

  def refusal(self, status: int, retry_after: float) -> Response:
    return Response(
      status=status,
      headers=(("Retry-After", str(max(1, round(retry_after)))),),
      body=b"Too Many Requests" if status == 429 else b"Service Unavailable",
    )

  def upgrade(self, request: Request) -> Policy | Response:
    if request.path != PATH:
      return json_response({"error": f"the WebSocket is at {PATH}"}, 404)
    return Policy()

  def opened(self, connection: Connection) -> Session:
    return BitcoinSession(self._world, connection)

  def stats(self) -> dict[str, Any]:
    world = self._world
    return {
      "sequence": world.sequence,
      "height": world.chain.blocks[-1]["height"] if world.chain.blocks else None,
      "reorganised": world.chain.reorganised,
      "addresses": world.chain.addresses[:5],
      "changes": list(world.log),
    }


class BitcoinSession:
  """One reader, and which parts of the messages it wants."""

  def __init__(self, world: World, connection: Connection) -> None:
    self._world = world
    self._connection = connection
    self._parts: frozenset[str] = frozenset()
    self._stream: str | None = None
    world.hub.open(connection, lambda: None)

  def received(self, data: bytes, *, binary: bool) -> None:
    try:
      asked = msgspec.json.decode(data, type=dict[str, Any])
    except msgspec.DecodeError:
      self._connection.finish(Close(1000))
      return
    answer = self._answer(asked)
    if answer:
      self._connection.send_text(msgspec.json.encode(answer))

  def closed(self) -> None:
    self._world.hub.close(self._connection)

  def _answer(self, asked: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    parts = set(self._parts)
    if asked.get("action") == "want" and isinstance(asked.get("data"), list):
      wanted = {name for name in WANTABLE if name in asked["data"]}
      if "blocks" in wanted - parts:
        answer["blocks"] = self._world.latest()
      if "stats" in wanted - parts:
        answer |= self._world.chain.statistics()
      parts = (parts - {*WANTABLE}) | wanted
    if asked.get("action") == "ping":
      answer["pong"] = True
    for key, part in _SWITCHES.items():
      if asked.get(key) is True:
        parts.add(part)
      elif asked.get(key) is False:
        parts.discard(part)
    if isinstance(asked.get("track-addresses"), list):
      parts = {part for part in parts if not part.startswith("address:")}
      named = [a for a in asked["track-addresses"] if isinstance(a, str) and _ADDRESS.fullmatch(a)]
      if len(named) > MAX_ADDRESSES:
        answer["track-addresses-error"] = (
          "too many addresses requested, this connection supports tracking a maximum of "
          f"{MAX_ADDRESSES} addresses"
        )
      else:
        parts |= {f"address:{address}" for address in named}
    self._read(frozenset(parts))
    return answer

  def _read(self, parts: frozenset[str]) -> None:
    if parts == self._parts:
      return
    hub = self._world.hub
    if self._stream is not None:
      hub.leave(self._connection, self._stream, Wrap())
      self._stream = None
    self._parts = parts
    if parts:
      self._stream = self._world.stream(parts)
      hub.join(self._connection, self._stream, Wrap())
