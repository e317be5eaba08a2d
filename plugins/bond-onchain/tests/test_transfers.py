"""Transfers from balances. The documents have the shape of getTransaction's answers, and effects
like those of real transactions: sums, rents and fees are as on the chain, keys are made up."""

import pytest
from bond_geyser import geyser_pb2 as pb
from bond_geyser.base58 import decode, encode
from bond_onchain.tokens import MINTS, WRAPPED
from bond_onchain.transfers import Transfer, transfers_of
from hypothesis import given, strategies as st

USDC, JUP = MINTS["USDC"], MINTS["JUP"]
RENT = 2_039_280


def key(name):
  return encode(name.encode().ljust(32, b"\x07"))


ANN, BEN, POOL, FEES, ATA_1, ATA_2, VAULT_1, VAULT_2 = map(
  key, ("ann", "ben", "pool", "fees", "ata-1", "ata-2", "vault-1", "vault-2")
)


def document(accounts, tokens=(), *, fee=5000, err=None, loaded=0):
  """A transaction: (key, lamports before, after) of its accounts, and (index, mint, owner,
  decimals, before, after) of the token accounts among them, None where there was or is none. The
  last `loaded` keys came from a table."""
  own = len(accounts) - loaded

  def balances(place):
    return [
      {
        "accountIndex": index,
        "mint": mint,
        "owner": owner,
        "programId": "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA",
        "uiTokenAmount": {
          "amount": str(held[place]),
          "decimals": decimals,
          "uiAmount": held[place] / 10**decimals or None,
          "uiAmountString": f"{held[place] / 10**decimals:g}",
        },
      }
      for index, mint, owner, decimals, *held in tokens
      if held[place] is not None
    ]

  return {
    "blockTime": 1_745_927_033,
    "meta": {
      "err": err,
      "fee": fee,
      "innerInstructions": [],
      "loadedAddresses": {"writable": [name for name, *_ in accounts[own:]], "readonly": []},
      "preBalances": [before for _, before, _ in accounts],
      "postBalances": [after for *_, after in accounts],
      "preTokenBalances": balances(0),
      "postTokenBalances": balances(1),
      "rewards": [],
    },
    "slot": 336_671_683,
    "transaction": {
      "message": {
        "accountKeys": [name for name, *_ in accounts[:own]],
        "instructions": [{"accounts": [0], "data": "3Bxs411Dtc7pkFQj", "programIdIndex": own - 1}],
      },
      "signatures": [encode(bytes(range(64)))],
    },
    "version": 0,
  }


def info_of(document):
  """The interface's message for a document."""
  meta, message = document["meta"], document["transaction"]["message"]
  info = pb.SubscribeUpdateTransactionInfo(
    signature=decode(document["transaction"]["signatures"][0])
  )
  made = info.transaction.message
  made.account_keys.extend(decode(name) for name in message["accountKeys"])
  told = info.meta
  told.fee = meta["fee"]
  if meta["err"] is not None:
    told.err.err = b"\x08\0\0\0\x02\x19\0\0\0"
  told.pre_balances.extend(meta["preBalances"])
  told.post_balances.extend(meta["postBalances"])
  for target, rows in (
    (told.pre_token_balances, meta["preTokenBalances"]),
    (told.post_token_balances, meta["postTokenBalances"]),
  ):
    for row in rows:
      shown = row["uiTokenAmount"]
      balance = target.add(account_index=row["accountIndex"], mint=row["mint"], owner=row["owner"])
      balance.ui_token_amount.amount = shown["amount"]
      balance.ui_token_amount.decimals = shown["decimals"]
  told.loaded_writable_addresses.extend(decode(k) for k in meta["loadedAddresses"]["writable"])
  told.loaded_readonly_addresses.extend(decode(k) for k in meta["loadedAddresses"]["readonly"])
  # As it comes: from the wire.
  return pb.SubscribeUpdateTransactionInfo.FromString(info.SerializeToString())


def found(*args, mints=None, **settings):
  return transfers_of(info_of(document(*args, **settings)), mints)


