"""The session without I/O: what is requested, what is sent, what is declared."""

import random

import msgspec
import pytest
from bond_evm import abi
from bond_evm.backfill import SPAN, Backfill, Range
from bond_evm.calls import MAX_OPEN
from bond_evm.config import Evm, Node
from bond_evm.messages import Error, read_message
from bond_evm.session import EvmSession
from hypothesis import given, settings, strategies as st
from talk import ANNA, BO, OTHER, USDT, Talk, head, log, word

from bond_core import ChainEvent, Disconnected, Gap, Refused, RetryAfter
from bond_core.feeds import Handshake
from bond_core.testing import RecordingMember, SessionConformance
from bond_core.websockets import HandshakeRefused

TRANSFER = {"event_types": ["transfer"]}


class TestEvm(SessionConformance):
  def session(self):
    return EvmSession(Evm(event_types=["transfer"]), Node(url="ws://node"))

  def members(self):
    return [RecordingMember(Evm())]

  def answers(self, request):
    asked = msgspec.json.decode(request)
    params = asked["params"]
    result = {
      "eth_chainId": lambda: "0x1",
      "eth_subscribe": lambda: params[0],
      "eth_getBlockByNumber": lambda: head(10) | {"transactions": []},
      "eth_getLogs": list,
    }[asked["method"]]()
    return [msgspec.json.encode({"jsonrpc": "2.0", "id": asked["id"], "result": result})]

  def messages(self):
    results = [result for number in range(11, 16) for result in (head(number), log(number))]
    return [
      msgspec.json.encode(
        {
          "jsonrpc": "2.0",
          "method": "eth_subscription",
          "params": {
            "subscription": "logs" if "topics" in result else "newHeads",
            "result": result,
          },
        }
      )
      for result in results
    ]


def test_what_is_subscribed_to():
  accounts = Talk(accounts=[ANNA.upper().replace("X", "x")], symbols=["$usdt"]).open()
  wallet = abi.as_topic(ANNA)
  assert accounts.asked == [
    ("eth_chainId",),
    ("eth_subscribe", "newHeads"),
    ("eth_subscribe", "logs", {"address": [USDT], "topics": [[abi.TRANSFER], [wallet]]}),
    ("eth_subscribe", "logs", {"address": [USDT], "topics": [[abi.TRANSFER], None, [wallet]]}),
    ("eth_getBlockByNumber", "latest", False),
  ]
  assert accounts.session.live
  blocks = Talk().open()
  assert [asked[1:] for asked in blocks.asked if asked[0] == "eth_subscribe"] == [("newHeads",)]
  every = Talk(**TRANSFER).open()
  assert ("eth_subscribe", "logs", {"topics": [[abi.TRANSFER]]}) in every.asked


@pytest.mark.parametrize(("direction", "place"), [("out", 1), ("in", 2)])
def test_a_direction_asks_for_what_a_wallet_sends_or_receives(direction, place):
  accounts = Talk(accounts=[ANNA], direction=direction).open()
  (logs,) = [asked[2] for asked in accounts.asked if asked[:2] == ("eth_subscribe", "logs")]
  topics = [[abi.TRANSFER], None, [abi.as_topic(ANNA)]]
  assert logs == {"topics": topics if place == 2 else [topics[0], topics[2]]}


def test_a_transfer_is_told_in_whole_tokens():
  node = Talk(symbols=["USDT"]).open()
  node.announce(head(11), log(11, 3))
  [event] = node.events
  assert (event.exchange, event.chain, event.symbol, event.ts_exchange) == (
    *("ethereum", "ethereum", "USDT"),
    None,
  )
  assert event.value == 5.0
  assert event.meta == {
    "txid": word(11_003),
    "log_index": 3,
    "height": 11,
    "block": word(1100),
    "time": 1_700_000_132,
    "status": "confirmed",
    "token": USDT,
    "from": ANNA,
    "to": BO,
    "amount": "5000000",
    "decimals": 6,
  }


def test_the_same_log_is_told_once_and_taken_back_once():
  node = Talk(**TRANSFER).open()
  node.announce(
    log(11), log(11), log(11, removed=True), log(11, removed=True), log(12, removed=True)
  )
  assert node.told() == [("transfer", 11, 5.0, "confirmed"), ("transfer", 11, 5.0, "removed")]
  assert node.session.transfers.duplicates == 1
  node.announce(log(11))
  assert node.told() == [("transfer", 11, 5.0, "confirmed")], "the branch came back"


