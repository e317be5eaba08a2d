"""Sessions in the running core, on a mock clock and with transports in memory."""

from contextlib import asynccontextmanager, suppress

import attrs
import pytest
import trio
from mini import MiniVenue
from trio.testing import wait_all_tasks_blocked

from bond_core import (
  Custom,
  Disconnected,
  Gap,
  PluginError,
  Refused,
  Registry,
  RetryAfter,
  SourceType,
)
from bond_core._feeds.contract import Handshake
from bond_core._feeds.liveness import SourceState
from bond_core._logs.memory import MemoryLog
from bond_core._running import BRANCHES
from bond_core._sessions import websocket
from bond_core._sessions.driver import SessionDriver
from bond_core._sources.manager import open_sources
from bond_core._watchdog import Watchdog
from bond_core._ws.client import HandshakeRefused
from bond_core.sessions import Session, open_websocket_transport


class MockTime:
  """A Clock that follows trio's mock clock."""

  def now_ms(self):
    return 1_700_000_000_000 + int(trio.current_time() * 1000)

  def mono_ns(self):
    return int(trio.current_time() * 1e9)


@attrs.frozen
class Config:
  host: str = "one"
  topic: str = "a"


class Talk(Session):
  """Gives each member the messages of its topic: `a hello` is `hello` of the topic `a`. A message
  that is an exception is raised. `plan` says what a method raises: always, or once for each item of
  a list."""

  name = "the service"
  tick = 1.0
  resumes = True

  def __init__(self, host, service):
    self.host = host
    self.calls = []
    self.errors = []
    self.waits = []
    self.plan = {}
    self._open = False
    service.sessions.append(self)

  def _called(self, name, *more):
    self.calls.append((name, *more))
    found = self.plan.get(name)
    error = found.pop(0) if isinstance(found, list) and found else found
    if isinstance(error, Exception):
      raise error

  def names(self):
    return [call[0] for call in self.calls if call[0] != "timer"]

  def target(self, now):
    self._called("target")
    return self.host

  def on_open(self, now):
    self._called("open", [member.config.topic for member in self.members])
    self._open = True
    self.requests.extend(f"+{member.config.topic}" for member in self.members)
    for member in self.members:
      member.live()

  def on_join(self, member, now):
    self._called("join", member.config.topic)
    self.requests.append(f"+{member.config.topic}")
    if self._open:
      member.live()

  def on_leave(self, member, now):
    self._called("leave", member.config.topic)
    self.requests.append(f"-{member.config.topic}")
    member.give([custom("left")])

  def on_messages(self, messages, now):
    for message in messages:
      if isinstance(message, Exception):
        raise message
      topic, _, text = message.partition(" ")
      for member in self.members:
        if member.config.topic == topic:
          member.give([custom(text)])

  def on_timer(self, now):
    self._called("timer", now.mono_ns)

  def on_close(self, error, now):
    self._open = False
    self.errors.append(str(error))
    self._called("close")
    return self.waits.pop(0) if self.waits else None


def custom(text):
  return Custom(exchange="mini", symbol="", event_type="text", data={"text": text})


class Connection:
  """The service's end of a connection, and the transport of the client."""

  def __init__(self, target):
    self.target = target
    self.sent = []
    self.closed = False
    self.sending_fails = None
    self.hangs = False
    self._send, self._receive = trio.open_memory_channel(100)

  def say(self, *messages):
    self._send.send_nowait(list(messages))

  async def receive(self):
    found = await self._receive.receive()
    if len(found) == 1 and isinstance(found[0], Cut):
      raise found[0].error
    return found

  async def send(self, request):
    try:
      await trio.sleep(float("inf") if self.hangs else 0)
    finally:
      if self.sending_fails is not None:
        raise self.sending_fails
    self.sent.append(request)


class Cut:
  """An error that the transport meets, where an exception among messages is the session's."""

  def __init__(self, error):
    self.error = error


class Service:
  """The other side of all sessions of a test. `opening` is how long a connection takes to open,
  `closing` to close; `refusing` is what opening one raises."""

  def __init__(self):
    self.connections = []
    self.attempts = []
    self.sessions = []
    self.refusing = None
    self.opening = self.closing = 0.0
    self.closing_fails = None

  @asynccontextmanager
  async def open(self, target):
    self.attempts.append(trio.current_time())
    await trio.sleep(self.opening)
    if self.refusing is not None:
      raise self.refusing
    connection = Connection(target)
    self.connections.append(connection)
    try:
      yield connection
    finally:
      if self.closing:
        with trio.CancelScope(shield=True):
          await trio.sleep(self.closing)
      connection.closed = True
      if self.closing_fails is not None:
        raise self.closing_fails

  @property
  def last(self):
    return self.connections[-1]

  @property
  def session(self):
    return self.sessions[-1]

  @property
  def pauses(self):
    return [later - sooner for sooner, later in zip(self.attempts, self.attempts[1:], strict=False)]


