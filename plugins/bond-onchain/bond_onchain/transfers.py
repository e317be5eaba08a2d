"""Transfers of a transaction, from the balances of its accounts before and after.

Balances show the effect of every program alike: Transfer, TransferChecked, Token-2022 with its
fees, inner instructions, and SOL whether wrapped or not. A wallet's balance is counted over all its
accounts, so sending to oneself is no transfer.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

from bond_geyser import geyser_pb2 as pb
from bond_geyser.base58 import encode

from bond_onchain.tokens import WRAPPED

NATIVE = ""
"""The mint of SOL here, which has none."""

SOL_DECIMALS = 9


class Transfer(NamedTuple):
  """`amount` of a token in its smallest unit, from wallet to wallet.

  `sender` is None where it may be one of several (`senders`) or the tokens were minted, `receiver`
  where they were burned.
  """

  mint: str
  amount: int
  decimals: int
  sender: str | None
  receiver: str | None
  senders: tuple[str, ...] = ()


def transfers_of(
  info: pb.SubscribeUpdateTransactionInfo, mints: frozenset[str] | None = None
) -> list[Transfer]:
  """Returns the transfers of a transaction, of these mints (None: of all); none of a failed one."""
  meta = info.meta
  if meta.HasField("err"):
    return []
  key = _keys(info)
  token_accounts: dict[int, tuple[str, str]] = {}
  changes: dict[str, dict[str, int]] = {}
  decimals: dict[str, int] = {}
  for sign, balances in ((-1, meta.pre_token_balances), (1, meta.post_token_balances)):
    for balance in balances:
      mint, shown = balance.mint, balance.ui_token_amount
      owner = balance.owner or key(balance.account_index)
      token_accounts[balance.account_index] = mint, owner
      if mint != WRAPPED and (mints is None or mint in mints):
        decimals[mint] = shown.decimals
        by_owner = changes.setdefault(mint, {})
        by_owner[owner] = by_owner.get(owner, 0) + sign * int(shown.amount or 0)
  found: list[Transfer] = []
  for mint, by_owner in changes.items():
    found += _paired(mint, decimals[mint], by_owner)
  if mints is None or NATIVE in mints:
    native = _lamports(meta, token_accounts, key)
    # Rent that is paid or comes back has only one side, and is no transfer.
    if any(change > 0 for change in native.values()) and any(c < 0 for c in native.values()):
      found += _paired(NATIVE, SOL_DECIMALS, native)
  return found


def _lamports(
  meta: pb.TransactionStatusMeta,
  token_accounts: dict[int, tuple[str, str]],
  key: Callable[[int], str],
) -> dict[str, int]:
  """Returns changes of SOL by wallet, the fee apart. Of token accounts only wrapped SOL counts: the
  rest of their SOL is rent."""
  changes: dict[str, int] = {}
  pairs = zip(meta.pre_balances, meta.post_balances, strict=False)
  for index, (before, after) in enumerate(pairs):
    change = after - before
    if index == 0:
      change += meta.fee
    if not change:
      continue
    account = token_accounts.get(index)
    if account is None:
      owner = key(index)
    elif account[0] == WRAPPED:
      owner = account[1]
    else:
      continue
    changes[owner] = changes.get(owner, 0) + change
  return changes


def _paired(mint: str, decimals: int, changes: dict[str, int]) -> Iterator[Transfer]:
  """Returns who sent to whom, as far as sums show: exactly where one side is a single wallet."""
  sent = {owner: -change for owner, change in changes.items() if change < 0}
  received = {owner: change for owner, change in changes.items() if change > 0}
  if not received:
    for sender, amount in sent.items():
      yield Transfer(mint, amount, decimals, sender, None)
  elif len(received) == 1 and sum(sent.values()) == sum(received.values()):
    (receiver,) = received
    for sender, amount in sent.items():
      yield Transfer(mint, amount, decimals, sender, receiver)
  else:
    senders = tuple(sent)
    for receiver, amount in received.items():
      yield Transfer(
        mint,
        amount,
        decimals,
        senders[0] if len(senders) == 1 else None,
        receiver,
        senders if len(senders) > 1 else (),
      )


def _keys(info: pb.SubscribeUpdateTransactionInfo) -> Callable[[int], str]:
  """Returns a function from an index to its address: first come those of the message, then those of
  lookup tables."""
  own = info.transaction.message.account_keys
  meta = info.meta

  def key(index: int) -> str:
    if index < len(own):
      return address(own[index])
    index -= len(own)
    if index < len(meta.loaded_writable_addresses):
      return address(meta.loaded_writable_addresses[index])
    index -= len(meta.loaded_writable_addresses)
    if index < len(meta.loaded_readonly_addresses):
      return address(meta.loaded_readonly_addresses[index])
    return ""

  return key


@lru_cache(maxsize=32_768)
def address(key: bytes) -> str:
  """Returns a key in base58."""
  return encode(key)
