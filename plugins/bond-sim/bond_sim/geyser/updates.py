"""Blocks as the updates that the interface sends, encoded once for all who are sent them.

Source: geyser.proto of bond-geyser.
"""

from collections.abc import Iterator
from functools import cached_property

import attrs
from bond_geyser import geyser_pb2 as pb
from bond_geyser.base58 import decode

from bond_sim.geyser.ledger import DEAD, SYSTEM_PROGRAM, Block, Transaction

_SYSTEM = decode(SYSTEM_PROGRAM)
_ERROR = b"\x08\x00\x00\x00\x00\x00\x00\x00\x00\x19\x00\x00\x00\x01\x00\x00\x00"
"""InstructionError(0, Custom(1)) as bincode, which is what `err` holds."""


@attrs.define(eq=False)
class TransactionUpdate:
  """A transaction in a block; `keys` are the accounts that it names."""

  slot: int
  index: int
  transaction: Transaction

  @cached_property
  def keys(self) -> frozenset[bytes]:
    return frozenset(entry.key for entry in self.transaction.entries)

  def info(self) -> pb.SubscribeUpdateTransactionInfo:
    """The message for it."""
    made = self.transaction
    info = pb.SubscribeUpdateTransactionInfo(
      signature=made.signature, is_vote=made.vote, index=self.index
    )
    message = info.transaction.message
    info.transaction.signatures.append(made.signature)
    message.header.num_required_signatures = 1
    message.header.num_readonly_unsigned_accounts = 1
    message.account_keys.extend(entry.key for entry in made.entries)
    message.recent_blockhash = made.signature[:32]
    message.versioned = True
    message.instructions.add(
      program_id_index=len(made.entries) - 1, accounts=bytes(range(len(made.entries) - 1))
    )
    meta = info.meta
    meta.fee = made.fee
    if made.failed:
      meta.err.err = _ERROR
    meta.pre_balances.extend(entry.before for entry in made.entries)
    meta.post_balances.extend(entry.after for entry in made.entries)
    decimals = {moved.mint: moved.decimals for moved in made.moved}
    for place, entry in enumerate(made.entries):
      if entry.held >= 0:
        _balance(
          meta.pre_token_balances.add(), place, entry.mint, entry.owner, entry.held, decimals
        )
      if entry.holds >= 0:
        _balance(
          meta.post_token_balances.add(), place, entry.mint, entry.owner, entry.holds, decimals
        )
    meta.inner_instructions_none = True
    meta.compute_units_consumed = 450 if len(made.entries) < 4 else 6200
    return info

  @cached_property
  def body(self) -> bytes:
    """The update, but for the names of filters."""
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
    """The update, but for the names of filters."""
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
  """A whole block, with its transactions where a filter wants them."""

  block: Block

  @property
  def slot(self) -> int:
    return self.block.slot

  def body(self, transactions: list[TransactionUpdate]) -> bytes:
    """The update with these transactions, but for the names of filters."""
    update = pb.SubscribeUpdate()
    update.created_at.FromMilliseconds(self.block.created_ms)
    _describe(update.block, self.block)
    update.block.transactions.extend(one.info() for one in transactions)
    return update.SerializeToString()


@attrs.define(eq=False)
class BlockMetaUpdate:
  """What is said of a block as a whole."""

  block: Block

  @property
  def slot(self) -> int:
    return self.block.slot

  @cached_property
  def body(self) -> bytes:
    """The update, but for the names of filters."""
    update = pb.SubscribeUpdate()
    update.created_at.FromMilliseconds(self.block.created_ms)
    _describe(update.block_meta, self.block)
    return update.SerializeToString()


@attrs.define(eq=False)
class SlotUpdate:
  """A slot's state has changed."""

  slot: int
  parent: int
  status: int
  created_ms: int
  dead_error: str = ""

  @cached_property
  def body(self) -> bytes:
    """The update, but for the names of filters."""
    update = pb.SubscribeUpdate()
    update.created_at.FromMilliseconds(self.created_ms)
    update.slot.slot, update.slot.parent = self.slot, self.parent
    update.slot.status = pb.SlotStatus.Name(self.status)  # type: ignore[assignment]
    if self.dead_error:
      update.slot.dead_error = self.dead_error
    return update.SerializeToString()


Update = TransactionUpdate | AccountUpdate | BlockUpdate | BlockMetaUpdate | SlotUpdate


def contents(block: Block) -> Iterator[Update]:
  """What a block brings, in the order in which a node tells it: a dead one only transactions."""
  version = block.slot * 10_000
  for index, made in enumerate(block.transactions):
    yield TransactionUpdate(block.slot, index, made)
    for entry in made.entries:
      if entry.before != entry.after and not entry.mint:
        version += 1
        yield AccountUpdate(
          block.slot, entry.key, entry.after, version, made.signature, made.created_ms
        )
  if block.fate != DEAD:
    yield BlockUpdate(block)
    yield BlockMetaUpdate(block)


def _describe(update: pb.SubscribeUpdateBlock | pb.SubscribeUpdateBlockMeta, block: Block) -> None:
  update.slot, update.blockhash, update.parent_slot = block.slot, block.hash, block.parent
  update.block_time.timestamp = block.created_ms // 1000
  update.block_height.block_height = block.height
  update.executed_transaction_count = len(block.transactions)
  # Half of the base fees is burned; the leader gets the rest.
  earned = sum(made.fee - 2500 for made in block.transactions)
  update.rewards.rewards.add(
    pubkey=SYSTEM_PROGRAM, lamports=earned, post_balance=earned, reward_type=pb.REWARD_FEE
  )


def _balance(
  balance: pb.TokenBalance,
  place: int,
  mint: str,
  owner: str,
  amount: int,
  decimals: dict[str, int],
) -> None:
  balance.account_index, balance.mint, balance.owner = place, mint, owner
  balance.program_id = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"
  shown = balance.ui_token_amount
  shown.decimals, shown.amount = decimals[mint], str(amount)
  shown.ui_amount = amount / 10 ** decimals[mint]
  shown.ui_amount_string = f"{shown.ui_amount:.{decimals[mint]}f}".rstrip("0").rstrip(".")