class Rig:
  def __init__(self, manager, log):
    self.service = Service()
    self.manager = manager
    self.type = SourceType(
      name="mini.talk",
      summary="s",
      config=Config,
      emits=(Custom,),
      session=self.make,
      transport=self.service.open,
      connection=lambda config: config.host,
    )
    self._log = log

  def make(self, host):
    return Talk(host, self.service)

  async def source(self, host="one", topic="a", **changes):
    found = Running(self, attrs.evolve(self.type, **changes), Config(host, topic))
    await wait_all_tasks_blocked()
    return found


class Running:
  """A source at work, and what came of it."""

  def __init__(self, rig, source_type, config):
    self._rig = rig
    self.reader = rig.manager.open("s", source_type, config)
    self.source = self.reader.source

  @property
  def events(self):
    cursor = self._rig._log.cursor(start=1, sources=frozenset((self.source,)))
    try:
      return [event for _, batch in cursor.take(1 << 30) for event in batch]
    finally:
      cursor.close()

  @property
  def texts(self):
    return [event.data["text"] for event in self.events]

  @property
  def failure(self):
    return self.reader.failure

  @property
  def state(self):
    return self.source.state

  async def end(self):
    self._rig.manager.close(self.reader)
    await self.source.ended.wait()


@pytest.fixture
async def rig(autojump_clock):
  clock = MockTime()
  log = MemoryLog("market", seconds=1e9, clock=clock, stamps=True)
  async with open_sources(log, clock) as manager:
    yield Rig(manager, log)


# Sharing -----------------------------------------------------------------------------------------


async def test_sources_of_one_connection_share_a_session_and_each_receives_its_own_events(
  autojump_clock, rig
):
  one, two = await rig.source(topic="a"), await rig.source(topic="b")
  other = await rig.source(host="two", topic="a")
  assert [connection.target for connection in rig.service.connections] == ["one", "two"]
  rig.service.connections[0].say("a 1", "b 2", "c 3")
  rig.service.connections[0].say("a 4")
  rig.service.connections[1].say("a 5")
  await wait_all_tasks_blocked()
  assert (one.texts, two.texts, other.texts) == (["1", "4"], ["2"], ["5"])
  event = one.events[0]
  assert (event.ts_event, event.ts_internal) == (MockTime().now_ms(), MockTime().mono_ns())
  events = [*one.events, *two.events, *other.events]
  assert sorted(event.seq_internal for event in events) == [1, 2, 3, 4]


async def test_a_member_leaves_alone_and_the_last_one_ends_the_session(autojump_clock, rig):
  one, two = await rig.source(topic="a"), await rig.source(topic="b")
  await one.end()
  await wait_all_tasks_blocked()
  assert not rig.service.last.closed
  rig.service.last.say("b 1")
  await wait_all_tasks_blocked()
  assert two.texts == ["1"]
  await two.end()
  await wait_all_tasks_blocked()
  assert rig.service.last.closed
  assert len(rig.service.connections) == 1
  assert rig.service.session.names().count("leave") == 2


async def test_the_next_session_of_a_connection_opens_when_the_last_one_has_closed(
  autojump_clock, rig
):
  rig.service.closing = 3.0
  one = await rig.source()
  await one.end()
  began = trio.current_time()
  two = await rig.source(topic="b")
  three = await rig.source(topic="c")
  await trio.sleep(10)
  assert len(rig.service.sessions) == 2
  assert rig.service.attempts == [0.0, began + 3.0]
  await two.end()
  four = await rig.source(topic="d")
  rig.service.last.say("c 1", "d 2")
  await wait_all_tasks_blocked()
  assert (three.texts, four.texts) == (["1"], ["2"])
  assert len(rig.service.sessions) == 2


async def test_a_source_that_comes_and_goes_while_the_last_session_closes_leaves_nothing_behind(
  autojump_clock, rig
):
  rig.service.closing = 3.0
  one = await rig.source()
  await one.end()
  await (await rig.source(topic="b")).end()
  last = await rig.source(topic="c")
  await trio.sleep(10)
  assert len(rig.service.connections) == 2
  rig.service.last.say("c 1")
  await wait_all_tasks_blocked()
  assert last.texts == ["1"]


