"""Transfers of the chain's own currency: what is requested, sent, retracted and declared."""

import msgspec
import pytest
from bond_evm import native
from bond_evm.abi import TRANSFER
from bond_evm.config import Evm
from bond_evm.tip import DEPTH
from bond_evm.tokens import Token
from talk import ANNA, BO, USDT, Talk, head, log, word

ETHER = 10**18


def sent(number, place=0, amount=ETHER, to=BO, sender=ANNA):
  return {
    "hash": word(number * 1000 + place),
    "from": sender,
    "to": to,
    "value": hex(amount),
    "input": "0x",
    "type": "0x2",
  }


def receipt(transaction, block, status="0x1", made=None):
  return {
    "transactionHash": transaction["hash"],
    "blockHash": block,
    "status": status,
    "contractAddress": made,
    "logs": [],
  }


class Chain(Talk):
  """A node with the transactions of each block by its hash; those in `failed` did not succeed."""

  def __init__(self, **config):
    super().__init__(**{"symbols": ["ETH"], **config})
    self.blocks = {}
    self.failed = set()
    self.made = {}
    self.answers["eth_getBlockByHash"] = self.by_hash
    self.answers["eth_getBlockReceipts"] = lambda params: self.receipts(params[0])
    self.answers["eth_getTransactionReceipt"] = self.receipt

  def put(self, number, *transactions, name=0, parent=None):
    block = head(number, name, parent)
    self.blocks[block["hash"]] = block | {"transactions": list(transactions)}
    return block

  def by_hash(self, params):
    block = self.blocks.get(params[0])
    if block is None or params[1]:
      return block
    return block | {"transactions": [each["hash"] for each in block["transactions"]]}

  def receipts(self, block):
    if block not in self.blocks:
      return None
    return [
      receipt(
        each, block, "0x0" if each["hash"] in self.failed else "0x1", self.made.get(each["hash"])
      )
      for each in self.blocks[block]["transactions"]
    ]

  def receipt(self, params):
    for block in reversed(self.blocks):
      for each in self.receipts(block):
        if each["transactionHash"] == params[0]:
          return each
    return None