def test_transfers_below_the_least_value_are_neither_told_nor_taken_back():
  node = Talk(**TRANSFER, min_value=5).open()
  node.announce(log(11, 0, 4_999_999), log(11, 1), log(11, 0, 4_999_999, removed=True))
  assert node.told() == [("transfer", 11, 5.0, "confirmed")]


def test_heads_alone_take_back_what_their_branch_replaced():
  node = Talk(event_types=["transfer", "block"])
  node.answers["eth_getBlockTransactionCountByHash"] = lambda params: "0x7"
  node.answers["eth_getLogs"] = lambda params: [log(11, 0, 1_000_000, name=1)]
  node.open().announce(head(11), log(11), log(11, 1))
  node.events.clear()
  node.announce(head(11, 1))
  assert node.told() == [
    ("block", 11, 7.0, "removed"),
    ("transfer", 11, 5.0, "removed"),
    ("transfer", 11, 5.0, "removed"),
    ("block", 11, 7.0, "confirmed"),
    ("transfer", 11, 1.0, "confirmed"),
  ]
  assert node.asked[-1][1]["fromBlock"] == node.asked[-1][1]["toBlock"] == "0xb"
  # What the node then says itself changes nothing.
  node.announce(log(11, removed=True), log(11, 0, 1_000_000, name=1))
  assert node.told() == []


def test_a_log_that_is_ahead_of_its_branch_is_told_again_when_its_block_is_the_chains():
  node = Talk(**TRANSFER).open()
  node.answers["eth_getLogs"] = lambda params: (
    [log(12, name=1)] if params[0].get("fromBlock") == "0xc" else []
  )
  node.announce(head(11), head(12), log(12, name=1), head(13))
  assert node.told() == [("transfer", 12, 5.0, "confirmed"), ("transfer", 12, 5.0, "removed")]
  node.announce(head(11, 1), head(12, 1, parent=word(1101)))
  assert node.told() == [("transfer", 12, 5.0, "confirmed")]


def test_after_a_cut_blocks_and_logs_between_are_read_and_told_once():
  node = Talk(event_types=["transfer", "block"])
  node.answers["eth_getBlockTransactionCountByHash"] = lambda params: "0x1"
  node.open().announce(head(11), log(11))
  node.told()
  node.cut()
  chain = {"latest": 14, "0xc": 12, "0xd": 13}
  node.answers["eth_getBlockByNumber"] = lambda params: (
    head(chain[params[0]]) | {"transactions": ["0x"]}
  )
  node.answers["eth_getLogs"] = lambda params: [log(n) for n in (11, 12, 13, 14)]
  node.asked.clear()
  node.open()
  assert node.told() == [
    *(("block", n, 1.0, "confirmed") for n in (12, 13, 14)),
    *(("transfer", n, 5.0, "confirmed") for n in (12, 13, 14)),
  ]
  last = node.asked[-1]
  assert (last[0], last[1]["fromBlock"], last[1]["toBlock"]) == ("eth_getLogs", "0xb", "0xe")


def test_more_blocks_than_wanted_are_a_gap_and_the_rest_is_read():
  node = Talk(**TRANSFER, backfill=3)
  node.open().announce(head(11), log(11))
  node.told()
  node.cut()
  chain = {"latest": 20, **{hex(n): n for n in range(11, 20)}}
  node.answers["eth_getBlockByNumber"] = lambda params: head(chain[params[0]])
  node.answers["eth_getLogs"] = lambda params: [log(n) for n in range(11, 21)]
  node.open()
  assert node.told() == [
    ("gap", 11, 17),
    *(("transfer", n, 5.0, "confirmed") for n in (18, 19, 20)),
  ]


