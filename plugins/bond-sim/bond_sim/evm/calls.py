"""What the node answers to JSON-RPC requests about its chain.

Source: ethereum/execution-apis, src/eth/*.yaml and src/schemas/{filter,receipt,block}.yaml; error
codes of EIP-1474 and geth. -32005 is "limit exceeded" there.
"""

import re
from collections.abc import Callable
from typing import Any

from bond_sim.evm.chain import DECIMALS, KNOWN, ODD, SYMBOL, Block, Chain

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
"""The chain that the node says it is of, by the path that it is asked at."""

_QUANTITY = re.compile(r"0x(0|[1-9a-f][0-9a-f]{0,15})")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_HASH = re.compile(r"0x[0-9a-fA-F]{64}")


class CallError(Exception):
  """An error of JSON-RPC."""

  def __init__(self, code: int, message: str) -> None:
    super().__init__(message)
    self.code = code


class Filter:
  """Which logs are wanted: of these addresses, with these topics. None stands for any."""

  def __init__(self, asked: Any) -> None:
    if not isinstance(asked, dict):
      raise CallError(INVALID_PARAMS, "invalid argument 0: expected an object")
    address = asked.get("address")
    addresses = [] if address is None else address if isinstance(address, list) else [address]
    if any(not isinstance(a, str) or not _ADDRESS.fullmatch(a) for a in addresses):
      raise CallError(INVALID_PARAMS, "invalid argument 0: invalid address")
    self.addresses = frozenset(a.lower() for a in addresses)
    topics = asked.get("topics") or []
    self.topics: list[frozenset[str] | None] = []
    for entry in topics:
      wanted = [] if entry is None else entry if isinstance(entry, list) else [entry]
      if any(not isinstance(t, str) or not _HASH.fullmatch(t) for t in wanted):
        raise CallError(INVALID_PARAMS, "invalid argument 0: invalid topic")
      self.topics.append(frozenset(t.lower() for t in wanted) or None)

  def takes(self, log: dict[str, Any]) -> bool:
    """Whether a log is wanted."""
    if self.addresses and log["address"] not in self.addresses:
      return False
    topics = log["topics"]
    if len(topics) < len(self.topics):
      return False
    pairs = zip(self.topics, topics, strict=False)
    return all(wanted is None or topic in wanted for wanted, topic in pairs)


class Calls:
  """The methods. `widest` and `most` are the blocks and results that eth_getLogs goes up to."""

  def __init__(self, chain: Chain) -> None:
    self.widest: int | None = None
    self.most: int | None = None
    self._chain = chain
    self._tokens = {token.address: token for token in (*KNOWN, *ODD)}
    self._methods: dict[str, Callable[[list[Any]], Any]] = {
      "eth_blockNumber": lambda _: hex(self._chain.tip.number),
      "eth_getBlockByNumber": self._by_number,
      "eth_getBlockByHash": self._by_hash,
      "eth_getBlockTransactionCountByHash": self._count,
      "eth_getLogs": self._logs,
      "eth_call": self._call,
      "web3_clientVersion": lambda _: "bond-sim",
    }

  def knows(self, method: str) -> bool:
    """Whether there is such a method."""
    return method in self._methods

  def answer(self, method: str, params: list[Any]) -> Any:
    """The result of a method. Raises CallError."""
    return self._methods[method](params)

  def _number(self, text: Any) -> int:
    if text in ("latest", "pending", "safe", "finalized"):
      return self._chain.tip.number
    if text == "earliest":
      return min(self._chain.blocks)
    if not isinstance(text, str) or not _QUANTITY.fullmatch(text):
      raise CallError(INVALID_PARAMS, "invalid argument 0: hex string expected")
    return int(text, 16)

  def _shown(self, block: Block | None) -> dict[str, Any] | None:
    return None if block is None or block.number < self._chain.oldest else block.body()

  def _by_number(self, params: list[Any]) -> Any:
    return self._shown(self._chain.blocks.get(self._number(_first(params))))

  def _by_hash(self, params: list[Any]) -> Any:
    return self._shown(self._chain.by_hash.get(_first(params)))

  def _count(self, params: list[Any]) -> Any:
    block = self._chain.by_hash.get(_first(params))
    return None if block is None else hex(len(block.transactions))

  def _logs(self, params: list[Any]) -> Any:
    asked = _first(params)
    wanted = Filter(asked)
    if "blockHash" in asked:
      block = self._chain.by_hash.get(asked["blockHash"])
      if block is None:
        raise CallError(EXECUTION, "unknown block")
      return [log for log in block.logs if wanted.takes(log)]
    first = self._number(asked.get("fromBlock", "latest"))
    last = self._number(asked.get("toBlock", "latest"))
    if first > last:
      raise CallError(INVALID_PARAMS, "invalid block range params")
    if self.widest is not None and last - first >= self.widest:
      told = f"range {last - first} exceeds limit of {self.widest}"
      raise CallError(INVALID_PARAMS, told)
    if first < self._chain.oldest:
      raise CallError(4444, "pruned history unavailable")
    blocks = (self._chain.blocks.get(number) for number in range(first, last + 1))
    found = [log for block in blocks if block for log in block.logs if wanted.takes(log)]
    if self.most is not None and len(found) > self.most:
      raise CallError(LIMIT_EXCEEDED, f"query returned more than {self.most} results")
    return found

  def _call(self, params: list[Any]) -> Any:
    asked = _first(params)
    if not isinstance(asked, dict):
      raise CallError(INVALID_PARAMS, "invalid argument 0: expected an object")
    token = self._tokens.get(str(asked.get("to")).lower())
    data = asked.get("data", asked.get("input"))
    if token is None or data not in (DECIMALS, SYMBOL):
      raise CallError(3 if token else EXECUTION, "execution reverted")
    return token.decimals if data == DECIMALS else token.symbol


def _first(params: list[Any]) -> Any:
  if not params:
    raise CallError(INVALID_PARAMS, "missing value for required argument 0")
  return params[0]
