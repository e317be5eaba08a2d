"""The pump against a model: any mix of subscribing, publishing, stalling and coming back."""

from contextlib import asynccontextmanager
from pipes import Pipe, Waiting

import attrs
import pytest
import trio
import trio.testing
from bond_broker.delivery.delivery import Delivery, Ending, State
from bond_broker.delivery.groups import Group, Step
from bond_broker.delivery.market import MarketRouter
from bond_broker.delivery.pump import Pump
from bond_broker.delivery.traffic import Traffic
from bond_broker.protocol.filters import Filter, MarketPattern
from bond_broker.protocol.messages import ack
from bond_broker.protocol.selection import Selection
from bond_broker.protocol.subscription import Subscription
from hypothesis import HealthCheck, given, settings, strategies as st

from bond_core import Ticker, Trade
from bond_core._logs.durable import DurableLog
from bond_core._logs.memory import EVENT_BYTES
from bond_core.logs import MemoryLog

SYMBOLS = ("A/USDT", "B/USDT")
FILTERS = {
  "all": Filter(frozenset(("trades", "ticker"))),
  "trades": Filter(frozenset(("trades",))),
  "A": Filter(frozenset(("trades", "ticker")), frozenset((MarketPattern("A/USDT"),))),
  "B": Filter(frozenset(("trades",)), frozenset((MarketPattern("B/USDT"),)), compact=True),
}


@asynccontextmanager
async def pumping(kept_events=10_000):
  log = DurableLog(MemoryLog("market", stamps=True, max_bytes=kept_events * EVENT_BYTES), None)
  async with trio.open_nursery() as nursery:
    pump = Pump(log, MarketRouter(Traffic()), nursery, lambda: 0)
    nursery.start_soon(pump.run)
    yield pump
    nursery.cancel_scope.cancel()


def events(first, kinds):
  made = []
  for number, (kind, symbol) in enumerate(kinds, first):
    if kind == "trade":
      made.append(Trade(exchange="x", symbol=SYMBOLS[symbol], price=float(number), size=1.0))
    else:
      made.append(Ticker(exchange="x", symbol=SYMBOLS[symbol], last=float(number)))
  return made


def subscribe(pump, delivery, matched, start=0, policy="auto", resumes=False):
  subscription = Subscription(matched, policy=policy, start=start, resumes=resumes)

  def answer(seq):
    return ack(
      "subscribed",
      received={},
      request_id=None,
      subscriptions=[],
      rejected=[],
      epoch=pump.log.epoch,
      seq=seq,
      recovered=None,
    )

  delivery.subscribe(subscription, answer, None)
  return subscription


@attrs.define
class Model:
  """What a client must have been sent: by number, what its subscriptions match."""

  delivery: Delivery
  pipe: Pipe
  expected: dict = attrs.field(factory=dict)
  got: list = attrs.field(factory=list)
  gaps: list = attrs.field(factory=list)
  broken: bool = False

  def collect(self):
    for message in self.pipe.messages():
      if message["type"] == "gap":
        self.gaps.append((message["from_seq"], message["to_seq"], "ids" in message))
      elif message["type"] in ("trade", "ticker"):
        self.got.append((message["seq_internal"], message["type"], message))

  def check(self):
    """Every expected event came once, or lies in a declared gap, or is a state that a later one of
    the same instrument replaced."""
    self.collect()
    numbers = [number for number, _, _ in self.got]
    assert len(numbers) == len(set(numbers)), "doubled"
    assert set(numbers) <= set(self.expected), "unasked"
    lost = {n for first, last, _ in self.gaps for n in range(first, last + 1)}
    # A gap that names its subscriptions says nothing of the others.
    all_lost = {n for first, last, some in self.gaps if not some for n in range(first, last + 1)}
    missing = set(self.expected) - set(numbers) - lost
    latest = {}
    for number, _, message in sorted(self.got, key=lambda one: one[0]):
      latest[message["type"], message["symbol"]] = number
    for number in missing:
      event = self.expected[number]
      assert isinstance(event, Ticker), f"trade {number} is missing and not declared"
      assert latest.get(("ticker", event.symbol), 0) > number, "the last state is missing"
    assert not set(numbers) & all_lost, "declared lost, yet sent"


