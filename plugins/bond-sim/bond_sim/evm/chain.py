"""A generated chain of blocks with ERC-20 transfers, and its forks."""

import random
from collections import deque
from typing import Any

import attrs

FIRST_NUMBER = 20_000_000
FIRST_BLOCKS = 8
STORED = 20_000
GAS_LIMIT = 36_000_000

TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
APPROVAL = "0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925"

DECIMALS = "0x313ce567"
SYMBOL = "0x95d89b41"


@attrs.frozen
class EvmToken:
  """A token contract: its encoded answers to decimals() and symbol()."""

  address: str
  decimals: str
  symbol: str
  scale: int = 18
  """Decimals of its amounts, whatever it answers."""


def _word(number: int) -> str:
  return f"{number:064x}"


def _string(text: str) -> str:
  data = text.encode()
  padded = data + bytes(-len(data) % 32)
  return _word(32) + _word(len(data)) + padded.hex()


def _token(address: str, symbol: str, decimals: int) -> EvmToken:
  return EvmToken(address, "0x" + _word(decimals), "0x" + _string(symbol), decimals)


KNOWN = (
  _token("0xdac17f958d2ee523a2206206994597c13d831ec7", "USDT", 6),
  _token("0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48", "USDC", 6),
  _token("0x6b175474e89094c44da98b954eedeac495271d0f", "DAI", 18),
  _token("0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2", "WETH", 18),
  _token("0x2260fac5e5542a773aa44fbcfedf7c193bc2c599", "WBTC", 8),
)
"""Tokens as they are on Ethereum."""

ODD = (
  _token("0x00000000000000000000000000000000000000a1", "ODD", 9),
  # The first contracts answered symbol() with 32 bytes.
  EvmToken(
    "0x00000000000000000000000000000000000000a2", "0x" + _word(18), "0x" + "4d4b52".ljust(64, "0")
  ),
  # Another token that calls itself USDT.
  _token("0x00000000000000000000000000000000000000a3", "USDT", 2),
  EvmToken("0x00000000000000000000000000000000000000a4", "0x" + "f" * 64, "0x" + "f" * 64, 3),
  # Answers with no data.
  EvmToken("0x00000000000000000000000000000000000000a5", "0x", "0x", 0),
)
"""Tokens that no list has, some of which answer with something invalid."""

COLLECTIBLE = "0x00000000000000000000000000000000000000c1"
"""An ERC-721: its Transfer has the id of the item as a topic, and no amount."""


@attrs.frozen
class EvmBlock:
  """A block. `transfers` are the ERC-20 transfers in its logs, as a reader has to report them."""

  number: int
  hash: str
  parent: str
  timestamp: int
  transactions: tuple[str, ...]
  logs: tuple[dict[str, Any], ...]
  transfers: tuple[dict[str, Any], ...]
  base_fee: int
  gas_used: int

  def header(self) -> dict[str, Any]:
    """The header as it is announced."""
    return {
      "number": hex(self.number),
      "hash": self.hash,
      "parentHash": self.parent,
      "timestamp": hex(self.timestamp),
      "baseFeePerGas": hex(self.base_fee),
      "gasUsed": hex(self.gas_used),
      "gasLimit": hex(GAS_LIMIT),
      "miner": "0x" + "95222290dd7278aa3ddd389cc1e1d165cc4bafe5",
      "difficulty": "0x0",
      "extraData": "0x626f6e64",
      "nonce": "0x0000000000000000",
      "logsBloom": "0x" + "00" * 256,
      "mixHash": self.hash,
      "sha3Uncles": "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347",
      "stateRoot": self.hash,
      "transactionsRoot": self.hash,
      "receiptsRoot": self.hash,
    }

  def body(self) -> dict[str, Any]:
    """The block as requests are answered, with the hashes of its transactions."""
    further = {"size": "0x1000", "uncles": [], "withdrawals": []}
    return self.header() | further | {"transactions": list(self.transactions)}


