"""Order books as clients see them on real sockets: a client that follows the page on the protocol
has the venue's book, wherever it joined, however slowly it read, and from wherever it replayed."""

import random
from datetime import UTC, datetime

import pytest
import trio
from readers import connected, serving

from bond_core import Gap, OrderBook
from bond_core._books.book import Book
from bond_core._logs.durable import DurableLog
from bond_core._logs.memory import EVENT_BYTES
from bond_core.logs import MemoryLog

LEVELS = 15


class Venue:
  """One book that changes at random, what it was after each update, and a log it is written to."""

  def __init__(self, log, seed=1, symbol="BTC/USDT"):
    self.log = log
    self.rng = random.Random(seed)
    self.at = {"exchange": "x", "symbol": symbol, "market_type": "spot"}
    self.book = Book()
    self.sequence = 0
    self.states = {}

  def snapshot(self):
    self.sequence += 10
    levels = [self._levels(side, LEVELS, [1.0, 2.0]) for side in (-1, 1)]
    self.book.snapshot(*levels)
    self._write("snapshot", None, *levels, is_reset=True)

  def change(self, count=1):
    for _ in range(count):
      before = self.sequence
      self.sequence += 1
      levels = [self._levels(side, 2, [0.0, 1.0, 3.0]) for side in (-1, 1)]
      self.book.apply(*levels)
      self._write("delta", before, *levels)

  def lose(self):
    """Losses are declared, and the book begins again."""
    self.log.ring.append([Gap(channel="orderbook", **self.at)])
    self.change(2)
    self.sequence += 5
    self.snapshot()

  def _levels(self, side, count, sizes):
    prices = self.rng.sample(range(1, LEVELS + 1), count)
    return [(100.0 + side * price, self.rng.choice(sizes)) for price in prices]

  def _write(self, kind, prev, bids, asks, **more):
    event = OrderBook(
      **self.at,
      ts_event=self.sequence,
      bids=bids,
      asks=asks,
      update_type=kind,
      sequence=self.sequence,
      prev_sequence=prev,
      **more,
    )
    self.states[self.sequence] = self.book.levels()
    self.log.ring.append([event])


class Follower:
  """A reader's book by the three rules of the protocol page; `seen` are its states by sequence."""

  def __init__(self):
    self.sides = ({}, {})
    self.sequence = None
    self.seen = {}
    self.resets = 0

  def take(self, message):
    if message["type"] == "gap" and message["channel"] in ("orderbook", "*"):
      self.sequence = None
    if message["type"] != "orderbook":
      return
    if message["update_type"] == "snapshot":
      self.resets += 1
      self.sides = ({}, {})
    elif self.sequence is None or message["prev_sequence"] != self.sequence:
      return
    for side, levels in zip(self.sides, (message["bids"], message["asks"]), strict=True):
      for price, size in levels:
        if size:
          side[price] = size
        else:
          side.pop(price, None)
    self.sequence = message["sequence"]
    bids, asks = self.sides
    self.seen[self.sequence] = (sorted(bids.items(), reverse=True), sorted(asks.items()))


async def follow(reader, follower, until):
  """Reads until the follower has that sequence."""
  with trio.fail_after(60):
    while True:
      for message in reader.messages:
        follower.take(message)
      reader.messages.clear()
      if follower.sequence == until:
        return
      await reader.read()


def check(follower, venue):
  assert follower.seen
  for sequence, state in follower.seen.items():
    assert state == venue.states[sequence]


DELTAS = {"channels": ["orderbook"], "deltas": True}


@pytest.mark.parametrize("before", [0, 1, 500])
async def test_deltas_can_be_joined_at_any_time(before):
  async with serving() as broker:
    venue = Venue(broker.log)
    venue.snapshot()
    venue.change(before)
    await trio.sleep(0.05)
    async with connected(broker) as reader:
      await reader.subscribe(**DELTAS)
      joined = venue.sequence
      venue.change(200)
      follower = Follower()
      await follow(reader, follower, venue.sequence)
      check(follower, venue)
      assert sorted(follower.seen) == list(range(joined, venue.sequence + 1))
      assert follower.resets == 1


async def test_after_a_declared_loss_the_book_comes_whole_again():
  async with serving() as broker, connected(broker) as reader:
    venue = Venue(broker.log)
    await reader.subscribe(**DELTAS)
    venue.snapshot()
    venue.change(20)
    broken = venue.sequence
    venue.lose()
    venue.change(20)
    follower = Follower()
    await follow(reader, follower, venue.sequence)
    check(follower, venue)
    assert follower.resets == 2
    assert broken + 1 not in follower.seen  # a delta after a gap proves nothing


async def test_one_who_joins_while_a_book_is_in_doubt_is_told_so():
  async with serving() as broker, connected(broker) as reader:
    venue = Venue(broker.log)
    venue.snapshot()
    venue.change(20)
    joined = venue.sequence
    broker.log.ring.append([Gap(exchange="x", symbol="*", channel="*", cause="a cut")])
    await trio.sleep(0.05)
    await reader.subscribe(**DELTAS)
    found = await reader.take("gap", 1)
    assert [(m["type"], m.get("sequence")) for m in reader.before] == [("orderbook", joined)]
    assert (found[0]["channel"], found[0]["cause"]) == ("*", "a cut")
    venue.change()
    # It goes on with what it has: nothing was missing.
    (delta,) = await reader.take("orderbook", 1)
    assert (delta["update_type"], delta["prev_sequence"]) == ("delta", joined)


