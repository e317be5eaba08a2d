"""What refuses for a while: the driver waits as the venue says, readers see `unavailable` and why,
and it is looked at again for ever."""

import logging
from contextlib import asynccontextmanager
from functools import partial

import httpx
import pytest
import trio
import trio.lowlevel
from mini import subscription
from test_driver import Rig, running
from trio.testing import wait_all_tasks_blocked

from bond_core import Disconnected, Refused, RetryAfter, SourceType, Unavailable
from bond_core._feeds import driver as driving
from bond_core._feeds.contract import Fetch, Notice
from bond_core._feeds.liveness import SourceState
from bond_core._feeds.rate_limit import retry_after
from bond_core._logs.memory import MemoryLog
from bond_core._sources.manager import open_sources
from bond_core._ws.client import HandshakeRefused
from bond_core.sessions import Session

A = subscription("A/USDT")
PAGE = b"<!DOCTYPE html><title>Attention Required!</title>"


def refuse(rig, error, until):
  """Lets the venue refuse handshakes until a time."""
  connect = rig.venue.connect

  @asynccontextmanager
  async def refusing(url, **options):
    if trio.current_time() < until:
      rig.venue.times.append(trio.current_time())
      await trio.lowlevel.checkpoint()
      raise error
    async with connect(url, **options) as websocket:
      yield websocket

  rig.driver._connect = refusing


@pytest.mark.parametrize(
  "error",
  [
    HandshakeRefused(403, {}, PAGE),
    HandshakeRefused(451, {}, b""),
    HandshakeRefused(401, {}, b"{}"),
    HandshakeRefused(404, {}, b""),
    HandshakeRefused(503, {}, PAGE),
    Unavailable("the certificate of mini was not accepted: certificate has expired"),
    Unavailable("the certificate of mini was not accepted: Hostname mismatch"),
  ],
  ids=str,
)
async def test_what_refuses_the_first_handshakes_is_unavailable_and_comes_back(
  error, autojump_clock, caplog
):
  caplog.set_level(logging.DEBUG)
  rig = Rig("A/USDT")
  refuse(rig, error, until=20.0)
  async with trio.open_nursery() as nursery:
    nursery.start_soon(rig.driver.run)
    await trio.sleep(10)
    assert rig.driver.standings() == {A: (SourceState.UNAVAILABLE, str(error))}
    await trio.sleep(10)
    back = trio.current_time()
    venue = await rig.connected()
    assert trio.current_time() - back <= 32
    await venue.say("A/USDT 1")
    await wait_all_tasks_blocked()
    assert rig.driver.standings() == {A: (SourceState.LIVE, None)}
    assert (rig.trades, rig.gaps, rig.rejected) == ([("A/USDT", 1)], [], [])
    nursery.cancel_scope.cancel()
  said = [record.getMessage() for record in caplog.records if "trying again" in record.getMessage()]
  assert len(said) >= 3
  assert all(line.startswith(f"mini: {error}; ") for line in said)


async def test_a_refused_handshake_waits_as_long_as_the_venue_says(autojump_clock):
  rig = Rig("A/USDT")
  refuse(rig, HandshakeRefused(403, {"retry-after": "40"}, PAGE), until=30.0)
  async with trio.open_nursery() as nursery:
    nursery.start_soon(rig.driver.run)
    await rig.connected()
    assert rig.venue.times[0] == 0
    assert rig.venue.times[1] >= 40
    assert len(rig.venue.times) == 2
    nursery.cancel_scope.cancel()


def test_a_hint_may_be_a_date_by_the_venues_own_clock():
  date = "Mon, 30 Nov 2026 12:00:00 GMT"
  assert retry_after({"retry-after": "Mon, 30 Nov 2026 12:00:20 GMT", "date": date}) == 20
  assert retry_after({"retry-after": "Mon, 30 Nov 2026 11:00:00 GMT", "date": date}) == 0
  assert retry_after({"retry-after": "Fri, 31 Dec 2027 00:00:00 GMT", "date": date}) == 3600
  assert retry_after({"retry-after": "Mon, 30 Nov 2026 12:00:20 GMT"}) is None
  assert retry_after({"retry-after": "Mon, 30 Nov 2026 12:00:20", "date": date}) is None
  assert retry_after({"retry-after": "soon", "date": date}) is None