def test_ether_is_what_transactions_move_and_no_log_is_subscribed_to():
  node = Chain().open()
  assert [asked[1] for asked in node.asked if asked[0] == "eth_subscribe"] == ["newHeads"]
  node.announce(node.put(11, sent(11, amount=5 * ETHER // 2)))
  [event] = node.events
  assert (event.exchange, event.chain, event.kind, event.symbol) == (
    *("ethereum", "ethereum", "transfer", "ETH"),
  )
  assert event.value == 2.5
  assert event.meta == {
    "txid": word(11_000),
    "log_index": None,
    "height": 11,
    "block": word(1100),
    "time": 1_700_000_132,
    "status": "confirmed",
    "token": None,
    "from": ANNA,
    "to": BO,
    "amount": str(5 * ETHER // 2),
    "decimals": 18,
  }


def test_what_failed_or_moves_nothing_is_no_transfer():
  node = Chain().open()
  good, failed, nothing = sent(11, 0), sent(11, 1), sent(11, 2, amount=0)
  node.failed.add(failed["hash"])
  node.announce(node.put(11, nothing, failed, good))
  assert [event.meta["txid"] for event in node.events] == [good["hash"]]
  # Of what moves nothing no receipt is requested.
  assert node.methods().count("eth_getTransactionReceipt") == 2


def test_what_a_transaction_gives_the_contract_that_it_makes_is_received_by_it():
  node = Chain().open()
  making = sent(11, to=None)
  made = node.made[making["hash"]] = "0x" + "0c" * 20
  node.announce(node.put(11, making))
  assert [event.meta["to"] for event in node.events] == [made]


@pytest.mark.parametrize(
  ("settings", "places"),
  [
    ({"min_value": 2}, [1, 3]),
    ({"accounts": [ANNA.upper().replace("X", "x")]}, [0, 1, 2]),
    ({"accounts": [ANNA], "direction": "in"}, [2]),
    ({"accounts": [ANNA], "direction": "out"}, [0, 1]),
    ({"accounts": [ANNA], "direction": "out", "min_value": 2}, [1]),
  ],
)
def test_filters_hold_before_receipts_are_requested(settings, places):
  cay = "0x" + "cc" * 20
  node = Chain(**settings).open()
  block = node.put(
    11,
    sent(11, 0),
    sent(11, 1, 2 * ETHER),
    sent(11, 2, to=ANNA, sender=BO),
    sent(11, 3, 3 * ETHER, to=cay, sender=BO),
  )
  node.announce(block)
  wanted = [word(11_000 + place) for place in places]
  assert [event.meta["txid"] for event in node.events] == wanted
  assert [asked[1] for asked in node.asked if asked[0] == "eth_getTransactionReceipt"] == wanted


def test_many_receipts_are_requested_at_once_and_one_by_one_where_the_node_cannot():
  node = Chain().open()
  node.announce(node.put(11, *(sent(11, place) for place in range(native.FEW + 1))))
  assert node.methods()[-1] == "eth_getBlockReceipts"
  assert len(node.told()) == native.FEW + 1
  node.answers["eth_getBlockReceipts"] = lambda params: LookupError(-32601, "no such method")
  for number in (12, 13):
    node.announce(node.put(number, *(sent(number, place) for place in range(native.FEW + 1))))
    assert len(node.told()) == native.FEW + 1
  assert node.methods().count("eth_getBlockReceipts") == 2


def test_ether_and_tokens_come_side_by_side():
  node = Chain(symbols=["ETH", "USDT"]).open()
  assert ("eth_subscribe", "logs", {"address": [USDT], "topics": [[TRANSFER]]}) in node.asked
  node.announce(node.put(11, sent(11)), log(11))
  assert sorted(event.symbol for event in node.events) == ["ETH", "USDT"]


def test_a_block_that_is_replaced_takes_its_transfers_back_and_sends_none_that_come_late():
  node = Chain(event_types=["transfer", "block"]).open()
  node.answers["eth_getBlockTransactionCountByHash"] = lambda params: "0x2"
  node.announce(node.put(11, sent(11, 0), sent(11, 1, 2 * ETHER)))
  node.told()
  node.announce(node.put(11, sent(11, 1, 2 * ETHER), name=1))
  assert node.told() == [
    ("transfer", 11, 2.0, "removed"),
    ("transfer", 11, 1.0, "removed"),
    ("block", 11, 2.0, "removed"),
    ("block", 11, 2.0, "confirmed"),
    ("transfer", 11, 2.0, "confirmed"),
  ]
  # The answer comes when the block is none of the chain's any more.
  late = node.answers.pop("eth_getBlockByHash")
  node.announce(node.put(12, sent(12), parent=word(1101)))
  (call,) = [call for call in node.asked if call[:2] == ("eth_getBlockByHash", word(1200))]
  assert [block.number for block in node.session.native.waiting] == [12]
  node.answers["eth_getBlockByHash"] = late
  node.announce(node.put(12, name=2, parent=word(1101)))
  numbers = range(1, 30)
  result = late(call[1:])
  node.take(*(msgspec.json.encode({"jsonrpc": "2.0", "id": n, "result": result}) for n in numbers))
  assert [entry for entry in node.told() if entry[0] == "transfer"] == []
  assert node.session.whole


def test_blocks_are_sent_in_the_order_of_the_chain():
  node = Chain().open()
  first = node.answers["eth_getBlockByHash"]
  node.answers["eth_getBlockByHash"] = lambda params: None
  node.announce(node.put(11, sent(11)))
  node.answers["eth_getBlockByHash"] = first
  node.announce(node.put(12, sent(12)))
  assert node.told() == []
  assert not node.session.whole
  node.wait(0.6)
  assert node.told() == [("transfer", 11, 1.0, "confirmed"), ("transfer", 12, 1.0, "confirmed")]
  assert node.session.whole


def test_after_a_cut_all_blocks_between_are_read_and_what_was_open_is_requested_again():
  node = Chain().open()
  answer = node.answers.pop("eth_getBlockByHash")
  node.announce(node.put(11, sent(11)))
  node.cut()
  blocks = {number: node.put(number, sent(number)) for number in (11, 12, 13, 14)}
  node.answers["eth_getBlockByHash"] = answer
  node.answers["eth_getBlockByNumber"] = lambda params: blocks[
    14 if params[0] == "latest" else int(params[0], 16)
  ]
  node.open()
  assert node.told() == [("transfer", number, 1.0, "confirmed") for number in (11, 12, 13, 14)]
  assert node.session.whole


def test_more_blocks_than_wanted_are_a_gap():
  node = Chain(backfill=3).open()
  node.announce(node.put(11, sent(11)))
  node.cut()
  blocks = {number: node.put(number, sent(number)) for number in range(11, 21)}
  node.answers["eth_getBlockByNumber"] = lambda params: blocks[
    20 if params[0] == "latest" else int(params[0], 16)
  ]
  node.told()
  node.open()
  assert node.told() == [
    ("gap", 11, 17),
    *(("transfer", number, 1.0, "confirmed") for number in (18, 19, 20)),
  ]


def test_a_block_that_a_node_does_not_get_is_a_gap_of_that_block_alone():
  node = Chain().open()
  block = node.put(11, sent(11))
  del node.blocks[block["hash"]]
  node.announce(block, node.put(12, sent(12)))
  for _ in range(400):
    node.wait(0.25)
    node.session._head_at = node.session._seconds
  assert node.told() == [("gap", 11, 11), ("transfer", 12, 1.0, "confirmed")]


def test_a_node_that_refuses_everything_for_minutes_has_lost_nothing():
  node = Chain().open()
  right = dict(node.answers)
  for method in ("eth_getBlockByHash", "eth_getTransactionReceipt"):
    node.answers[method] = lambda params: LookupError(-32005, "rate limit")
  node.announce(node.put(11, sent(11)), node.put(12, sent(12)))
  for _ in range(300):
    node.wait(1)
    node.session._head_at = node.session._seconds
  assert node.told() == []
  node.answers.update(right)
  for _ in range(30):
    node.wait(1)
  assert node.told() == [("transfer", n, 1.0, "confirmed") for n in (11, 12)]


def test_blocks_that_nobody_has_are_a_gap_and_what_follows_is_sent():
  node = Chain().open()
  node.announce(node.put(11, sent(11)))
  node.told()
  last = node.put(14, sent(14))
  node.answers["eth_getBlockByNumber"] = lambda params: last if params[0] == "latest" else None
  node.announce(last)
  for _ in range(20):
    node.wait(0.5)
  assert node.told() == [("gap", 12, 13), ("transfer", 14, 1.0, "confirmed")]


@pytest.mark.parametrize("what", ["eth_getBlockByHash", "eth_getTransactionReceipt"])
@pytest.mark.parametrize(
  "answer",
  [
    lambda params: 5,
    lambda params: {"hash": word(7), "transactions": []},
    lambda params: {"hash": word(1100), "transactions": ["0x"]},
    lambda params: {"transactionHash": word(11_000), "blockHash": word(7), "status": "0x1"},
    lambda params: {"transactionHash": word(11_001), "blockHash": word(1100), "status": "0x1"},
    lambda params: {"transactionHash": word(11_000), "blockHash": word(1100)},
    lambda params: LookupError(-32005, "rate limit"),
    lambda params: None,
  ],
)
def test_an_answer_that_is_not_of_the_block_is_requested_again(what, answer):
  node = Chain().open()
  right = node.answers[what]
  node.answers[what] = answer
  node.announce(node.put(11, sent(11)))
  assert node.told() == []
  node.answers[what] = right
  node.wait(5)
  assert node.told() == [("transfer", 11, 1.0, "confirmed")]


@pytest.mark.parametrize("error", [(4444, "no such block"), (-32000, "missing trie node")])
def test_history_that_is_gone_is_a_gap_at_once(error):
  node = Chain().open()
  node.answers["eth_getBlockByHash"] = lambda params: LookupError(*error)
  node.announce(node.put(11, sent(11)))
  assert node.told() == [("gap", 11, 11)]


def test_of_a_node_that_never_answers_the_oldest_blocks_are_given_up():
  node = Chain(backfill=1).open()
  del node.answers["eth_getBlockByHash"]
  node.announce(*(node.put(number, sent(number)) for number in range(11, 11 + DEPTH + 2)))
  assert node.told() == [("gap", 11, 11), ("gap", 12, 12)]
  assert len(node.session.native.waiting) == DEPTH


def test_what_is_open_at_the_end_is_declared():
  node = Chain().open()
  node.answers.pop("eth_getBlockByHash")
  node.announce(node.put(11, sent(11)), node.put(12, sent(12)))
  [gap] = node.end()
  assert (gap.venue_from, gap.venue_to) == (11, 12)


def test_the_currency_of_each_chain_is_known_and_a_token_of_its_name_comes_first():
  assert Evm(symbols=["eth/usdt"]).native == "ETH"
  assert Evm(chain="arbitrum", symbols=["$ETH"]).native == "ETH"
  assert Evm(chain="bsc", symbols=["BNB"]).native == "BNB"
  assert Evm(symbols=["WETH"]).native is None
  assert Evm(event_types=["transfer"]).native is None
  assert Evm(event_types=["block"], symbols=["ETH"]).native is None
  config = Evm(symbols=["ETH"], tokens=[Token(address=USDT, symbol="ETH")])
  assert config.native is None
  assert config.token_filter() == {USDT}