async def test_no_view_comes_while_a_book_is_in_doubt():
  async with serving() as broker, connected(broker) as early, connected(broker) as late:
    venue = Venue(broker.log)
    await early.subscribe(["orderbook"], depth=5, speed_ms=1000)
    venue.snapshot()
    await early.take("orderbook", 1)
    venue.change(20)
    # The view waits for its time; what it has is from before the gap.
    broker.log.ring.append([Gap(exchange="x", symbol="*", channel="*", cause="a cut")])
    await early.take("gap", 1)
    assert [m["sequence"] for m in early.before] == [venue.sequence]
    await late.subscribe(["orderbook"], depth=5, speed_ms=1)
    await trio.sleep(0.1)
    venue.change()
    (first,) = await late.take("orderbook", 1)
    assert first["sequence"] == venue.sequence


async def test_a_client_that_stalled_beyond_the_log_receives_a_gap_and_the_book_as_it_is(
  monkeypatch,
):
  monkeypatch.setattr("bond_broker.delivery.groups.REMEMBERED_BYTES", 64 * 1024)
  monkeypatch.setattr("bond_broker.delivery.groups.REMEMBERED_AT_LEAST", 16 * 1024)
  log = DurableLog(MemoryLog("market", stamps=True, max_bytes=1000 * EVENT_BYTES), None)
  async with serving(log) as broker, connected(broker, receive_buffer=4096) as reader:
    venue = Venue(log)
    await reader.subscribe(**DELTAS)
    venue.snapshot()
    for _ in range(80):
      venue.change(100)
      await trio.sleep(0.01)
    follower, gaps = Follower(), []
    with trio.fail_after(60):
      while follower.sequence != venue.sequence:
        for message in reader.messages:
          gaps += [message] if message["type"] == "gap" else []
          follower.take(message)
        reader.messages.clear()
        if follower.sequence != venue.sequence:
          await reader.read()
    assert gaps
    assert gaps[0]["reason"] == "slow"
    venue.change(50)
    await follow(reader, follower, venue.sequence)
    check(follower, venue)
    assert follower.resets == 2


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("at", [0, 3, 7])
async def test_a_replay_of_deltas_gives_the_book_as_it_was_and_goes_on_live(at, lost):
  async with serving() as broker:
    venue, begun = Venue(broker.log), []
    venue.snapshot()
    for turn in range(8):
      await trio.sleep(0.02)
      begun.append((datetime.now(UTC).isoformat(), venue.sequence))
      await trio.sleep(0.02)
      venue.change(50)
      if lost and turn == 5:
        venue.lose()
    when, sequence = begun[at]
    async with connected(broker) as reader:
      await reader.subscribe(**DELTAS, **{"from": when})
      await reader.until(lambda m: m["type"] == "live")
      replayed, follower = reader.before, Follower()
      for message in replayed:
        follower.take(message)
      venue.change(100)
      await follow(reader, follower, venue.sequence)
      check(follower, venue)
      assert min(follower.seen) == sequence
      assert set(range(venue.sequence - 99, venue.sequence + 1)) <= set(follower.seen)
      assert follower.resets == 1 + (lost and at <= 5)


@pytest.mark.parametrize("seed", range(6))
async def test_a_client_that_comes_back_with_deltas_goes_on_with_the_book_it_has(seed):
  rng = random.Random(seed)
  async with serving() as broker:
    venue, follower = Venue(broker.log, seed), Follower()
    place = None
    venue.snapshot()
    for _ in range(5):
      async with connected(broker) as reader:
        more = {} if place is None else {"from": f"{broker.log.epoch}:{place}"}
        ack = await reader.subscribe(**DELTAS, **more)
        assert ack["recovered"] is (None if place is None else True)
        venue.change(rng.randrange(1, 60))
        # Cut off in the middle of what there is.
        stop = rng.randrange(venue.sequence - 30, venue.sequence) if venue.sequence > 40 else None
        with trio.fail_after(60):
          while follower.sequence != venue.sequence:
            message = await reader.until(lambda m: m["type"] in ("orderbook", "gap"))
            follower.take(message)
            place = message["seq_internal"] or place
            if stop is not None and follower.sequence is not None and follower.sequence >= stop:
              break
      venue.change(rng.randrange(1, 60))
    async with connected(broker) as reader:
      await reader.subscribe(**DELTAS, **{"from": f"{broker.log.epoch}:{place}"})
      await follow(reader, follower, venue.sequence)
    check(follower, venue)
    assert follower.resets == 1
    assert sorted(follower.seen) == list(range(10, venue.sequence + 1))


