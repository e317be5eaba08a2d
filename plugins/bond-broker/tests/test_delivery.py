"""One client's delivery: its states, and what it is given when it comes back to its group."""

from contextlib import asynccontextmanager
from pipes import Pipe, Waiting

import pytest
import trio
import trio.testing
from bond_broker.delivery.delivery import TRANSITIONS, Delivery, Ending, State
from bond_broker.delivery.market import MarketRouter
from bond_broker.delivery.pump import Pump
from bond_broker.delivery.traffic import Traffic
from bond_broker.protocol.filters import Filter
from bond_broker.protocol.subscription import Subscription

from bond_core import OrderBook, Trade
from bond_core.logs import DurableLog, MemoryLog

BOOKS = Filter(frozenset(("orderbook",)), depth=1, speed_ms=1)
DELTAS = Filter(frozenset(("orderbook",)), deltas=True)
TRADES = Filter(frozenset(("trades",)))


@asynccontextmanager
async def pumping(**options):
  log = DurableLog(MemoryLog("market", stamps=True, **options), None)
  async with trio.open_nursery() as nursery:
    pump = Pump(log, MarketRouter(Traffic()), nursery, lambda: 0)
    nursery.start_soon(pump.run)
    yield pump
    nursery.cancel_scope.cancel()


async def settled():
  await trio.testing.wait_all_tasks_blocked()
  await trio.sleep(0.01)
  await trio.testing.wait_all_tasks_blocked()


def book(symbol, sequence, size, kind="delta"):
  return OrderBook(
    exchange="x",
    symbol=symbol,
    market_type="spot",
    bids=[(1.0, size)],
    asks=[(2.0, 1.0)] if kind == "snapshot" else [],
    update_type=kind,
    sequence=sequence,
    prev_sequence=None if kind == "snapshot" else sequence - 1,
    is_reset=True if kind == "snapshot" else None,
  )


def trade(number):
  return Trade(exchange="x", symbol="BTC/USDT", market_type="spot", price=float(number), size=1.0)


def sizes(pipe, symbol):
  return [m["bids"][0][1] for m in pipe.messages() if m.get("symbol") == symbol]


async def test_a_state_that_was_shown_while_a_client_was_away_comes_when_it_is_back(
  autojump_clock, monkeypatch
):
  """A book that changes only while the group's steps are forgotten, and then stays as it is."""
  monkeypatch.setattr("bond_broker.delivery.groups.REMEMBERED_BYTES", 2000)
  monkeypatch.setattr("bond_broker.delivery.groups.REMEMBERED_AT_LEAST", 2000)
  async with pumping() as pump:
    pipe = Pipe()
    delivery = Delivery(pump, pipe)
    delivery.subscribe(Subscription(BOOKS))
    append = pump.log.ring.append
    append([book("QUIET/USDT", 0, 1.0, "snapshot"), book("BUSY/USDT", 0, 1.0, "snapshot")])
    await settled()
    assert sizes(pipe, "QUIET/USDT") == [1.0]
    pipe.open(0)
    append([book("BUSY/USDT", 1, 1.5)])
    await settled()
    assert delivery.state is State.BEHIND
    append([book("QUIET/USDT", 1, 7.0)])
    await settled()
    for sequence in range(2, 60):
      append([book("BUSY/USDT", sequence, float(sequence))])
      await settled()
    pipe.open()
    await settled()
    assert delivery.state is State.LIVE
    messages = pipe.messages()
    quiet = [m["bids"][0][1] for m in messages if m.get("symbol") == "QUIET/USDT"]
    busy = [m["bids"][0][1] for m in messages if m.get("symbol") == "BUSY/USDT"]
    assert quiet == [7.0]
    assert busy[-1] == 59.0
    assert len(set(busy)) == len(busy)