def test_sol_is_what_the_receiver_has_more_and_the_fee_is_no_transfer():
  accounts = [(ANN, 3_383_870_040, 3_283_865_040), (BEN, 0, 100_000_000), (key("system"), 1, 1)]
  assert found(accounts) == [Transfer("", 100_000_000, 9, ANN, BEN)]


def test_a_token_goes_from_wallet_to_wallet_whatever_their_accounts():
  accounts = [(ANN, 10**9, 10**9 - 5000), (ATA_2, RENT, RENT), (ATA_1, RENT, RENT)]
  tokens = [(1, USDC, BEN, 6, 60_000, 70_000), (2, USDC, ANN, 6, 7_659_876, 7_649_876)]
  assert found(accounts, tokens) == [Transfer(USDC, 10_000, 6, ANN, BEN)]


def test_rent_of_a_new_token_account_is_no_transfer():
  accounts = [(ANN, 11_957_046, 9_877_744), (ATA_2, 0, 2_074_080), (ATA_1, 2_074_080, 2_074_080)]
  tokens = [(2, JUP, ANN, 9, 10_000_000, 0), (1, JUP, BEN, 9, None, 10_000_000)]
  assert found(accounts, tokens, fee=5222) == [Transfer(JUP, 10_000_000, 9, ANN, BEN)]


def test_rent_that_comes_back_is_none_either():
  accounts = [(ANN, 10**9, 10**9 - 5000 + RENT), (ATA_1, RENT, 0)]
  assert found(accounts, [(1, USDC, ANN, 6, 0, None)]) == []


def test_a_swap_is_its_two_legs_with_what_each_pool_paid_and_got():
  accounts = [
    (ANN, 47_648_322, 47_568_321),
    (ATA_1, RENT, RENT),
    (ATA_2, RENT, RENT),
    (key("program"), 1, 1),
    (VAULT_1, RENT, RENT),
    (VAULT_2, RENT, RENT),
    (key("share"), RENT, RENT),
  ]
  tokens = [
    (1, USDC, ANN, 6, 2_928_521, 1_828_521),
    (2, JUP, ANN, 6, 2_737_385, 4_881_197),
    (4, USDC, POOL, 6, 532_495_357_365, 532_496_448_015),
    (5, JUP, BEN, 6, 140_195_527_949, 140_193_384_137),
    (6, USDC, FEES, 6, 4_029_370_143_904, 4_029_370_153_254),
  ]
  assert found(accounts, tokens, fee=80_001, loaded=3) == [
    Transfer(USDC, 1_090_650, 6, ANN, POOL),
    Transfer(USDC, 9_350, 6, ANN, FEES),
    Transfer(JUP, 2_143_812, 6, BEN, ANN),
  ]


def test_sol_that_is_wrapped_for_a_swap_is_sol_and_counted_once():
  # The payer's account for wrapped SOL is closed in the same transaction, its rent comes back.
  accounts = [
    (ANN, 1_532_591_455, 1_533_615_663),
    (FEES, 7_648_876_340, 7_648_885_090),
    (ATA_1, RENT, RENT),
    (ATA_2, RENT, 0),
    (VAULT_1, 198_806_989_249, 198_807_980_499),
    (VAULT_2, RENT, RENT),
  ]
  tokens = [
    (2, USDC, ANN, 6, 12_493_175, 12_660_400),
    (3, WRAPPED, ANN, 9, 0, None),
    (4, WRAPPED, POOL, 9, 198_804_949_968, 198_805_941_218),
    (5, USDC, POOL, 6, 127_372_922_907, 127_372_755_682),
  ]
  assert found(accounts, tokens, fee=15_072) == [
    Transfer(USDC, 167_225, 6, POOL, ANN),
    Transfer("", 8_750, 9, ANN, FEES),
    Transfer("", 991_250, 9, ANN, POOL),
  ]