@pytest.mark.parametrize("backfill", [4, 1000])
def test_what_was_told_before_a_long_outage_or_before_its_end_is_not_told_again(backfill):
  node = Talk(**TRANSFER, backfill=backfill)
  node.open().announce(head(11), log(11))
  node.cut()
  node.told()
  chain = {"latest": 400, **{hex(n): n for n in range(11, 400)}}
  node.answers["eth_getBlockByNumber"] = lambda params: head(chain[params[0]])
  node.answers["eth_getLogs"] = lambda params: [
    log(n) for n in range(int(params[0]["fromBlock"], 16), int(params[0]["toBlock"], 16) + 1)
  ]
  node.connect()
  latest = node.answers.pop("eth_getBlockByNumber")
  node.serve()
  node.announce(log(400))
  node.cut()
  node.answers["eth_getBlockByNumber"] = latest
  node.open()
  told = node.told()
  transfers = [entry[1] for entry in told if entry[0] == "transfer"]
  first = 12 if backfill == 1000 else 397
  assert sorted(transfers) == list(range(first, 401))
  assert [entry for entry in told if entry[0] == "gap"] == (
    [("gap", 11, 396)] if backfill == 4 else []
  )


class Behind:
  """Answers as a node whose last block is `at`, on a chain with a log in each of `logs`. Every few
  requests another node of the provider answers, which has it all."""

  def __init__(self, node, last, logs, at):
    self.last, self.logs, self.at = last, logs, at
    node.answers["eth_getBlockByNumber"] = self.block
    node.answers["eth_getLogs"] = self.found

  def block(self, params):
    number = self.last if params[0] == "latest" else int(params[0], 16)
    return head(number) if number <= self.last else None

  def found(self, params):
    query = params[0]
    if "blockHash" in query:
      number = int(query["blockHash"], 16) // 100
      if number > self.at:
        return ValueError(-32000, "unknown block")
      return [log(number)] if number in self.logs else []
    first, last = int(query["fromBlock"], 16), int(query["toBlock"], 16)
    return [log(n) for n in self.logs if first <= n <= min(last, self.at)]


def behind(last, logs, at, **config):
  node = Talk(**TRANSFER, silence=1000, **config)
  node.open().announce(head(11))
  node.told()
  node.cut()
  chain = Behind(node, last, logs, at)
  node.open()
  return node, chain


@pytest.mark.parametrize("at", [0, 11, 12])
def test_an_empty_or_short_answer_of_a_node_that_is_behind_is_no_proof(at):
  """Its answers are right as far as it has come; it catches up."""
  node, chain = behind(15, [12, 13, 14, 15], at)
  assert node.told() == [("transfer", 12, 5.0, "confirmed")] * (at == 12)
  assert not node.session.whole
  for _ in range(4):
    node.wait(1)
  assert node.told() == []
  chain.at = 15
  for _ in range(40):
    node.wait(1)
  assert [entry[1] for entry in node.told()] == [n for n in (12, 13, 14, 15) if n > at]
  assert node.session.whole


def test_of_a_node_that_stays_behind_what_it_does_not_have_is_requested_for_as_long_as_it_counts():
  node, chain = behind(15, [12, 13, 14, 15], 13, backfill=20)
  for _ in range(600):
    node.wait(1)
  assert node.told() == [("transfer", n, 5.0, "confirmed") for n in (12, 13)]
  [reason] = node.member.notices.values()
  assert reason == "logs of blocks 14 to 15 are requested again and again: unknown block (-32000)"
  chain.at = 14
  for _ in range(60):
    node.wait(1)
  assert node.told() == [("transfer", 14, 5.0, "confirmed")]
  for number in range(16, 37):
    node.announce(head(number))
  assert node.told() == [("gap", 15, 15)]
  assert (node.member.notices, node.session.whole) == ({}, True)


def test_a_refusal_of_logs_that_lasts_for_minutes_loses_nothing():
  node, chain = behind(15, [12, 13, 14, 15], 15)
  node.told()
  node.cut()
  chain.last = chain.at = 25
  chain.logs = list(range(16, 40))
  node.answers["eth_getLogs"] = lambda params: ValueError(-32005, "request rate exceeded")
  node.open()
  for _ in range(300):
    node.wait(1)
  assert node.told() == []
  # What comes meanwhile is read, and what has come is not told again.
  node.announce(head(26), log(26))
  assert node.told() == [("transfer", 26, 5.0, "confirmed")]
  [reason] = node.member.notices.values()
  assert reason == (
    "logs of blocks 15 to 25 are requested again and again: request rate exceeded (-32005)"
  )
  node.answers["eth_getLogs"] = chain.found
  for _ in range(40):
    node.wait(1)
  assert node.told() == [("transfer", n, 5.0, "confirmed") for n in range(16, 26)]
  assert (node.member.notices, node.session.whole) == ({}, True)