async def test_without_a_connection_a_source_has_a_session_made_from_its_configuration(
  autojump_clock, rig
):
  await rig.source(topic="a", connection=None)
  await rig.source(topic="b", connection=None)
  assert [session.host for session in rig.service.sessions] == [
    Config("one", "a"),
    Config("one", "b"),
  ]
  assert len(rig.service.connections) == 2


async def test_equal_sources_are_one_member(autojump_clock, rig):
  one = await rig.source()
  two = await rig.source()
  assert one.source is two.source
  assert rig.service.session.names().count("join") == 1


async def test_a_source_that_has_failed_is_opened_again_as_one_that_tries_again(
  autojump_clock, rig
):
  one = await rig.source()
  rig.service.last.say(Refused("not today"))
  await wait_all_tasks_blocked()
  assert one.failure == "not today"
  two = await rig.source()
  assert two.source is not one.source
  rig.service.last.say("a 1")
  await wait_all_tasks_blocked()
  assert two.texts == ["1"]
  await one.end()
  assert not two.source.ended.is_set()


async def test_who_comes_while_a_failed_source_ends_learns_why(autojump_clock, rig):
  one = await rig.source()
  one.source.fail("not today")
  two = await rig.source()
  assert two.source is not one.source or two.failure == "not today"
  late = one.source.read("late")
  assert late.failure == "not today"


# Joining -----------------------------------------------------------------------------------------


async def test_requests_are_sent_in_order_and_those_of_a_lost_connection_are_dropped(
  autojump_clock, rig
):
  await rig.source(topic="a")
  assert rig.service.last.sent == ["+a"]
  await rig.source(topic="b")
  rig.service.session.requests.extend(["1", "2", "3"])
  two = await rig.source(topic="c")
  assert rig.service.last.sent == ["+a", "+b", "1", "2", "3", "+c"]
  rig.service.last.hangs = True
  await rig.source(topic="d")
  rig.service.session.requests.append("for the old connection")
  rig.service.last.say(Disconnected("cut off"))
  await trio.sleep(1)
  assert rig.service.last.sent == ["+a", "+b", "+c", "+d"]
  await two.end()
  await wait_all_tasks_blocked()
  assert rig.service.last.sent[-1] == "-c"


async def test_who_joins_while_the_connection_is_down_is_there_when_it_opens(autojump_clock, rig):
  one = await rig.source(topic="a")
  rig.service.refusing = Disconnected("cannot connect")
  rig.service.last.say(Disconnected("cut off"))
  await trio.sleep(5)
  two = await rig.source(topic="b")
  assert (one.state, two.state) == (SourceState.RECONNECTING, SourceState.CONNECTING)
  rig.service.refusing = None
  await trio.sleep(30)
  assert rig.service.last.sent == ["+a", "+b"]
  rig.service.last.say("b 1")
  await wait_all_tasks_blocked()
  assert two.texts == ["1"]
  assert (one.state, two.state) == (SourceState.LIVE, SourceState.LIVE)


async def test_who_joins_while_the_connection_opens_is_there_when_it_is_open(autojump_clock, rig):
  rig.service.opening = 2.0
  one = await rig.source(topic="a")
  await trio.sleep(1)
  two = await rig.source(topic="b")
  assert (one.state, two.state) == (SourceState.CONNECTING, SourceState.CONNECTING)
  await trio.sleep(2)
  assert [call for call in rig.service.session.calls if call[0] == "open"] == [("open", ["a", "b"])]
  assert rig.service.last.sent == ["+a", "+b"]
  assert (one.state, two.state) == (SourceState.LIVE, SourceState.LIVE)


async def test_who_joins_an_open_connection_is_live_without_an_event(autojump_clock, rig):
  await rig.source(topic="a")
  two = await rig.source(topic="b")
  assert (two.state, two.events) == (SourceState.LIVE, [])


async def test_a_member_that_the_session_refuses_fails_alone(autojump_clock, rig):
  one = await rig.source(topic="a")
  rig.service.session.plan["join"] = [Refused("there is no topic b; name another")]
  two = await rig.source(topic="b")
  assert two.failure == "there is no topic b; name another"
  assert two.source.ended.is_set()
  rig.service.last.say("a 1", "b 2")
  await wait_all_tasks_blocked()
  assert (one.texts, one.failure) == (["1"], None)


async def test_a_session_whose_only_member_is_refused_never_connects(autojump_clock, rig):
  class Picky(Talk):
    def on_join(self, member, now):
      raise Refused("no topics today")

  one = await rig.source(session=lambda host: Picky(host, rig.service))
  await trio.sleep(5)
  assert one.failure == "no topics today"
  assert rig.service.attempts == []


