"""The feed driver on a mock clock, against a venue on memory streams."""

import logging
import random
from contextlib import asynccontextmanager, suppress
from itertools import count
from unittest.mock import AsyncMock

import pytest
import trio
import trio.lowlevel
from mini import MiniFeed, MiniVenue, subscription
from trio.testing import wait_all_tasks_blocked

from bond_core import Gap, PluginError, Trade
from bond_core._errors import leaf
from bond_core._feeds.contract import Limits
from bond_core._feeds.driver import FeedDriver
from bond_core._feeds.interest import Interest
from bond_core._feeds.liveness import SourceState


class MockTime:
  """A Clock that follows trio's mock clock."""

  def now_ms(self):
    return 1_700_000_000_000 + int(trio.current_time() * 1000)

  def mono_ns(self):
    return int(trio.current_time() * 1e9)


class Rig:
  def __init__(self, *symbols, limits=None, seed=1):
    self.venue = MiniVenue()
    self.feed = MiniFeed(limits)
    self.interest = Interest(grace=10.0)
    self.interest.add([subscription(s) for s in symbols])
    self.events = []
    self.rejected = []
    self.driver = FeedDriver(
      self.feed,
      self.interest,
      append=self.events.extend,
      reject=lambda s, why: self.rejected.append((s.instrument.symbol, why)),
      clock=MockTime(),
      log=logging.LoggerAdapter(logging.getLogger("bond.mini")),
      rng=random.Random(seed),
      connect=self.venue.connect,
    )

  @property
  def gaps(self):
    return [e for e in self.events if isinstance(e, Gap)]

  @property
  def trades(self):
    return [(e.symbol, int(e.trade_id)) for e in self.events if isinstance(e, Trade)]

  async def connected(self, count=1):
    """The venue's end of the connection number `count`, served."""
    while len(self.venue.sockets) < count:
      await trio.sleep(0.01)
    await wait_all_tasks_blocked()
    return self.venue.sockets[count - 1]


@asynccontextmanager
async def running(*symbols, **options):
  rig = Rig(*symbols, **options)
  async with trio.open_nursery() as nursery:
    rig.nursery = nursery
    nursery.start_soon(rig.driver.run)
    yield rig
    nursery.cancel_scope.cancel()


async def test_events_arrive_in_order_and_the_stream_is_live(autojump_clock):
  async with running("A/USDT", "B/USDT") as rig:
    venue = await rig.connected()
    assert rig.venue.urls == ["ws://mini/A/USDT,B/USDT"]
    await venue.say("A/USDT 1", "B/USDT 7", "A/USDT 2")
    await wait_all_tasks_blocked()
    assert rig.trades == [("A/USDT", 1), ("B/USDT", 7), ("A/USDT", 2)]
    assert set(rig.driver.states().values()) == {SourceState.LIVE}
    await trio.sleep(7)
    assert set(rig.driver.states().values()) == {SourceState.QUIET}
    assert rig.gaps == []


async def test_one_outage_is_one_gap_with_its_range_and_cause_before_what_follows(autojump_clock):
  async with running("A/USDT") as rig:
    venue = await rig.connected()
    await venue.say("A/USDT 1")
    await wait_all_tasks_blocked()
    lost_at = MockTime().now_ms()
    rig.venue.refusing = True
    await venue.cut()
    await trio.sleep(20)
    assert list(rig.driver.states().values()) == [SourceState.RECONNECTING]
    rig.venue.refusing = False
    venue = await rig.connected(2)
    await venue.say("A/USDT 9")
    await wait_all_tasks_blocked()
    first, gap, last = rig.events
    assert (first.trade_id, last.trade_id) == ("1", "9")
    assert isinstance(gap, Gap)
    assert (gap.reason, gap.exchange, gap.symbol, gap.channel) == (
      "upstream",
      "mini",
      "A/USDT",
      "trades",
    )
    assert gap.ts_from == lost_at
    assert gap.ts_to >= lost_at + 20_000
    assert gap.streams == ["trades of mini A/USDT spot"]
    assert gap.cause
    assert (len(rig.gaps), rig.driver.reconnects) == (1, 1)


