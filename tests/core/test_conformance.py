"""The conformance tests fail for what breaks a promise: each with a component that breaks one."""

from contextlib import asynccontextmanager

import attrs
import pytest
import trio

from bond_core import (
  Custom,
  Gap,
  LogType,
  Registry,
  SinkType,
  SourceType,
  Trade,
  TransformType,
  hookimpl,
)
from bond_core.logs import Record
from bond_core.sessions import Session
from bond_core.testing import (
  LogConformance,
  RecordingMember,
  SessionConformance,
  SinkConformance,
  SourceConformance,
  TransformConformance,
)


@attrs.frozen
class Keys:
  path: str = ""
  fault: str = ""


def found(**components):
  """The components of one plugin that is named bad."""

  class Plugin:
    @hookimpl
    def bond_register_sources(self):
      return components.get("sources", ())

    @hookimpl
    def bond_register_transforms(self):
      return components.get("transforms", ())

    @hookimpl
    def bond_register_sinks(self):
      return components.get("sinks", ())

    @hookimpl
    def bond_register_logs(self):
      return components.get("logs", ())

  registry = Registry()
  registry.add("bad", Plugin())
  return registry


def fails(method, *given):
  """Whether a conformance test fails, by an assertion or by what the component raises."""
  try:
    method(*given)
  except pytest.skip.Exception:
    return False
  except (Exception, pytest.fail.Exception):
    return True
  return False


# Sources ------------------------------------------------------------------------------------------


def trade(**changes):
  return Trade(
    **{"exchange": "bad", "symbol": "BTC/USDT", "price": 1.0, "size": 1.0, "ts_event": 0, **changes}
  )


async def well(config, out, ctx):
  while True:
    await out.send([trade()])
    await trio.sleep(0.01)


async def seconds(config, out, ctx):
  await out.send([trade(ts_event=1_760_000_000)])


async def text_as_price(config, out, ctx):
  await out.send([trade(price="1.0")])


async def others_exchange(config, out, ctx):
  await out.send([trade(exchange="binance")])


async def other_type(config, out, ctx):
  await out.send([Custom(exchange="bad", symbol="", event_type="x", data={})])


async def silent(config, out, ctx):
  await trio.sleep_forever()


async def shielded(config, out, ctx):
  await out.send([trade()])
  with trio.CancelScope(shield=True):
    await trio.sleep(1.5)


def source_tests(monkeypatch, run):
  kind = SourceType(name="bad.trades", summary="s", emits=(Trade,), run=run)
  monkeypatch.setattr("bond_core.testing._sources.REGISTRY", found(sources=[kind]))

  class Tests(SourceConformance):
    name = "bad.trades"
    within = 0.5

    @asynccontextmanager
    async def serving(self):
      yield {}

  return Tests()


def test_a_good_source_passes(monkeypatch):
  tests = source_tests(monkeypatch, well)
  names = [name for name in dir(tests) if name.startswith("test_")]
  assert len(names) >= 6
  assert [name for name in names if fails(getattr(tests, name))] == []


@pytest.mark.parametrize(
  "run", [seconds, text_as_price, others_exchange, other_type, silent], ids=lambda run: run.__name__
)
def test_a_source_that_gives_wrong_events_or_none_fails(monkeypatch, run):
  assert fails(source_tests(monkeypatch, run).test_its_events_are_what_its_type_says)


def test_a_source_that_does_not_end_fails(monkeypatch):
  assert fails(source_tests(monkeypatch, shielded).test_it_ends_at_once_when_it_is_cancelled)


# Transforms ---------------------------------------------------------------------------------------


def changes_events(config, ctx):
  def transform(batch):
    for event in batch:
      event.symbol = "X"
    return batch

  return transform


def swallows_gaps(config, ctx):
  return lambda batch: [event for event in batch if isinstance(event, Trade)]


def shares_state(seen=[]):  # noqa: B006
  def make(config, ctx):
    def transform(batch):
      out = [event for event in batch if repr(event) not in seen]
      seen.extend(map(repr, out))
      return out

    return transform

  return make


def depends_on_batches(config, ctx):
  return lambda batch: batch[:1]


def forgets_times(config, ctx):
  return lambda batch: [*batch, trade()]


def gives_for_nothing(config, ctx):
  return lambda batch: batch or [trade(ts_event=1_760_000_000_000)]