def test_a_range_that_is_refused_for_long_keeps_no_other_one_waiting():
  backfill = Backfill(2)
  backfill.add(1, 10)
  busy = Error(-32603, "service temporarily unavailable")
  had, lost, _ = read_all(backfill, lambda r: busy if r.filter == 0 else None, seconds=300)
  assert (had, lost) == (list(range(1, 11)), [])
  assert [(entry.filter, entry.first, entry.last) for entry in backfill.stuck] == [(0, 1, 10)]
  assert backfill.expired(10) == []
  assert [entry.last for entry in backfill.expired(11)] == [10]
  assert backfill.empty


def test_blocks_that_are_refused_for_a_while_are_read_afterwards():
  node = Talk(event_types=["block"])
  node.answers["eth_getBlockTransactionCountByHash"] = lambda params: "0x1"
  node.open().announce(head(11))
  node.told()
  node.answers["eth_getBlockByNumber"] = lambda params: ValueError(-32005, "rate limit")
  node.announce(head(14))
  for _ in range(55):
    node.wait(1)
  assert node.told() == []
  node.answers["eth_getBlockByNumber"] = lambda params: head(
    14 if params[0] == "latest" else int(params[0], 16)
  )
  node.session._head_at = node.second
  for _ in range(20):
    node.wait(1)
  assert [(kind, number) for kind, number, *_ in node.told()] == [
    ("block", 12),
    ("block", 13),
    ("block", 14),
  ]


def test_blocks_without_a_log_are_no_loss_and_are_requested_by_their_hashes_once():
  node, _ = behind(15, [], 15)
  asked = [entry[1] for entry in node.asked if entry[0] == "eth_getLogs"]
  hashes = [params["blockHash"] for params in asked if "blockHash" in params]
  assert hashes == [word(n * 100) for n in range(11, 16)]
  assert len(asked) == 6
  assert (node.told(), node.session.whole) == ([], True)


def test_in_a_long_range_the_node_has_to_have_come_to_its_end():
  node = Talk(**TRANSFER, silence=1000)
  node.open().announce(head(11))
  node.cut()
  node.told()
  chain = Behind(node, 180, [20, 60, 100, 179], 15)
  node.answers["eth_getBlockByNumber"] = lambda params: chain.block(
    [hex(chain.at)] if node.session.height == 180 and params[0] == "latest" else params
  )
  node.connect()
  node.serve()
  for _ in range(3):
    node.wait(1)
  assert node.told() == []
  chain.at = 180
  for _ in range(60):
    node.wait(1)
  assert [entry[1] for entry in node.told()] == [20, 60, 100, 179]
  assert node.session.whole


def test_logs_of_another_branch_are_left_to_the_heads():
  node = Talk(**TRANSFER).open()
  node.announce(head(11))
  node.cut()
  node.answers["eth_getBlockByNumber"] = lambda params: head(11)
  node.answers["eth_getLogs"] = lambda params: [log(11, 0), log(11, 1, name=5)]
  node.open()
  assert node.told() == [("transfer", 11, 5.0, "confirmed")]


def test_a_message_that_cannot_be_read_has_the_logs_read_again():
  node = Talk(**TRANSFER).open()
  node.announce(head(11))
  node.take(b'{"jsonrpc":"2.0","method":"eth_subscr')
  node.answers["eth_getLogs"] = lambda params: [log(11), log(12)]
  node.announce(head(12))
  assert node.told() == [("transfer", n, 5.0, "confirmed") for n in (11, 12)]
  assert node.session.unreadable == 1


def test_a_head_whose_parents_cannot_be_had_is_a_gap_of_blocks():
  node = Talk(event_types=["block"])
  node.answers["eth_getBlockTransactionCountByHash"] = lambda params: "0x1"
  node.open().announce(head(11))
  node.told()
  node.answers["eth_getBlockByNumber"] = lambda params: head(14) if params[0] == "latest" else None
  node.announce(head(14))
  for _ in range(20):
    node.wait(0.5)
  assert node.told() == [("gap", 12, 13), ("block", 14, 1.0, "confirmed")]


