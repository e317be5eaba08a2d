"""What messages of a mempool server become, without sockets."""

import msgspec
import pytest
from bond_bitcoin.config import Bitcoin
from bond_bitcoin.feed import BitcoinFeed
from bond_bitcoin.sources import SOURCES
from hypothesis import given, strategies as st

from bond_core import ChainEvent, Gap
from bond_core.feeds import Moment, Pong, Reject, Send

OURS = "bc1qeldw4mqns26wew8swgpkt3fs364w3ehs046w2f"
THEIRS = "1wizSAYSbuyXbt9d8JV8ytm5acqq2TorC"


SUBSCRIPTIONS = list(SOURCES[0].subscriptions(Bitcoin()))


def feed_of(**config):
  feed = BitcoinFeed(Bitcoin(**config).connection)
  feed.on_open(1, SUBSCRIPTIONS, overlap=False, now=Moment(0, 0))
  return feed


def read(feed, *messages, second=1):
  frames = [m if isinstance(m, bytes) else msgspec.json.encode(m) for m in messages]
  return feed.on_frames(1, frames, Moment(second * 1000, second * 10**9))


def told(events):
  return [(e.kind, e.value, e.meta["txid"]) for e in events if isinstance(e, ChainEvent)]


def tx(txid, inputs, outputs, **more):
  return {
    "txid": txid,
    "vin": [
      {"txid": "0" * 64, "vout": 0, "prevout": {"scriptpubkey_address": a, "value": v}}
      for a, v in inputs
    ],
    "vout": [{"scriptpubkey": "00", "scriptpubkey_address": a, "value": v} for a, v in outputs],
    "fee": 1000,
    "weight": 800,
    "status": {"confirmed": False},
    **more,
  }


def block(height, name, previous=None, **extras):
  return {
    "id": name,
    "height": height,
    "timestamp": 1700000000 + height,
    "tx_count": 3001,
    "size": 1_500_000,
    "weight": 3_990_000,
    "previousblockhash": previous,
    "extras": {"totalFees": 12_345_678, "medianFee": 4.2, "pool": {"name": "F2Pool"}, **extras},
  }


@pytest.mark.parametrize(
  ("config", "asked"),
  [
    ({}, [{"track-mempool-txids": True}]),
    ({"values": True}, [{"track-mempool": True}]),
    ({"min_amount": 100.0}, [{"track-mempool": True}]),
    ({"event_types": ["block"]}, []),
    ({"event_types": ["mempool"]}, [{"track-mempool-txids": True}]),
    ({"accounts": [OURS, THEIRS]}, [{"track-addresses": [OURS, THEIRS]}]),
  ],
)
def test_what_is_asked_for(config, asked):
  want = {"action": "want", "data": ["blocks", "stats"]}
  actions = [*feed_of(**config).actions]
  assert all(isinstance(action, Send) for action in actions)
  assert [msgspec.json.decode(action.data) for action in actions] == [want, *asked]


def test_transactions_by_their_ids_each_once():
  feed = feed_of()
  change = {"sequence": 5, "added": ["a", "b"], "removed": [], "mined": [], "replaced": []}
  replaced = [{"replaced": "a", "by": "c"}]
  events = read(
    feed,
    {"mempool-txids": change},
    {"mempool-txids": change},
    {"mempool-txids": {**change, "sequence": 6, "added": ["b", "c"], "replaced": replaced}},
  )
  assert told(events) == [("tx", None, name) for name in ("a", "b", "a", "c")]
  assert events[2].meta == {"txid": "a", "status": "removed", "replaced_by": "c"}
  assert events[3].meta == {"txid": "c", "status": "mempool", "replaces": ["a"]}
  assert (events[0].exchange, events[0].symbol, events[0].chain) == ("bitcoin", "BTC", "bitcoin")
  assert feed.duplicates == 3


def test_a_change_that_did_not_come_is_declared():
  feed = feed_of()
  first, gap, second = read(
    feed,
    {"mempool-txids": {"sequence": 5, "added": ["a"]}},
    {"mempool-txids": {"sequence": 9, "added": ["b"]}},
  )
  assert (first.meta["txid"], second.meta["txid"]) == ("a", "b")
  assert isinstance(gap, Gap)
  assert (gap.venue_from, gap.venue_to, gap.symbol, gap.channel) == (6, 8, "BTC", "chain")


