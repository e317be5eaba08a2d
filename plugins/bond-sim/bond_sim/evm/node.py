"""A simulated EVM node: JSON-RPC over WebSocket with subscriptions, and control under /_sim.

Source: geth's documentation of subscriptions (geth.ethereum.org/docs/interacting-with-geth/rpc/
pubsub): announcements are current only and end with the connection. After a reorganisation all
headers of the new branch are announced, logs of the old branch again with `removed`, and those of
the new one. Headers and logs are announced by different tasks of the node, so their order
varies."""

import random
from collections import Counter
from typing import Any

import msgspec
import trio
from bond_simkit import (
  ClientConnection,
  ClientHandler,
  CloseFrame,
  ConnectionPolicy,
  ControlEndpoint,
  HttpRequest,
  HttpResponse,
  TcpClose,
  VenueFault,
  VenueTime,
  fault_route,
  json_response,
  page,
)

from bond_sim.evm.calls import (
  CHAINS,
  INVALID_PARAMS,
  LIMIT_EXCEEDED,
  EvmCallError,
  EvmCalls,
  LogFilter,
)
from bond_sim.evm.chain import EvmBlock, EvmChain
from bond_sim.evm.faults import EVM_FAULTS

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
MAX_BATCH = 100


PAGES = {"403": 403, "html": 200}
"""The status of a page that is not the node's, by the kind of fault."""