@pytest.mark.parametrize("number", [14, 900, 5_000, 2**62])
def test_a_head_of_a_number_that_the_node_has_not_reached_is_no_reason_to_give_up_blocks(number):
  node = Talk(event_types=["block"])
  node.answers["eth_getBlockTransactionCountByHash"] = lambda params: "0x1"
  node.open().announce(head(11))
  node.told()
  chain = {hex(at): head(at) | {"transactions": [{}]} for at in range(12, 15)}
  node.answers["eth_getBlockByNumber"] = lambda params: chain.get(params[0], chain["0xc"])
  if number == 14:
    del chain["0xd"], chain["0xe"]
  node.announce(head(12) | {"number": hex(number)})
  for _ in range(20):
    node.wait(0.5)
  node.announce(head(13))
  assert node.told() == [("block", n, 1.0, "confirmed") for n in (12, 13)]
  assert node.session.unreadable == 1


@pytest.mark.parametrize(
  "message",
  [
    {"jsonrpc": "2.0", "method": "eth_subscription", "params": None},
    {"jsonrpc": "2.0", "method": "eth_subscription"},
    {"jsonrpc": "2.0"},
    {"method": "eth_subscription", "params": {"subscription": "other", "result": head(12)}},
  ],
)
def test_a_message_that_is_for_nothing_has_the_logs_read_again(message):
  node = Talk(**TRANSFER).open()
  node.announce(head(11))
  node.take(msgspec.json.encode(message))
  node.answers["eth_getLogs"] = lambda params: [log(11), log(12)]
  node.announce(head(12))
  assert node.told() == [("transfer", n, 5.0, "confirmed") for n in (11, 12)]
  assert node.session.unreadable == 1


def test_logs_of_a_connection_that_brought_no_block_are_joined_to_the_next_one():
  node = Talk(event_types=["transfer", "block"])
  node.answers["eth_getBlockTransactionCountByHash"] = lambda params: "0x1"
  latest = node.answers.pop("eth_getBlockByNumber")
  node.open().announce(log(8, name=3), log(9))
  node.told()
  node.cut()
  node.answers["eth_getBlockByNumber"] = latest
  node.answers["eth_getLogs"] = lambda params: [log(8), log(9), log(10)]
  node.open()
  assert node.told() == [
    ("gap", 8, 10),
    ("transfer", 8, 5.0, "removed"),
    ("transfer", 8, 5.0, "confirmed"),
    ("transfer", 10, 5.0, "confirmed"),
  ]
  node.announce(head(11))
  assert node.told() == [("block", 11, 1.0, "confirmed")]


def test_contracts_are_asked_once_and_their_transfers_wait():
  node = Talk(addresses=[OTHER])
  node.open().announce(log(11, 0, token=OTHER), log(11, 1, token=OTHER))
  assert node.methods().count("eth_call") == 1
  assert node.told() == []
  node.announce(log(11, 1, token=OTHER, removed=True))
  node.cut()
  said = {abi.DECIMALS: word(2), abi.SYMBOL: "0x" + b"BTC".ljust(32, b"\0").hex()}
  node.answers["eth_call"] = lambda params: said[params[0]["data"]]
  node.asked.clear()
  node.open().announce(log(12, 0, token=OTHER))
  assert node.told() == [("transfer", n, 50_000.0, "confirmed") for n in (11, 12)]
  assert [asked[1]["to"] for asked in node.asked if asked[0] == "eth_call"] == [OTHER, OTHER]


def test_a_contract_that_does_not_answer_has_amounts_without_decimals():
  node = Talk(**TRANSFER)
  node.answers["eth_call"] = lambda params: ValueError(3, "execution reverted")
  node.open().announce(log(11, 0, token=OTHER))
  [event] = node.events
  assert (event.symbol, event.value, event.meta["amount"]) == (OTHER, None, "5000000")
  assert event.meta["says"] is None
  node.announce(log(11, 1, token=OTHER))
  assert node.methods().count("eth_call") == 2
  busy = Talk(**TRANSFER)
  busy.answers["eth_call"] = lambda params: ValueError(-32005, "rate limit exceeded")
  busy.open().announce(log(11, 0, token=OTHER))
  for _ in range(20):
    busy.wait(0.5)
  assert busy.told() == [("transfer", 11, None, "confirmed")]
  busy.answers["eth_call"] = lambda params: word(6)
  busy.announce(log(11, 1, token=OTHER))
  assert busy.told() == [("transfer", 11, 5.0, "confirmed")], "it is asked again"


