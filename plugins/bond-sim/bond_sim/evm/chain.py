"""A generated chain of blocks with transfers of tokens and of ether, and its forks."""

import random
from collections import deque
from typing import Any, NamedTuple

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

EARLY = _token("0x00000000000000000000000000000000000000b1", "EARLY", 6)
EARLY_COLLECTIBLE = "0x00000000000000000000000000000000000000c2"
"""Contracts of before the rules, whose Transfer indexes nothing."""


@attrs.frozen
class EvmBlock:
  """A block. `transfers` are the ERC-20 transfers in its logs and `natives` those of ether in its
  transactions, as a reader has to report them; `bodies` are its transactions, `receipts` theirs."""

  number: int
  hash: str
  parent: str
  timestamp: int
  transactions: tuple[str, ...]
  logs: tuple[dict[str, Any], ...]
  transfers: tuple[dict[str, Any], ...]
  base_fee: int
  gas_used: int
  bodies: tuple[dict[str, Any], ...]
  receipts: tuple[dict[str, Any], ...]

  @property
  def natives(self) -> list[dict[str, Any]]:
    """What its transactions move of ether: those that succeeded."""
    return [
      {
        "block": self.hash,
        "height": self.number,
        "txid": body["hash"],
        "from": body["from"],
        "to": body["to"] or receipt["contractAddress"],
        "amount": str(int(body["value"], 16)),
      }
      for body, receipt in zip(self.bodies, self.receipts, strict=True)
      if int(body["value"], 16) and receipt["status"] == "0x1"
    ]

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

  def body(self, *, whole: bool = False) -> dict[str, Any]:
    """The block as requests are answered, with the hashes of its transactions, or all of them."""
    further = {"size": "0x1000", "uncles": [], "withdrawals": []}
    transactions = self.bodies if whole else self.transactions
    return self.header() | further | {"transactions": list(transactions)}


class _Payment(NamedTuple):
  """A transaction without its position in a block, and its receipt."""

  body: dict[str, Any]
  receipt: dict[str, Any]