@pytest.mark.parametrize("field", ["session", "connection", "on_join"])
async def test_a_plugin_that_raises_while_a_source_joins_fails_that_source_alone(
  autojump_clock, rig, field, caplog
):
  def broken(given):
    raise KeyError("oops")

  one = await rig.source(topic="a")
  if field == "on_join":
    rig.service.session.plan["join"] = [KeyError("oops")]
    two = await rig.source(topic="b")
  else:
    two = await rig.source(host="two", topic="b", **{field: broken})
  assert two.failure == "mini.talk failed with KeyError: 'oops'; please report it to its author"
  assert "s raised KeyError" in caplog.text
  rig.service.last.say("a 1")
  await wait_all_tasks_blocked()
  assert one.texts == ["1"]


# What ends connections ---------------------------------------------------------------------------


async def test_reconnects_back_off_with_jitter_up_to_a_bound(autojump_clock, rig):
  rig.service.refusing = Disconnected("cannot connect")
  await rig.source()
  await trio.sleep(900)
  pauses = rig.service.pauses
  for failures, pause in enumerate(pauses):
    assert pause <= min(30.0, 0.5 * 2**failures)
  assert len({round(pause, 3) for pause in pauses}) > 20
  assert max(pauses) > 10


async def test_a_connection_that_lasted_was_no_failure(autojump_clock, rig):
  rig.service.refusing = Disconnected("cannot connect")
  one = await rig.source()
  await trio.sleep(300)
  rig.service.refusing = None
  await trio.sleep(70)
  assert one.state is SourceState.LIVE
  rig.service.last.say(Disconnected("cut off"))
  began = trio.current_time()
  await trio.sleep(1)
  assert 0 <= rig.service.attempts[-1] - began <= 0.5


async def test_what_the_transport_meets_in_reading_and_in_sending_ends_the_connection(
  autojump_clock, rig
):
  one = await rig.source()
  rig.service.last.say(Cut(Disconnected("reading failed")))
  await trio.sleep(1)
  rig.service.last.sending_fails = Disconnected("sending failed")
  rig.service.session.requests.append("more")
  await trio.sleep(5)
  assert rig.service.session.errors == ["reading failed", "sending failed"]
  assert len(rig.service.connections) == 3
  assert one.state is SourceState.LIVE


async def test_a_service_that_sets_a_wait_is_given_it(autojump_clock, rig, caplog):
  await rig.source()
  rig.service.last.say(RetryAfter(17.0, "too many requests"))
  began = trio.current_time()
  await trio.sleep(20)
  assert rig.service.attempts[-1] - began == pytest.approx(17)
  assert "too many requests; connecting again in 17.00 s" in caplog.text
  rig.service.refusing = RetryAfter(40.0)
  rig.service.last.say(Disconnected("cut off"))
  await trio.sleep(30)
  rig.service.refusing = None
  await trio.sleep(30)
  assert rig.service.pauses[-1] == pytest.approx(40)


async def test_on_close_sets_the_wait_and_hears_why(autojump_clock, rig):
  await rig.source()
  session = rig.service.session
  session.waits = [3.5, 0.0]
  for _ in range(2):
    rig.service.last.say(Disconnected("cut off"))
    await trio.sleep(10)
  assert session.errors == ["cut off", "cut off"]
  assert rig.service.attempts == [0.0, 3.5, 10.0]


@pytest.mark.parametrize("error", [RetryAfter(5.0, "busy"), Refused("never again")])
@pytest.mark.parametrize("reading", [True, False])
async def test_of_two_errors_at_once_the_one_that_says_most_counts(
  autojump_clock, rig, error, reading
):
  one = await rig.source()
  cut = Disconnected("cut off")
  rig.service.last.hangs = True
  rig.service.last.sending_fails = cut if reading else error
  await rig.source(topic="b")
  rig.service.last.say(Cut(error if reading else cut))
  await trio.sleep(20)
  assert rig.service.session.errors[0] == str(error)
  assert (one.failure is None) == isinstance(error, RetryAfter)


async def test_what_a_message_makes_a_session_request_is_sent_at_once(autojump_clock, rig):
  await rig.source()
  session = rig.service.session
  session.on_messages = lambda messages, now: session.requests.extend(messages)
  began = trio.current_time()
  rig.service.last.say("1", "2")
  await wait_all_tasks_blocked()
  assert rig.service.last.sent[1:] == ["1", "2"]
  assert trio.current_time() == began