@pytest.mark.parametrize("before_the_start", [False, True])
async def test_a_replayed_book_that_was_in_doubt_comes_with_the_gap(before_the_start):
  """One without sequences: its reader could not see that a change is missing."""
  at = {"exchange": "x", "symbol": "BTC/USDT", "market_type": "spot", "sequence": None}
  book = {**at, "prev_sequence": None, "bids": [(99.0, 1.0)], "asks": [(101.0, 1.0)]}
  async with serving() as broker:
    ring = broker.log.ring
    gap = Gap(exchange="x", symbol="*", channel="*", cause="cut off")
    ring.append([OrderBook(**book, update_type="snapshot", is_reset=True)])
    ring.append([gap] if before_the_start else [])
    start = ring.head
    ring.append([OrderBook(**book, update_type="delta")])
    async with connected(broker) as reader:
      await reader.subscribe(**DELTAS, snapshot=True, **{"from": f"{broker.log.epoch}:{start}"})
      await reader.until(lambda m: m["type"] == "live")
      came = [m.get("update_type", m["type"]) for m in reader.before if m["type"] != "heartbeat"]
      assert came == ["snapshot", *(["gap"] if before_the_start else []), "delta"]


@pytest.mark.parametrize("quiet", [False, True])
async def test_a_client_that_comes_back_without_a_book_is_sent_it_where_it_asks(quiet):
  """As one whose connection ended between the ack and the book; nothing else is left out for it."""
  async with serving() as broker:
    venue, silent = Venue(broker.log), Venue(broker.log, 2, symbol="ETH/USDT")
    venue.snapshot()
    silent.snapshot()
    venue.change(20)
    async with connected(broker) as reader:
      ack = await reader.subscribe(**DELTAS, symbols=["BTC/USDT", "ETH/USDT"])
    begun = venue.sequence
    if not quiet:
      venue.change(30)
    async with connected(broker) as reader:
      place = f"{ack['epoch']}:{ack['seq']}"
      again = await reader.subscribe(
        **DELTAS, symbols=["BTC/USDT", "ETH/USDT"], snapshot=True, **{"from": place}
      )
      assert again["recovered"] is True
      await reader.until(lambda m: m["type"] == "live")
      follower, other = Follower(), Follower()
      seen = reader.before
      venue.change(10)
      silent.change(10)
      await reader.until(lambda m: m.get("sequence") == silent.sequence)
      for message in (*seen, *reader.before, *reader.messages):
        if message["type"] == "orderbook":
          (follower if message["symbol"] == "BTC/USDT" else other).take(message)
      check(follower, venue)
      check(other, silent)
      assert (follower.resets, other.resets) == (1, 1)
      assert min(follower.seen) == begun


async def test_views_of_a_client_that_stalled_end_with_the_book_as_it_is(monkeypatch):
  monkeypatch.setattr("bond_broker.delivery.groups.REMEMBERED_BYTES", 64 * 1024)
  monkeypatch.setattr("bond_broker.delivery.groups.REMEMBERED_AT_LEAST", 16 * 1024)
  async with serving() as broker, connected(broker, receive_buffer=4096) as reader:
    venues = [Venue(broker.log, n, symbol=f"S{n}/USDT") for n in range(20)]
    await reader.subscribe(["orderbook"], depth=5, speed_ms=1)
    for venue in venues:
      venue.snapshot()
    for _ in range(60):
      for venue in venues:
        venue.change(5)
      await trio.sleep(0.01)
    last = {}
    with trio.fail_after(60):
      while any(last.get(v.at["symbol"], {}).get("sequence") != v.sequence for v in venues):
        for message in reader.messages:
          if message["type"] == "orderbook":
            assert message["update_type"] == "snapshot"
            last[message["symbol"]] = message
        reader.messages.clear()
        if len(last) < 20 or any(last[v.at["symbol"]]["sequence"] != v.sequence for v in venues):
          await reader.read()
    for venue in venues:
      bids, asks = venue.book.top(5)
      shown = last[venue.at["symbol"]]
      assert [tuple(level) for level in shown["bids"]] == bids
      assert [tuple(level) for level in shown["asks"]] == asks


@pytest.mark.parametrize("since", ["now-1m", "another:0", None])
async def test_books_begin_again_where_a_replay_falls_off_the_log(since):
  log = DurableLog(MemoryLog("market", stamps=True, max_bytes=5_000 * EVENT_BYTES), None)
  async with serving(log) as broker:
    venue = Venue(log)
    venue.snapshot()
    venue.change(2_000)
    async with connected(broker, receive_buffer=4096) as reader:
      await reader.subscribe(**DELTAS, **{"from": since or f"{log.epoch}:0"})
      first = await reader.until(lambda m: m["type"] == "orderbook")
      assert first["update_type"] == "snapshot"
      # What the replay comes to next is given up meanwhile.
      for _ in range(100):
        venue.change(100)
        await trio.sleep(0.01)
      follower, gaps = Follower(), []
      follower.take(first)
      with trio.fail_after(60):
        while follower.sequence != venue.sequence:
          for message in reader.messages:
            follower.take(message)
            gaps += [message["reason"]] if message["type"] == "gap" else []
          reader.messages.clear()
          if follower.sequence != venue.sequence:
            await reader.read()
      assert "expired" in gaps
      assert follower.resets > 1
      check(follower, venue)