class EvmChain:
  """The chain of one seed. `blocks` is the canonical chain, by number; `orphans` were replaced."""

  def __init__(self, seed: int, transfers: int) -> None:
    self.blocks: dict[int, EvmBlock] = {}
    self.orphans: deque[EvmBlock] = deque(maxlen=STORED)
    self.by_hash: dict[str, EvmBlock] = {}
    self.oldest = FIRST_NUMBER
    """Number of the first block that requests are answered about."""
    self._rng = random.Random(seed)
    self._transfers = transfers
    self.wallets = ["0x" + self._hex(160) for _ in range(30)]

  @property
  def tip(self) -> EvmBlock:
    """The last block."""
    return self.blocks[max(self.blocks)]

  def begin(self, second: int) -> None:
    """Makes the blocks that precede the simulation."""
    for back in range(FIRST_BLOCKS, 0, -1):
      self.make(second - 12 * back)

  def make(self, second: int) -> EvmBlock:
    """Makes the next block."""
    return self._append(second, [self._transaction() for _ in range(self._count())])

  def fork(self, depth: int, second: int) -> tuple[list[EvmBlock], list[EvmBlock]]:
    """Replaces the last `depth` blocks and makes one more. Returns the replaced blocks, newest
    first, and the new blocks. Most transactions are in both branches."""
    depth = min(depth, len(self.blocks) - 1)
    removed = [self.blocks.pop(max(self.blocks)) for _ in range(depth)]
    self.orphans.extend(removed)
    added = []
    for block in reversed(removed):
      logs_of = [
        [log for log in block.logs if log["transactionHash"] == txid]
        for txid in block.transactions
        if self._rng.random() < 0.8
      ]
      repeated = [_bare(logs) for logs in logs_of]
      added.append(self._append(second, [*repeated, self._transaction()]))
    added.append(self.make(second))
    return removed, added

  def _append(self, second: int, transactions: list[tuple[str, list[dict[str, Any]]]]) -> EvmBlock:
    last = self.blocks[max(self.blocks)] if self.blocks else None
    number = FIRST_NUMBER if last is None else last.number + 1
    block_hash = "0x" + self._hex(256)
    logs: list[dict[str, Any]] = []
    for index, (txid, bare) in enumerate(transactions):
      for log in bare:
        position = {
          "blockNumber": hex(number),
          "blockHash": block_hash,
          "blockTimestamp": hex(second),
          "transactionHash": txid,
          "transactionIndex": hex(index),
          "logIndex": hex(len(logs)),
          "removed": False,
        }
        logs.append(log | position)
    block = EvmBlock(
      number=number,
      hash=block_hash,
      parent="0x" + self._hex(256) if last is None else last.hash,
      timestamp=second,
      transactions=tuple(txid for txid, _ in transactions),
      logs=tuple(logs),
      transfers=tuple(_transfer(log) for log in logs if _is_transfer(log)),
      base_fee=self._rng.randrange(500_000_000, 30_000_000_000),
      gas_used=self._rng.randrange(GAS_LIMIT),
    )
    self.blocks[number] = self.by_hash[block_hash] = block
    if len(self.by_hash) > STORED:
      old = self.by_hash.pop(next(iter(self.by_hash)))
      if self.blocks.get(old.number) is old:
        del self.blocks[old.number]
    return block

  def _count(self) -> int:
    return max(1, round(self._rng.gauss(self._transfers, self._transfers / 4)))

  def _transaction(self) -> tuple[str, list[dict[str, Any]]]:
    rng = self._rng
    sender, receiver = ("0x" + "0" * 24 + w[2:] for w in rng.sample(self.wallets, 2))
    kind = rng.random()
    token = rng.choice(ODD) if kind < 0.15 else rng.choice(KNOWN)
    amount = int(rng.lognormvariate(6, 3) * 10**token.scale)
    moved = {"address": token.address, "topics": [TRANSFER, sender, receiver]}
    logs: list[dict[str, Any]] = [moved | {"data": "0x" + _word(amount)}]
    if kind > 0.9:
      logs.insert(0, moved | {"topics": [APPROVAL, sender, receiver], "data": "0x" + _word(amount)})
    elif kind > 0.8:
      item = "0x" + _word(rng.randrange(10_000))
      logs.append(
        {"address": COLLECTIBLE, "topics": [TRANSFER, sender, receiver, item], "data": "0x"}
      )
    elif kind > 0.7:
      logs.append(moved | {"data": "0x" + _word(amount // 100)})
    return "0x" + self._hex(256), logs

  def _hex(self, bits: int) -> str:
    return f"{self._rng.getrandbits(bits):0{bits // 4}x}"


def _is_transfer(log: dict[str, Any]) -> bool:
  return log["topics"][0] == TRANSFER and len(log["topics"]) == 3


def _transfer(log: dict[str, Any]) -> dict[str, Any]:
  return {
    "block": log["blockHash"],
    "height": int(log["blockNumber"], 16),
    "txid": log["transactionHash"],
    "log_index": int(log["logIndex"], 16),
    "token": log["address"],
    "from": "0x" + log["topics"][1][26:],
    "to": "0x" + log["topics"][2][26:],
    "amount": str(int(log["data"], 16)),
  }


def _bare(logs: list[dict[str, Any]]) -> tuple[str, list[dict[str, Any]]]:
  """A transaction without its position in a block: its hash and logs."""
  bare = [{key: log[key] for key in ("address", "topics", "data")} for log in logs]
  return logs[0]["transactionHash"], bare