async def test_silence_ends_a_connection_and_any_message_keeps_it(autojump_clock, rig):
  class Strict(Talk):
    silence = 20.0

  await rig.source(session=lambda host: Strict(host, rig.service))
  for _ in range(5):
    await trio.sleep(15)
    rig.service.last.say("no member's")
  assert len(rig.service.connections) == 1
  await trio.sleep(25)
  assert len(rig.service.connections) == 2
  assert rig.service.session.errors == ["the service sent nothing for 20 s"]


async def test_where_silence_is_normal_a_connection_stays(autojump_clock, rig):
  await rig.source()
  await trio.sleep(10_000)
  assert len(rig.service.connections) == 1


async def test_the_timer_runs_while_a_connection_is_open_and_may_send_and_end_it(
  autojump_clock, rig
):
  await rig.source()
  session = rig.service.session
  await trio.sleep(10.5)
  times = [call[1] / 1e9 for call in session.calls if call[0] == "timer"]
  assert times == [float(number) for number in range(1, 11)]
  rig.service.refusing = Disconnected("cannot connect")
  session.plan["timer"] = [Disconnected("the timer says so")]
  await trio.sleep(30)
  assert session.errors[0] == "the timer says so"
  assert len([call for call in session.calls if call[0] == "timer"]) == 11
  rig.service.refusing = None
  await trio.sleep(40)
  session.on_timer = lambda now: session.requests.append("from the timer")
  await trio.sleep(1.1)
  assert rig.service.last.sent[-1] == "from the timer"


# The end -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["open", "target", "messages", "timer", "on_open", "close"])
async def test_what_is_refused_ends_all_members_with_its_sentence(autojump_clock, rig, place):
  error = Refused("the key is not accepted; look at it")
  one, two = await rig.source(topic="a"), await rig.source(topic="b")
  other = await rig.source(host="two")
  session = rig.service.sessions[0]
  if place == "open":
    rig.service.refusing = error
  elif place == "on_open":
    session.plan["open"] = error
  elif place != "messages":
    session.plan[place] = error
  rig.service.connections[0].say(error if place == "messages" else Disconnected("cut off"))
  await trio.sleep(5)
  assert one.failure == two.failure == "the key is not accepted; look at it"
  assert one.source.ended.is_set()
  assert rig.service.connections[0].closed
  attempts = len(rig.service.attempts)
  await trio.sleep(100)
  assert len(rig.service.attempts) == attempts
  assert other.failure is None
  # A later reader has a new try.
  rig.service.refusing = None
  again = await rig.source(topic="c")
  assert len(rig.service.sessions) == 3
  assert (again.failure, again.state) == (None, SourceState.LIVE)


async def test_on_close_may_go_on_after_a_refusal(autojump_clock, rig):
  one = await rig.source()
  rig.service.session.waits = [2.0]
  rig.service.last.say(Refused("not at this server"))
  await trio.sleep(10)
  assert rig.service.attempts == [0.0, 2.0]
  assert one.failure is None
  rig.service.last.say(Refused("not here either"))
  await wait_all_tasks_blocked()
  assert one.failure == "not here either"


async def test_losses_are_declared_to_a_member_that_leaves_also_where_all_are_refused(
  autojump_clock, rig
):
  one, two = await rig.source(topic="a"), await rig.source(topic="b")
  await one.end()
  assert one.texts == ["left"]
  assert two.texts == []
  rig.service.last.say(Refused("that is all"))
  await wait_all_tasks_blocked()
  assert two.texts == ["left"]


async def test_losses_are_declared_when_everything_is_cancelled(autojump_clock):
  clock = MockTime()
  log = MemoryLog("market", seconds=1e9, clock=clock, stamps=True)
  with trio.CancelScope() as scope:
    async with open_sources(log, clock) as manager:
      rig = Rig(manager, log)
      one = await rig.source()
      scope.cancel()
      await trio.sleep(1)
  assert one.texts == ["left"]
  assert rig.service.last.closed


@pytest.mark.parametrize("stage", ["opening", "reading", "sending", "waiting", "predecessor"])
async def test_a_source_ends_promptly_whatever_its_session_is_doing(autojump_clock, rig, stage):
  if stage == "opening":
    rig.service.opening = 1000.0
  if stage == "predecessor":
    rig.service.closing = 1000.0
    await (await rig.source(topic="b")).end()
  one = await rig.source()
  if stage == "sending":
    rig.service.last.hangs = True
    rig.service.session.requests.append("more")
    rig.service.session._called("poke")
    await rig.source(topic="c")
  if stage == "waiting":
    rig.service.last.say(RetryAfter(1000.0))
  await trio.sleep(1)
  began = trio.current_time()
  await one.end()
  await wait_all_tasks_blocked()
  assert trio.current_time() == began


