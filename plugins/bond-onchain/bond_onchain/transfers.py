"""Transfers of a transaction, from the balances of its accounts before and after.

Balances show the effect of every program alike: Transfer, TransferChecked, Token-2022 with its
fees, inner instructions, and SOL whether wrapped or not. A wallet's balance is counted over all its
accounts, so sending to oneself is no transfer. Nor is the rent of token accounts: what of their SOL
is not wrapped comes from whoever pays for them, and returns when they are closed.
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
MOST_DECIMALS = 255
LONGEST_AMOUNT = 20
"""What a token's program has: decimals in one byte, amounts in eight."""


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
  """Returns the transfers of a transaction, of these mints (None: of all); none of a failed one.
  Raises ValueError for balances that cannot be."""
  meta = info.meta
  if meta.HasField("err"):
    return []
  key = _keys(info)
  token_accounts: dict[int, tuple[str, str]] = {}
  changes: dict[str, dict[str, int]] = {}
  decimals: dict[str, int] = {}
  wrapped: dict[int, int] = {}
  for sign, balances in ((-1, meta.pre_token_balances), (1, meta.post_token_balances)):
    for balance in balances:
      mint, shown = balance.mint, balance.ui_token_amount
      owner = balance.owner or key(balance.account_index)
      token_accounts[balance.account_index] = mint, owner
      amount = sign * _amount(shown)
      if mint == WRAPPED:
        wrapped[balance.account_index] = wrapped.get(balance.account_index, 0) + amount
      if mint != WRAPPED and (mints is None or mint in mints):
        decimals[mint] = shown.decimals
        by_owner = changes.setdefault(mint, {})
        by_owner[owner] = by_owner.get(owner, 0) + amount
  found: list[Transfer] = []
  for mint, by_owner in changes.items():
    found += _paired(mint, decimals[mint], by_owner)
  if mints is None or NATIVE in mints:
    native = _lamports(meta, token_accounts, wrapped, key)
    # What has only one side is no transfer, such as rent that others returned.
    if any(change > 0 for change in native.values()) and any(c < 0 for c in native.values()):
      found += _paired(NATIVE, SOL_DECIMALS, native)
  return found


def _amount(shown: pb.UiTokenAmount) -> int:
  text = shown.amount or "0"
  if not text.isdecimal() or len(text) > LONGEST_AMOUNT or shown.decimals > MOST_DECIMALS:
    raise ValueError(f"{text[:40]!r} with {shown.decimals} decimals is no amount of a token")
  return int(text)


def _lamports(
  meta: pb.TransactionStatusMeta,
  token_accounts: dict[int, tuple[str, str]],
  wrapped: dict[int, int],
  key: Callable[[int], str],
) -> dict[str, int]:
  """Returns changes of SOL by wallet, the fee and the rent of token accounts apart. `wrapped` is
  how wrapped SOL has changed, by account."""
  changes: dict[str, int] = {}
  rents: list[tuple[str, int]] = []
  pairs = zip(meta.pre_balances, meta.post_balances, strict=False)
  for index, (before, after) in enumerate(pairs):
    change = after - before
    if index == 0:
      change += meta.fee
    account = token_accounts.get(index)
    owner = key(index) if account is None else account[1]
    if account is not None:
      moved = wrapped.get(index, 0)
      rents.append((owner, change - moved))
      change = moved
    if change:
      changes[owner] = changes.get(owner, 0) + change
  for owner, rent in rents:
    if rent:
      bearer = owner if rent < 0 else _payer(rent, owner, key(0), changes)
      changes[bearer] = changes.get(bearer, 0) + rent
  return changes


def _payer(rent: int, owner: str, first: str, changes: dict[str, int]) -> str:
  """Returns who paid the rent of an account: who pays the fee, unless only another one can have."""
  able = [wallet for wallet, change in changes.items() if change <= -rent]
  if changes.get(first) or not able:
    return first
  return owner if owner in able else able[0]


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
