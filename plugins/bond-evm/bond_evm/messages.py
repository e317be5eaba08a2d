"""JSON-RPC as far as it is used here: requests that are sent, messages that are read.

Source: JSON-RPC 2.0; ethereum/execution-apis, src/eth/block.yaml and src/schemas/{block,receipt,
transaction,subscription}.yaml; geth's documentation of subscriptions (geth.ethereum.org, JSON-RPC
Server, Real-time Events).
"""

from typing import Any, NamedTuple

import msgspec

from bond_core.feeds import own_words, said
from bond_evm.abi import amount_of, hash_of, is_address, quantity

NOTHING = msgspec.Raw()

UNREADABLE = (ValueError, TypeError, OverflowError, RecursionError)


class Error(msgspec.Struct, rename={"words": "message"}):
  """The error in an answer."""

  code: int = 0
  words: str | None = None
  data: Any = None

  @property
  def message(self) -> str:
    """What it says, "" for nothing."""
    return self.words or ""

  def __str__(self) -> str:
    more = "" if self.data is None else said(msgspec.json.encode(self.data))
    return f"{own_words(self.message) or 'no reason given'} ({self.code}){more}"


class Notification(msgspec.Struct):
  """The parameters of a notification: something new for a subscription."""

  subscription: str
  result: msgspec.Raw


class Message(msgspec.Struct):
  """An answer (with `id`) or a notification (with `params`). Nodes behind gateways write ids and
  codes as texts as well, and errors as a text alone."""

  id: int | None = None
  method: str = ""
  params: Notification | None = None
  result: msgspec.Raw = NOTHING
  problem: Error | str | None = msgspec.field(default=None, name="error")

  @property
  def error(self) -> Error | None:
    """The error, in the form of JSON-RPC."""
    return Error(0, self.problem) if isinstance(self.problem, str) else self.problem


class _Header(msgspec.Struct, rename="camel"):
  number: str
  hash: str
  parent_hash: str
  timestamp: str
  base_fee_per_gas: str | None = None
  gas_used: str = "0x0"
  gas_limit: str = "0x0"
  miner: str | None = None
  transactions: list[str | dict[str, Any]] | None = None


class _Transaction(msgspec.Struct, rename="camel"):
  hash: str
  from_: str = msgspec.field(name="from")
  to: str | None = None
  value: str = "0x0"


class _Transactions(msgspec.Struct):
  hash: str
  transactions: list[_Transaction]


class _Receipt(msgspec.Struct, rename="camel"):
  transaction_hash: str
  block_hash: str
  status: str
  contract_address: str | None = None


class _Log(msgspec.Struct, rename="camel"):
  address: str
  topics: list[str]
  data: str
  block_number: str
  block_hash: str
  transaction_hash: str
  log_index: str
  block_timestamp: str | None = None
  removed: bool = False


class Block(NamedTuple):
  """A block's header; `transactions` is their number, None where it is not known. `time` is in
  seconds, fees in wei."""

  number: int
  hash: str
  parent: str
  time: int
  base_fee: int | None = None
  gas_used: int = 0
  gas_limit: int = 0
  miner: str | None = None
  transactions: int | None = None


class Sent(NamedTuple):
  """What a transaction moves of the chain's own currency, in its smallest unit; `receiver` is None
  where it makes a contract."""

  txid: str
  sender: str
  receiver: str | None
  amount: int


class Receipt(NamedTuple):
  """How a transaction went, and the contract that it made."""

  succeeded: bool
  contract: str | None


class Log(NamedTuple):
  """A log of a contract; `time` is its block's in seconds, where the node has it."""

  address: str
  topics: list[str]
  data: str
  number: int
  block: str
  txid: str
  log_index: int
  time: int | None = None
  removed: bool = False


read_message = msgspec.json.Decoder(Message, strict=False).decode
read_text = msgspec.json.Decoder(str).decode
_header = msgspec.json.Decoder(_Header | None).decode
_transactions = msgspec.json.Decoder(_Transactions | None).decode
_receipt = msgspec.json.Decoder(_Receipt | None).decode
_receipts = msgspec.json.Decoder(list[_Receipt] | None).decode
_log = msgspec.json.Decoder(_Log).decode
_rows = msgspec.json.Decoder(list[msgspec.Raw]).decode


def request(number: int, method: str, params: list[Any]) -> bytes:
  """Returns a request."""
  body = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
  return msgspec.json.encode(body)


def read_block(data: msgspec.Raw) -> Block | None:
  """Returns a header or block; None where the node has none."""
  found = _header(data)
  if found is None:
    return None
  fee = found.base_fee_per_gas
  return Block(
    number=quantity(found.number),
    hash=hash_of(found.hash),
    parent=hash_of(found.parent_hash),
    time=quantity(found.timestamp),
    base_fee=None if fee is None else quantity(fee),
    gas_used=quantity(found.gas_used),
    gas_limit=quantity(found.gas_limit),
    miner=found.miner if found.miner is not None and is_address(found.miner) else None,
    transactions=None if found.transactions is None else len(found.transactions),
  )


def read_sent(data: msgspec.Raw, block: str) -> list[Sent] | None:
  """Returns what the transactions of a block move, of a block with whole transactions; None where
  the node does not have it. Raises ValueError for another block."""
  found = _transactions(data)
  if found is None:
    return None
  if hash_of(found.hash) != block:
    raise ValueError("another block than that of the hash")
  return [
    Sent(
      hash_of(each.hash),
      _address(each.from_),
      None if each.to is None else _address(each.to),
      amount_of(each.value),
    )
    for each in found.transactions
  ]


def read_receipts(data: msgspec.Raw, block: str) -> dict[str, Receipt] | None:
  """Returns the receipts of a block by their transactions; None where the node does not have them.
  Raises ValueError for receipts of another block."""
  found = _receipts(data)
  return None if found is None else dict(_as_receipt(each, block) for each in found)


def read_receipt(data: msgspec.Raw, block: str) -> tuple[str, Receipt] | None:
  """Returns the transaction of one receipt, and what it says, in the same way."""
  found = _receipt(data)
  return None if found is None else _as_receipt(found, block)


def read_log(data: msgspec.Raw) -> Log:
  """Returns one log."""
  return _as_log(_log(data))


def read_logs(data: msgspec.Raw) -> tuple[list[Log], list[Exception]]:
  """Returns the logs that eth_getLogs found, and what is wrong with those that cannot be read."""
  logs: list[Log] = []
  faults: list[Exception] = []
  for row in _rows(data):
    try:
      logs.append(read_log(row))
    except UNREADABLE as exc:
      faults.append(exc)
  return logs, faults


def _address(text: str) -> str:
  if not is_address(text):
    raise ValueError(f"{text[:80]!r} is no address")
  return text.lower()


def _as_receipt(found: _Receipt, block: str) -> tuple[str, Receipt]:
  if hash_of(found.block_hash) != block:
    raise ValueError("a receipt of another block")
  made = found.contract_address
  receipt = Receipt(quantity(found.status) == 1, None if made is None else _address(made))
  return hash_of(found.transaction_hash), receipt


def _as_log(found: _Log) -> Log:
  time = found.block_timestamp
  return Log(
    address=_address(found.address),
    topics=found.topics,
    data=found.data,
    number=quantity(found.block_number),
    block=hash_of(found.block_hash),
    txid=hash_of(found.transaction_hash),
    log_index=quantity(found.log_index),
    time=None if time is None else quantity(time),
    removed=found.removed,
  )