async def test_an_error_while_a_cancelled_session_closes_harms_no_other(autojump_clock, rig):
  one, other = await rig.source(), await rig.source(host="two")
  rig.service.closing_fails = Disconnected("the goodbye was not heard")
  await one.end()
  await wait_all_tasks_blocked()
  assert rig.service.connections[0].closed
  rig.service.last.say("a 1")
  await wait_all_tasks_blocked()
  assert other.texts == ["1"]


async def test_a_member_that_the_session_fails_receives_nothing_more(autojump_clock, rig):
  class Capped(Talk):
    def on_messages(self, messages, now):
      for member in list(self.members):
        if member.config.topic == "a":
          member.fail("the cap is reached; raise it")
          member.fail("again")
        member.give([custom("after")])

  one = await rig.source(topic="a", session=rig.make)
  await one.end()
  made = lambda host: Capped(host, rig.service)  # noqa: E731
  one = await rig.source(topic="a", session=made)
  two = await rig.source(topic="b", session=made)
  rig.service.last.say("x")
  await wait_all_tasks_blocked()
  assert one.failure == "the cap is reached; raise it"
  assert "after" not in one.texts
  assert two.texts == ["after"]
  assert list(rig.service.session.members) == [two.source]


# Faults of a session -----------------------------------------------------------------------------


async def say_on_each_connection(rig, running, message):
  """Says the same on every connection that opens, until the source fails."""
  said = set()
  with trio.fail_after(60):
    while running.failure is None:
      if rig.service.last not in said:
        said.add(rig.service.last)
        rig.service.last.say(message)
      await trio.sleep(0.01)


@pytest.mark.parametrize("place", ["target", "open", "messages", "timer", "close"])
async def test_a_session_that_raises_what_it_must_not_is_given_up_after_a_while(
  autojump_clock, rig, place, caplog
):
  one, two = await rig.source(topic="a"), await rig.source(topic="b")
  if place != "messages":
    rig.service.session.plan[place] = ValueError("bad number")
  message = {"messages": ValueError("bad number"), "timer": "x"}.get(place, Disconnected("cut off"))
  await say_on_each_connection(rig, one, message)
  assert one.failure == two.failure
  assert one.failure.startswith("the session of the service failed 6 times within 60 s")
  assert "the last time with ValueError: bad number; please report it" in one.failure
  assert caplog.text.count("the session of the service raised ValueError: bad number\nTrace") == 6


async def test_an_outage_of_a_session_that_does_not_resume_is_one_gap_for_each_member(
  autojump_clock, rig
):
  one, two = await rig.source(topic="a"), await rig.source(topic="b")
  rig.service.session.resumes = False
  rig.service.last.say("a 1")
  await trio.sleep(5)
  rig.service.refusing = Disconnected("cannot connect")
  rig.service.last.say(Cut(Disconnected("cut off")))
  await trio.sleep(20)
  rig.service.refusing = None
  await trio.sleep(60)
  rig.service.last.say("a 2", "b 2")
  await wait_all_tasks_blocked()
  for source, first in ((one, ["1"]), (two, [])):
    gaps = [event for event in source.events if isinstance(event, Gap)]
    assert len(gaps) == 1
    assert gaps[0].cause == "cannot connect"
    assert 20_000 <= gaps[0].ts_to - gaps[0].ts_from <= 65_000
    rest = [event.data["text"] for event in source.events if not isinstance(event, Gap)]
    assert rest == [*first, "2"]
    # The loss stands where it happened.
    assert source.events.index(gaps[0]) == len(first)


async def test_a_session_that_seldom_raises_goes_on(autojump_clock, rig):
  one = await rig.source()
  for _ in range(30):
    rig.service.last.say(ValueError("bad number"))
    await trio.sleep(61)
  assert one.failure is None
  rig.service.last.say("a 1")
  await wait_all_tasks_blocked()
  assert one.texts == ["1"]


async def test_a_session_that_raises_when_a_member_leaves_is_named_and_goes_on(
  autojump_clock, rig, caplog
):
  one, two = await rig.source(topic="a"), await rig.source(topic="b")
  rig.service.session.plan["leave"] = [ValueError("bad number")]
  await one.end()
  assert "the session of the service raised ValueError: bad number" in caplog.text
  rig.service.last.say("b 1")
  await wait_all_tasks_blocked()
  assert (two.texts, two.failure) == (["1"], None)


