"""A simulated EVM node: JSON-RPC over WebSocket with subscriptions, and control under /_sim.

Source: geth's documentation of subscriptions (geth.ethereum.org/docs/interacting-with-geth/rpc/
pubsub): announcements are current only and end with the connection; after a reorganisation all
headers of the new branch are announced, logs of the old one again with `removed`, and those of the
new one. Headers and logs are announced by different tasks of the node, so their order varies.
"""

import random
from collections import Counter
from typing import Any

import msgspec
import trio

from bond_sim.clock import Clock
from bond_sim.errors import SimulatorError
from bond_sim.evm.calls import CHAINS, INVALID_PARAMS, LIMIT_EXCEEDED, CallError, Calls, Filter
from bond_sim.evm.chain import Block, Chain
from bond_sim.evm.faults import Fault, parse_fault
from bond_sim.http import Request, Response, json_response
from bond_sim.websocket import Close, Connection, End, Policy, Session, text_frame

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
MAX_BATCH = 100


class EvmNode:
  """What the server serves. `asked` counts requests by method."""

  def __init__(
    self, clock: Clock, chain: Chain, *, every: float, forks: int = 0, seed: int = 1
  ) -> None:
    self.chain = chain
    self.calls = Calls(chain)
    self.asked: Counter[str] = Counter()
    self.opened_at: list[float] = []
    self.forked = 0
    self._clock = clock
    self._every = every
    self._forks = forks
    self._rng = random.Random(seed + 1)
    self._sessions: dict[Connection, EvmSession] = {}
    self._left: Counter[str] = Counter()
    self._until: dict[str, float] = {}
    self._somebody = trio.Event()
    chain.begin(self._second())

  async def run(self) -> None:
    """Makes blocks until cancelled."""
    made = 0
    while True:
      await trio.sleep(self._every)
      made += 1
      if self._forks and made % self._forks == 0:
        self.fork(self._rng.choice((1, 1, 2, 3)))
      else:
        self._announce(self.chain.make(self._second()))

  def fork(self, depth: int) -> None:
    """The last blocks are replaced, now."""
    removed, added = self.chain.fork(depth, self._second())
    self.forked += 1
    for block in removed:
      # Newest first, and within a block as well.
      for log in reversed(block.logs):
        self._log(log | {"removed": True})
    for block in added:
      self._announce(block)

  def is_on(self, kind: str) -> bool:
    """Whether a fault that lasts is at work."""
    return trio.current_time() < self._until.get(kind, 0.0)

  def _announce(self, block: Block) -> None:
    first = self._rng.random() < 0.5
    if first:
      self._head(block)
    for log in block.logs:
      self._log(log)
      if self._take("duplicate"):
        self._log(log)
    if not first:
      self._head(block)

  def _head(self, block: Block) -> None:
    if self._take("missing"):
      return
    header = block.header()
    for session in self._readers():
      for name, wanted in session.subscriptions.items():
        if wanted is None:
          self._notify(session, name, header)

  def _log(self, log: dict[str, Any]) -> None:
    for session in self._readers():
      for name, wanted in session.subscriptions.items():
        if wanted is not None and wanted.takes(log):
          self._notify(session, name, log)

  def _notify(self, session: "EvmSession", name: str, result: dict[str, Any]) -> None:
    params = {"subscription": name, "result": result}
    message = {"jsonrpc": "2.0", "method": "eth_subscription", "params": params}
    data = msgspec.json.encode(message)
    session.send(data[: len(data) // 2] if self._take("garbage") else data)

  def _readers(self) -> "list[EvmSession]":
    return [] if self.is_on("silence") else list(self._sessions.values())

  def _take(self, kind: str) -> bool:
    if not self._left[kind] or not self._sessions:
      return False
    self._left[kind] -= 1
    return True

  def _second(self) -> int:
    return self._clock.now_ms() // 1000

  # Faults ----------------------------------------------------------------------------------------

  async def fault_later(self, fault: Fault) -> None:
    """Does what the fault says when its time has come, which counts from the first client on."""
    if fault.after:
      await self._somebody.wait()
      await trio.sleep(fault.after)
    self.fault(fault)

  def fault(self, fault: Fault) -> None:
    """Does what the fault says, now."""
    kind = fault.kind
    if kind == "fork":
      self.fork(int(fault.amount))
    elif kind in ("missing", "duplicate", "garbage"):
      self._left[kind] += int(fault.amount)
    elif kind in ("silence", "busy", "refuse"):
      self._until[kind] = trio.current_time() + fault.amount
    elif kind == "narrow":
      self.calls.widest = int(fault.amount)
    elif kind == "few":
      self.calls.most = int(fault.amount)
    elif kind == "forget":
      self.chain.oldest = self.chain.tip.number + 1
    for connection in list(self._sessions):
      if kind == "drop":
        connection.finish(End.RST)
      elif kind == "close":
        connection.finish(Close(1001, "going away"))
      elif kind == "half-open":
        connection.deaf = True

  # Requests --------------------------------------------------------------------------------------

  async def http(self, request: Request) -> Response:
    if request.path.startswith("/_sim/"):
      return self._control(f"{request.method} {request.path}", request)
    return json_response({"error": "the node is asked over its WebSocket only"}, 405)

  async def upgrade(self, request: Request) -> Policy | Response:
    if self.is_on("refuse"):
      return Response(status=503, body=b"Service Unavailable")
    name = request.path.strip("/")
    if name and name not in CHAINS:
      return json_response({"error": f"there is no chain {name}; ask at / for ethereum"}, 404)
    return Policy()

  def opened(self, connection: Connection) -> Session:
    self.opened_at.append(trio.current_time())
    self._somebody.set()
    chain_id = CHAINS.get(connection.request.path.strip("/"), CHAINS["ethereum"])
    session = EvmSession(self, connection, chain_id)
    self._sessions[connection] = session
    return session

  def gone(self, connection: Connection) -> None:
    """A connection has ended."""
    self._sessions.pop(connection, None)

  def _control(self, route: str, request: Request) -> Response:
    chain = self.chain
    if route == "GET /_sim/log":
      told = {
        "blocks": [logged(block) for _, block in sorted(chain.blocks.items())],
        "orphans": [logged(block) for block in chain.orphans],
      }
      return json_response(told)
    if route == "GET /_sim/stats":
      stats = {"asked": self.asked, "open": len(self._sessions), "opened": self.opened_at}
      more = {"height": chain.tip.number, "forked": self.forked, "wallets": chain.wallets}
      return json_response(stats | more)
    if route == "POST /_sim/faults":
      try:
        self.fault(parse_fault(msgspec.json.decode(request.body, type=dict[str, str])["fault"]))
      except (msgspec.DecodeError, KeyError, SimulatorError) as error:
        return json_response({"error": f'{error}; send {{"fault": "drop"}}'}, 400)
      return json_response({}, 201)
    known = "GET /_sim/log, GET /_sim/stats, POST /_sim/faults"
    return json_response({"error": f"no such control; there are {known}"}, 404)


class EvmSession:
  """One connection of a client. `subscriptions` are its own by their ids: what logs are wanted,
  None for headers."""

  def __init__(self, node: EvmNode, connection: Connection, chain_id: int) -> None:
    self.subscriptions: dict[str, Filter | None] = {}
    self._node = node
    self._connection = connection
    self._chain_id = chain_id
    self._number = 0

  def send(self, data: bytes) -> None:
    """Sends one message."""
    self._connection.send(text_frame(data))

  def received(self, data: bytes, *, binary: bool) -> None:
    try:
      asked = msgspec.json.decode(data)
    except msgspec.DecodeError:
      self._send(_error(None, PARSE_ERROR, "parse error"))
      return
    if isinstance(asked, list) and 0 < len(asked) <= MAX_BATCH:
      self._send([self._answer(entry) for entry in asked])
    else:
      self._send(self._answer(asked))

  def closed(self) -> None:
    self._node.gone(self._connection)

  def _send(self, message: Any) -> None:
    self._connection.send_text(msgspec.json.encode(message))

  def _answer(self, asked: Any) -> dict[str, Any]:
    if not isinstance(asked, dict) or not isinstance(asked.get("method"), str):
      return _error(None, INVALID_REQUEST, "invalid request")
    number, method, params = asked.get("id"), asked["method"], asked.get("params", [])
    self._node.asked[method] += 1
    if not isinstance(params, list):
      return _error(number, INVALID_PARAMS, "non-array args")
    try:
      result = self._result(method, params)
    except CallError as error:
      return _error(number, error.code, str(error))
    return {"jsonrpc": "2.0", "id": number, "result": result}

  def _result(self, method: str, params: list[Any]) -> Any:
    if method == "eth_subscribe":
      return self._subscribe(params)
    if method == "eth_unsubscribe":
      return self.subscriptions.pop(params[0] if params else "", self) is not self
    if method == "eth_chainId":
      return hex(self._chain_id)
    if method == "net_version":
      return str(self._chain_id)
    if not self._node.calls.knows(method):
      told = f"the method {method} does not exist/is not available"
      raise CallError(METHOD_NOT_FOUND, told)
    if self._node.is_on("busy"):
      raise CallError(LIMIT_EXCEEDED, "rate limit exceeded: too many requests")
    return self._node.calls.answer(method, params)

  def _subscribe(self, params: list[Any]) -> str:
    if params[:1] == ["newHeads"]:
      wanted = None
    elif params[:1] == ["logs"]:
      wanted = Filter(params[1] if len(params) > 1 else {})
    else:
      raise CallError(INVALID_PARAMS, f'no "{params[:1]}" subscription in eth namespace')
    self._number += 1
    name = f"0x{self._connection.number:08x}{self._number:08x}"
    self.subscriptions[name] = wanted
    return name


def _error(number: Any, code: int, message: str) -> dict[str, Any]:
  return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": message}}


def logged(block: Block) -> dict[str, Any]:
  """A block as GET /_sim/log lists it."""
  return {
    "number": block.number,
    "hash": block.hash,
    "parent": block.parent,
    "transactions": len(block.transactions),
    "transfers": list(block.transfers),
  }
