"""A server that follows the log of another one: what it knows when it begins, what it leaves to the
other, and clients that come from there."""

import pytest
import trio
from bond_broker.delivery.market import MarketRouter
from bond_broker.delivery.traffic import Traffic
from bond_broker.protocol.since import AfterNumber
from bond_broker.server import session
from bond_broker.server.backing import Backing
from bond_broker.server.session import resumed
from bond_server.access.access import OpenAccess
from readers import connected, serving
from test_books_on_the_wire import DELTAS, LEVELS, Follower, Venue, check, follow

from bond_core import Gap, SystemClock, Trade
from bond_core._logs.durable import DurableLog
from bond_core.logs import MemoryLog, Record


def followed():
  return DurableLog(MemoryLog("market", stamps=True), None)


def backing(log):
  clock = SystemClock()
  return Backing(clock=clock, access=OpenAccess(clock), log=log, follows=True)


def trade(n):
  return Trade(exchange="x", symbol="BTC/USDT", market_type="spot", price=float(n), size=1.0)


async def test_it_knows_the_books_that_were_written_before_it_began():
  log = followed()
  venue = Venue(log)
  venue.snapshot()
  venue.change(50)
  async with serving(log, backing=backing(log)) as broker, connected(broker) as reader:
    ack = await reader.subscribe(**DELTAS, symbols=["BTC/USDT"])
    assert ack["rejected"] == []
    venue.change(5)
    follower = Follower()
    await follow(reader, follower, venue.sequence)
    check(follower, venue)
    assert follower.resets == 1


async def test_a_book_that_is_written_again_is_whole_for_all_who_lack_it():
  log = followed()
  venue = Venue(log)
  async with serving(log, backing=backing(log)) as broker, connected(broker) as reader:
    await reader.subscribe(**DELTAS)
    venue.change(20)
    for _ in range(2):
      venue._write("snapshot", None, *venue.book.levels(), is_reset=False)
      venue.change(20)
    follower = Follower()
    await follow(reader, follower, venue.sequence)
    check(follower, venue)
    # The second one says what it has.
    assert follower.resets == 1


@pytest.mark.parametrize("follows", [False, True])
def test_books_are_written_again_by_the_one_that_writes_the_log(follows, monkeypatch):
  now = [0.0]
  monkeypatch.setattr(trio, "current_time", lambda: now[0])
  log = followed()
  venue = Venue(log)
  venue.snapshot()
  venue.change(20 * LEVELS)
  router = MarketRouter(Traffic(), follows=follows)
  for record in log.ring.records(1, 10_000):
    router.sort(record)
  assert router.checkpoints(0) == []
  now[0] = 60.0
  assert [book.is_reset for book in router.checkpoints(0)] == ([] if follows else [False])


async def test_a_book_that_a_torn_log_lacks_is_written_again_at_once_and_once(autojump_clock):
  log = followed()
  venue = Venue(log)
  venue.snapshot()
  router = MarketRouter(Traffic())
  router.sort(log.ring.records(1, 10_000)[0])
  await trio.sleep(1.0)
  # Its reader would take what may lack something for proven.
  router.sort(Record(2, 0, [Gap(exchange="x", symbol="*", channel="*")]))
  assert router.checkpoints(20) == []
  venue.change()
  router.sort(Record(3, 0, log.ring.records(2, 1)[0].events))
  await trio.sleep(1.0)
  [book] = router.checkpoints(20)
  assert (book.is_reset, book.sequence) == (True, venue.sequence)
  log.ring.append([book], first=25)
  router.sort(log.ring.records(25, 1)[0])
  await trio.sleep(1.0)
  assert router.checkpoints(20) == []


@pytest.mark.parametrize(
  ("number", "start", "recovered"), [(0, 6, False), (7, 8, True), (10, 11, True), (12, 11, False)]
)
async def test_who_is_ahead_of_a_log_does_not_get_all_of_it_again(number, start, recovered):
  log = followed()
  log.ring.append([trade(n) for n in range(6, 11)], first=6)
  assert await resumed(log, AfterNumber(log.epoch, number)) == (start, recovered)
  other = await resumed(log, AfterNumber("another", number))
  assert other == (log.oldest, False)


@pytest.mark.parametrize("comes", [True, False])
async def test_a_client_that_is_ahead_is_waited_for(comes, monkeypatch):
  monkeypatch.setattr(session, "BEHIND_FOR", 60.0 if comes else 0.1)
  log = followed()
  log.ring.append([trade(n) for n in range(1, 11)])
  async with serving(log, backing=backing(log)) as broker, connected(broker) as reader:
    await reader.say(
      {"type": "subscribe", "channels": ["trades"], "from": f"{log.epoch}:12", "id": 1}
    )
    if comes:
      await trio.sleep(0.05)
      log.ring.append([trade(11), trade(12)])
    ack = await reader.until(lambda message: message["type"] == "system")
    assert (ack["recovered"], ack["seq"]) == ((True, 12) if comes else (False, 10))
    log.ring.append([trade(13)])
    came = await reader.until(lambda message: message["type"] == "trade")
    assert came["price"] == 13.0