@pytest.mark.parametrize(
  ("make", "test"),
  [
    (changes_events, "test_what_it_is_given_stays_as_it_was"),
    (swallows_gaps, "test_losses_and_heartbeats_go_on"),
    (shares_state(), "test_two_of_them_share_nothing"),
    (depends_on_batches, "test_it_does_not_matter_how_events_are_gathered_into_batches"),
    (forgets_times, "test_what_it_gives_is_right_and_of_the_types_that_it_emits"),
    (gives_for_nothing, "test_an_empty_batch_gives_nothing"),
    (lambda config, ctx: tuple, "test_what_it_gives_is_right_and_of_the_types_that_it_emits"),
  ],
)
def test_a_transform_that_breaks_a_promise_fails(monkeypatch, make, test):
  def tests_of(made):
    kind = TransformType(name="bad.change", summary="s", config=Keys, make=made)
    monkeypatch.setattr("bond_core.testing._transforms.REGISTRY", found(transforms=[kind]))
    return type("Tests", (TransformConformance,), {"name": "bad.change"})()

  assert fails(getattr(tests_of(make), test))
  good = tests_of(lambda config, ctx: lambda batch: batch)
  assert [
    name for name in dir(good) if name.startswith("test_") and fails(getattr(good, name))
  ] == []


# Sinks --------------------------------------------------------------------------------------------


class FileSink:
  def __init__(self, config):
    self.config = config

  async def __aenter__(self):
    self.file = await trio.to_thread.run_sync(open, self.config.path, "a")
    return self

  async def __aexit__(self, *error):
    self.file.close()
    if self.config.fault == "shielded":
      with trio.CancelScope(shield=True):
        await trio.sleep(1.5)

  async def write(self, batch):
    if self.config.fault == "changes":
      batch[0].exchange = "other"
    dropped = 1 if self.config.fault == "drops" else 0
    self.file.writelines("x\n" for _ in batch[dropped:])


def sink_tests(monkeypatch, fault):
  kind = SinkType(
    name="bad.file", summary="s", config=Keys, make=lambda config, ctx: FileSink(config)
  )
  monkeypatch.setattr("bond_core.testing._sinks.REGISTRY", found(sinks=[kind]))

  class Tests(SinkConformance):
    name = "bad.file"

    def keys(self, folder):
      return {"path": str(folder / "x"), "fault": fault}

    def written(self, folder):
      return len((folder / "x").read_text().splitlines())

  return Tests()


@pytest.mark.parametrize(
  ("fault", "test"),
  [
    ("drops", "test_it_takes_every_type_of_event_in_order"),
    ("changes", "test_what_it_is_given_stays_as_it_was"),
    ("shielded", "test_it_ends_at_once_when_it_is_cancelled"),
  ],
)
def test_a_sink_that_breaks_a_promise_fails(monkeypatch, tmp_path, fault, test):
  assert fails(getattr(sink_tests(monkeypatch, fault), test), tmp_path)
  (tmp_path / "x").unlink(missing_ok=True)
  assert not fails(getattr(sink_tests(monkeypatch, ""), test), tmp_path)


# Logs ---------------------------------------------------------------------------------------------


class DictEngine:
  """A log engine over a list, with one fault."""

  def __init__(self, fault):
    self.fault = fault
    self.epoch = "" if fault == "no epoch" else "e"
    self.records = []
    self.finished = False

  @property
  def head(self):
    return self.records[-1].last if self.records else 0

  @property
  def oldest(self):
    return self.records[0].first if self.records else self.head + 1

  @property
  def last_ts_ms(self):
    return self.records[-1].ts_ms if self.records else 0

  async def write(self, records):
    for record in records:
      if self.fault != "doubles" and record.last <= self.head:
        continue
      self.records.append(record)
      if self.fault == "fills holes" and len(self.records) > 1:
        before = self.records[-2].last + 1
        if before < record.first:
          self.records[-1] = Record(before, record.ts_ms, record.events)

  async def read(self, first, limit):
    found, count = [], 0
    for record in self.records:
      if record.last >= first and count < (10**9 if self.fault == "no limit" else limit):
        found.append(record if self.fault == "uncut" else record.since(first))
        count += len(found[-1].events)
    return found[::-1] if self.fault == "disorder" else found

  async def find(self, time_ms):
    later = self.fault == "finds the next"
    for record in self.records:
      if record.ts_ms > time_ms or (record.ts_ms == time_ms and not later):
        return record.first
    return self.head + 1

  async def finish(self):
    self.finished = True


