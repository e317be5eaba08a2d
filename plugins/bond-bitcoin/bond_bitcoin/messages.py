"""The messages of a mempool server, as far as they are read here.

mempool/mempool on GitHub, backend/src/api/websocket-handler.ts and mempool.interfaces.ts; the
public description is mempool.space/docs/api/websocket. One message may hold any of these parts
together. Amounts are in satoshi, transactions have the form of Esplora.
"""

from typing import Annotated, Any

import msgspec

SATOSHI = 100_000_000
NOTHING = msgspec.Raw()

Satoshi = Annotated[int, msgspec.Meta(ge=0, le=21 * 10**14)]
Count = Annotated[int, msgspec.Meta(ge=0, lt=10**15)]
Rate = Annotated[float, msgspec.Meta(ge=0, lt=1e15)]

UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)


class Pool(msgspec.Struct):
  """Who found a block."""

  name: str | None = None


class Extras(msgspec.Struct, rename="camel"):
  """What the server adds to a block."""

  total_fees: Satoshi | None = None
  median_fee: Rate | None = None
  reward: Satoshi | None = None
  pool: Pool | None = None


class Block(msgspec.Struct):
  """A block. `timestamp` (seconds) is what its miner wrote, which may be minutes off."""

  id: str
  height: Count
  timestamp: Count
  tx_count: Count
  size: Count = 0
  weight: Count = 0
  previousblockhash: str | None = None
  extras: Extras | None = None


class Output(msgspec.Struct):
  """An output: its address where it has one."""

  value: Satoshi = 0
  scriptpubkey_address: str | None = None


class Input(msgspec.Struct):
  """An input; a block's first transaction spends nothing."""

  prevout: Output | None = None


class Status(msgspec.Struct):
  """Whether a transaction is in a block, and in which."""

  confirmed: bool = False
  block_height: Count | None = None


class Transaction(msgspec.Struct):
  """A transaction with what it spends and makes."""

  txid: str
  vin: list[Input] = msgspec.field(default_factory=list)
  vout: list[Output] = msgspec.field(default_factory=list)
  fee: Rate | None = None
  weight: Rate | None = None
  status: Status = msgspec.field(default_factory=Status)


class Replaced(msgspec.Struct):
  """A transaction that was replaced; `by` is the id of the new one, or all of it."""

  replaced: str
  by: Any = None


class Entered(msgspec.Struct):
  """What changed in the mempool. `added` are ids, or whole transactions; `removed` are ids of those
  that left it and are in no block. The numbers go up by one with each change, and stay while the
  server is behind its node."""

  sequence: Count
  added: list[Any]
  removed: list[Any] = msgspec.field(default_factory=list)
  replaced: list[Replaced] = msgspec.field(default_factory=list)


class OfAddress(msgspec.Struct):
  """The transactions of a watched address."""

  mempool: list[Any] = msgspec.field(default_factory=list)
  confirmed: list[Any] = msgspec.field(default_factory=list)
  removed: list[Any] = msgspec.field(default_factory=list)


class MempoolInfo(msgspec.Struct):
  """The mempool: transactions, virtual bytes, fees in BTC (a node's getmempoolinfo)."""

  size: Count
  bytes: Count
  total_fee: Rate | None = None


class Fees(msgspec.Struct, rename="camel"):
  """Recommended fees, satoshi a virtual byte."""

  fastest_fee: Rate
  half_hour_fee: Rate
  hour_fee: Rate
  economy_fee: Rate | None = None
  minimum_fee: Rate | None = None


class Message(msgspec.Struct):
  """The parts of a message; a part that it does not have is empty."""

  block: msgspec.Raw = NOTHING
  blocks: msgspec.Raw = NOTHING
  txids: msgspec.Raw = msgspec.field(default=NOTHING, name="mempool-txids")
  transactions: msgspec.Raw = msgspec.field(default=NOTHING, name="mempool-transactions")
  addresses: msgspec.Raw = msgspec.field(default=NOTHING, name="multi-address-transactions")
  info: msgspec.Raw = msgspec.field(default=NOTHING, name="mempoolInfo")
  fees: msgspec.Raw = NOTHING
  vbytes_per_second: msgspec.Raw = msgspec.field(default=NOTHING, name="vBytesPerSecond")
  pong: msgspec.Raw = NOTHING
  error: str | None = msgspec.field(default=None, name="track-addresses-error")


EMPTY = Message()

read_message = msgspec.json.Decoder(Message).decode
read_block = msgspec.json.Decoder(Block).decode
read_rows = msgspec.json.Decoder(list[Any]).decode
read_entered = msgspec.json.Decoder(Entered).decode
read_addresses = msgspec.json.Decoder(dict[str, OfAddress]).decode
read_info = msgspec.json.Decoder(MempoolInfo).decode
read_fees = msgspec.json.Decoder(Fees).decode
read_number = msgspec.json.Decoder(Rate).decode


def as_transaction(found: Any) -> Transaction:
  """A transaction among others. Raises ValueError for what is none."""
  transaction = msgspec.convert(found, Transaction)
  if not transaction.txid:
    raise ValueError("a transaction has no id")
  return transaction


def as_block(found: Any) -> Block:
  """A block among others. Raises ValueError for what is none."""
  return msgspec.convert(found, Block)