async def test_a_refused_successor_changes_nothing_for_readers(autojump_clock):
  async with running("A/USDT") as rig:
    first = await rig.connected()
    rig.nursery.start_soon(first.serve)
    refuse(rig, HandshakeRefused(403, {}, PAGE), until=1e9)
    await first.say("A/USDT 1", "!expire")
    await trio.sleep(3)
    assert rig.driver.states() == {A: SourceState.LIVE}
    assert len(rig.venue.times) == 2


async def test_what_the_venue_does_not_have_is_looked_at_again(autojump_clock, monkeypatch):
  async with running("A/USDT", "BAD/USDT") as rig:
    await rig.connected()
    await trio.sleep(driving.REFUSED_FOR - 10)
    assert rig.driver.states()[subscription("BAD/USDT")] is SourceState.REJECTED
    assert len(rig.rejected) == 1
    await trio.sleep(20)
    assert len(rig.rejected) == 2
    monkeypatch.setattr(rig.feed, "group", lambda subscription: "mini")
    added = []
    monkeypatch.setattr(rig.feed, "on_change", lambda *change: added.extend(change[1]))
    await trio.sleep(driving.REFUSED_FOR)
    assert rig.driver.states()[subscription("BAD/USDT")] is not SourceState.REJECTED
    assert added == [subscription("BAD/USDT")]


async def test_a_url_that_is_refused_leaves_no_dead_connection_behind(autojump_clock):
  rig = Rig("A/USDT")
  refuse(rig, Refused("'mini' is not a websocket URL"), until=driving.REFUSED_FOR)
  async with trio.open_nursery() as nursery:
    nursery.start_soon(rig.driver.run)
    await trio.sleep(10)
    assert rig.driver.standings() == {A: (SourceState.REJECTED, "'mini' is not a websocket URL")}
    await trio.sleep(driving.REFUSED_FOR)
    await rig.connected()
    nursery.cancel_scope.cancel()


async def test_a_feed_says_what_readers_have_to_know_while_it_stands(autojump_clock, caplog):
  caplog.set_level(logging.INFO, "bond.mini")
  async with running("A/USDT") as rig:
    venue = await rig.connected()

    async def say(notice):
      rig.feed.actions.append(notice)
      await venue.say("A/USDT 1")
      await wait_all_tasks_blocked()

    await say(Notice(A, "trading is paused"))
    assert rig.driver.standings() == {A: (SourceState.UNAVAILABLE, "trading is paused")}
    await say(Notice(A, "trading is paused"))
    await say(Notice(A, None))
    assert rig.driver.standings() == {A: (SourceState.LIVE, None)}
    await say(Notice(A, "the tick size is 0.1 now", unavailable=False))
    assert rig.driver.standings() == {A: (SourceState.LIVE, "the tick size is 0.1 now")}
    rig.interest.drop([A], trio.current_time())
    await trio.sleep(20)
    assert rig.driver.standings() == {}
  said = [record.getMessage() for record in caplog.records]
  assert said.count("trades of mini A/USDT spot: trading is paused") == 1
  assert "trades of mini A/USDT spot is available again" in said


# REST ---------------------------------------------------------------------------------------------


class Rest:
  """Answers of a venue over REST: by path, a list of what comes in turn; the last one stays."""

  def __init__(self, monkeypatch):
    self.answers = {}
    self.asked = []
    self.requests = []
    transport = httpx.MockTransport(self._answer)
    monkeypatch.setattr(httpx, "AsyncClient", partial(httpx.AsyncClient, transport=transport))

  async def _answer(self, request):
    await trio.lowlevel.checkpoint()
    self.asked.append((request.url.path, trio.current_time()))
    self.requests.append(request)
    answers = self.answers[request.url.path]
    answer = answers.pop(0) if len(answers) > 1 else answers[0]
    if isinstance(answer, Exception):
      raise answer
    status, headers, body = answer
    return httpx.Response(status, headers=headers, content=body)


@pytest.fixture
def rest(monkeypatch):
  return Rest(monkeypatch)


@asynccontextmanager
async def fetching(rest, *fetches):
  """A driver whose feed requests these; `rig.got` are its answers."""
  async with running("A/USDT", "B/USDT") as rig:
    rig.got = []
    rig.feed.on_response = lambda fetch, response, now: rig.got.append((fetch, response)) or []
    rig.feed.actions.extend(fetches)
    rig.venue_end = await rig.connected()
    await rig.venue_end.say("B/USDT 1")
    # A thread imports the client; the mock clock does not wait for it.
    while not rest.asked:
      await trio.lowlevel.checkpoint()
    await wait_all_tasks_blocked()
    yield rig