@pytest.mark.parametrize("decimals", [2, None])
def test_a_transfer_that_indexes_nothing_is_of_a_token_where_its_contract_has_decimals(decimals):
  node = Talk(**TRANSFER)
  failed = ValueError(3, "execution reverted")
  node.answers["eth_call"] = lambda params: failed if decimals is None else word(decimals)
  plain = log(11, 0, token=OTHER)
  event, sender, receiver = plain["topics"]
  bare = plain | {"topics": [event], "data": sender + receiver[2:] + plain["data"][2:]}
  node.open().announce(bare)
  told = [("transfer", 11, 50_000.0, "confirmed")]
  assert node.told() == ([] if decimals is None else told)
  node.announce(bare | {"removed": True})
  assert [told[3] for told in node.told()] == ([] if decimals is None else ["removed"])


@pytest.mark.parametrize("answer", [{}, None, ValueError(-32005, "rate limit exceeded")])
def test_a_transfer_that_indexes_nothing_waits_for_an_answer_that_can_be_read(answer):
  node = Talk(**TRANSFER)
  node.answers["eth_call"] = lambda params: answer
  plain = log(11, 0, token=OTHER)
  event, sender, receiver = plain["topics"]
  bare = plain | {"topics": [event], "data": sender + receiver[2:] + plain["data"][2:]}
  node.open().announce(bare)
  for _ in range(40):
    node.wait(0.5)
  assert node.told() == []
  node.answers["eth_call"] = lambda params: word(2)
  for _ in range(20):
    node.wait(0.5)
  assert node.told() == [("transfer", 11, 50_000.0, "confirmed")]


def test_nodes_that_are_dead_or_wrong_are_given_up():
  node = Talk(**TRANSFER).open()
  node.wait(59)
  node.announce(head(11))
  node.wait(59)
  with pytest.raises(Disconnected, match="announced no block for 60 s"):
    node.wait(2)
  silent = Talk(**TRANSFER, silence=1000)
  del silent.answers["eth_getBlockByNumber"]
  silent.open()
  with pytest.raises(Disconnected, match="did not answer eth_getBlockByNumber"):
    silent.wait(31)
  elsewhere = Talk(**TRANSFER)
  elsewhere.answers["eth_chainId"] = lambda params: "0x89"
  with pytest.raises(Refused, match="the node is of polygon, not of ethereum"):
    elsewhere.open()
  http = Talk(**TRANSFER)
  http.answers["eth_subscribe"] = lambda params: ValueError(-32601, "notifications not supported")
  with pytest.raises(Refused, match="does not offer subscriptions"):
    http.open()
  busy = Talk(**TRANSFER)
  busy.answers["eth_subscribe"] = lambda params: ValueError(-32005, "too many")
  with pytest.raises(RetryAfter, match="too many"):
    busy.open()
  own = Talk(**TRANSFER, chain="my-chain").open()
  assert "eth_chainId" not in own.methods()


@pytest.mark.parametrize(
  ("status", "remedy"),
  [
    (401, "look at the key"),
    (403, "look at the key"),
    (404, "name its websocket"),
    (405, "wss://"),
  ],
)
def test_what_a_node_answers_with_http_is_tried_again_with_a_hint(status, remedy, caplog):
  answer = HandshakeRefused(status, {}, b'{"error":{"message":"project is over its limit"}}')
  node = Talk(**TRANSFER)
  # The driver's back-off decides.
  assert node.session.on_close(answer, node.now()) is None
  assert f"HTTP {status}: project is over its limit" in caplog.text
  assert remedy in caplog.text
  worked = Talk(**TRANSFER).open()
  worked.cut()
  # The driver's back-off decides.
  assert worked.session.on_close(answer, worked.now()) is None


def test_a_node_that_is_busy_or_broken_is_tried_again():
  node = Talk(**TRANSFER)
  for headers, wait in (({"retry-after": "7"}, 7.0), ({"retry-after": "soon"}, 30.0), ({}, 30.0)):
    assert node.session.on_close(HandshakeRefused(429, headers, b""), node.now()) == wait
  assert node.session.on_close(HandshakeRefused(503, {}, b""), node.now()) is None
  assert node.cut() is None