def test_sol_that_a_swap_unwraps_comes_from_the_pool():
  accounts = [
    (ANN, 163_142_766, 163_148_592),
    (VAULT_1, 263_336_396_244, 263_336_368_076),
    (ATA_1, 0, 0),
  ]
  tokens = [(1, WRAPPED, POOL, 9, 263_334_356_564, 263_334_328_396)]
  assert found(accounts, tokens, fee=22_342) == [Transfer("", 28_168, 9, POOL, ANN)]


def test_what_failed_moved_nothing_and_what_goes_to_oneself_neither():
  accounts = [(ANN, 3_118_301_904, 3_118_296_904), (BEN, 5, 5)]
  assert found(accounts, err={"InsufficientFundsForRent": {"account_index": 2}}) == []
  own = [(1, USDC, ANN, 6, 100, 40), (2, USDC, ANN, 6, 0, 60)]
  assert found([(ANN, 10**9, 10**9 - 5000), (ATA_1, RENT, RENT), (ATA_2, RENT, RENT)], own) == []


def test_minted_and_burned_tokens_have_one_side():
  accounts = [(ANN, 10**9, 10**9 - 5000), (ATA_1, RENT, RENT)]
  assert found(accounts, [(1, JUP, ANN, 6, 5, 12)]) == [Transfer(JUP, 7, 6, None, ANN)]
  assert found(accounts, [(1, JUP, ANN, 6, 12, 5)]) == [Transfer(JUP, 7, 6, ANN, None)]


def test_a_fee_of_token_2022_is_not_received():
  accounts = [(ANN, 10**9, 10**9 - 5000), (ATA_1, RENT, RENT), (ATA_2, RENT, RENT)]
  tokens = [(1, JUP, ANN, 6, 1000, 0), (2, JUP, BEN, 6, 0, 990)]
  assert found(accounts, tokens) == [Transfer(JUP, 990, 6, ANN, BEN)]


def test_several_senders_are_told_apart_where_sums_can_and_else_named_together():
  accounts = [(ANN, 10**9, 10**9 - 5000), *((key(f"t{n}"), RENT, RENT) for n in range(4))]
  one = [(1, USDC, ANN, 6, 10, 0), (2, USDC, BEN, 6, 5, 0), (3, USDC, POOL, 6, 0, 15)]
  assert found(accounts, one) == [
    Transfer(USDC, 10, 6, ANN, POOL),
    Transfer(USDC, 5, 6, BEN, POOL),
  ]
  two = [
    (1, USDC, ANN, 6, 10, 0),
    (2, USDC, BEN, 6, 5, 0),
    (3, USDC, POOL, 6, 0, 9),
    (4, USDC, FEES, 6, 0, 6),
  ]
  assert found(accounts, two) == [
    Transfer(USDC, 9, 6, None, POOL, (ANN, BEN)),
    Transfer(USDC, 6, 6, None, FEES, (ANN, BEN)),
  ]


def test_only_the_mints_that_are_wanted_and_an_owner_that_is_not_told_is_the_account():
  accounts = [(ANN, 10**9, 10**9 - 5001), (ATA_1, RENT, RENT), (ATA_2, RENT, RENT), (BEN, 0, 1)]
  tokens = [(1, USDC, "", 6, 9, 0), (2, USDC, BEN, 6, 0, 9)]
  assert found(accounts, tokens, mints=frozenset([USDC])) == [Transfer(USDC, 9, 6, ATA_1, BEN)]
  assert found(accounts, tokens, mints=frozenset([""])) == [Transfer("", 1, 9, ANN, BEN)]
  assert found(accounts, tokens, mints=frozenset([JUP])) == []


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=6), st.data())
def test_received_amounts_add_up_to_what_wallets_gained(before, data):
  after = data.draw(st.permutations(before))
  wallets = [key(f"w{n}") for n in range(len(before))]
  accounts = [(ANN, 10**9, 10**9 - 5000), *((key(f"t{n}"), RENT, RENT) for n in range(len(before)))]
  tokens = [(n + 1, USDC, wallet, 6, before[n], after[n]) for n, wallet in enumerate(wallets)]
  moved = found(accounts, tokens)
  gained = {w: a - b for w, b, a in zip(wallets, before, after, strict=True) if a > b}
  lost = {w: b - a for w, b, a in zip(wallets, before, after, strict=True) if a < b}
  got = {}
  for transfer in moved:
    got[transfer.receiver] = got.get(transfer.receiver, 0) + transfer.amount
    assert transfer.sender in lost or set(transfer.senders) == set(lost)
  assert got == gained