KIND = st.tuples(st.sampled_from(("trade", "trade", "ticker")), st.integers(0, 1))
STEP = st.one_of(
  st.tuples(st.just("publish"), st.lists(KIND, min_size=1, max_size=40)),
  st.tuples(st.just("publish"), st.lists(KIND, min_size=10, max_size=40)),
  st.tuples(st.just("stall"), st.tuples(st.integers(0, 3), st.integers(0, 900))),
  st.tuples(st.just("settle"), st.none()),
  st.tuples(st.just("join"), st.tuples(st.sampled_from(sorted(FILTERS)), st.booleans())),
  st.tuples(
    st.just("more"),
    st.tuples(st.integers(0, 9), st.sampled_from(sorted(FILTERS)), st.integers(0, 60)),
  ),
  st.tuples(st.just("stall"), st.tuples(st.integers(0, 9), st.integers(0, 3000))),
  st.tuples(st.just("open"), st.tuples(st.integers(0, 9), st.none() | st.integers(1, 2000))),
  st.tuples(st.just("drop"), st.integers(0, 9)),
  st.tuples(st.just("resume"), st.tuples(st.integers(0, 9), st.sampled_from(sorted(FILTERS)))),
)


async def settled(pump):
  await pump.log.ring.reached(0)
  while pump.position <= pump.log.head:
    await trio.lowlevel.checkpoint()
  await trio.testing.wait_all_tasks_blocked()


async def play(steps, kept_events):
  published = []
  async with pumping(kept_events) as pump:
    models = []

    def expected_of(matched, first):
      return {
        number: event
        for number, event in enumerate(published, 1)
        if number >= first
        and matched.matches(event.channel, event.exchange, event.symbol, None, None)
      }

    filters = []
    # Steps on no client show nothing: some are there from the start.
    begin = [("join", ("all", False)), ("join", ("A", False)), ("join", ("trades", True))]
    for step, argument in [*begin, *steps]:
      if step == "publish":
        batch = events(len(published) + 1, argument)
        published += batch
        pump.log.ring.append(batch)
        for model, matched in filters:
          model.expected.update(expected_of(matched, len(published) - len(batch) + 1))
      elif step == "settle":
        await settled(pump)
      elif step == "join":
        await settled(pump)
        name, waits = argument
        pipe = Waiting() if waits else Pipe()
        model = Model(Delivery(pump, pipe), pipe)
        subscribe(pump, model.delivery, FILTERS[name])
        models.append(model)
        filters.append((model, FILTERS[name]))
      elif models and step == "more":
        await settled(pump)
        index, name, back = argument
        model = models[index % len(models)]
        matched = FILTERS[name]
        if model.delivery.ending or matched in model.delivery.subscriptions.selection.filters:
          continue
        start = max(pump.log.oldest, pump.position - back)
        # A second filter for the same events must not bring them twice, so it must be new to them.
        fresh = [n for n in expected_of(matched, start) if n not in model.expected]
        if len(fresh) != len(expected_of(matched, start)):
          start = 0
        subscribe(pump, model.delivery, matched, start)
        model.expected.update(expected_of(matched, start or len(published) + 1))
        filters.append((model, matched))
      elif models and step == "stall":
        index, room = argument
        models[index % len(models)].pipe.open(room)
      elif models and step == "open":
        index, room = argument
        models[index % len(models)].pipe.open(room)
        await settled(pump)
      elif models and step == "drop":
        model = models.pop(argument % len(models))
        model.pipe.close()
        model.delivery.close(Ending(1006, ""))
        filters = [(other, matched) for other, matched in filters if other is not model]
      elif models and step == "resume":
        await settled(pump)
        index, name = argument
        model = models[index % len(models)]
        model.collect()
        last = max((number for number, _, _ in model.got), default=None)
        if last is None:
          continue
        start = max(last + 1, pump.log.oldest)
        pipe = Pipe()
        again = Model(Delivery(pump, pipe), pipe)
        subscribe(pump, again.delivery, FILTERS[name], start, resumes=True)
        first = start if start < pump.position else len(published) + 1
        again.expected.update(expected_of(FILTERS[name], first))
        models.append(again)
        filters.append((again, FILTERS[name]))
    for model in models:
      model.pipe.open()
    await settled(pump)
    for model in models:
      model.check()
      assert model.delivery.state is State.LIVE
    assert pump.groups.members() == sum(not model.pipe.waits for model in models)


@pytest.fixture(scope="module", autouse=True)
def _small_bounds():
  """Bounds that a few events reach."""
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr("bond_broker.delivery.pump.STEP_EVENTS", 7)
    patch.setattr("bond_broker.delivery.delivery.LOOK_EVENTS", 11)
    patch.setattr("bond_broker.delivery.market.MAX_FRAMES_BYTES", 600)
    yield


@given(st.lists(STEP, min_size=5, max_size=40), st.sampled_from((30, 10_000)))
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_received_and_declared_is_what_was_published(steps, kept_events):
  trio.run(play, steps, kept_events)


def test_a_step_that_is_more_than_what_is_remembered_is_not_remembered():
  group = Group(Selection(()))
  cursor = group.open_cursor()
  for number in range(3):
    group.steps += 1
    group.remember(Step(number, number, number + 1, b"x" * 100, 1, 0.0), room=50)
  assert not group.recent
  assert group.steps == 3
  assert cursor.align(0, until=9) == 9
  assert not cursor.known