class EvmNode:
  """The site of a node. `asked` counts requests by method."""

  def __init__(
    self, clock: VenueTime, chain: EvmChain, *, every: float, forks: int = 0, seed: int = 1
  ) -> None:
    self.chain = chain
    self.calls = EvmCalls(chain)
    self.asked: Counter[str] = Counter()
    self.opened_at: list[float] = []
    self.forked = 0
    self.first_client = trio.Event()
    self._clock = clock
    self._every = every
    self._forks = forks
    self._rng = random.Random(seed + 1)
    self._handlers: dict[ClientConnection, EvmClientHandler] = {}
    self._left: Counter[str] = Counter()
    """How many announcements each fault still changes."""
    self._until: dict[str, float] = {}
    """When each fault that lasts ends (trio's time)."""
    self._control = ControlEndpoint(
      {
        "GET /_sim/log": self._log_of_blocks,
        "GET /_sim/stats": self._stats,
        "POST /_sim/faults": fault_route(EVM_FAULTS, self.fault),
      }
    )
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
    """Replaces the last `depth` blocks now."""
    removed, added = self.chain.fork(depth, self._second())
    self.forked += 1
    for block in removed:
      # Newest first, and within a block as well.
      for log in reversed(block.logs):
        self._announce_log(log | {"removed": True})
    for block in added:
      self._announce(block)

  def is_on(self, kind: str) -> bool:
    """Whether a fault that lasts is active."""
    return trio.current_time() < self._until.get(kind, 0.0)

  def _announce(self, block: EvmBlock) -> None:
    first = self._rng.random() < 0.5
    if first:
      self._announce_header(block)
    for log in block.logs:
      self._announce_log(log)
      if self._strikes("duplicate"):
        self._announce_log(log)
    if not first:
      self._announce_header(block)

  def _announce_header(self, block: EvmBlock) -> None:
    if self._strikes("missing"):
      return
    header = block.header()
    for handler in self._readers():
      for name, log_filter in handler.subscriptions.items():
        if log_filter is None:
          self._notify(handler, name, header)

  def _announce_log(self, log: dict[str, Any]) -> None:
    for handler in self._readers():
      for name, log_filter in handler.subscriptions.items():
        if log_filter is not None and log_filter.accepts(log):
          self._notify(handler, name, log)

  def _notify(self, handler: "EvmClientHandler", name: str, result: dict[str, Any]) -> None:
    params = {"subscription": name, "result": result}
    message = {"jsonrpc": "2.0", "method": "eth_subscription", "params": params}
    data = msgspec.json.encode(message)
    handler.send(data[: len(data) // 2] if self._strikes("garbage") else data)

  def _readers(self) -> "list[EvmClientHandler]":
    return [] if self.is_on("silence") else list(self._handlers.values())

  def _strikes(self, kind: str) -> bool:
    """Whether a counted fault changes this announcement; counts it then."""
    if not self._left[kind] or not self._handlers:
      return False
    self._left[kind] -= 1
    return True

  def _second(self) -> int:
    return self._clock.now_ms() // 1000

  # Faults ----------------------------------------------------------------------------------------

  def fault(self, fault: VenueFault) -> None:
    """Carries out a fault now."""
    kind = fault.kind
    if kind == "fork":
      self.fork(fault.count)
    elif kind in ("missing", "duplicate", "garbage"):
      self._left[kind] += fault.count
    elif kind in ("silence", "busy", "refuse", *PAGES):
      self._until[kind] = trio.current_time() + fault.seconds
    elif kind == "behind":
      self._until[kind] = trio.current_time() + fault.seconds
      self.calls.horizon = self.chain.tip.number
    elif kind == "narrow":
      self.calls.max_blocks = fault.count
    elif kind == "few":
      self.calls.max_results = fault.count
    elif kind == "no-receipts":
      self.calls.whole_receipts = False
    elif kind == "forget":
      self.chain.oldest = self.chain.tip.number + 1
    for connection in list(self._handlers):
      if kind == "drop":
        connection.finish(TcpClose.RST)
      elif kind == "close":
        connection.finish(CloseFrame(1001, "going away"))
      elif kind == "half-open":
        connection.half_open = True

  # Requests --------------------------------------------------------------------------------------

  async def http(self, request: HttpRequest) -> HttpResponse:
    if (response := self._control.respond(request)) is not None:
      return response
    return json_response({"error": "the node is reached over its WebSocket only"}, 405)

  async def upgrade(self, request: HttpRequest) -> ConnectionPolicy | HttpResponse:
    if self.is_on("refuse"):
      return HttpResponse(status=503, body=b"Service Unavailable")
    for kind, status in PAGES.items():
      if self.is_on(kind):
        return page(status)
    name = request.path.strip("/")
    if name and name not in CHAINS:
      return json_response({"error": f"there is no chain {name}; ethereum is at /"}, 404)
    return ConnectionPolicy()

  def opened(self, connection: ClientConnection) -> ClientHandler:
    self.opened_at.append(trio.current_time())
    self.first_client.set()
    chain_id = CHAINS.get(connection.request.path.strip("/"), CHAINS["ethereum"])
    handler = EvmClientHandler(self, connection, chain_id)
    self._handlers[connection] = handler
    return handler

  def gone(self, connection: ClientConnection) -> None:
    """A connection has ended."""
    self._handlers.pop(connection, None)

  def _log_of_blocks(self, request: HttpRequest) -> HttpResponse:
    blocks = [logged(block) for _, block in sorted(self.chain.blocks.items())]
    orphans = [logged(block) for block in self.chain.orphans]
    return json_response({"blocks": blocks, "orphans": orphans})

  def _stats(self, request: HttpRequest) -> HttpResponse:
    return json_response(
      {
        "asked": self.asked,
        "open": len(self._handlers),
        "opened": self.opened_at,
        "height": self.chain.tip.number,
        "forked": self.forked,
        "wallets": self.chain.wallets,
      }
    )


class EvmClientHandler:
  """One connection of a client. `subscriptions` are its own by their ids: a filter of logs, or None
  for headers."""

  def __init__(self, node: EvmNode, connection: ClientConnection, chain_id: int) -> None:
    self.subscriptions: dict[str, LogFilter | None] = {}
    self._node = node
    self._connection = connection
    self._chain_id = chain_id
    self._number = 0

  def send(self, data: bytes) -> None:
    """Sends one message."""
    self._connection.send_text(data)

  def received(self, data: bytes, *, binary: bool) -> None:
    try:
      request = msgspec.json.decode(data)
    except msgspec.DecodeError:
      self._send(_error(None, PARSE_ERROR, "parse error"))
      return
    if isinstance(request, list) and 0 < len(request) <= MAX_BATCH:
      self._send([self._answer(entry) for entry in request])
    else:
      self._send(self._answer(request))

  def closed(self) -> None:
    self._node.gone(self._connection)

  def _send(self, message: Any) -> None:
    self.send(msgspec.json.encode(message))

  def _answer(self, request: Any) -> dict[str, Any]:
    if not isinstance(request, dict) or not isinstance(request.get("method"), str):
      return _error(None, INVALID_REQUEST, "invalid request")
    number, method, params = request.get("id"), request["method"], request.get("params", [])
    self._node.asked[method] += 1
    if not isinstance(params, list):
      return _error(number, INVALID_PARAMS, "non-array args")
    try:
      result = self._result(method, params)
    except EvmCallError as error:
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
      message = f"the method {method} does not exist/is not available"
      raise EvmCallError(METHOD_NOT_FOUND, message)
    if self._node.is_on("busy"):
      raise EvmCallError(LIMIT_EXCEEDED, "rate limit exceeded: too many requests")
    if not self._node.is_on("behind"):
      self._node.calls.horizon = None
    return self._node.calls.answer(method, params)

  def _subscribe(self, params: list[Any]) -> str:
    if params[:1] == ["newHeads"]:
      log_filter = None
    elif params[:1] == ["logs"]:
      log_filter = LogFilter(params[1] if len(params) > 1 else {})
    else:
      raise EvmCallError(INVALID_PARAMS, f'no "{params[:1]}" subscription in eth namespace')
    self._number += 1
    name = f"0x{self._connection.number:08x}{self._number:08x}"
    self.subscriptions[name] = log_filter
    return name


def _error(number: Any, code: int, message: str) -> dict[str, Any]:
  return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": message}}


def logged(block: EvmBlock) -> dict[str, Any]:
  """A block as GET /_sim/log lists it."""
  return {
    "number": block.number,
    "hash": block.hash,
    "parent": block.parent,
    "transactions": len(block.transactions),
    "transfers": list(block.transfers),
    "natives": block.natives,
  }
