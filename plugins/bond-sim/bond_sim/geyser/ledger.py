"""A generated Solana: wallets, tokens, slots with transactions, dead blocks, abandoned forks."""

import random
from hashlib import sha256
from typing import Any, Literal

import attrs
from bond_geyser.base58 import decode, encode

MINTS = {
  "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v": 6,
  "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB": 6,
  "DezXAZ8z7PnrnRJjz3wXBoRgixCa6xjnB7YaB1pPB263": 5,
}
"""Tokens that wallets send, with their decimals: USDC, USDT and BONK."""

TOKEN_PROGRAM = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"
SYSTEM_PROGRAM = "1" * 32
VOTE_PROGRAM = "Vote111111111111111111111111111111111111111"

WALLETS = 60
VOTERS = 6
FIRST_SLOT = 400_000_000
BASE_FEE = 5000
RENT = 2_039_280
"""Lamports of a token account, by its size."""

BlockFate = Literal["whole", "dead", "abandoned"]
WHOLE: BlockFate = "whole"
DEAD: BlockFate = "dead"
ABANDONED: BlockFate = "abandoned"


@attrs.frozen(kw_only=True)
class SolanaTransfer:
  """A transfer between two wallets: `amount` in the token's smallest unit, `mint` "" for SOL.
  `named` says whether the instruction names the mint."""

  sender: str
  receiver: str
  mint: str
  amount: int
  decimals: int
  named: bool = True


@attrs.frozen(kw_only=True, eq=False)
class AccountChange:
  """What a transaction does to one account: lamports before and after, and for a token account its
  mint, owner, and amounts before and after (-1 where it did not exist)."""

  key: bytes
  before: int
  after: int
  mint: str = ""
  owner: str = ""
  tokens_before: int = -1
  tokens_after: int = -1


@attrs.frozen(kw_only=True, eq=False)
class SolanaTransaction:
  """One transaction. The first account pays the fee."""

  signature: bytes
  created_ms: int
  fee: int
  vote: bool = False
  failed: bool = False
  accounts: tuple[AccountChange, ...]
  transfers: tuple[SolanaTransfer, ...] = ()

  def shown(self, index: int) -> dict[str, Any]:
    """Its row of GET /_sim/log."""
    return {
      "signature": encode(self.signature),
      "index": index,
      "created_ms": self.created_ms,
      "fee": self.fee,
      "vote": self.vote,
      "failed": self.failed,
      "moved": [attrs.asdict(transfer) for transfer in self.transfers],
    }


@attrs.frozen(kw_only=True, eq=False)
class SolanaBlock:
  """The block of a slot."""

  slot: int
  parent: int
  height: int
  created_ms: int
  fate: BlockFate
  transactions: tuple[SolanaTransaction, ...]

  @property
  def hash(self) -> str:
    """Its hash, made from its slot."""
    return encode(sha256(b"block %d" % self.slot).digest())