def test_a_request_that_was_not_read_is_sent_again_and_what_did_not_come_is_declared():
  feed = feed_of(event_types=["tx"])
  feed.actions.clear()
  statistics = {"mempoolInfo": {"size": 1, "bytes": 1}}
  assert read(feed, *[statistics] * 4) == []
  assert not feed.actions
  [gap] = read(feed, statistics)
  assert isinstance(gap, Gap)
  assert [action.data for action in feed.actions] == [b'{"track-mempool-txids":true}']
  changed = {**statistics, "mempool-txids": {"sequence": 7, "added": [], "removed": [],
                                             "mined": [], "replaced": []}}  # fmt: skip
  feed.actions.clear()
  assert read(feed, *[statistics, changed] * 10) == []
  assert not feed.actions


def test_numbers_that_go_back_are_declared_and_another_server_begins_anew():
  feed = feed_of()
  read(feed, {"mempool-txids": {"sequence": 50, "added": []}})
  [gap] = read(feed, {"mempool-txids": {"sequence": 3, "added": []}})
  assert "went back from 50 to 3" in gap.cause
  feed.on_close(1)
  feed.on_open(1, SUBSCRIPTIONS, overlap=False, now=Moment(0, 0))
  assert read(feed, {"mempool-txids": {"sequence": 900, "added": []}}) == []


def test_a_lone_number_far_ahead_is_no_count_of_what_did_not_come():
  feed = feed_of()

  def change(number):
    gaps = read(feed, {"mempool-txids": {"sequence": number, "added": []}})
    return [(gap.venue_from, gap.venue_to) for gap in gaps]

  assert change(50) == []
  assert change(10**14) == [(None, None)]
  assert change(52) == []
  assert change(10**9) == [(None, None)]
  assert change(10**9 + 1) == []
  assert change(10**9 + 3) == [(10**9 + 2, 10**9 + 2)]


@pytest.mark.parametrize("height", [900_000, 10**14])
def test_a_height_that_cannot_be_is_no_loss_of_the_blocks_before_it(height):
  feed = feed_of(event_types=["block"])
  read(feed, {"blocks": [block(1, "a"), block(2, "b"), block(height, "far") | {"timestamp": 9}]})
  assert feed.unreadable == 1
  read(feed, {"block": block(3, "c")})
  [gap] = read(feed, {"block": block(height, "far") | {"timestamp": 1700000004}})
  assert (gap.missed, "blocks after the last one" in gap.cause) == (1, True)
  [event] = read(feed, {"block": block(4, "d")})
  assert (event.meta["height"], event.meta["status"]) == (4, "confirmed")
  # A server that was away for long is none.
  gap, event = read(feed, {"block": block(10_000, "e") | {"timestamp": 1700000004 + 600 * 10_000}})
  assert gap.missed == 9_995


def test_requests_that_no_message_follows_are_sent_again():
  feed = feed_of(event_types=["tx"])
  feed.actions.clear()
  second = 10**9
  assert feed.on_timer(Moment(29_000, 29 * second)) == []
  assert not feed.actions
  for at in (31, 62):
    assert feed.on_timer(Moment(at * 1000, at * second)) == []
    assert [type(action) for action in feed.actions] == [Send, Send]
    feed.actions.clear()
  statistics = {"mempoolInfo": {"size": 1, "bytes": 1}}
  [gap] = read(feed, statistics, second=63)
  assert isinstance(gap, Gap)
  assert read(feed, statistics, second=64) == []
  assert feed.on_timer(Moment(10**6, 10**12)) == []
  assert not feed.actions


def test_what_a_transaction_moves_leaves_out_what_goes_back():
  feed = feed_of(min_amount=1.0, event_types=["tx", "transfer"])
  payment = tx("p", [(OURS, 500_000_000)], [(THEIRS, 150_000_000), (OURS, 349_999_000)])
  small = tx("s", [(THEIRS, 2_000)], [(OURS, 1_000)])
  by = [{"replaced": "old", "by": payment}]
  events = read(
    feed, {"mempool-transactions": {"sequence": 1, "added": [payment, small], "replaced": by}}
  )
  assert told(events) == [("tx", 1.5, "p"), ("transfer", 1.5, "p"), ("tx", 0.00001, "s")]
  assert events[0].meta["replaces"] == ["old"]
  assert (events[0].meta["fee"], events[0].meta["fee_rate"]) == (0.00001, 5.0)