@pytest.mark.parametrize("owner", [BEN, ANN, POOL])
def test_rent_of_a_wrapped_account_is_no_transfer(owner):
  # As it was on the devnet: the account had the rent of a plain one, and became a token account.
  accounts = [(ANN, 246_059_840, 243_906_440), (ATA_1, 890_880, 2_039_280), (BEN, 0, 1_000_000)]
  tokens = [(1, WRAPPED, owner, 9, None, 0)]
  assert found(accounts, tokens) == [Transfer("", 1_000_000, 9, ANN, BEN)]


@pytest.mark.parametrize("mint", [WRAPPED, USDC])
def test_rent_that_comes_back_is_not_sent_with_what_is(mint):
  tokens = [(1, mint, ANN, 9, 0, None)]
  paid = [(ANN, 10**9, 10**9 - 5000 - 10**6 + RENT), (ATA_1, RENT, 0), (BEN, 0, 10**6)]
  assert found(paid, tokens) == [Transfer("", 10**6, 9, ANN, BEN)]
  received = [(BEN, 10**9, 10**9 - 5000 - 10**6), (ATA_1, RENT, 0), (ANN, 5, 5 + 10**6 + RENT)]
  assert found(received, tokens) == [Transfer("", 10**6, 9, BEN, ANN)]
  alone = [(ANN, 10**9, 10**9 - 5000 + RENT), (ATA_1, RENT, 0)]
  assert found(alone, tokens) == []


def test_rent_is_paid_by_who_pays_the_fee_or_by_who_can_have():
  tokens = [(1, USDC, BEN, 6, None, 0)]
  receives = [
    (ANN, 10**9, 10**9 - 5000 - RENT + 5 * 10**6),
    (ATA_1, 0, RENT),
    (BEN, 10**9, 10**9 - 5 * 10**6),
  ]
  assert found(receives, tokens) == [Transfer("", 5 * 10**6, 9, BEN, ANN)]
  sponsored = [
    (FEES, 10**9, 10**9 - 5000),
    (ATA_1, 0, RENT),
    (BEN, 10**9, 10**9 - 10**6 - RENT),
    (ANN, 0, 10**6),
  ]
  assert found(sponsored, tokens) == [Transfer("", 10**6, 9, BEN, ANN)]


def test_wrapping_and_unwrapping_ones_own_sol_is_no_transfer():
  wrap = [(ANN, 10**9, 10**9 - 5000 - 10**8 - RENT), (ATA_1, 0, 10**8 + RENT)]
  assert found(wrap, [(1, WRAPPED, ANN, 9, None, 10**8)]) == []
  unwrap = [(ANN, 10**9, 10**9 - 5000 + 10**8 + RENT), (ATA_1, 10**8 + RENT, 0)]
  assert found(unwrap, [(1, WRAPPED, ANN, 9, 10**8, None)]) == []


@pytest.mark.parametrize(
  ("amount", "decimals"), [("-1", 6), ("abc", 6), ("9" * 500, 6), ("1", 2**32 - 1)]
)
def test_amounts_that_cannot_be_are_faults(amount, decimals):
  info = info_of(document([(ANN, 1, 1), (ATA_1, 1, 1)], [(1, USDC, ANN, 6, 1, 2)], fee=0))
  info.meta.post_token_balances[0].ui_token_amount.amount = amount
  info.meta.post_token_balances[0].ui_token_amount.decimals = decimals
  with pytest.raises(ValueError, match="is no amount"):
    transfers_of(info)
