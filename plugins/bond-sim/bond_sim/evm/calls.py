"""JSON-RPC methods about the chain.

Source: ethereum/execution-apis, src/eth/*.yaml and src/schemas/{filter,receipt,block}.yaml; error
codes of EIP-1474 and geth. -32005 is "limit exceeded" there.
"""

import re
from collections.abc import Callable
from typing import Any

from bond_sim.evm.chain import DECIMALS, EARLY, KNOWN, ODD, SYMBOL, EvmBlock, EvmChain

INVALID_PARAMS = -32602
LIMIT_EXCEEDED = -32005
EXECUTION = -32000

CHAINS = {
  "ethereum": 1,
  "optimism": 10,
  "bsc": 56,
  "polygon": 137,
  "base": 8453,
  "arbitrum": 42161,
  "avalanche": 43114,
}
"""Chain ids by the path at which the node is reached."""

_QUANTITY = re.compile(r"0x(0|[1-9a-f][0-9a-f]{0,15})")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_HASH = re.compile(r"0x[0-9a-fA-F]{64}")


class EvmCallError(Exception):
  """An error of JSON-RPC: its code and message."""

  def __init__(self, code: int, message: str) -> None:
    super().__init__(message)
    self.code = code


class LogFilter:
  """A filter of logs by addresses and topics, from its JSON form. A topic of None accepts any."""

  def __init__(self, params: Any) -> None:
    if not isinstance(params, dict):
      raise EvmCallError(INVALID_PARAMS, "invalid argument 0: expected an object")
    address = params.get("address")
    addresses = [] if address is None else address if isinstance(address, list) else [address]
    if any(not isinstance(a, str) or not _ADDRESS.fullmatch(a) for a in addresses):
      raise EvmCallError(INVALID_PARAMS, "invalid argument 0: invalid address")
    self.addresses = frozenset(a.lower() for a in addresses)
    topics = params.get("topics") or []
    self.topics: list[frozenset[str] | None] = []
    for entry in topics:
      choices = [] if entry is None else entry if isinstance(entry, list) else [entry]
      if any(not isinstance(t, str) or not _HASH.fullmatch(t) for t in choices):
        raise EvmCallError(INVALID_PARAMS, "invalid argument 0: invalid topic")
      self.topics.append(frozenset(t.lower() for t in choices) or None)

  def accepts(self, log: dict[str, Any]) -> bool:
    """Whether a log passes the filter."""
    if self.addresses and log["address"] not in self.addresses:
      return False
    topics = log["topics"]
    if len(topics) < len(self.topics):
      return False
    pairs = zip(self.topics, topics, strict=False)
    return all(choices is None or topic in choices for choices, topic in pairs)


