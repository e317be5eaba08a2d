"""The broker against a small model: clients that subscribe, stall, fall off, drop, resume and leave
in any order. What a client got, and what was declared to it, is what was published, each once."""

import threading
import time
from contextlib import ExitStack
from unittest.mock import patch

import attrs
import pytest
import trio
from bond_broker.server.backing import Backing
from bond_server.access.access import ServerAccess, SignedTokens, context_of
from bond_server.access.chain import make_chain
from bond_server.access.generations import MemoryGenerations
from bond_server.access.tokens import Keyring
from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import (
  Bundle,
  RuleBasedStateMachine,
  consumes,
  initialize,
  multiple,
  rule,
)
from readers import Closed, connected, serving

from bond_core import Custom, Registry, Trade
from bond_core._logs.durable import DurableLog
from bond_core._logs.memory import EVENT_BYTES
from bond_core.logs import MemoryLog

SYMBOLS = ("A/USDT", "B/USDT", "C/USDT")
KEPT = 400
WITHIN = 10


@attrs.define(eq=False)
class Client:
  """What one client subscribed to and what it has: numbers in order, and those declared lost."""

  symbols: tuple[str, ...]
  policy: str
  start: int
  reader: object = None
  closing: trio.Event = attrs.field(factory=trio.Event)
  got: list = attrs.field(factory=list)
  lost: set = attrs.field(factory=set)
  closed: int | None = None

  def take(self, messages):
    for message in messages:
      if message["type"] == "trade":
        assert message["symbol"] in self.symbols
        self.got.append(message["seq_internal"])
      elif message["type"] == "gap":
        self.lost.update(range(message["from_seq"], message["to_seq"] + 1))

  @property
  def place(self):
    """Up to where it knows everything."""
    return max([self.start - 1, *self.got, *self.lost])


class Loop:
  """A broker in a thread of its own."""

  def __init__(self):
    self.ready, self.token = threading.Event(), None
    self.thread = threading.Thread(target=trio.run, args=(self._main,), daemon=True)
    self.thread.start()
    assert self.ready.wait(10)

  async def _main(self):
    self.token, self.stop = trio.lowlevel.current_trio_token(), trio.Event()
    log = DurableLog(MemoryLog("market", stamps=True, max_bytes=KEPT * EVENT_BYTES), None)
    with ExitStack() as stack:
      # Groups that remember little, so that a client that stalls soon needs the log.
      for name in ("REMEMBERED_BYTES", "REMEMBERED_AT_LEAST"):
        stack.enter_context(patch(f"bond_broker.delivery.groups.{name}", 16 * 1024))
      await self._serve(log)

  async def _serve(self, log):
    async with serving(log) as broker, trio.open_nursery() as nursery:
      self.broker, self.nursery = broker, nursery
      self.ready.set()
      await self.stop.wait()
      nursery.cancel_scope.cancel()

  def run(self, act, *arguments):
    return trio.from_thread.run(act, *arguments, trio_token=self.token)

  def end(self):
    trio.from_thread.run_sync(self.stop.set, trio_token=self.token)
    self.thread.join(10)
    assert not self.thread.is_alive()