def fetch(name, symbol="A/USDT", **more):
  return Fetch(f"http://mini/{name}", name, "mini", subscription=subscription(symbol), **more)


@pytest.mark.parametrize(
  ("answer", "said"),
  [
    ((403, {}, PAGE), "HTTP 403: Attention Required!"),
    ((200, {}, b"\n " + PAGE), "HTTP 200: Attention Required!"),
    ((403, {}, b'{"retCode":10024}'), "HTTP 403"),
    ((451, {}, b'{"code":0}'), "HTTP 451"),
    ((400, {}, PAGE), "HTTP 400: Attention Required!"),
    ((404, {}, b"not found"), "HTTP 404: not found"),
    ((302, {"location": "/sorry"}, b""), "HTTP 302"),
    ((500, {}, b"{}"), "HTTP 500"),
    (httpx.ConnectError("certificate has expired"), "ConnectError: certificate has expired"),
  ],
  ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_request_is_made_again_until_there_is_an_answer(answer, said, rest, autojump_clock):
  rest.answers = {"/book": [answer, answer, answer, answer, answer, (200, {}, b"{}")]}
  async with fetching(rest, fetch("book")) as rig:
    assert rig.driver.standings()[A] == (SourceState.UNAVAILABLE, f"book: {said}")
    assert rig.driver.states()[subscription("B/USDT")] is SourceState.LIVE
    await trio.sleep(100)
    assert [response.body for _, response in rig.got] == [b"{}"]
    assert len(rest.asked) == 6
    assert rig.driver.standings()[A] == (SourceState.QUIET, None)
    assert rig.rejected == []


@pytest.mark.parametrize("status", [400, 404, 422])
async def test_a_refusal_in_the_venues_own_words_is_an_answer(status, rest, autojump_clock):
  rest.answers = {"/book": [(status, {}, b' {"code":-1121,"msg":"Invalid symbol."}')]}
  async with fetching(rest, fetch("book")) as rig:
    await trio.sleep(60)
    assert [response.status for _, response in rig.got] == [status]
    assert len(rest.asked) == 1


async def test_a_request_with_a_body_is_a_post_of_json(rest, autojump_clock):
  rest.answers = {"/info": [(200, {}, b"{}")]}
  async with fetching(rest, fetch("info", body=b'{"type":"meta"}')) as rig:
    await trio.sleep(1)
    assert len(rig.got) == 1
  [request] = rest.requests
  assert (request.method, request.content) == ("POST", b'{"type":"meta"}')
  assert request.headers["content-type"] == "application/json"


async def test_a_request_waits_as_long_as_the_venue_says(rest, autojump_clock):
  rest.answers = {"/book": [(403, {"retry-after": "50"}, PAGE), (200, {}, b"{}")]}
  async with fetching(rest, fetch("book")) as rig:
    await trio.sleep(49)
    assert len(rest.asked) == 1
    await trio.sleep(3)
    assert len(rig.got) == 1


async def test_what_is_refused_does_not_hold_up_other_requests(rest, autojump_clock):
  rest.answers = {f"/{i}": [(503, {"retry-after": "3000"}, b"")] for i in range(9)}
  rest.answers["/good"] = [(200, {}, b"{}")]
  many = [fetch(str(i)) for i in range(9)]
  async with fetching(rest, *many, fetch("good", priority=5)) as rig:
    await trio.sleep(2)
    assert [fetch.purpose for fetch, _ in rig.got] == ["good"]


async def test_a_request_is_given_up_with_its_subscription_alone(rest, autojump_clock):
  rest.answers = {"/book": [(403, {}, PAGE)], "/list": [(403, {}, PAGE)]}
  listing = Fetch("http://mini/list", "the list", "mini")
  async with fetching(rest, fetch("book"), listing) as rig:
    await trio.sleep(30)
    # What the group never delivered waits for the list; what it delivers goes on.
    assert rig.driver.standings()[A][1] == "book: HTTP 403: Attention Required!"
    assert rig.driver.states()[subscription("B/USDT")] is SourceState.QUIET
    rig.interest.add([subscription("C/USDT")])
    await trio.sleep(1)
    state, reason = rig.driver.standings()[subscription("C/USDT")]
    assert (state, reason) == (
      SourceState.UNAVAILABLE,
      "the list: HTTP 403: Attention Required!",
    )
    rig.interest.drop([A], trio.current_time())
    await trio.sleep(100)
    rest.asked.clear()
    await trio.sleep(600)
    assert {path for path, _ in rest.asked} == {"/list"}
    assert 8 <= len(rest.asked) <= 60


async def test_a_request_that_is_not_needed_leaves_the_state_alone(rest, autojump_clock):
  rest.answers = {"/book": [(403, {}, PAGE)]}
  async with fetching(rest, fetch("book", needed=False)) as rig:
    await trio.sleep(5)
    assert rig.driver.states()[A] is SourceState.QUIET


# Sessions and coroutines --------------------------------------------------------------------------


class Chat(Session):
  """A session whose members are live once it is connected."""

  name = "the service"

  def target(self, now):
    return None

  def on_open(self, now):
    for member in self.members:
      member.live()

  def on_messages(self, messages, now):
    """Nothing comes."""


@pytest.mark.parametrize(
  ("error", "state"),
  [
    (Unavailable("the service is not for this place", 7.0), SourceState.UNAVAILABLE),
    (HandshakeRefused(403, {"retry-after": "7"}, PAGE), SourceState.UNAVAILABLE),
    (RetryAfter(7.0, "the service is busy"), SourceState.UNAVAILABLE),
    (Disconnected("no way to the service"), SourceState.CONNECTING),
  ],
  ids=str,
)
@pytest.mark.parametrize("kind", ["session", "coroutine"])
async def test_a_source_that_is_refused_says_so_and_waits(kind, error, state, autojump_clock):
  tries = []

  def attempt():
    tries.append(trio.current_time())
    if len(tries) < 4:
      raise error

  class Quiet:
    async def receive(self):
      await trio.sleep_forever()

    async def send(self, request):
      """Nothing is sent."""

  @asynccontextmanager
  async def transport(target):
    attempt()
    yield Quiet()

  async def run(config, out, ctx):
    attempt()
    await out.gap("it began")
    await trio.sleep_forever()

  more = {"run": run}
  if kind == "session":
    more = {"session": lambda config: Chat(), "transport": transport}
  source_type = SourceType(name="talk.chat", summary="Talk.", config=int, emits=(), **more)
  clock = driving_clock()
  async with open_sources(MemoryLog("test", clock=clock), clock) as sources:
    reader = sources.open("sources.chat", source_type, 1)
    await trio.sleep(0.01)
    assert reader.source.state is state
    unavailable = state is SourceState.UNAVAILABLE
    assert reader.source.notices() == ([(None, state, str(error))] if unavailable else [])
    await trio.sleep(120)
    assert reader.source.state is SourceState.LIVE
    assert reader.source.notices() == []
  if unavailable:
    assert all(b - a >= 7 for a, b in zip(tries, tries[1:], strict=False))
  assert reader.failure is None


async def test_a_source_says_what_readers_have_to_know_of_one_subscription(autojump_clock):
  async def run(config, out, ctx):
    await out.gap("it began")
    ctx.notice(A, "A is not traded now")
    await trio.sleep(10)
    ctx.notice(A, "the tick size is 2 now, it was 1", unavailable=False)
    await trio.sleep(10)
    ctx.notice(A, None)
    await trio.sleep_forever()

  source_type = SourceType(name="talk.chat", summary="Talk.", config=int, emits=(), run=run)
  clock = driving_clock()
  async with open_sources(MemoryLog("test", clock=clock), clock) as sources:
    source = sources.open("sources.chat", source_type, 1).source
    await trio.sleep(1)
    assert source.state is SourceState.UNAVAILABLE
    assert source.notices() == [(A, SourceState.UNAVAILABLE, "A is not traded now")]
    await trio.sleep(10)
    assert source.state is SourceState.LIVE
    assert source.notices() == [(A, SourceState.LIVE, "the tick size is 2 now, it was 1")]
    await trio.sleep(10)
    assert (source.state, source.notices()) == (SourceState.LIVE, [])


def driving_clock():
  from test_driver import MockTime

  return MockTime()


def test_an_error_without_words_says_at_least_what_it_is():
  assert str(Disconnected()) == "Disconnected"
  assert str(Unavailable("closed")) == "closed"