def test_transfers_of_watched_addresses():
  feed = feed_of(accounts=[OURS])
  gets = tx("in", [(THEIRS, 500)], [(OURS, 300), (THEIRS, 100)])
  gives = tx("out", [(OURS, 500)], [(THEIRS, 300), (OURS, 100)])
  status = {"confirmed": True, "block_height": 900_001}
  late = tx("late", [(OURS, 100)], [(THEIRS, 90)], status=status)
  events = read(
    feed,
    {"multi-address-transactions": {OURS: {"mempool": [gets, gives], "confirmed": []}}},
    {"multi-address-transactions": {OURS: {"mempool": [], "confirmed": [gets, late]}}},
    {"multi-address-transactions": {OURS: {"mempool": [], "removed": [gives, tx("x", [], [])]}}},
  )
  assert [
    (e.meta["txid"], e.meta["direction"], e.meta["status"], round(e.value * 1e8)) for e in events
  ] == [
    ("in", "in", "mempool", 300),
    ("out", "out", "mempool", 400),
    ("late", "out", "confirmed", 100),
    ("out", "out", "removed", 400),
  ]
  assert events[2].meta["height"] == 900_001


def test_blocks_are_told_once_and_those_of_the_beginning_are_known():
  feed = feed_of(event_types=["block"])
  assert read(feed, {"blocks": [block(8, "h8"), block(9, "h9", "h8")]}) == []
  [ten] = read(feed, {"block": block(10, "h10", "h9")}, {"block": block(10, "h10", "h9")})
  assert (ten.kind, ten.value, ten.ts_exchange) == ("block", 3001.0, None)
  assert ten.meta == {
    "hash": "h10",
    "height": 10,
    "previous": "h9",
    "status": "confirmed",
    "time": 1700000010,
    "transactions": 3001,
    "size": 1_500_000,
    "weight": 3_990_000,
    "fees": 0.12345678,
    "median_fee": 4.2,
    "pool": "F2Pool",
  }


def test_blocks_that_came_while_disconnected_are_told_and_what_is_beyond_reach_is_a_gap():
  feed = feed_of(event_types=["block"])
  read(feed, {"blocks": [block(9, "h9")]})
  events = read(feed, {"blocks": [block(n, f"h{n}") for n in (9, 10, 11)]})
  assert [e.meta["height"] for e in events] == [10, 11]
  gap, event = read(feed, {"blocks": [block(20, "h20")]})
  assert (gap.missed, gap.cause) == (8, "blocks 12 to 19 did not come")
  assert event.meta["height"] == 20


def test_a_reorganisation_takes_blocks_back_newest_first():
  feed = feed_of(event_types=["block"])
  read(feed, {"blocks": [block(n, f"h{n}") for n in (8, 9, 10)]})
  events = read(feed, {"blocks": [block(8, "h8"), block(9, "i9"), block(10, "i10")]})
  assert [(e.meta["hash"], e.meta["status"]) for e in events] == [
    ("h10", "removed"),
    ("h9", "removed"),
    ("i9", "confirmed"),
    ("i10", "confirmed"),
  ]


STATS = {
  "mempoolInfo": {"loaded": True, "size": 5000, "bytes": 2_000_000, "total_fee": 0.5},
  "vBytesPerSecond": 1500,
  "fees": {"fastestFee": 12, "halfHourFee": 8, "hourFee": 5, "economyFee": 2, "minimumFee": 1},
  "da": {"progressPercent": 1.5},
}


def test_metrics_at_their_pace():
  feed = feed_of(event_types=["metric"])
  events = [e for second in range(1, 12) for e in read(feed, STATS, second=second)]
  assert [e.ts_event for e in events] == [1000, 6000, 11000]
  assert (events[0].kind, events[0].value) == ("metric", 12)
  assert events[0].meta["mempool_transactions"] == 5000
  assert events[0].meta["vbytes_per_second"] == 1500