@pytest.mark.parametrize(
  ("batch", "reason"),
  [((), "send a list of events"), ([{"price": 1}], "'dict', which is no event")],
)
async def test_what_is_no_event_is_a_fault_of_the_session(autojump_clock, rig, batch, reason):
  one = await rig.source()
  session = rig.service.session
  session.on_messages = lambda messages, now: [m.give(batch or (1,)) for m in session.members]
  await say_on_each_connection(rig, one, "a")
  assert reason in one.failure


# What the core shows -----------------------------------------------------------------------------


async def test_states_and_reconnects_are_those_of_the_source_and_not_of_the_transport(
  autojump_clock, rig
):
  class Late(Talk):
    """Is live with the first event: an open connection alone says nothing."""

    def on_open(self, now):
      self._called("open")

  made = lambda host: Late(host, rig.service)  # noqa: E731
  one, two = await rig.source(topic="a", session=made), await rig.source(topic="b", session=made)
  assert one.state is SourceState.CONNECTING
  rig.service.last.say("a 1")
  await wait_all_tasks_blocked()
  assert (one.state, two.state) == (SourceState.LIVE, SourceState.CONNECTING)
  for _ in range(3):
    rig.service.last.say(Disconnected("cut off"))
    await trio.sleep(5)
    assert one.state is SourceState.RECONNECTING
    assert one.source.reconnects == 0
  rig.service.last.say("a 2", "b 1")
  await wait_all_tasks_blocked()
  assert (one.state, one.source.reconnects) == (SourceState.LIVE, 1)
  assert (two.state, two.source.reconnects) == (SourceState.LIVE, 0)


async def test_members_have_figures_and_share_what_is_remembered_with_all_sources(
  autojump_clock, rig
):
  async def run(config, out, ctx):
    ctx.remember("account", list).append("from a coroutine")
    ctx.live()
    await trio.sleep_forever()

  class Counting(Talk):
    def on_join(self, member, now):
      member.remember("account", list).append(f"from {member.config.topic}")
      member.figures["spent_usd"] = 0.5
      member.log.warning("%s costs money", member.name)

  made = lambda host: Counting(host, rig.service)  # noqa: E731
  rig.manager.open("c", SourceType(name="mini.run", summary="s", emits=(Custom,), run=run), None)
  await wait_all_tasks_blocked()
  one, two = await rig.source(topic="a", session=made), await rig.source(topic="b", session=made)
  remembered = one.source.remember("account", list)
  assert remembered == ["from a coroutine", "from a", "from b"]
  assert rig.manager.figures == {"mini": {"spent_usd": 0.5}}
  await one.end()
  await two.end()
  three = await rig.source(topic="c", session=made)
  assert three.source.remember("account", list) is remembered


async def test_what_a_source_needs_beforehand_is_looked_up_until_it_is_there(
  autojump_clock, rig, caplog
):
  calls = []

  async def prepare(config):
    calls.append(trio.current_time())
    await trio.sleep(1)
    if len(calls) == 1:
      raise Disconnected("the directory did not answer")
    if len(calls) == 2:
      raise RetryAfter(7.0, "the directory is busy")
    return {"id": 7, "topic": config.topic}

  one = await rig.source(prepare=prepare)
  assert rig.service.sessions == []
  assert one.state is SourceState.CONNECTING
  await trio.sleep(20)
  assert [member.prepared for member in rig.service.session.members] == [{"id": 7, "topic": "a"}]
  assert 1 <= calls[1] - calls[0] <= 1.5
  assert calls[2] - calls[1] == pytest.approx(8)
  assert "the directory did not answer; trying again in" in caplog.text
  assert one.state is SourceState.LIVE

  async def refuse(config):
    raise Refused("no account has that name")

  two = await rig.source(topic="b", prepare=refuse)
  assert two.failure == "no account has that name"
  assert list(rig.service.session.members) == [one.source]


async def test_a_session_that_blocks_the_loop_is_named_by_a_source_that_can_be_stopped(
  autojump_clock, rig
):
  one = await rig.source()
  found = []

  def block(messages, now):
    import sys

    branch, _ = Watchdog(BRANCHES, lambda branch, reason: None)._find(sys._getframe())
    found.append(branch.name)

  rig.service.session.on_messages = block
  rig.service.last.say("a 1")
  await wait_all_tasks_blocked()
  assert found == [one.source.name]


def test_a_type_with_a_session_needs_a_transport():
  from types import ModuleType

  from bond_core import hookimpl

  made = SourceType(name="good.talk", summary="s", emits=(Custom,), session=lambda config: None)
  module = ModuleType("good")
  module.bond_register_sources = hookimpl(lambda: [made])
  with pytest.raises(PluginError, match=r"'good\.talk' has a session and needs transport too"):
    Registry([]).add("good", module)


