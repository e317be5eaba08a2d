"""Which updates a request asks for, by the names that the client gave its filters.

Source: yellowstone-grpc, README: what is empty asks for everything, fields must all hold, and of a
field's values one; what providers forbid (more than ten accounts in account_include, the token
program) is refused here too.
"""

from collections.abc import Iterable

from bond_geyser import geyser_pb2 as pb
from bond_geyser.base58 import decode

from bond_sim.errors import SimulatorError
from bond_sim.geyser.ledger import TOKEN_PROGRAM
from bond_sim.geyser.updates import (
  AccountUpdate,
  BlockMetaUpdate,
  BlockUpdate,
  SlotUpdate,
  TransactionUpdate,
  Update,
)

MAX_INCLUDED = 10
_REACHED = (pb.SLOT_PROCESSED, pb.SLOT_CONFIRMED, pb.SLOT_FINALIZED)


class Filters:
  """The filters of one request. `commitment` is processed, confirmed or finalized (0, 1, 2)."""

  def __init__(self, request: pb.SubscribeRequest) -> None:
    """SimulatorError for what a provider refuses."""
    self.commitment = int(request.commitment)
    self._accounts = {
      name: (_keys(f.account), _keys(f.owner)) for name, f in request.accounts.items()
    }
    self._slots = dict(request.slots)
    self._transactions = {name: _Transactions(f) for name, f in request.transactions.items()}
    self._blocks = {
      name: (f.include_transactions or not f.HasField("include_transactions"), _included(f))
      for name, f in request.blocks.items()
    }
    self._metas = list(request.blocks_meta)
    for kind in ("transactions_status", "entry"):
      if getattr(request, kind):
        raise SimulatorError(f"{kind} is not simulated")

  def encoded(self, update: Update, transactions: list[TransactionUpdate]) -> list[bytes]:
    """The bodies to send for an update, each with the names of the filters that it is for; none
    where no filter asks for it. `transactions` are those of the update's block."""
    if isinstance(update, TransactionUpdate):
      names = [name for name, f in self._transactions.items() if f.match(update)]
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

  def _whole_blocks(self, update: BlockUpdate, all_of_it: list[TransactionUpdate]) -> list[bytes]:
    sent = []
    for name, (wanted, included) in self._blocks.items():
      kept = [one for one in all_of_it if not included or not included.isdisjoint(one.keys)]
      sent.append(_named([name], update.body(kept if wanted else [])))
    return sent

  def _slot(self, wanted: pb.SubscribeRequestFilterSlots, update: SlotUpdate) -> bool:
    if wanted.filter_by_commitment and update.status != self.commitment:
      return False
    return wanted.interslot_updates or update.status in _REACHED


class _Transactions:
  def __init__(self, wanted: pb.SubscribeRequestFilterTransactions) -> None:
    self._vote = wanted.vote if wanted.HasField("vote") else None
    self._failed = wanted.failed if wanted.HasField("failed") else None
    self._signature = decode(wanted.signature) if wanted.HasField("signature") else None
    self._include = _included(wanted)
    self._exclude = _keys(wanted.account_exclude)
    self._required = _keys(wanted.account_required)
    self._expands = wanted.HasField("token_accounts")
    self._all = wanted.token_accounts == pb.ALL

  def match(self, update: TransactionUpdate) -> bool:
    """Whether the filter lets a transaction through."""
    made, keys = update.transaction, update.keys | self._owners(update)
    return (
      (self._vote is None or made.vote == self._vote)
      and (self._failed is None or made.failed == self._failed)
      and (self._signature is None or made.signature == self._signature)
      and (not self._include or not self._include.isdisjoint(keys))
      and self._exclude.isdisjoint(keys)
      and self._required <= keys
    )

  def _owners(self, update: TransactionUpdate) -> frozenset[bytes]:
    """Wallets that a transaction names by their token accounts only."""
    if not self._expands:
      return frozenset()
    return frozenset(
      decode(entry.owner)
      for entry in update.transaction.entries
      if entry.owner and (self._all or entry.held != entry.holds)
    )


def _included(
  wanted: pb.SubscribeRequestFilterTransactions | pb.SubscribeRequestFilterBlocks,
) -> frozenset[bytes]:
  texts = list(wanted.account_include)
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
  """An update with the names of the filters that it is for: fields of a message stand in any order,
  so that the body is encoded once for all."""
  told = b"".join(b"\x0a" + _varint(len(data)) + data for data in (name.encode() for name in names))
  return told + body


def _varint(number: int) -> bytes:
  out = bytearray()
  while number > 127:
    out.append(number & 127 | 128)
    number >>= 7
  out.append(number)
  return bytes(out)
