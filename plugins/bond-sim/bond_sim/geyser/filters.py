"""The filters of a subscription: which updates they accept, by the names that the client gave them.

Source: yellowstone-grpc, README: an empty field accepts everything, all fields have to match, and
one of a field's values. What providers forbid (more than ten accounts in account_include, the token
program) is refused here too."""

from collections.abc import Iterable

from bond_geyser import geyser_pb2 as pb
from bond_geyser.base58 import decode
from bond_simkit import SimulatorError

from bond_sim.geyser.ledger import TOKEN_PROGRAM
from bond_sim.geyser.updates import (
  AccountUpdate,
  BlockMetaUpdate,
  BlockUpdate,
  GeyserUpdate,
  SlotUpdate,
  TransactionUpdate,
)

MAX_INCLUDED = 10
_REACHED = (pb.SLOT_PROCESSED, pb.SLOT_CONFIRMED, pb.SLOT_FINALIZED)


class GeyserFilters:
  """The filters of one request. `commitment` is processed, confirmed or finalized (0, 1, 2)."""

  def __init__(self, request: pb.SubscribeRequest) -> None:
    """Raises SimulatorError for a request that a provider refuses."""
    self.commitment = int(request.commitment)
    self._accounts = {
      name: (_keys(f.account), _keys(f.owner)) for name, f in request.accounts.items()
    }
    self._slots = dict(request.slots)
    self._transactions = {name: _TransactionFilter(f) for name, f in request.transactions.items()}
    self._blocks = {
      name: (f.include_transactions or not f.HasField("include_transactions"), _included(f))
      for name, f in request.blocks.items()
    }
    self._metas = list(request.blocks_meta)
    for kind in ("transactions_status", "entry"):
      if getattr(request, kind):
        raise SimulatorError(f"{kind} is not simulated")

  def encoded(self, update: GeyserUpdate, transactions: list[TransactionUpdate]) -> list[bytes]:
    """The encoded updates to send for an update, with the names of the filters that accept it; none
    where no filter does. `transactions` are those of the update's block."""
    if isinstance(update, TransactionUpdate):
      names = [name for name, f in self._transactions.items() if f.accepts(update)]
    elif isinstance(update, AccountUpdate):
      names = [
        name
        for name, (accounts, owners) in self._accounts.items()
        if (not accounts or update.key in accounts) and (not owners or update.owner in owners)
      ]
    elif isinstance(update, BlockMetaUpdate):
      names = self._metas
    elif isinstance(update, SlotUpdate):
      names = [name for name, f in self._slots.items() if self._slot(f, update)]
    else:
      return self._whole_blocks(update, transactions)
    return [_named(names, update.body)] if names else []

  def _whole_blocks(
    self, update: BlockUpdate, transactions: list[TransactionUpdate]
  ) -> list[bytes]:
    encoded = []
    for name, (with_transactions, keys) in self._blocks.items():
      included = [t for t in transactions if not keys or not keys.isdisjoint(t.keys)]
      encoded.append(_named([name], update.body(included if with_transactions else [])))
    return encoded

  def _slot(self, slots: pb.SubscribeRequestFilterSlots, update: SlotUpdate) -> bool:
    if slots.filter_by_commitment and update.status != self.commitment:
      return False
    return slots.interslot_updates or update.status in _REACHED


class _TransactionFilter:
  def __init__(self, message: pb.SubscribeRequestFilterTransactions) -> None:
    self._vote = message.vote if message.HasField("vote") else None
    self._failed = message.failed if message.HasField("failed") else None
    self._signature = decode(message.signature) if message.HasField("signature") else None
    self._include = _included(message)
    self._exclude = _keys(message.account_exclude)
    self._required = _keys(message.account_required)
    self._expands = message.HasField("token_accounts")
    self._all = message.token_accounts == pb.ALL

  def accepts(self, update: TransactionUpdate) -> bool:
    """Whether a transaction passes the filter."""
    transaction, keys = update.transaction, update.keys | self._owners(update)
    return (
      (self._vote is None or transaction.vote == self._vote)
      and (self._failed is None or transaction.failed == self._failed)
      and (self._signature is None or transaction.signature == self._signature)
      and (not self._include or not self._include.isdisjoint(keys))
      and self._exclude.isdisjoint(keys)
      and self._required <= keys
    )

  def _owners(self, update: TransactionUpdate) -> frozenset[bytes]:
    """Wallets whose token accounts a transaction names, by the filter's `token_accounts`."""
    if not self._expands:
      return frozenset()
    return frozenset(
      decode(account.owner)
      for account in update.transaction.accounts
      if account.owner and (self._all or account.tokens_before != account.tokens_after)
    )


def _included(
  message: pb.SubscribeRequestFilterTransactions | pb.SubscribeRequestFilterBlocks,
) -> frozenset[bytes]:
  texts = list(message.account_include)
  if len(texts) > MAX_INCLUDED:
    raise SimulatorError(f"Max amount of account_include is {MAX_INCLUDED}, got {len(texts)}")
  if TOKEN_PROGRAM in texts:
    raise SimulatorError(f"account_include: {TOKEN_PROGRAM} is not allowed")
  return _keys(texts)


def _keys(texts: Iterable[str]) -> frozenset[bytes]:
  keys = frozenset(decode(text) for text in texts)
  if any(len(key) != 32 for key in keys):
    raise SimulatorError("a key is not 32 bytes long")
  return keys


def _named(names: list[str], body: bytes) -> bytes:
  """An encoded update with the names of the filters that accept it. The order of a message's fields
  is free, so the body can be encoded once for all subscribers."""
  texts = [name.encode() for name in names]
  return b"".join(b"\x0a" + _varint(len(text)) + text for text in texts) + body


def _varint(number: int) -> bytes:
  out = bytearray()
  while number > 127:
    out.append(number & 127 | 128)
    number >>= 7
  out.append(number)
  return bytes(out)
