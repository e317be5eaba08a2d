"""A generated Solana: wallets, tokens, slots with transactions, dead blocks and abandoned forks."""

import random
from hashlib import sha256
from typing import Any

import attrs
from bond_geyser.base58 import decode, encode

MINTS = {
  "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v": 6,
  "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB": 6,
  "DezXAZ8z7PnrnRJjz3wXBoRgixCa6xjnB7YaB1pPB263": 5,
}
"""Tokens that are sent around, with their decimals: USDC, USDT and BONK."""

TOKEN_PROGRAM = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"
SYSTEM_PROGRAM = "1" * 32
VOTE_PROGRAM = "Vote111111111111111111111111111111111111111"

WALLETS = 60
VOTERS = 6
FIRST_SLOT = 400_000_000
BASE_FEE = 5000
RENT = 2_039_280
"""Lamports that a token account holds, by its size."""

WHOLE, DEAD, ABANDONED = "whole", "dead", "abandoned"


@attrs.frozen(kw_only=True)
class Moved:
  """What one transaction moved from one wallet to another: `amount` in the token's smallest unit,
  `mint` empty for SOL. `named` says whether the instruction names the mint."""

  sender: str
  receiver: str
  mint: str
  amount: int
  decimals: int
  named: bool = True


@attrs.frozen(kw_only=True, eq=False)
class Entry:
  """One account's part in a transaction: lamports before and after, and of a token account its
  mint, owner and amounts (-1 where it did not exist)."""

  key: bytes
  before: int
  after: int
  mint: str = ""
  owner: str = ""
  held: int = -1
  holds: int = -1


@attrs.frozen(kw_only=True, eq=False)
class Transaction:
  """One transaction; the fee's payer is the first entry."""

  signature: bytes
  created_ms: int
  fee: int
  vote: bool = False
  failed: bool = False
  entries: tuple[Entry, ...]
  moved: tuple[Moved, ...] = ()

  def shown(self, index: int) -> dict[str, Any]:
    """What the log says of it."""
    return {
      "signature": encode(self.signature),
      "index": index,
      "created_ms": self.created_ms,
      "fee": self.fee,
      "vote": self.vote,
      "failed": self.failed,
      "moved": [attrs.asdict(moved) for moved in self.moved],
    }


@attrs.frozen(kw_only=True, eq=False)
class Block:
  """What a leader made in its slot. `fate` is whole, dead or abandoned."""

  slot: int
  parent: int
  height: int
  created_ms: int
  fate: str
  transactions: tuple[Transaction, ...]

  @property
  def hash(self) -> str:
    """Its hash, by its slot."""
    return encode(sha256(b"block %d" % self.slot).digest())