class Broker(RuleBasedStateMachine):
  clients = Bundle("clients")

  @initialize()
  def begin(self):
    self.loop = Loop()
    self.published = []

  # What happens ----------------------------------------------------------------------------------

  @rule(count=st.integers(1, 30), symbol=st.integers(0, 2))
  def publish(self, count, symbol):
    self.loop.run(self._publish, [SYMBOLS[(symbol + n) % 3] for n in range(count)])

  @rule(times=st.integers(20, 40))
  def flood(self, times):
    """More than the log keeps."""
    for _ in range(times):
      self.loop.run(self._publish, [SYMBOLS[n % 3] for n in range(100)])

  @rule(
    target=clients,
    symbols=st.sets(st.sampled_from(SYMBOLS), min_size=1),
    policy=st.sampled_from(["auto", "lossless"]),
  )
  def subscribe(self, symbols, policy):
    return self.loop.run(self._open, tuple(sorted(symbols)), policy, None)

  @rule(client=clients)
  def read(self, client):
    """It reads until it has everything."""
    self.loop.run(self._drain, client)
    self._check(client)

  @rule(client=consumes(clients))
  def leave(self, client):
    self.loop.run(self._drain, client)
    self._check(client)
    self.loop.run(self._close, client)

  @rule(target=clients, client=consumes(clients))
  def drop_and_resume(self, client):
    """It is cut off, whatever is under way, and comes back for the rest."""
    self.loop.run(self._close, client)
    self._check(client, whole=False)
    again = self.loop.run(self._open, client.symbols, client.policy, client.place)
    return multiple(again)

  def teardown(self):
    if hasattr(self, "loop"):
      self.loop.end()

  # What is asserted ------------------------------------------------------------------------------

  def _check(self, client, *, whole=True):
    assert client.got == sorted(set(client.got))
    assert not set(client.got) & client.lost
    assert all(number >= client.start for number in client.got)
    until = len(self.published) if whole and client.closed is None else client.place
    known = set(client.got) | client.lost
    for number in range(client.start, until + 1):
      assert number in known or self.published[number - 1] not in client.symbols
    if client.closed is not None:
      assert client.closed == 4008
      assert client.policy == "lossless"

  # In the broker's thread ------------------------------------------------------------------------

  async def _publish(self, symbols):
    first = len(self.published)
    self.published += symbols
    self.loop.broker.log.ring.append(
      [
        Trade(exchange="x", symbol=symbol, market_type="spot", price=1.0, size=1.0, ts_event=n)
        for n, symbol in enumerate(symbols, first + 1)
      ]
    )
    await trio.sleep(0.005)

  async def _open(self, symbols, policy, place):
    client = Client(symbols, policy, start=0)
    await self.loop.nursery.start(self._hold, client, place)
    return client

  async def _hold(self, client, place, task_status=trio.TASK_STATUS_IGNORED):
    broker = self.loop.broker
    more = {} if place is None else {"from": f"{broker.log.epoch}:{place}"}
    async with connected(broker, receive_buffer=4096) as client.reader:
      ack = await client.reader.subscribe(
        symbols=list(client.symbols), policy=client.policy, **more
      )
      assert ack["type"] == "system"
      if place is None:
        client.start = ack["seq"] + 1
      elif ack["recovered"]:
        client.start = place + 1
      else:
        # The ack says that it has not everything; what comes begins where the log does.
        client.start = broker.log.oldest
      task_status.started()
      await client.closing.wait()

  async def _drain(self, client):
    """Reads until the last that it wants came, was declared lost, or it was closed."""
    expected = [n for n, s in enumerate(self.published, 1) if s in client.symbols]
    last = max([number for number in expected if number >= client.start], default=None)
    with trio.fail_after(WITHIN):
      while True:
        client.take(client.reader.messages)
        client.reader.messages.clear()
        if client.closed is not None or last is None or client.place >= last:
          return
        try:
          await client.reader.read()
        except Closed as closed:
          client.take(client.reader.messages)
          client.reader.messages.clear()
          client.closed = closed.code

  async def _close(self, client):
    client.take(client.reader.messages)
    client.reader.messages.clear()
    client.closing.set()
    await trio.sleep(0.005)


Broker.TestCase.settings = settings(
  max_examples=12,
  stateful_step_count=12,
  deadline=None,
  suppress_health_check=list(HealthCheck),
)


class TestBroker(Broker.TestCase):
  pass


@pytest.mark.slow
def test_for_a_long_time():
  from hypothesis.stateful import run_state_machine_as_test

  run_state_machine_as_test(
    Broker,
    settings=settings(
      max_examples=500,
      stateful_step_count=40,
      deadline=None,
      suppress_health_check=list(HealthCheck),
    ),
  )


# Streams, their tokens and their ends -----------------------------------------------------------


class MovedClock:
  """A clock that a rule moves on."""

  def __init__(self):
    self.ms = 1_800_000_000_000

  def now_ms(self):
    return self.ms

  def mono_ns(self):
    return time.monotonic_ns()


@attrs.define(eq=False)
class Watcher:
  """A client of one stream: when its token ends, and what it has."""

  stream: str
  expiry: int
  start: int
  reader: object = None
  closing: trio.Event = attrs.field(factory=trio.Event)
  got: list = attrs.field(factory=list)


class StreamLoop(Loop):
  """A broker with streams instead of a market."""

  async def _serve(self, log):
    self.clock, self.logs = MovedClock(), {}
    tokens = SignedTokens(
      self.clock, Keyring(b"for tests only, 32 bytes or more"), MemoryGenerations()
    )
    chain = make_chain(["core.tokens"], Registry(), context_of(tokens))
    self.access = ServerAccess(tokens, chain)
    backing = Backing(
      clock=self.clock,
      access=self.access,
      log=log,
      stream=self.logs.get,
      open_to_all=False,
    )
    async with serving(log, backing=backing) as broker, trio.open_nursery() as nursery:
      self.broker, self.nursery = broker, nursery
      self.ready.set()
      await self.stop.wait()
      nursery.cancel_scope.cancel()