async def test_an_outage_of_a_name_says_the_symbol_that_it_turned_out_to_be(autojump_clock):
  async with running("A/USDT") as rig:
    name, found = subscription("A/USDT").instrument, subscription("B/USD").instrument
    rig.driver.listed = {name: found}
    venue = await rig.connected()
    await venue.say("A/USDT 1")
    await wait_all_tasks_blocked()
    await venue.cut()
    await rig.connected(2)
  [gap] = rig.gaps
  assert (gap.symbol, gap.streams) == ("B/USD", ["trades of mini A/USDT spot"])


async def test_an_outage_that_is_still_open_at_the_end_is_declared(autojump_clock):
  async with running("A/USDT") as rig:
    venue = await rig.connected()
    await venue.say("A/USDT 1")
    await wait_all_tasks_blocked()
    rig.venue.refusing = True
    await venue.cut()
    await trio.sleep(3)
  assert len(rig.gaps) == 1


async def test_reconnects_back_off_with_jitter_and_keep_the_venues_limit(autojump_clock):
  limits = Limits(connects=(5, 60.0))
  async with running("A/USDT", limits=limits) as rig:
    rig.venue.refusing = True
    await trio.sleep(600)
    times = rig.venue.times
    for start in times:
      assert sum(start <= t < start + 60 for t in times) <= 5
    pauses = [b - a for a, b in zip(times, times[1:], strict=False)]
    assert len({round(p, 3) for p in pauses}) > 3
    assert rig.gaps == []


async def test_a_half_open_socket_is_pinged_and_given_up(autojump_clock):
  async with running("A/USDT") as rig:
    venue = await rig.connected()
    venue.answering = False
    rig.nursery.start_soon(venue.serve)
    await venue.say("A/USDT 1")
    # A market that is usually quiet for this long, so that only the missing pong can tell.
    rig.driver._slots[0].rhythm._longest = 100.0
    await trio.sleep(40)
    await rig.connected(2)
    assert venue.pings >= 1
    assert "half-open" in rig.gaps[0].cause


TEXT_PING = Limits(max_age=None, ping_text=b"ping", ping_after=5.0)


async def test_a_venue_whose_ping_is_a_text_receives_it_in_silence_and_answers(autojump_clock):
  async with running("A/USDT", limits=TEXT_PING) as rig:
    venue = await rig.connected()
    rig.nursery.start_soon(venue.serve)
    for i in range(4):
      await venue.say(f"A/USDT {i}")
      await trio.sleep(1)
    assert venue.received == []
    rig.driver._slots[0].rhythm._longest = 100.0
    await trio.sleep(30)
    assert len(rig.venue.sockets) == 1
    times = [when for when, text in venue.received if text == "ping"]
    pauses = [b - a for a, b in zip(times, times[1:], strict=False)]
    assert len(times) >= 4
    assert all(5 <= pause <= 7 for pause in pauses)
    assert venue.pings == 0
    venue.answering = False
    await trio.sleep(25)
    await rig.connected(2)
    assert "half-open" in rig.gaps[0].cause


@pytest.mark.parametrize("limits", [None, TEXT_PING])
async def test_a_venue_that_answers_pings_does_not_hide_that_its_subscriptions_are_dead(
  autojump_clock, limits
):
  async with running("A/USDT", limits=limits) as rig:
    venue = await rig.connected()
    rig.nursery.start_soon(venue.serve)
    for i in range(50):
      await venue.say(f"A/USDT {i}")
      await trio.sleep(0.1)
    silent_since = MockTime().now_ms()
    second = await rig.connected(2)
    assert MockTime().now_ms() - silent_since < 30_000
    assert rig.gaps == []
    rig.nursery.start_soon(second.serve)
    for i in range(60, 65):
      await second.say(f"A/USDT {i}")
      await trio.sleep(1)
    # What follows the gap begins anew, a book with its snapshot.
    third = await rig.connected(3)
    rig.nursery.start_soon(third.serve)
    await third.say("A/USDT 70")
    await wait_all_tasks_blocked()
    assert rig.trades[-1] == ("A/USDT", 70)
    [gap] = rig.gaps
    assert "stale" in gap.cause
    assert abs(gap.ts_from - silent_since) < 1000
    assert rig.driver.reconnects == 1
    assert len(rig.driver._slots[0].connections) == 1