class Ledger:
  """Makes one block after the other; equal seeds make equal chains."""

  def __init__(self, seed: int, transactions: int, forks: float) -> None:
    self._random = random.Random(seed)
    self._count = transactions
    self._forks = forks
    self.slot = self._parent = FIRST_SLOT
    self._height = FIRST_SLOT - 20_000_000
    self._sent = 0
    self._again: tuple[Transaction, ...] = ()
    self._wallets = [self._random.randbytes(32) for _ in range(WALLETS)]
    self._voters = [self._random.randbytes(32) for _ in range(VOTERS)]
    self._lamports = dict.fromkeys((*self._wallets, *self._voters), 10**12)
    self._tokens = {
      (key, mint): 5_000_000 * 10**decimals
      for key in self._wallets[: WALLETS // 2]
      for mint, decimals in MINTS.items()
    }

  def next(self, begin_ms: int, end_ms: int) -> Block | None:
    """The block of the slot that lasted from `begin_ms` to `end_ms`, None where its leader missed
    it. A block that dies or is abandoned has its transactions in the next one again."""
    self.slot += 1
    chance = self._random.random()
    if chance < self._forks / 4:
      return None
    fate = WHOLE
    if not self._again and chance < self._forks:
      fate = DEAD if chance < self._forks / 2 else ABANDONED
    made = [self._transaction() for _ in range(self._count)]
    made += [self._vote(voter) for voter in self._voters]
    self._random.shuffle(made)
    length = end_ms - begin_ms
    transactions = (
      *self._again,
      *(
        attrs.evolve(one, created_ms=begin_ms + length * index // len(made))
        for index, one in enumerate(made)
      ),
    )
    self._again = () if fate == WHOLE else transactions
    self._height += fate == WHOLE
    block = Block(
      slot=self.slot,
      parent=self._parent,
      height=self._height,
      created_ms=end_ms,
      fate=fate,
      transactions=transactions,
    )
    if fate == WHOLE:
      self._parent = self.slot
    return block

  def _signature(self) -> bytes:
    self._sent += 1
    return self._random.randbytes(56) + self._sent.to_bytes(8, "big")

  def _vote(self, voter: bytes) -> Transaction:
    before = self._lamports[voter]
    self._lamports[voter] = before - BASE_FEE
    return Transaction(
      signature=self._signature(),
      created_ms=0,
      fee=BASE_FEE,
      vote=True,
      entries=(Entry(key=voter, before=before, after=before - BASE_FEE), _program(VOTE_PROGRAM)),
    )

  def _transaction(self) -> Transaction:
    chance = self._random.random()
    fee = BASE_FEE + int(self._random.expovariate(1 / 4000))
    if chance < 0.06:
      return self._failed(fee)
    return self._native(fee) if chance < 0.5 else self._token(fee)

  def _failed(self, fee: int) -> Transaction:
    payer = self._random.choice(self._wallets)
    before = self._lamports[payer]
    self._lamports[payer] = before - fee
    return Transaction(
      signature=self._signature(),
      created_ms=0,
      fee=fee,
      failed=True,
      entries=(Entry(key=payer, before=before, after=before - fee), _program(SYSTEM_PROGRAM)),
    )

  def _native(self, fee: int) -> Transaction:
    sender, receiver = self._random.sample(self._wallets, 2)
    one, two = self._lamports[sender], self._lamports[receiver]
    # Few large ones, many small ones.
    amount = 1 + int(one / 3 * self._random.random() ** 8)
    self._lamports[sender] = one - amount - fee
    self._lamports[receiver] = two + amount
    return Transaction(
      signature=self._signature(),
      created_ms=0,
      fee=fee,
      entries=(
        Entry(key=sender, before=one, after=one - amount - fee),
        Entry(key=receiver, before=two, after=two + amount),
        _program(SYSTEM_PROGRAM),
      ),
      moved=(
        Moved(sender=encode(sender), receiver=encode(receiver), mint="", amount=amount, decimals=9),
      ),
    )

  def _token(self, fee: int) -> Transaction:
    mint = self._random.choices(list(MINTS), (6, 3, 1))[0]
    holders = [key for key in self._wallets if self._tokens.get((key, mint), 0) > 1]
    sender = self._random.choice(holders)
    receiver = self._random.choice([key for key in self._wallets if key != sender])
    one, two = self._tokens[sender, mint], self._tokens.get((receiver, mint))
    amount = 1 + int(one / 2 * self._random.random() ** 6)
    self._tokens[sender, mint] = one - amount
    self._tokens[receiver, mint] = (two or 0) + amount
    # Whoever sends to a wallet without an account for the token makes it one and pays its rent.
    rent = RENT if two is None else 0
    paid = self._lamports[sender]
    self._lamports[sender] = paid - fee - rent
    named = self._random.random() < 0.7
    entries = [
      Entry(key=sender, before=paid, after=paid - fee - rent),
      Entry(
        key=_account_of(sender, mint),
        before=RENT,
        after=RENT,
        mint=mint,
        owner=encode(sender),
        held=one,
        holds=one - amount,
      ),
      Entry(
        key=_account_of(receiver, mint),
        before=RENT - rent,
        after=RENT,
        mint=mint,
        owner=encode(receiver),
        held=-1 if two is None else two,
        holds=(two or 0) + amount,
      ),
    ]
    if named or rent:
      # TransferChecked and the making of an account name the mint, Transfer does not.
      entries.append(Entry(key=decode(mint), before=1_461_600, after=1_461_600))
    entries.append(_program(TOKEN_PROGRAM))
    return Transaction(
      signature=self._signature(),
      created_ms=0,
      fee=fee,
      entries=tuple(entries),
      moved=(
        Moved(
          sender=encode(sender),
          receiver=encode(receiver),
          mint=mint,
          amount=amount,
          decimals=MINTS[mint],
          named=named or bool(rent),
        ),
      ),
    )


def _account_of(wallet: bytes, mint: str) -> bytes:
  return sha256(wallet + mint.encode()).digest()


def _program(name: str) -> Entry:
  return Entry(key=decode(name), before=1, after=1)
