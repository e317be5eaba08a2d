"""Updates of a Geyser node as events."""

from collections.abc import Iterator
from typing import Any

from bond_geyser import geyser_pb2 as pb
from bond_geyser.base58 import encode

from bond_core import ChainEvent, ChainKind
from bond_onchain.config import Solana
from bond_onchain.transfers import SOL_DECIMALS, Transfer, address, transfers_of

EXCHANGE = CHAIN = "solana"
LAMPORTS = 10**SOL_DECIMALS
LATEST = 10**11
"""Seconds beyond which nothing is the time of a block."""


MOST_ACCOUNTS = 256
"""Of one transaction, whose instructions name them by one byte."""
MOST_REWARDS = 100_000
MOST_KEY = 64
"""Bytes of a signature; keys have 32."""


def check(update: pb.SubscribeUpdate) -> None:
  """ValueError for an update that has more parts than can be, which would take long to read, or of
  a transaction that has none of its effects."""
  kind = update.WhichOneof("update_oneof")
  if kind == "transaction":
    info = update.transaction.transaction
    meta, keys = info.meta, info.transaction.message.account_keys
    most = max(
      len(keys) + len(meta.loaded_writable_addresses) + len(meta.loaded_readonly_addresses),
      len(meta.pre_balances),
      len(meta.post_balances),
      len(meta.pre_token_balances),
      len(meta.post_token_balances),
    )
    if most > MOST_ACCOUNTS:
      raise ValueError(f"a transaction of {most} accounts")
    if len(info.signature) > MOST_KEY:
      raise ValueError(f"a signature of {len(info.signature)} bytes")
    if not info.HasField("meta"):
      raise ValueError("a transaction without its meta, which has all its effects")
  elif kind == "account" and len(update.account.account.pubkey) > MOST_KEY:
    raise ValueError(f"an account of {len(update.account.account.pubkey)} bytes")
  elif kind == "block_meta" and len(update.block_meta.rewards.rewards) > MOST_REWARDS:
    raise ValueError(f"a block of {len(update.block_meta.rewards.rewards)} rewards")


class EventReader:
  """Turns updates into the events of a configuration. Each update has to be read once only."""

  def __init__(self, config: Solana) -> None:
    self._config = config
    self._kinds = config.kinds
    self._mints = config.mint_filter()
    self._names = config.names()
    self._accounts = frozenset(config.accounts)
    self._second: int | None = None
    self._whole = False
    self._transactions = self._blocks = self._fees = 0

  def read(self, update: pb.SubscribeUpdate) -> Iterator[ChainEvent]:
    """Returns the events of an update."""
    kind = update.WhichOneof("update_oneof")
    when = update.created_at.ToMilliseconds() if update.HasField("created_at") else None
    if kind == "transaction":
      yield from self._transaction(update.transaction, when)
    elif kind == "block_meta":
      yield from self._block(update.block_meta, when)
    elif kind == "account":
      yield self._account(update.account, when)

  def undone(self, slot: int, status: str, when: int | None) -> ChainEvent:
    """Returns the event that takes back everything of a slot."""
    meta = {"slot": slot, "status": status, "commitment": self._config.commitment}
    return self._event("block", None, meta, when)

  def _transaction(
    self, update: pb.SubscribeUpdateTransaction, when: int | None
  ) -> Iterator[ChainEvent]:
    info = update.transaction
    meta: dict[str, Any] = {
      "signature": encode(info.signature),
      "slot": update.slot,
      "index": info.index,
      "commitment": self._config.commitment,
    }
    if "tx" in self._kinds:
      keys = info.transaction.message.account_keys
      details = {
        "fee": info.meta.fee,
        "payer": address(keys[0]) if keys else None,
        "failed": info.meta.HasField("err"),
        "vote": info.is_vote,
        "units": info.meta.compute_units_consumed,
      }
      yield self._event("tx", info.meta.fee / LAMPORTS, meta | details, when)
    if "transfer" in self._kinds:
      for transfer in transfers_of(info, self._mints):
        if (event := self._transfer(transfer, meta, when)) is not None:
          yield event

  def _transfer(
    self, transfer: Transfer, meta: dict[str, Any], when: int | None
  ) -> ChainEvent | None:
    value = transfer.amount / 10**transfer.decimals
    if value < self._config.min_amount:
      return None
    direction = self._config.direction
    wallets: set[str | None] = set()
    if direction != "in":
      wallets |= {transfer.sender, *transfer.senders}
    if direction != "out":
      wallets.add(transfer.receiver)
    if self._accounts and self._accounts.isdisjoint(wallets):
      return None
    details: dict[str, Any] = {
      "from": transfer.sender,
      "to": transfer.receiver,
      "mint": transfer.mint or None,
      "amount": str(transfer.amount),
      "decimals": transfer.decimals,
    }
    if transfer.senders:
      details["senders"] = list(transfer.senders)
    symbol = self._names.get(transfer.mint, transfer.mint)
    return self._event("transfer", value, meta | details, when, symbol)

  def _block(self, update: pb.SubscribeUpdateBlockMeta, when: int | None) -> Iterator[ChainEvent]:
    fees = sum(
      reward.lamports for reward in update.rewards.rewards if reward.reward_type == pb.REWARD_FEE
    )
    second = update.block_time.timestamp
    if not 0 <= second < LATEST:
      raise ValueError(f"a block has the time {second}")
    if "metric" in self._kinds:
      yield from self._metric(second)
      self._transactions += update.executed_transaction_count
      self._blocks += 1
      self._fees += fees
    if "block" in self._kinds:
      meta = {
        "slot": update.slot,
        "parent": update.parent_slot,
        "hash": update.blockhash,
        "height": update.block_height.block_height,
        "time": second,
        "transactions": update.executed_transaction_count,
        "leader_fees": fees,
        "status": "made",
        "commitment": self._config.commitment,
      }
      yield self._event("block", float(update.executed_transaction_count), meta, when)

  def _metric(self, second: int) -> Iterator[ChainEvent]:
    """Returns the figures of a second's blocks, once a later second begins: a block's time is in
    whole seconds. The first second was seen in part only, and is left out."""
    if self._second is None:
      self._second = second
    if second <= self._second:
      return
    if self._whole:
      span = second - self._second
      meta = {
        "time": self._second,
        "seconds": span,
        "transactions": self._transactions,
        "blocks": self._blocks,
        "leader_fees": self._fees,
      }
      yield self._event("metric", self._transactions / span, meta, self._second * 1000)
    self._second, self._whole = second, True
    self._transactions = self._blocks = self._fees = 0

  def _account(self, update: pb.SubscribeUpdateAccount, when: int | None) -> ChainEvent:
    account = update.account
    meta = {
      "account": address(account.pubkey),
      "owner": address(account.owner),
      "lamports": account.lamports,
      "bytes": len(account.data),
      "slot": update.slot,
      "version": account.write_version,
      "signature": encode(account.txn_signature) if account.HasField("txn_signature") else None,
      "commitment": self._config.commitment,
    }
    return self._event("account", account.lamports / LAMPORTS, meta, when)

  def _event(
    self,
    kind: ChainKind,
    value: float | None,
    meta: dict[str, Any],
    when: int | None,
    symbol: str | None = None,
  ) -> ChainEvent:
    return ChainEvent(
      exchange=EXCHANGE,
      symbol=self._config.symbol if symbol is None else symbol,
      ts_exchange=when,
      chain=CHAIN,
      kind=kind,
      value=value,
      meta=meta,
    )