async def test_a_market_that_wakes_up_while_a_second_connection_looks_on_has_lost_nothing(
  autojump_clock,
):
  async with running("A/USDT") as rig:
    venue = await rig.connected()
    rig.nursery.start_soon(venue.serve)
    for i in range(50):
      await venue.say(f"A/USDT {i}")
      await trio.sleep(0.1)
    second = await rig.connected(2)
    rig.nursery.start_soon(second.serve)
    await trio.sleep(2)
    for i in range(60, 70):
      with suppress(trio.BrokenResourceError):
        await venue.say(f"A/USDT {i}")
      await second.say(f"A/USDT {i}")
      await trio.sleep(1)
    assert rig.trades[-10:] == [("A/USDT", i) for i in range(60, 70)]
    assert (rig.gaps, rig.driver.reconnects) == ([], 0)


@pytest.mark.parametrize(("messages", "hours"), [(0, 1), (5, 6), (50, 1)])
@pytest.mark.parametrize("overlaps", [True, False])
async def test_quiet_hours_with_answered_pings_are_no_outage(
  autojump_clock, messages, hours, overlaps
):
  async with running("A/USDT", limits=Limits(overlaps=overlaps)) as rig:

    async def serve_all():
      served = 0
      while True:
        for socket in rig.venue.sockets[served:]:
          rig.nursery.start_soon(socket.serve)
          served += 1
        await trio.sleep(3)

    rig.nursery.start_soon(serve_all)
    venue = await rig.connected()
    for i in range(messages):
      await venue.say(f"A/USDT {i}")
      await trio.sleep(0.1)
    await trio.sleep(hours * 3600)
    assert (rig.gaps, rig.driver.reconnects) == ([], 0)
    assert set(rig.driver.states().values()) == {SourceState.QUIET}
    # Ever more rarely a second connection looks whether the first one hears all.
    assert len(rig.venue.sockets) <= (6 if overlaps else 1)
    await rig.venue.sockets[-1].say("A/USDT 1000")
    await wait_all_tasks_blocked()
    assert (rig.trades[-1], rig.gaps) == (("A/USDT", 1000), [])


LIMITS_OF_PINGS = [
  Limits(max_age=None),
  Limits(max_age=None, ping_text=b"ping", ping_after=20.0),
  Limits(max_age=None, ping_text=b"ping", ping_every=20.0),
]


@asynccontextmanager
async def quiet_venue(limits, pause, **pings):
  """A market with a message every `pause` seconds, at a venue that answers pings so."""
  async with running("A/USDT", limits=limits) as rig:
    said = 0

    async def serve(socket):
      with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        await socket.serve()

    async def talk(socket):
      nonlocal said
      for name, value in pings.items():
        setattr(socket, name, value)
      rig.nursery.start_soon(serve, socket)
      while True:
        await trio.sleep(pause)
        said += 1
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
          await socket.say(f"A/USDT {said}")

    async def talk_all():
      heard = 0
      while True:
        for socket in rig.venue.sockets[heard:]:
          rig.nursery.start_soon(talk, socket)
          heard += 1
        await trio.sleep(5)

    rig.nursery.start_soon(talk_all)
    await rig.connected()
    yield rig


@pytest.mark.parametrize("limits", LIMITS_OF_PINGS)
@pytest.mark.parametrize("late", [4, 12])
async def test_a_venue_that_answers_pings_late_is_not_dead_again_and_again(
  autojump_clock, limits, late
):
  async with quiet_venue(limits, 45, late=late) as rig:
    await trio.sleep(1200)
    # What it takes has to be learned first.
    learned = 0 if late < 10 else 2
    assert len(rig.gaps) <= learned
    assert len(rig.venue.sockets) <= 2 + learned