class EvmChain:
  """The chain of one seed. `blocks` is the canonical chain, by number; `orphans` were replaced."""

  def __init__(self, seed: int, transfers: int) -> None:
    self.blocks: dict[int, EvmBlock] = {}
    self.orphans: deque[EvmBlock] = deque(maxlen=STORED)
    self.by_hash: dict[str, EvmBlock] = {}
    self.oldest = FIRST_NUMBER
    """Number of the first block that requests are answered about."""
    self._rng = random.Random(seed)
    # Of its own, so that the rest of a seed's chain is the same as without transfers of ether.
    self._ether = random.Random(f"ether of {seed}")
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
    tokens = [self._transaction() for _ in range(self._count())]
    ether = [self._payment() for _ in range(self._ether.randint(0, self._transfers))]
    return self._append(second, tokens, ether)

  def fork(self, depth: int, second: int) -> tuple[list[EvmBlock], list[EvmBlock]]:
    """Replaces the last `depth` blocks and makes one more. Returns the replaced blocks, newest
    first, and the new blocks. Most transactions are in both branches."""
    depth = min(depth, len(self.blocks) - 1)
    removed = [self.blocks.pop(max(self.blocks)) for _ in range(depth)]
    self.orphans.extend(removed)
    added = []
    for block in reversed(removed):
      with_logs = dict.fromkeys(log["transactionHash"] for log in block.logs)
      logs_of = [
        [log for log in block.logs if log["transactionHash"] == txid]
        for txid in with_logs
        if self._rng.random() < 0.8
      ]
      repeated = [_bare(logs) for logs in logs_of]
      ether = [
        _Payment(body, receipt)
        for body, receipt in zip(block.bodies, block.receipts, strict=True)
        if body["hash"] not in with_logs and self._ether.random() < 0.8
      ]
      ether.append(self._payment())
      added.append(self._append(second, [*repeated, self._transaction()], ether))
    added.append(self.make(second))
    return removed, added

  def _append(
    self,
    second: int,
    transactions: list[tuple[str, list[dict[str, Any]]]],
    ether: list[_Payment],
  ) -> EvmBlock:
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
    paid = [*(_call_of(txid, bare) for txid, bare in transactions), *ether]
    block = EvmBlock(
      number=number,
      hash=block_hash,
      parent="0x" + self._hex(256) if last is None else last.hash,
      timestamp=second,
      transactions=tuple(payment.body["hash"] for payment in paid),
      logs=tuple(logs),
      transfers=tuple(_transfer(log) for log in logs if _is_transfer(log)),
      base_fee=self._rng.randrange(500_000_000, 30_000_000_000),
      gas_used=self._rng.randrange(GAS_LIMIT),
      bodies=tuple(
        payment.body
        | {"blockNumber": hex(number), "blockHash": block_hash, "transactionIndex": hex(index)}
        for index, payment in enumerate(paid)
      ),
      receipts=tuple(
        payment.receipt
        | {"blockNumber": hex(number), "blockHash": block_hash, "transactionIndex": hex(index)}
        for index, payment in enumerate(paid)
      ),
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
    elif kind > 0.85:
      early = EARLY_COLLECTIBLE if kind > 0.875 else EARLY.address
      data = sender + receiver[2:] + _word(rng.randrange(10_000))
      logs.append({"address": early, "topics": [TRANSFER], "data": data})
    elif kind > 0.8:
      item = "0x" + _word(rng.randrange(10_000))
      logs.append(
        {"address": COLLECTIBLE, "topics": [TRANSFER, sender, receiver, item], "data": "0x"}
      )
    elif kind > 0.7:
      logs.append(moved | {"data": "0x" + _word(amount // 100)})
    return "0x" + self._hex(256), logs

  def _payment(self) -> _Payment:
    """A transaction that moves ether: some fail, some make a contract, some move nothing."""
    rng = self._ether
    sender, receiver = rng.sample(self.wallets, 2)
    kind = rng.random()
    amount = 0 if kind > 0.9 else int(rng.lognormvariate(0, 2) * 10**18)
    to = None if 0.8 < kind <= 0.9 else receiver
    made = f"0x{rng.getrandbits(160):040x}" if to is None else None
    return _paid(f"0x{rng.getrandbits(256):064x}", sender, to, amount, made, failed=kind < 0.2)

  def _hex(self, bits: int) -> str:
    return f"{self._rng.getrandbits(bits):0{bits // 4}x}"


def _is_transfer(log: dict[str, Any]) -> bool:
  if log["address"] == EARLY.address:
    return True
  return log["topics"][0] == TRANSFER and len(log["topics"]) == 3


def _transfer(log: dict[str, Any]) -> dict[str, Any]:
  data = "".join(topic[2:] for topic in log["topics"][1:]) + log["data"][2:]
  return {
    "block": log["blockHash"],
    "height": int(log["blockNumber"], 16),
    "txid": log["transactionHash"],
    "log_index": int(log["logIndex"], 16),
    "token": log["address"],
    "from": "0x" + data[24:64],
    "to": "0x" + data[88:128],
    "amount": str(int(data[128:], 16)),
  }


def _paid(
  txid: str,
  sender: str,
  receiver: str | None,
  amount: int,
  made: str | None = None,
  *,
  failed: bool = False,
) -> _Payment:
  body = {
    "hash": txid,
    "type": "0x2",
    "nonce": "0x1",
    "from": sender,
    "to": receiver,
    "value": hex(amount),
    "gas": "0x5208",
    "input": "0x",
    "chainId": "0x1",
  }
  receipt: dict[str, Any] = {
    "transactionHash": txid,
    "from": sender,
    "to": receiver,
    "contractAddress": made,
    "status": "0x0" if failed else "0x1",
    "gasUsed": "0x5208",
    "cumulativeGasUsed": "0x5208",
    "effectiveGasPrice": "0x3b9aca00",
    "logs": [],
    "logsBloom": "0x" + "00" * 256,
    "type": "0x2",
  }
  return _Payment(body, receipt)


def _call_of(txid: str, logs: list[dict[str, Any]]) -> _Payment:
  """The transaction that calls a token's contract, and moves no ether."""
  return _paid(txid, "0x" + logs[0]["topics"][1][26:], logs[0]["address"], 0)


def _bare(logs: list[dict[str, Any]]) -> tuple[str, list[dict[str, Any]]]:
  """A transaction without its position in a block: its hash and logs."""
  bare = [{key: log[key] for key in ("address", "topics", "data")} for log in logs]
  return logs[0]["transactionHash"], bare
