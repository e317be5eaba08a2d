"""Blocks as the updates of the interface, encoded once for all subscribers.

Source: geyser.proto of bond-geyser.
"""

from collections.abc import Iterator
from functools import cached_property

import attrs
from bond_geyser import geyser_pb2 as pb
from bond_geyser.base58 import decode

from bond_sim.geyser.ledger import (
  DEAD,
  SYSTEM_PROGRAM,
  TOKEN_PROGRAM,
  SolanaBlock,
  SolanaTransaction,
)

_SYSTEM = decode(SYSTEM_PROGRAM)
_ERROR = b"\x08\x00\x00\x00\x00\x00\x00\x00\x00\x19\x00\x00\x00\x01\x00\x00\x00"
"""InstructionError(0, Custom(1)) in bincode, the form of `err`."""


@attrs.define(eq=False)
class TransactionUpdate:
  """A transaction in a block."""

  slot: int
  index: int
  transaction: SolanaTransaction

  @cached_property
  def keys(self) -> frozenset[bytes]:
    """Keys of the accounts that it names."""
    return frozenset(account.key for account in self.transaction.accounts)

  def info(self) -> pb.SubscribeUpdateTransactionInfo:
    """The transaction as a message, for this update and for whole blocks."""
    transaction = self.transaction
    info = pb.SubscribeUpdateTransactionInfo(
      signature=transaction.signature, is_vote=transaction.vote, index=self.index
    )
    message = info.transaction.message
    info.transaction.signatures.append(transaction.signature)
    message.header.num_required_signatures = 1
    message.header.num_readonly_unsigned_accounts = 1
    message.account_keys.extend(account.key for account in transaction.accounts)
    message.recent_blockhash = transaction.signature[:32]
    message.versioned = True
    message.instructions.add(
      program_id_index=len(transaction.accounts) - 1,
      accounts=bytes(range(len(transaction.accounts) - 1)),
    )
    meta = info.meta
    meta.fee = transaction.fee
    if transaction.failed:
      meta.err.err = _ERROR
    meta.pre_balances.extend(account.before for account in transaction.accounts)
    meta.post_balances.extend(account.after for account in transaction.accounts)
    decimals = {transfer.mint: transfer.decimals for transfer in transaction.transfers}
    for index, account in enumerate(transaction.accounts):
      if account.tokens_before >= 0:
        _balance(
          meta.pre_token_balances.add(),
          index,
          account.mint,
          account.owner,
          account.tokens_before,
          decimals,
        )
      if account.tokens_after >= 0:
        _balance(
          meta.post_token_balances.add(),
          index,
          account.mint,
          account.owner,
          account.tokens_after,
          decimals,
        )
    meta.inner_instructions_none = True
    meta.compute_units_consumed = 450 if len(transaction.accounts) < 4 else 6200
    return info

  @cached_property
  def body(self) -> bytes:
    """The encoded update without the names of filters."""
    update = pb.SubscribeUpdate()
    update.created_at.FromMilliseconds(self.transaction.created_ms)
    update.transaction.slot = self.slot
    update.transaction.transaction.CopyFrom(self.info())
    return update.SerializeToString()


@attrs.define(eq=False)
class AccountUpdate:
  """A wallet's SOL after a transaction."""

  slot: int
  key: bytes
  lamports: int
  version: int
  signature: bytes
  created_ms: int

  owner = _SYSTEM

  @cached_property
  def body(self) -> bytes:
    """The encoded update without the names of filters."""
    update = pb.SubscribeUpdate()
    update.created_at.FromMilliseconds(self.created_ms)
    update.account.slot = self.slot
    account = update.account.account
    account.pubkey, account.lamports, account.owner = self.key, self.lamports, _SYSTEM
    account.rent_epoch = (1 << 64) - 1
    account.write_version, account.txn_signature = self.version, self.signature
    return update.SerializeToString()


@attrs.define(eq=False)
class BlockUpdate:
  """A whole block, with the transactions that a filter includes."""

  block: SolanaBlock

  @property
  def slot(self) -> int:
    return self.block.slot

  def body(self, transactions: list[TransactionUpdate]) -> bytes:
    """The encoded update with these transactions, without the names of filters."""
    update = pb.SubscribeUpdate()
    update.created_at.FromMilliseconds(self.block.created_ms)
    _describe(update.block, self.block)
    update.block.transactions.extend(transaction.info() for transaction in transactions)
    return update.SerializeToString()


@attrs.define(eq=False)
class BlockMetaUpdate:
  """The description of a block, without its transactions."""

  block: SolanaBlock

  @property
  def slot(self) -> int:
    return self.block.slot

  @cached_property
  def body(self) -> bytes:
    """The encoded update without the names of filters."""
    update = pb.SubscribeUpdate()
    update.created_at.FromMilliseconds(self.block.created_ms)
    _describe(update.block_meta, self.block)
    return update.SerializeToString()


@attrs.define(eq=False)
class SlotUpdate:
  """A slot's status has changed."""

  slot: int
  parent: int
  status: int
  created_ms: int
  dead_error: str = ""

  @cached_property
  def body(self) -> bytes:
    """The encoded update without the names of filters."""
    update = pb.SubscribeUpdate()
    update.created_at.FromMilliseconds(self.created_ms)
    update.slot.slot, update.slot.parent = self.slot, self.parent
    update.slot.status = pb.SlotStatus.Name(self.status)  # type: ignore[assignment]
    if self.dead_error:
      update.slot.dead_error = self.dead_error
    return update.SerializeToString()


GeyserUpdate = TransactionUpdate | AccountUpdate | BlockUpdate | BlockMetaUpdate | SlotUpdate


def contents(block: SolanaBlock) -> Iterator[GeyserUpdate]:
  """The updates of a block, in the order in which a node sends them. A dead block has only those of
  its transactions."""
  version = block.slot * 10_000
  for index, transaction in enumerate(block.transactions):
    yield TransactionUpdate(block.slot, index, transaction)
    for account in transaction.accounts:
      if account.before != account.after and not account.mint:
        version += 1
        yield AccountUpdate(
          block.slot,
          account.key,
          account.after,
          version,
          transaction.signature,
          transaction.created_ms,
        )
  if block.fate != DEAD:
    yield BlockUpdate(block)
    yield BlockMetaUpdate(block)


def _describe(
  update: pb.SubscribeUpdateBlock | pb.SubscribeUpdateBlockMeta, block: SolanaBlock
) -> None:
  update.slot, update.blockhash, update.parent_slot = block.slot, block.hash, block.parent
  update.block_time.timestamp = block.created_ms // 1000
  update.block_height.block_height = block.height
  update.executed_transaction_count = len(block.transactions)
  # Half of the base fees is burned; the leader gets the rest.
  earned = sum(transaction.fee - 2500 for transaction in block.transactions)
  update.rewards.rewards.add(
    pubkey=SYSTEM_PROGRAM, lamports=earned, post_balance=earned, reward_type=pb.REWARD_FEE
  )


def _balance(
  balance: pb.TokenBalance,
  index: int,
  mint: str,
  owner: str,
  amount: int,
  decimals: dict[str, int],
) -> None:
  balance.account_index, balance.mint, balance.owner = index, mint, owner
  balance.program_id = TOKEN_PROGRAM
  shown = balance.ui_token_amount
  shown.decimals, shown.amount = decimals[mint], str(amount)
  shown.ui_amount = amount / 10 ** decimals[mint]
  shown.ui_amount_string = f"{shown.ui_amount:.{decimals[mint]}f}".rstrip("0").rstrip(".")