@pytest.mark.parametrize("limits", LIMITS_OF_PINGS)
@pytest.mark.parametrize("pause", [25, 50])
async def test_a_venue_that_never_answers_pings_lives_while_it_sends(autojump_clock, limits, pause):
  async with quiet_venue(limits, pause, answering=False) as rig:
    await trio.sleep(600)
    before = len(rig.gaps)
    assert before <= 3
    await trio.sleep(1200)
    assert len(rig.gaps) == before
    # Nothing at all is death also there.
    rig.venue.sockets[-1].say = AsyncMock()
    await trio.sleep(400)
    assert len(rig.gaps) > before


async def test_pings_that_are_required_more_often_than_answers_may_take_show_a_half_open_socket(
  autojump_clock,
):
  limits = Limits(ping_text=b"ping", ping_every=5.0)
  async with running("A/USDT", limits=limits) as rig:
    venue = await rig.connected()
    rig.nursery.start_soon(venue.serve)
    await venue.say("A/USDT 1")
    await trio.sleep(60)
    assert rig.gaps == []
    venue.answering = False
    await trio.sleep(25)
    await rig.connected(2)
    assert "half-open" in rig.gaps[0].cause


async def test_a_ping_soon_after_the_last_message_is_not_answered_by_that_message(autojump_clock):
  async with running("A/USDT", limits=Limits(ping_every=20.0)) as rig:
    venue = await rig.connected()
    venue.answering = False
    rig.nursery.start_soon(venue.serve)
    for i in range(180):
      await venue.say(f"A/USDT {i}")
      await trio.sleep(0.1)
    await rig.connected(2)
    await wait_all_tasks_blocked()
    assert "half-open" in rig.gaps[0].cause


async def test_a_venue_that_wants_pings_steadily_receives_them_while_it_talks(autojump_clock):
  limits = Limits(max_age=None, ping_text=b"ping", ping_every=20.0)
  async with running("A/USDT", limits=limits) as rig:
    venue = await rig.connected()
    rig.nursery.start_soon(venue.serve)
    for i in range(65):
      await venue.say(f"A/USDT {i}")
      await trio.sleep(1)
    assert len([text for _, text in venue.received if text == "ping"]) == 3
    assert rig.gaps == []


async def test_a_market_that_is_usually_quiet_is_left_alone(autojump_clock):
  async with running("A/USDT") as rig:
    venue = await rig.connected()
    rig.nursery.start_soon(venue.serve)
    for i in range(12):
      await venue.say(f"A/USDT {i}")
      await trio.sleep(40)
    assert len(rig.venue.sockets) == 1
    assert rig.gaps == []


async def test_a_stream_that_breaks_the_rhythm_its_venue_promises_is_stale(autojump_clock, caplog):
  async with running("A/USDT", "STEADY/USDT") as rig:
    venue = await rig.connected()
    rig.nursery.start_soon(venue.serve)
    await venue.say("STEADY/USDT 1")
    with suppress(trio.BrokenResourceError):
      for i in range(30):
        await venue.say(f"A/USDT {i}")
        await trio.sleep(1)
    await rig.connected(2)
    # The log names the market; readers of the others on that connection are not told its name.
    assert "no trades of one market for 20 s" in rig.gaps[0].cause
    assert "no trades of mini STEADY/USDT spot for 20 s" in caplog.text


async def test_subscriptions_change_while_it_runs_and_leave_after_a_grace_period(autojump_clock):
  async with running("A/USDT") as rig:
    venue = await rig.connected()
    rig.nursery.start_soon(venue.serve)
    rig.interest.add([subscription("B/USDT")])
    await trio.sleep(1)
    rig.interest.drop([subscription("A/USDT")], trio.current_time())
    rig.interest.add([subscription("A/USDT")])
    rig.interest.drop([subscription("B/USDT")], trio.current_time())
    await trio.sleep(5)
    assert [m for _, m in venue.received] == ["+B/USDT"]
    await trio.sleep(10)
    assert [m for _, m in venue.received] == ["+B/USDT", "-B/USDT"]
    assert len(rig.venue.sockets) == 1


