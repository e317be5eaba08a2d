"""What logs and answers of contracts become, whatever stands in them."""

import msgspec
import pytest
from bond_evm import abi
from bond_evm.messages import UNREADABLE, Log, read_block, read_log
from bond_evm.tokens import TokenInfo, Tokens
from hypothesis import given, strategies as st

WORD = st.integers(0, 2**256 - 1)
ADDRESS = st.integers(0, 2**160 - 1).map(lambda number: f"0x{number:040x}")
HEX = st.text("0123456789abcdefABCDEFxX", max_size=140)


def word(number):
  return f"0x{number:064x}"


def string(data):
  padded = data + bytes(-len(data) % 32)
  return "0x" + word(32)[2:] + word(len(data))[2:] + padded.hex()


@given(ADDRESS, ADDRESS, WORD, st.booleans())
def test_a_transfer_is_read_as_it_was_written(sender, receiver, amount, loud):
  topics = [abi.TRANSFER, abi.as_topic(sender), abi.as_topic(receiver)]
  data = word(amount)
  if loud:
    topics, data = [t.upper().replace("X", "x") for t in topics], data.upper().replace("X", "x")
  assert abi.transfer_of(topics, data) == (sender, receiver, amount)


@given(st.lists(st.one_of(HEX, WORD.map(word), st.just(abi.TRANSFER)), max_size=5), HEX)
def test_what_is_no_transfer_is_none(topics, data):
  found = abi.transfer_of(topics, data)
  assert found is None or len(topics) in (1, 3)


def test_transfers_of_collectibles_and_dirty_words_are_none():
  topics = [abi.TRANSFER, word(1), word(2)]
  assert abi.transfer_of(topics, word(5)) == (f"0x{1:040x}", f"0x{2:040x}", 5)
  assert abi.transfer_of([*topics, word(5)], "0x") is None
  assert abi.transfer_of([abi.TRANSFER, word(2**200), word(2)], word(5)) is None
  assert abi.transfer_of(topics, word(5) + "00") is None
  assert abi.transfer_of([word(7), word(1), word(2)], word(5)) is None


def test_a_transfer_that_indexes_nothing_is_read_from_its_data():
  data = word(1) + word(2)[2:] + word(5)[2:]
  assert abi.transfer_of([abi.TRANSFER], data) == (f"0x{1:040x}", f"0x{2:040x}", 5)
  assert abi.transfer_of([word(7)], data) is None
  assert abi.transfer_of([abi.TRANSFER], data + word(1)[2:]) is None
  assert abi.transfer_of([abi.TRANSFER], word(2**200) + data[66:]) is None
  # Which one is indexed cannot be known.
  assert abi.transfer_of([abi.TRANSFER, word(1)], word(2) + word(5)[2:]) is None


@given(st.one_of(st.text(max_size=80), HEX, WORD.map(word), st.integers(), st.none()))
def test_no_answer_of_a_contract_raises(answer):
  decimals, symbol = abi.decimals_of(answer), abi.symbol_of(answer)
  assert decimals is None or 0 <= decimals <= 77
  assert symbol is None or (0 < len(symbol) <= 32 and symbol.isprintable())


@pytest.mark.parametrize(
  ("answer", "symbol"),
  [
    (string(b"USDT"), "USDT"),
    (string("USD₮0".encode()), "USD₮0"),
    (string("币安".encode()), "币安"),
    ("0x" + b"MKR".ljust(32, b"\0").hex(), "MKR"),
    (string(b""), None),
    (string(b"A" * 33), None),
    (string(b"A\nB"), None),
    (string(b"A B"), None),
    (string("‮TDSU".encode()), None),
    (string(b"\xff"), None),
    ("0x" + "f" * 64, None),
    (word(32) + word(2**255)[2:] + "00" * 32, None),
    (word(64) + word(4)[2:] + b"USDT".hex(), None),
    ("0x", None),
    ("USDT", None),
    ("0x" + "00" * 5000, None),
  ],
)
def test_symbols(answer, symbol):
  assert abi.symbol_of(answer) == symbol


@pytest.mark.parametrize(
  ("answer", "decimals"),
  [
    (word(6), 6),
    (word(0), 0),
    (word(77), 77),
    (word(78), None),
    (word(2**256 - 1), None),
    ("0x6", None),
    ("0x", None),
    (None, None),
  ],
)
def test_decimals(answer, decimals):
  assert abi.decimals_of(answer) == decimals


LOG = {
  "address": "0x" + "AB" * 20,
  "topics": [abi.TRANSFER],
  "data": "0x",
  "blockNumber": "0x10",
  "blockHash": word(1),
  "transactionHash": word(2),
  "logIndex": "0x0",
  "transactionIndex": "0x0",
  "removed": False,
}


def encoded(value):
  return msgspec.Raw(msgspec.json.encode(value))


def test_a_log_is_read_strictly():
  found = read_log(encoded({**LOG, "blockTimestamp": "0x5"}))
  assert found == Log("0x" + "ab" * 20, [abi.TRANSFER], "0x", 16, word(1), word(2), 0, 5)
  for key, wrong in [
    *(("blockNumber", n) for n in (None, "16", "0x", "0x1" + "0" * 20, 16)),
    *(("blockHash", h) for h in ("0x1", None)),
    ("address", "0x12"),
    ("removed", "yes"),
    ("topics", [1]),
  ]:
    with pytest.raises(UNREADABLE):
      read_log(encoded({**LOG, key: wrong}))


def test_a_block_may_have_no_base_fee_and_an_odd_miner():
  header = {"number": "0x5", "hash": word(5), "parentHash": word(4), "timestamp": "0x6"}
  block = read_block(encoded({**header, "miner": "me", "gasUsed": "0x00ff"}))
  assert (block.base_fee, block.miner, block.gas_used, block.transactions) == (
    None,
    None,
    255,
    None,
  )
  assert read_block(encoded(None)) is None
  with pytest.raises(UNREADABLE):
    read_block(encoded({**header, "baseFeePerGas": word(2**255)}))


def test_a_contract_may_not_take_anothers_name():
  usdt, ours, theirs = ("0x" + digit * 40 for digit in "123")
  tokens = Tokens({usdt: TokenInfo("USDT", 6), ours: TokenInfo("OWN", None)}, frozenset((theirs,)))
  assert tokens.get(usdt) == TokenInfo("USDT", 6)
  assert tokens.get(ours) is None, "its decimals have to be asked"
  assert tokens.add(ours, 4, "whatever") == TokenInfo("OWN", 4, "whatever")
  assert tokens.add(theirs, 6, "usdt") == TokenInfo(None, 6, "usdt")
  assert tokens.add("0x" + "4" * 40, 2, "ABC") == TokenInfo(None, 2, "ABC"), "nobody named it"