def test_it_connects_to_the_url_of_the_node_within_what_is_allowed():
  node = Talk()
  assert node.session.target(node.now()) == Handshake("ws://node", allowance=None)
  outside = Evm(url="wss://eth.example.com/ws").node()
  assert EvmSession(Evm(), outside).target(node.now()).allowance is outside.allowance is not None


def test_it_is_live_when_its_subscriptions_stand_also_without_an_event():
  node = Talk(**TRANSFER)
  node.connect()
  assert node.member.lives == 0
  node.serve()
  assert node.member.lives >= 1
  node.cut()
  live = node.member.lives
  node.connect()
  node.wait(1)
  assert node.member.lives > live
  silent = Talk(**TRANSFER)
  del silent.answers["eth_getBlockByNumber"]
  silent.open()
  silent.wait(1)
  assert silent.member.lives == 0


def test_what_came_before_a_message_that_ends_the_connection_counts():
  node = Talk(**TRANSFER).open()
  node.answers["eth_subscribe"] = lambda params: ValueError(-32005, "too many")
  node.cut()
  node.connect()
  announced = {"subscription": "logs", "result": log(12)}
  message = {"jsonrpc": "2.0", "method": "eth_subscription", "params": announced}
  node.session._subscribed["logs"] = "logs"
  number = msgspec.json.decode(node.session.requests[1])["id"]
  refused = {"jsonrpc": "2.0", "id": number, "error": {"code": -32005, "message": "too many"}}
  with pytest.raises(RetryAfter):
    node.session.on_messages(list(map(msgspec.json.encode, (message, refused))), node.now())
  assert node.told() == [("transfer", 12, 5.0, "confirmed")]


def test_announcements_that_overtake_the_answer_to_their_subscription_count():
  node = Talk(**TRANSFER)
  node.connect()
  held = list(node.session.requests)
  node.session.requests.clear()
  node.announce(log(11))
  assert node.told() == []
  node.session.requests.extend(held)
  node.serve()
  assert node.told() == [("transfer", 11, 5.0, "confirmed")]


def test_what_is_open_at_the_end_is_declared():
  whole = Talk(**TRANSFER).open()
  whole.announce(head(11))
  assert whole.end() == []
  node = Talk(**TRANSFER).open()
  node.announce(head(11))
  node.cut()
  [gap] = node.end()
  assert isinstance(gap, Gap)
  assert (gap.venue_from, gap.venue_to) == (11, 11)
  assert "cut off" in gap.cause


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=120), st.integers(0, 10**6))
def test_no_message_raises(noise, seed):
  pick = random.Random(seed)
  whole = msgspec.json.encode(
    {
      "jsonrpc": "2.0",
      "method": "eth_subscription",
      "params": {"subscription": "logs", "result": log(11)},
    }
  )
  at = pick.randrange(len(whole))
  flipped = whole[:at] + bytes([whole[at] ^ (1 << pick.randrange(8))]) + whole[at + 1 :]
  node = Talk(**TRANSFER)
  node.answers["eth_call"] = lambda params: None
  node.open()
  for frame in (noise, whole[:at], flipped, whole + whole, b"[" * 5000, b"[]", b"null", b"{}"):
    node.take(frame)
  assert len([e for e in node.events if isinstance(e, ChainEvent)]) <= 1


# Ranges of logs ----------------------------------------------------------------------------------


def read_all(backfill, refuse, *, seconds=100.0):
  """The blocks that were read and those that were given up, by a node that refuses some ranges."""
  now, had, lost, asked = 0.0, [], [], 0
  while not backfill.empty and now < seconds:
    found = backfill.next(now)
    if found is None:
      now += 0.25
      continue
    asked += 1
    error = refuse(found)
    if error is None:
      backfill.done()
      had += range(found.first, found.last + 1)
    elif (gone := backfill.refused(error, now)) is not None:
      lost += range(gone.first, gone.last + 1)
  return sorted(had), sorted(lost), asked


@pytest.mark.parametrize(
  "error",
  [
    Error(-32005, "query returned more than 10000 results"),
    Error(-32602, "range 1000000 exceeds limit of 10000"),
    Error(-32000, "logs matched by query exceeds limit of 10000"),
    Error(-32000, "log query timed out"),
    Error(-32600, "Log response size exceeded. Please reduce query block range."),
    Error(-32701, "exceed maximum block range: 50000"),
    Error(-32000, "query block range exceeds server limit, narrow your filter: 1000"),
  ],
)
def test_ranges_shrink_until_they_are_given(error):
  backfill = Backfill(1)
  backfill.add(1000, 1999)
  had, lost, asked = read_all(backfill, lambda r: error if r.last - r.first >= 30 else None)
  assert had == list(range(1000, 2000))
  assert lost == []
  assert asked < 60, "what was learned is kept"