async def test_messages_keep_the_venues_rate(autojump_clock):
  async with running("A/USDT", limits=Limits(messages=(5, 1.0))) as rig:
    venue = await rig.connected()
    rig.nursery.start_soon(venue.serve)
    rig.interest.add([subscription(f"S{i}/USDT") for i in range(23)])
    await trio.sleep(10)
    times = [t for t, _ in venue.received]
    assert len(times) == 23
    for start in times:
      assert sum(start <= t < start + 0.999 for t in times) <= 5


async def test_more_subscriptions_than_a_connection_holds_get_another(autojump_clock):
  limits = Limits(subscriptions_per_connection=2)
  async with running("A/USDT", "B/USDT", "C/USDT", limits=limits) as rig:
    await rig.connected(2)
    assert sorted(rig.venue.urls) == ["ws://mini/A/USDT,B/USDT", "ws://mini/C/USDT"]


async def test_no_more_connections_are_opened_than_the_venue_gives_one_address(autojump_clock):
  limits = Limits(subscriptions_per_connection=1, connections=2)
  async with running("A/USDT", "B/USDT", "C/USDT", limits=limits) as rig:
    await rig.connected(2)
    await trio.sleep(5)
    assert len(rig.venue.urls) == 2
    [(refused, reason)] = rig.rejected
    assert refused == "C/USDT"
    assert reason.endswith(
      ": the venue gives one address no more than 2 connections with 1 subscriptions each"
    )


async def test_a_successor_opens_before_the_venues_age_limit_and_nothing_is_lost(autojump_clock):
  limits = Limits(max_age=2 * 3600)
  async with running("A/USDT", limits=limits) as rig:
    first = await rig.connected()
    rig.nursery.start_soon(first.serve)
    number = 0
    while len(rig.venue.sockets) == 1:
      number += 1
      await first.say(f"A/USDT {number}")
      await trio.sleep(50)
    assert 1.8 * 3600 < trio.current_time() < 2 * 3600
    second = await rig.connected(2)
    rig.nursery.start_soon(second.serve)
    for socket in (first, second):
      await socket.say(f"A/USDT {number + 1}", f"A/USDT {number + 2}")
    await trio.sleep(6)
    await second.say(f"A/USDT {number + 3}")
    await wait_all_tasks_blocked()
    assert [i for _, i in rig.trades] == list(range(1, number + 4))
    assert [overlap for _, _, overlap in rig.feed.opened] == [False, True]
    assert rig.gaps == []
    assert rig.driver.reconnects == 0


async def test_a_venue_that_announces_the_end_has_a_successor_at_once(autojump_clock):
  async with running("A/USDT") as rig:
    first = await rig.connected()
    await first.say("A/USDT 1", "!expire")
    await rig.connected(2)
    assert rig.gaps == []


async def test_what_the_venue_does_not_have_is_rejected_and_the_rest_goes_on(autojump_clock):
  async with running("A/USDT", "BAD/USDT", "C/USDT") as rig:
    venue = await rig.connected()
    await venue.say("!reject C/USDT", "A/USDT 1")
    await wait_all_tasks_blocked()
    assert rig.rejected == [
      ("BAD/USDT", "mini has no BAD markets"),
      ("C/USDT", "mini has no C/USDT"),
    ]
    assert rig.trades == [("A/USDT", 1)]


async def test_a_feed_that_raises_on_a_timer_starts_again_with_a_gap(autojump_clock):
  rig = Rig("A/USDT")
  failing = iter([True])

  def on_timer(now):
    if next(failing, False):
      raise ValueError("the clock confuses me")
    return []

  rig.feed.on_timer = on_timer
  async with trio.open_nursery() as nursery:
    nursery.start_soon(rig.driver.run)
    await (await rig.connected()).say("A/USDT 1")
    await (await rig.connected(2)).say("A/USDT 2")
    await wait_all_tasks_blocked()
    nursery.cancel_scope.cancel()
  assert [i for _, i in rig.trades] == [1, 2]
  assert [g.cause for g in rig.gaps] == [
    "the feed of mini raised ValueError: the clock confuses me"
  ]