class Streams(RuleBasedStateMachine):
  streams = Bundle("streams")
  watchers = Bundle("watchers")

  @initialize()
  def begin(self):
    self.loop = StreamLoop()
    self.written, self.deleted, self.made = {}, set(), 0

  @rule(target=streams)
  def create(self):
    self.made += 1
    name = f"{self.made:016x}"
    self.loop.run(self._create, name)
    return name

  @rule(stream=streams, count=st.integers(1, 20))
  def publish(self, stream, count):
    if stream not in self.deleted:
      self.loop.run(self._publish, stream, count)

  @rule(target=watchers, stream=streams, ttl=st.sampled_from([60, 3600]))
  def watch(self, stream, ttl):
    found = self.loop.run(self._watch, stream, ttl)
    assert (found is None) is (stream in self.deleted)
    return multiple() if found is None else found

  @rule(seconds=st.sampled_from([30, 600]))
  def time_passes(self, seconds):
    self.loop.clock.ms += seconds * 1000

  @rule(stream=consumes(streams))
  def delete(self, stream):
    """As the control plane does: its tokens die first, then it goes."""
    self.loop.run(self._delete, stream)

  @rule(watcher=consumes(watchers))
  def look(self, watcher):
    """Clients that may read have everything once; the others have the reason why not."""
    code = self.loop.run(self._look, watcher)
    if watcher.stream in self.deleted:
      assert code == 4500
    elif self.loop.clock.ms >= watcher.expiry * 1000:
      assert code == 4005
    else:
      assert code is None
      head = self.written[watcher.stream]
      assert watcher.got == list(range(watcher.start, head + 1))
    assert watcher.got == list(range(watcher.start, watcher.start + len(watcher.got)))

  def teardown(self):
    if hasattr(self, "loop"):
      self.loop.end()

  # In the broker's thread ------------------------------------------------------------------------

  async def _create(self, name):
    self.loop.logs[name] = DurableLog(MemoryLog(name, stamps=True), None)
    self.written[name] = 0
    await trio.lowlevel.checkpoint()

  async def _publish(self, stream, count):
    first = self.written[stream] + 1
    self.written[stream] += count
    ticks = [
      Custom(exchange="x", symbol="", event_type="tick", data={"n": n})
      for n in range(first, first + count)
    ]
    self.loop.logs[stream].ring.append(ticks)
    await trio.sleep(0.005)

  async def _delete(self, stream):
    self.deleted.add(stream)
    self.loop.access.withdraw(stream)
    del self.loop.logs[stream]
    await trio.lowlevel.checkpoint()

  async def _watch(self, stream, ttl):
    expiry = self.loop.clock.ms // 1000 + ttl
    token = self.loop.access.token(stream, ttl)
    return await self.loop.nursery.start(self._hold, stream, expiry, token)

  async def _hold(self, stream, expiry, token, task_status=trio.TASK_STATUS_IGNORED):
    if stream in self.deleted:
      task_status.started(None)
      return
    watcher = Watcher(stream, expiry, self.written[stream] + 1)
    async with connected(self.loop.broker, f"/ws/{stream}?token={token}") as watcher.reader:
      await watcher.reader.until(lambda m: m["type"] == "heartbeat")
      task_status.started(watcher)
      await watcher.closing.wait()

  async def _look(self, watcher):
    """The code with which it was closed, None for a client that has all there is."""
    over = watcher.stream in self.deleted or self.loop.clock.ms >= watcher.expiry * 1000
    code = None
    with trio.fail_after(WITHIN):
      while True:
        watcher.got += [m["data"]["n"] for m in watcher.reader.messages if m["type"] == "custom"]
        watcher.reader.messages.clear()
        behind = len(watcher.got) < self.written[watcher.stream] - watcher.start + 1
        if code is not None or not (over or behind):
          break
        try:
          await watcher.reader.read()
        except Closed as closed:
          code = closed.code
    watcher.closing.set()
    return code


Streams.TestCase.settings = settings(
  max_examples=6,
  stateful_step_count=10,
  deadline=None,
  suppress_health_check=list(HealthCheck),
)


class TestStreams(Streams.TestCase):
  pass