def test_parts_that_cannot_be_read_are_declared_and_take_no_other_with_them():
  feed = feed_of(event_types=["tx", "block", "metric"])
  events = read(
    feed,
    b"\xff",
    b"[1]",
    {"mempool-txids": {"sequence": "x"}, "block": {"id": 1}, **STATS},
    {"mempool-txids": {"sequence": 1, "added": ["a", 5]}},
    {"mempool-txids": {"sequence": 1, "added": ["a"]}},
    {"loadingIndicators": {}},
  )
  kinds = [e.kind if isinstance(e, ChainEvent) else "gap" for e in events]
  assert kinds == ["gap", "gap", "gap", "gap", "metric", "gap", "tx"]
  assert feed.unreadable == 5


@given(st.binary(max_size=200))
def test_no_message_raises(frame):
  for event in read(feed_of(event_types=["tx", "transfer", "block", "metric"]), frame):
    assert isinstance(event, Gap)


def test_pings_are_answered_and_refusals_end_the_source():
  feed = feed_of(accounts=[OURS])
  feed.actions.clear()
  assert read(feed, {"pong": True}, {"track-addresses-error": "too many\n addresses"}) == []
  pong, reject = feed.actions
  assert pong == Pong(1)
  assert isinstance(reject, Reject)
  assert reject.reason == "the mempool server says: too many addresses"


@pytest.mark.parametrize(
  "wrong",
  [
    {"accounts": ["0xabc"]},
    {"accounts": [OURS[:-1] + "h"]},
    {"accounts": [OURS] * 101},
    {"every": 1e9},
    {"endpoint": "ftp://x"},
  ],
)
def test_settings_that_cannot_be(wrong):
  with pytest.raises(ValueError, match=r"\w"):
    Bitcoin(**wrong)


def changed(number, **what):
  return {"mempool-transactions": {"sequence": number, "added": [], **what}}


def statuses(events):
  return [
    (e.meta["txid"], e.meta["status"], e.value) if isinstance(e, ChainEvent) else Gap
    for e in events
  ]


def test_what_was_told_and_leaves_the_mempool_is_taken_back_unless_it_is_mined():
  feed = feed_of(min_amount=0.1)
  payment, small, mined = (
    tx(name, [(OURS, 10**8)], [(THEIRS, value)])
    for name, value in (("a", 5 * 10**7), ("small", 1000), ("mined", 6 * 10**7))
  )
  read(feed, changed(1, added=[payment, small, mined]))
  gone = changed(2, removed=["a", "small", "unknown", None, 7], mined=["mined"])
  assert statuses(read(feed, gone)) == [("a", "removed", 0.5)]
  assert statuses(read(feed, changed(3, removed=["a"]))) == []
  # It is sent again, and told again; a message that comes twice brings nothing back.
  assert statuses(read(feed, changed(4, added=[payment]))) == [("a", "mempool", 0.5)]
  assert statuses(read(feed, changed(5, removed=["a"]))) == [("a", "removed", 0.5)]
  assert statuses(read(feed, changed(5, added=[payment]))) == []


def test_a_conflict_in_a_block_takes_back_what_was_told_and_says_by_what():
  # What a block has may never have been in the mempool: it is in no `added`.
  feed = feed_of(event_types=["tx"], values=True)
  read(feed, changed(1, added=[tx("a", [(OURS, 10**8)], [(THEIRS, 5 * 10**7)])]))
  by = tx("b", [(OURS, 10**8)], [(OURS, 9 * 10**7)])
  [event] = read(feed, changed(2, replaced=[{"replaced": "a", "by": by}]))
  assert event.meta == {"txid": "a", "status": "removed", "replaced_by": "b"}
  assert (event.kind, event.value) == ("tx", 0.5)


@pytest.mark.parametrize("height", [101, 102])
def test_a_block_that_follows_another_than_ours_takes_that_back(height):
  feed = feed_of(event_types=["block"])
  ours = [block(number, f"o{number}", f"o{number - 1}") for number in range(97, 102)]
  read(feed, {"blocks": ours[:-1]}, {"block": ours[-1]})
  other = block(height, f"x{height}", f"x{height - 1}")
  found = read(feed, {"block": other})
  told = [(e.meta["hash"], e.meta["status"]) for e in found if isinstance(e, ChainEvent)]
  gone = [(f"o{number}", "removed") for number in range(101, height - 2, -1)]
  assert told == [*gone, (f"x{height}", "confirmed")]
  [gap] = [e for e in found if isinstance(e, Gap)]
  assert (gap.cause, gap.missed) == (f"blocks {height - 1} to {height - 1} did not come", 1)