async def test_a_feed_that_raises_is_named_reconnected_and_given_up_in_the_end(
  autojump_clock, caplog
):
  rig = Rig("A/USDT")

  async def crash():
    count = 1
    while True:
      await (await rig.connected(count)).say("!crash")
      count += 1
      await wait_all_tasks_blocked()

  with pytest.raises(ExceptionGroup) as raised:
    async with trio.open_nursery() as nursery:
      nursery.start_soon(rig.driver.run)
      nursery.start_soon(crash)
  error = raised.value
  while isinstance(error, ExceptionGroup):
    error = error.exceptions[0]
  assert isinstance(leaf(error), PluginError)
  assert "the feed of mini failed" in str(error)
  assert "ValueError: cannot read this" in rig.gaps[0].cause


async def test_a_connection_that_takes_nothing_does_not_hold_up_the_others(autojump_clock):
  limits = Limits(subscriptions_per_connection=2, messages=(1, 1000.0))
  async with running("A/USDT", limits=limits) as rig:
    await rig.connected()
    # Of the second message the venue's rate says that it goes in a quarter of an hour.
    rig.driver._connections[1].put(b"one")
    rig.driver._connections[1].put(b"two")
    with trio.fail_after(10):
      rig.interest.add([subscription("B/USDT"), subscription("C/USDT")])
      await rig.connected(2)
    assert rig.venue.urls[1] == "ws://mini/C/USDT"


def cuts(*symbols, after=1.0):
  """A venue that ends each connection that carries one of these, and says something on others."""

  async def serve(rig):
    async def one(socket, url):
      if not symbols or any(symbol in url for symbol in symbols):
        await trio.sleep(after)
        await socket.cut()
        return
      for number in count(1):
        await socket.say(
          *(f"{name} {number}" for name in url.removeprefix("ws://mini/").split(","))
        )
        await trio.sleep(1)

    for number in count(1):
      socket = await rig.connected(number)
      rig.nursery.start_soon(one, socket, rig.venue.urls[number - 1])

  return serve


NAMES = [f"C{number}/USDT" for number in range(20)]


@pytest.mark.parametrize("bad", [("C0/USDT",), ("C13/USDT",), ("C3/USDT", "C17/USDT")])
async def test_what_a_venue_ends_connections_for_takes_nothing_with_it(autojump_clock, bad):
  async with running(*NAMES) as rig:
    rig.nursery.start_soon(cuts(*bad), rig)
    await trio.sleep(300)
    states = {s.instrument.symbol: state for s, state in rig.driver.states().items()}
    assert {name for name, state in states.items() if state is not SourceState.LIVE} == set(bad)
    connects = rig.driver.connects
    await trio.sleep(300)
    # What ends its connection is tried again, seldom and by itself.
    assert rig.driver.connects - connects < 60
    late = {e.symbol for e in rig.events[-40:] if isinstance(e, Trade)}
    assert late == set(NAMES) - set(bad)


@pytest.mark.parametrize("after", [1.0, 20.0])
async def test_an_outage_of_a_venue_divides_what_its_connections_carry_little(
  autojump_clock, after
):
  async with running(*NAMES) as rig:
    rig.nursery.start_soon(cuts(after=after), rig)
    await trio.sleep(600)
    carried = {url.removeprefix("ws://mini/") for url in rig.venue.urls}
    assert {url.count(",") + 1 for url in carried} <= {20, 10, 5, 3, 2}
    assert len(rig.driver._slots) == 4


async def test_one_connection_of_all_that_a_venue_gives_stays_one(autojump_clock):
  async with running(*NAMES, limits=Limits(connections=1)) as rig:
    rig.nursery.start_soon(cuts("C3/USDT"), rig)
    await trio.sleep(100)
    assert {url.count(",") + 1 for url in rig.venue.urls} == {20}
    assert rig.rejected == []