class EvmCalls:
  """The methods. `max_blocks` and `max_results` are the limits of eth_getLogs, None for none."""

  def __init__(self, chain: EvmChain) -> None:
    self.max_blocks: int | None = None
    self.max_results: int | None = None
    self.horizon: int | None = None
    """The last block of a node that is behind; None while it is not. Blocks that are named are
    answered by another one, as where a provider shares out requests."""
    self._chain = chain
    self._tokens = {token.address: token for token in (*KNOWN, *ODD, EARLY)}
    self.whole_receipts = True
    """Whether there is eth_getBlockReceipts, which older nodes lack."""
    self._methods: dict[str, Callable[[list[Any]], Any]] = {
      "eth_blockNumber": lambda _: hex(self._last),
      "eth_getBlockByNumber": self._by_number,
      "eth_getBlockByHash": self._by_hash,
      "eth_getBlockTransactionCountByHash": self._count,
      "eth_getBlockReceipts": self._receipts,
      "eth_getTransactionReceipt": self._receipt,
      "eth_getLogs": self._logs,
      "eth_call": self._call,
      "web3_clientVersion": lambda _: "bond-sim",
    }

  def knows(self, method: str) -> bool:
    """Whether the node has a method."""
    return method in self._methods and (self.whole_receipts or method != "eth_getBlockReceipts")

  def answer(self, method: str, params: list[Any]) -> Any:
    """The result of a method. Raises EvmCallError."""
    return self._methods[method](params)

  @property
  def _last(self) -> int:
    tip = self._chain.tip.number
    return tip if self.horizon is None else min(tip, self.horizon)

  def _number(self, text: Any) -> int:
    if text in ("latest", "pending", "safe", "finalized"):
      return self._last
    if text == "earliest":
      return min(self._chain.blocks)
    if not isinstance(text, str) or not _QUANTITY.fullmatch(text):
      raise EvmCallError(INVALID_PARAMS, "invalid argument 0: hex string expected")
    return int(text, 16)

  def _shown(self, block: EvmBlock | None, params: list[Any]) -> dict[str, Any] | None:
    if block is None or block.number < self._chain.oldest:
      return None
    return block.body(whole=params[1:2] == [True])

  def _by_number(self, params: list[Any]) -> Any:
    return self._shown(self._chain.blocks.get(self._number(_first(params))), params)

  def _by_hash(self, params: list[Any]) -> Any:
    return self._shown(self._chain.by_hash.get(_first(params)), params)

  def _receipts(self, params: list[Any]) -> Any:
    named = _first(params)
    by_hash = isinstance(named, str) and _HASH.fullmatch(named)
    chain = self._chain
    block = chain.by_hash.get(named) if by_hash else chain.blocks.get(self._number(named))
    return None if block is None or not self._has(block) else list(block.receipts)

  def _receipt(self, params: list[Any]) -> Any:
    txid = _first(params)
    for _, block in sorted(self._chain.blocks.items(), reverse=True):
      for receipt in block.receipts if self._has(block) else ():
        if receipt["transactionHash"] == txid:
          return receipt
    return None

  def _has(self, block: EvmBlock) -> bool:
    return self._chain.oldest <= block.number <= self._last

  def _count(self, params: list[Any]) -> Any:
    block = self._chain.by_hash.get(_first(params))
    return None if block is None else hex(len(block.transactions))

  def _logs(self, params: list[Any]) -> Any:
    query = _first(params)
    log_filter = LogFilter(query)
    if "blockHash" in query:
      block = self._chain.by_hash.get(query["blockHash"])
      if block is None or block.number > self._last:
        raise EvmCallError(EXECUTION, "unknown block")
      return [log for log in block.logs if log_filter.accepts(log)]
    first = self._number(query.get("fromBlock", "latest"))
    last = self._number(query.get("toBlock", "latest"))
    if first > last:
      raise EvmCallError(INVALID_PARAMS, "invalid block range params")
    if self.max_blocks is not None and last - first >= self.max_blocks:
      message = f"range {last - first} exceeds limit of {self.max_blocks}"
      raise EvmCallError(INVALID_PARAMS, message)
    if first < self._chain.oldest:
      raise EvmCallError(4444, "pruned history unavailable")
    # As a node does that does not have the rest: without a word.
    blocks = (self._chain.blocks.get(n) for n in range(first, min(last, self._last) + 1))
    found = [log for block in blocks if block for log in block.logs if log_filter.accepts(log)]
    if self.max_results is not None and len(found) > self.max_results:
      raise EvmCallError(LIMIT_EXCEEDED, f"query returned more than {self.max_results} results")
    return found

  def _call(self, params: list[Any]) -> Any:
    call = _first(params)
    if not isinstance(call, dict):
      raise EvmCallError(INVALID_PARAMS, "invalid argument 0: expected an object")
    token = self._tokens.get(str(call.get("to")).lower())
    data = call.get("data", call.get("input"))
    if token is None or data not in (DECIMALS, SYMBOL):
      raise EvmCallError(3 if token else EXECUTION, "execution reverted")
    return token.decimals if data == DECIMALS else token.symbol


def _first(params: list[Any]) -> Any:
  if not params:
    raise EvmCallError(INVALID_PARAMS, "missing value for required argument 0")
  return params[0]
