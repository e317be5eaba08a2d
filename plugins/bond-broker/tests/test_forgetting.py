"""What nothing brings any more is let go: books, and what was seen of a market."""

import trio
from bond_broker.delivery.groups import Group
from bond_broker.delivery.market import QUIET_FOR, MarketRouter
from bond_broker.delivery.traffic import Traffic
from bond_broker.protocol.requests import parse_request
from bond_broker.protocol.selection import Selection
from bond_broker.protocol.subscription import Subscription

from bond_core import OrderBook, Trade
from bond_core.logs import Record

NOTHING = frozenset()
EVERYTHING = frozenset(("x", symbol) for symbol in ("A/USDT", "B/USDT"))
EVERY_BOOK = b'{"type":"subscribe","channels":["orderbook","trades"],"deltas":true}'


def book(symbol, sequence, prev=None):
  levels = [(100.0 - n, 1.0) for n in range(1000)]
  return OrderBook(
    exchange="x",
    symbol=symbol,
    market_type="spot",
    ts_event=sequence,
    bids=levels,
    asks=[],
    update_type="snapshot" if prev is None else "delta",
    sequence=sequence,
    prev_sequence=prev,
    seq_internal=sequence,
  )


def trade(symbol):
  return Trade(exchange="x", symbol=symbol, ts_event=1, market_type="spot", price=1.0, size=1.0)


def router_of(*, read=False):
  router = MarketRouter(Traffic())
  if read:
    router.add(Group(Selection((parse_request(EVERY_BOOK).filter,))))
  events = [book("A/USDT", 1), book("B/USDT", 2), trade("A/USDT"), trade("B/USDT")]
  router.sort(Record(1, 0, events))
  return router


def everybody():
  return Subscription(parse_request(EVERY_BOOK).filter, None, "conflate", 0)


def shown(router):
  return sorted((figures.channel, figures.symbol) for figures in router.channels(0))


async def test_what_nothing_carries_is_let_go_after_a_while(autojump_clock):
  for read in (False, True):
    router = router_of(read=read)
    carried = {"orderbook": {("x", "B/USDT")}, "trades": {("x", "*")}}.__getitem__
    router.forget(1, carried)
    assert len(router.first_frames(everybody())) == 2, "its clients may be back in a moment"
    await trio.sleep(QUIET_FOR + 1)
    router.forget(1, carried)
    # A state that nothing follows any more is not shown as the state of now.
    (frame,) = router.first_frames(everybody())
    assert b"B/USDT" in frame
    assert shown(router) == [("orderbook", "B/USDT"), ("trades", "A/USDT"), ("trades", "B/USDT")]


async def test_a_market_that_comes_back_is_whole_again(autojump_clock):
  router = router_of(read=True)
  for _ in range(2):
    await trio.sleep(QUIET_FOR + 1)
    router.forget(100, lambda channel: NOTHING)
  assert shown(router) == []
  assert router._books == {}
  (group,) = router._groups
  group.pending.clear()
  assert router.sort(Record(100, 0, [book("A/USDT", 100), trade("A/USDT")])) == [group]
  assert len(group.pending) == 2
  assert len(router.first_frames(everybody())) == 1


async def test_a_replay_still_begins_at_the_snapshots_that_the_log_has(autojump_clock):
  router = router_of()
  await trio.sleep(QUIET_FOR + 1)
  router.forget(1, lambda channel: NOTHING)
  replayed = everybody()
  replayed.start = 3
  assert router.replay_from(replayed) == 1
  router.forget(2, lambda channel: NOTHING)
  assert router.replay_from(replayed) == 2
  router.forget(3, lambda channel: NOTHING)
  assert router.replay_from(replayed) == 3


async def test_what_is_carried_stays_however_quiet_it_is(autojump_clock):
  router = router_of()
  for _ in range(5):
    await trio.sleep(3600)
    router.forget(1, lambda channel: EVERYTHING)
  assert len(router.first_frames(everybody())) == 2
  assert len(shown(router)) == 4


async def test_snapshots_are_remembered_up_to_a_number(autojump_clock):
  router = MarketRouter(Traffic())
  event = book("A/USDT", 1)
  (live,) = [router._book(event)]
  for number in range(1, 25_000):
    live.note_snapshot(number)
  assert 9_000 <= len(live.snapshots) <= 10_000
  assert live.snapshots[-1] == 24_999
  assert live.snapshots.itemsize == 8