def test_a_block_that_is_refused_is_tried_again_and_given_up_alone():
  backfill = Backfill(1)
  backfill.add(1, 8)
  error = Error(-32005, "query returned more than 10000 results")
  had, lost, _ = read_all(backfill, lambda r: error if r.first <= 5 <= r.last else None)
  assert lost == [5]
  assert had == [1, 2, 3, 4, 6, 7, 8]


def test_a_busy_node_is_asked_for_the_same_again():
  backfill, times = Backfill(1), []
  backfill.add(1, 100)

  def refuse(found):
    times.append(found)
    return (
      Error(-32005, "daily request count exceeded, request rate limited")
      if len(times) < 4
      else None
    )

  had, lost, _ = read_all(backfill, refuse)
  assert (len(had), lost) == (100, [])
  assert {(r.first, r.last) for r in times} == {(1, 100)}


def test_history_that_is_pruned_is_found_by_halves():
  backfill = Backfill(1)
  backfill.add(1, 160)
  error = Error(4444, "pruned history unavailable")
  had, lost, asked = read_all(backfill, lambda r: error if r.first < 100 else None)
  assert lost == list(range(1, 100))
  assert had == list(range(100, 161))
  assert asked < 20
  backfill.add(1, 1000)
  had, lost, asked = read_all(backfill, lambda r: error)
  assert (had, lost) == ([], list(range(1, 1001)))
  assert asked < 60


@pytest.mark.parametrize(
  "error",
  [
    Error(-32603, "service temporarily unavailable"),
    Error(-32000, "upstream not available"),
    Error(-32011, "no backend is currently healthy to serve traffic"),
    Error(-32000, "requested height 160 is not yet available; safe latest is 150"),
  ],
)
def test_a_node_that_is_unavailable_for_a_while_has_lost_nothing(error):
  backfill, times = Backfill(1), []
  backfill.add(1, 160)

  def refuse(found):
    times.append(found)
    return error if len(times) <= 5 else None

  had, lost, _ = read_all(backfill, refuse)
  assert (had, lost) == (list(range(1, 161)), [])


def test_receipts_that_stay_unavailable_are_found_by_halves():
  backfill = Backfill(1)
  backfill.add(1, 160)
  error = Error(-32000, "Receipt not available for From block 12.")
  had, lost, _ = read_all(backfill, lambda r: error if r.first <= 12 else None)
  assert lost == list(range(1, 13))
  assert had == list(range(13, 161))


def test_ranges_that_touch_are_one_and_a_cut_puts_back_what_is_out():
  backfill = Backfill(2)
  backfill.add(10, 12)
  backfill.add(12, 15)
  assert backfill.next(0.0) == Range(0, 10, 15)
  assert backfill.next(0.0) is None
  backfill.disconnected()
  assert backfill.give_up() == [Range(0, 10, 15), Range(1, 10, 15)]
  assert backfill.empty
  backfill.add(1, 2 * SPAN)
  assert backfill.next(0.0) == Range(0, 1, SPAN)


def test_no_more_requests_are_out_than_are_allowed():
  node = Talk(event_types=["block"]).open()
  node.answers.clear()
  node.announce(*(head(n) for n in range(11, 60)))
  assert len(node.asked) - 3 == MAX_OPEN


@pytest.mark.parametrize(
  ("sent", "told"),
  [
    ({"id": "7", "error": {"code": "-32005", "message": "rate limited"}}, "rate limited (-32005)"),
    ({"id": 7, "error": "Too Many Requests"}, "Too Many Requests (0)"),
    ({"id": 7, "error": {"code": -32000, "message": None}}, "no reason given (-32000)"),
    ({"id": 7, "error": {"message": "busy", "extra": 1}}, "busy (0)"),
  ],
)
def test_answers_are_read_as_gateways_write_them(sent, told):
  message = read_message(msgspec.json.encode({"jsonrpc": "2.0", **sent}))
  assert (message.id, str(message.error)) == (7, told)