class SolanaLedger:
  """Makes one block after another; equal seeds make equal chains."""

  def __init__(self, seed: int, transactions: int, forks: float) -> None:
    self._random = random.Random(seed)
    self._count = transactions
    self._forks = forks
    self.slot = self._parent = FIRST_SLOT
    self._height = FIRST_SLOT - 20_000_000
    self._sent = 0
    self._repeated: tuple[SolanaTransaction, ...] = ()
    self._wallets = [self._random.randbytes(32) for _ in range(WALLETS)]
    self._voters = [self._random.randbytes(32) for _ in range(VOTERS)]
    self._lamports = dict.fromkeys((*self._wallets, *self._voters), 10**12)
    self._tokens = {
      (key, mint): 5_000_000 * 10**decimals
      for key in self._wallets[: WALLETS // 2]
      for mint, decimals in MINTS.items()
    }

  def next(self, begin_ms: int, end_ms: int) -> SolanaBlock | None:
    """The block of the slot from `begin_ms` to `end_ms`, None where its leader missed it. The
    transactions of a block that dies or is abandoned are in the next block again."""
    self.slot += 1
    chance = self._random.random()
    if chance < self._forks / 4:
      return None
    fate: BlockFate = WHOLE
    if not self._repeated and chance < self._forks:
      fate = DEAD if chance < self._forks / 2 else ABANDONED
    new = [self._transaction() for _ in range(self._count)]
    new += [self._vote(voter) for voter in self._voters]
    self._random.shuffle(new)
    length = end_ms - begin_ms
    transactions = (
      *self._repeated,
      *(
        attrs.evolve(transaction, created_ms=begin_ms + length * index // len(new))
        for index, transaction in enumerate(new)
      ),
    )
    self._repeated = () if fate == WHOLE else transactions
    self._height += fate == WHOLE
    block = SolanaBlock(
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

  def _vote(self, voter: bytes) -> SolanaTransaction:
    before = self._lamports[voter]
    self._lamports[voter] = before - BASE_FEE
    return SolanaTransaction(
      signature=self._signature(),
      created_ms=0,
      fee=BASE_FEE,
      vote=True,
      accounts=(
        AccountChange(key=voter, before=before, after=before - BASE_FEE),
        _program(VOTE_PROGRAM),
      ),
    )

  def _transaction(self) -> SolanaTransaction:
    chance = self._random.random()
    fee = BASE_FEE + int(self._random.expovariate(1 / 4000))
    if chance < 0.06:
      return self._failed(fee)
    return self._native(fee) if chance < 0.5 else self._token(fee)

  def _failed(self, fee: int) -> SolanaTransaction:
    payer = self._random.choice(self._wallets)
    before = self._lamports[payer]
    self._lamports[payer] = before - fee
    return SolanaTransaction(
      signature=self._signature(),
      created_ms=0,
      fee=fee,
      failed=True,
      accounts=(
        AccountChange(key=payer, before=before, after=before - fee),
        _program(SYSTEM_PROGRAM),
      ),
    )

  def _native(self, fee: int) -> SolanaTransaction:
    sender, receiver = self._random.sample(self._wallets, 2)
    of_sender, of_receiver = self._lamports[sender], self._lamports[receiver]
    # Few large amounts, many small ones.
    amount = 1 + int(of_sender / 3 * self._random.random() ** 8)
    self._lamports[sender] = of_sender - amount - fee
    self._lamports[receiver] = of_receiver + amount
    return SolanaTransaction(
      signature=self._signature(),
      created_ms=0,
      fee=fee,
      accounts=(
        AccountChange(key=sender, before=of_sender, after=of_sender - amount - fee),
        AccountChange(key=receiver, before=of_receiver, after=of_receiver + amount),
        _program(SYSTEM_PROGRAM),
      ),
      transfers=(
        SolanaTransfer(
          sender=encode(sender), receiver=encode(receiver), mint="", amount=amount, decimals=9
        ),
      ),
    )

  def _token(self, fee: int) -> SolanaTransaction:
    mint = self._random.choices(list(MINTS), (6, 3, 1))[0]
    holders = [key for key in self._wallets if self._tokens.get((key, mint), 0) > 1]
    sender = self._random.choice(holders)
    receiver = self._random.choice([key for key in self._wallets if key != sender])
    of_sender, of_receiver = self._tokens[sender, mint], self._tokens.get((receiver, mint))
    amount = 1 + int(of_sender / 2 * self._random.random() ** 6)
    self._tokens[sender, mint] = of_sender - amount
    self._tokens[receiver, mint] = (of_receiver or 0) + amount
    # The sender creates the account of a receiver that has none for the token, and pays its rent.
    rent = RENT if of_receiver is None else 0
    paid = self._lamports[sender]
    self._lamports[sender] = paid - fee - rent
    named = self._random.random() < 0.7
    accounts = [
      AccountChange(key=sender, before=paid, after=paid - fee - rent),
      AccountChange(
        key=_account_of(sender, mint),
        before=RENT,
        after=RENT,
        mint=mint,
        owner=encode(sender),
        tokens_before=of_sender,
        tokens_after=of_sender - amount,
      ),
      AccountChange(
        key=_account_of(receiver, mint),
        before=RENT - rent,
        after=RENT,
        mint=mint,
        owner=encode(receiver),
        tokens_before=-1 if of_receiver is None else of_receiver,
        tokens_after=(of_receiver or 0) + amount,
      ),
    ]
    if named or rent:
      # TransferChecked and the creation of an account name the mint, Transfer does not.
      accounts.append(AccountChange(key=decode(mint), before=1_461_600, after=1_461_600))
    accounts.append(_program(TOKEN_PROGRAM))
    return SolanaTransaction(
      signature=self._signature(),
      created_ms=0,
      fee=fee,
      accounts=tuple(accounts),
      transfers=(
        SolanaTransfer(
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


def _program(name: str) -> AccountChange:
  return AccountChange(key=decode(name), before=1, after=1)