def test_a_driver_without_members_is_called_as_its_session():
  service = Service()
  driver = SessionDriver(Talk("one", service), service.open, MockTime(), None)
  assert driver.name == "the service"


# Over a WebSocket --------------------------------------------------------------------------------


class Lines(Session):
  """Every message is an event; requests are sent as they are."""

  name = "the node"

  def __init__(self, config):
    super().__init__()
    self.errors = []

  def target(self, now):
    return Handshake("ws://mini/path", headers=(("x-key", "1"),))

  def on_open(self, now):
    self.requests.append(b"hello")

  def on_messages(self, messages, now):
    for member in self.members:
      member.give([custom(message.decode()) for message in messages])

  def on_close(self, error, now):
    if isinstance(error, HandshakeRefused):
      raise Refused(f"the node answered HTTP {error.status}; look at the key")


async def serve(socket):
  with suppress(trio.ClosedResourceError):
    await socket.serve()


@pytest.fixture
async def venue(rig, monkeypatch, nursery):
  found = MiniVenue()
  found.handshakes = []

  @asynccontextmanager
  async def connect(url, *, headers, subprotocols, addresses, max_message_bytes):
    found.handshakes.append((url, headers, addresses))
    if found.refusing and found.refusing is not True:
      raise found.refusing
    async with found.connect(url) as opened:
      nursery.start_soon(serve, found.sockets[-1])
      yield opened

  monkeypatch.setattr(websocket, "open_websocket", connect)
  return found


@asynccontextmanager
async def pinging(handshake):
  async with open_websocket_transport(handshake, ping_after=10.0) as opened:
    yield opened


OVER_WEBSOCKET = {"session": Lines, "connection": None}


async def test_a_websocket_carries_messages_and_requests(autojump_clock, rig, venue):
  one = await rig.source(**OVER_WEBSOCKET, transport=open_websocket_transport)
  assert venue.handshakes == [("ws://mini/path", (("x-key", "1"),), None)]
  assert [text for _, text in venue.sockets[0].received] == ["hello"]
  await venue.sockets[0].say("one", "two")
  await wait_all_tasks_blocked()
  assert one.texts == ["one", "two"]
  await trio.sleep(1000)
  assert venue.sockets[0].pings == 0
  await venue.sockets[0].cut()
  await trio.sleep(5)
  assert len(venue.sockets) == 2


async def test_a_silent_websocket_is_pinged_and_left_when_it_does_not_answer(
  autojump_clock, rig, venue
):
  await rig.source(**OVER_WEBSOCKET, transport=pinging)
  await trio.sleep(100)
  assert (len(venue.sockets), venue.sockets[0].pings) == (1, 5)
  for _ in range(20):
    await trio.sleep(5)
    await venue.sockets[0].say("busy")
  assert venue.sockets[0].pings <= 6
  venue.sockets[0].answering = False
  pings = venue.sockets[0].pings
  while venue.sockets[0].pings == pings:
    await trio.sleep(0.1)
  await venue.sockets[0].say("busy")
  await trio.sleep(15)
  assert len(venue.sockets) == 1
  await trio.sleep(20)
  assert len(venue.sockets) == 2


async def test_a_websocket_may_be_left_while_it_is_silent(autojump_clock, venue):
  async with pinging(Handshake("ws://mini/")):
    pass
  assert trio.current_time() < 1


async def test_a_session_says_what_an_http_answer_means(autojump_clock, rig, venue):
  venue.refusing = HandshakeRefused(401, {}, b"")
  one = await rig.source(**OVER_WEBSOCKET, transport=open_websocket_transport)
  assert one.failure == "the node answered HTTP 401; look at the key"


async def test_the_address_of_a_url_from_outside_is_checked_for_every_connection(
  autojump_clock, rig, venue, monkeypatch
):
  allowance = object()
  addresses = [["203.0.113.1"], ["203.0.113.2"]]

  async def vetted(url, allowed):
    assert allowed is allowance
    return addresses.pop(0)

  monkeypatch.setattr(websocket, "vetted_addresses", vetted)
  monkeypatch.setattr(Lines, "target", lambda s, now: Handshake("ws://mini/", allowance=allowance))
  await rig.source(**OVER_WEBSOCKET, transport=open_websocket_transport)
  await venue.sockets[0].cut()
  await trio.sleep(5)
  assert [given for _, _, given in venue.handshakes] == [["203.0.113.1"], ["203.0.113.2"]]