@pytest.mark.parametrize("others", [(), (Subscription(TRADES),)])
async def test_a_chain_that_starts_again_is_not_followed_by_what_it_was_told_to_have_lost(
  autojump_clock, monkeypatch, others
):
  """A client that fell off the ring while its group remembers the steps since."""
  monkeypatch.setattr("bond_broker.delivery.groups.REMEMBERED_BYTES", 2000)
  monkeypatch.setattr("bond_broker.delivery.groups.REMEMBERED_AT_LEAST", 2000)
  async with pumping(max_bytes=6000) as pump:
    pipe = Pipe()
    delivery = Delivery(pump, pipe)
    for subscription in (Subscription(DELTAS), *others):
      delivery.subscribe(subscription)
    append = pump.log.ring.append
    append([book("BTC/USDT", 0, 1.0, "snapshot")])
    await settled()
    pipe.open(0)
    for number in range(1, 60):
      append([book("BTC/USDT", number, number + 1.0)])
      await settled()
    pipe.open()
    await settled()
    append([book("BTC/USDT", 60, 61.0)])
    await settled()
    at, chained = None, False
    for message in pipe.messages():
      if message["type"] == "gap":
        chained = False
      elif message["type"] == "orderbook" and message["update_type"] == "snapshot":
        at, chained = message["sequence"], True
      elif message["type"] == "orderbook":
        assert (chained, message["prev_sequence"]) == (True, at)
        at = message["sequence"]
    assert at == 60


async def test_a_client_that_was_live_for_long_has_its_whole_time_when_it_stalls(autojump_clock):
  async with pumping() as pump:
    pipe = Pipe()
    delivery = Delivery(pump, pipe)
    delivery.subscribe(Subscription(TRADES))
    await trio.sleep(3600)
    pipe.open(0)
    pump.log.ring.append([trade(1)])
    await settled()
    assert delivery.state is State.BEHIND
    assert delivery.stalled_for(trio.current_time()) < 1
    await trio.sleep(10)
    assert 9 < delivery.stalled_for(trio.current_time()) < 11
    pipe.open()
    await settled()
    assert delivery.stalled_for(trio.current_time()) == 0


@pytest.mark.parametrize("kind", [Pipe, Waiting])
async def test_a_replay_without_an_answer_begins_at_once(autojump_clock, kind):
  """As /ws and /raw begin: nothing is sent before the events, and nothing else happens."""
  async with pumping() as pump:
    pump.log.ring.append([trade(number) for number in range(1, 6)])
    await settled()
    pipe = kind()
    delivery = Delivery(pump, pipe)
    await settled()
    assert delivery.state is State.LIVE
    delivery.subscribe(Subscription(TRADES, start=2))
    assert delivery.state is State.REPLAYING
    await settled()
    assert delivery.state is State.LIVE
    types = [m["type"] for m in pipe.messages()]
    assert types == ["trade"] * 4 + ["live"]


async def test_nothing_is_delivered_after_the_end_and_the_first_reason_stays(autojump_clock):
  async with pumping() as pump:
    pipe, closed = Pipe(), []
    delivery = Delivery(pump, pipe, lambda: closed.append(True))
    delivery.subscribe(Subscription(TRADES))
    delivery.close(Ending(4001, "first"))
    delivery.close(Ending(4008, "second"))
    pump.log.ring.append([trade(1)])
    delivery.put(b"\x81\x02{}")
    await settled()
    assert (delivery.state, delivery.ending.reason, closed) == (State.CLOSING, "first", [True])
    assert not pipe.received
    assert len(pump.groups) == 0


async def test_a_client_that_unsubscribes_from_a_replay_is_live_with_the_rest(autojump_clock):
  async with pumping() as pump:
    pump.log.ring.append([trade(number) for number in range(1, 4)])
    await settled()
    pipe = Pipe()
    pipe.open(0)
    delivery = Delivery(pump, pipe)
    replay = Subscription(TRADES, start=1)
    delivery.subscribe(replay)
    assert delivery.state is State.REPLAYING
    delivery.unsubscribe([replay])
    assert delivery.state is State.BEHIND
    pipe.open()
    await settled()
    assert delivery.state is State.LIVE


def test_every_state_can_close_and_only_what_was_behind_becomes_live():
  assert all(State.CLOSING in after for state, after in TRANSITIONS.items() if after)
  assert [state for state, after in TRANSITIONS.items() if State.LIVE in after] == [State.BEHIND]
  assert not TRANSITIONS[State.CLOSING]


async def test_a_transition_that_is_not_listed_is_an_error(autojump_clock):
  async with pumping() as pump:
    delivery = Delivery(pump, Pipe())
    delivery.close(Ending(4001, "over"))
    with pytest.raises(RuntimeError, match="cannot go from closing to live"):
      delivery._enter(State.LIVE)