def log_tests(monkeypatch, fault):
  @asynccontextmanager
  async def opened(config, name):
    yield DictEngine(fault)

  kind = LogType(name="bad.dict", summary="s", open=opened)
  monkeypatch.setattr("bond_core.testing._logs.REGISTRY", found(logs=[kind]))
  return type("Tests", (LogConformance,), {"name": "bad.dict", "lasting": False})()


@pytest.mark.parametrize(
  "fault",
  ["no epoch", "doubles", "fills holes", "no limit", "uncut", "disorder", "finds the next", ""],
)
def test_a_log_engine_that_breaks_a_promise_fails(monkeypatch, tmp_path, fault):
  tests = log_tests(monkeypatch, fault)
  names = [name for name in dir(tests) if name.startswith("test_")]
  needs = {name for name in names if "folder" in name or name in vars(LogConformance)}
  failed = [
    name for name in names if fails(getattr(tests, name), *([tmp_path] if name in needs else []))
  ]
  assert bool(failed) is bool(fault), failed


# Sessions -----------------------------------------------------------------------------------------


class Talk(Session):
  """One request, one answer, then numbers. `fault` is the promise that it breaks."""

  name = "the service"

  def __init__(self, fault):
    super().__init__()
    self.fault = fault
    self.last = 0
    self.opened = 0
    self.left = []

  def target(self, now):
    return "there"

  def on_open(self, now):
    self.opened += 1
    if self.opened == 1 or self.fault != "requests once":
      self.requests.append("hello")

  def on_leave(self, member, now):
    self.left.append(member)

  def on_messages(self, messages, now):
    batch = []
    for message in messages:
      if message == b"welcome":
        if self.fault != "never live":
          for member in self.members:
            member.live()
        if self.fault == "requests for ever":
          self.requests.append("hello")
        continue
      try:
        batch.append(trade(sequence=int(message)))
      except ValueError:
        if self.fault == "raises":
          raise
        continue
      if self.fault == "price is text":
        batch[-1].price = "1"
    if self.fault == "declares a loss" and batch:
      batch.append(Gap(exchange="bad", symbol="*", channel="*", ts_event=0, ts_from=0, ts_to=0))
    if self.fault == "one a batch":
      batch = batch[:1]
    for member in [*self.members, *(self.left if self.fault == "gives to who left" else ())]:
      if batch and self.fault != "never live":
        member.give(batch)
    if self.fault == "fails a member":
      for member in self.members:
        member.fail("no")

  def on_close(self, error, now):
    if self.fault == "waits less than nothing":
      return -1.0
    if self.fault == "ends with the first connection":
      for member in self.members:
        member.fail("over")
    return None


class TalkConformance(SessionConformance):
  fault = ""

  def session(self):
    return Talk(self.fault)

  def members(self):
    return [RecordingMember(None)]

  def answers(self, request):
    return [b"welcome"]

  def messages(self):
    return [str(number).encode() for number in range(1, 6)]


class TestTalk(TalkConformance):
  """The one without a fault passes."""


@pytest.mark.parametrize(
  ("fault", "test"),
  [
    ("never live", "test_its_messages_become_events_without_a_gap"),
    ("requests for ever", "test_its_messages_become_events_without_a_gap"),
    ("price is text", "test_its_messages_become_events_without_a_gap"),
    ("declares a loss", "test_its_messages_become_events_without_a_gap"),
    ("fails a member", "test_its_messages_become_events_without_a_gap"),
    ("one a batch", "test_it_does_not_matter_how_messages_are_gathered"),
    ("gives to who left", "test_a_source_that_left_is_given_nothing_more"),
    ("requests once", "test_after_a_cut_it_requests_again_and_goes_on"),
    ("waits less than nothing", "test_after_a_cut_it_requests_again_and_goes_on"),
    ("ends with the first connection", "test_a_connection_that_never_opened_is_tried_again"),
    ("raises", "test_a_message_that_cannot_be_decoded_is_no_fault_of_the_session"),
  ],
)
def test_a_session_that_breaks_a_promise_fails(fault, test):
  suite = TalkConformance()
  suite.fault = fault
  assert fails(getattr(suite, test))
