"""core.filter, core.project, core.map, core.dedupe and core.sample, and what all have in common."""

import msgspec
import pytest
import yaml
from bond_builtin import transforms
from bond_builtin.transforms import dedupe, filter as filter_, map as map_, project, sample
from transform_play import HandClock, Live, context, replay, trade

from bond_core._clock import SystemClock
from bond_core._errors import Refused
from bond_core._events import (
  Candle,
  ChainEvent,
  Custom,
  Gap,
  Heartbeat,
  OrderBook,
  Post,
  Ticker,
  Window,
  encode,
)
from bond_core._spec.structure import structure
from bond_core._spec.values import Duration

T = 1_700_000_000_000
GAP = Gap(exchange="binance", symbol="*", channel="*", ts_event=T)
BEAT = Heartbeat(raw={}, info={}, ts_event=T)
WINDOW = Window(
  ts="2023-11-14T22:13:25Z",
  window_start="2023-11-14T22:13:20Z",
  window_end="2023-11-14T22:13:25Z",
  symbol="BTC/USDT",
  price_avg=5.0,
  raw_data={},
)


def post(**given):
  return Post(exchange="x", symbol="BTC", ts_event=T, text="up only", **given)


def made(spec, config):
  return spec.make(config, context(HandClock(T)))


TYPES = transforms.types()


@pytest.mark.parametrize("spec", TYPES, ids=lambda found: found.name)
def test_every_example_is_a_valid_setting(spec):
  config, faults = structure(yaml.safe_load(spec.example), spec.config)
  assert list(faults) == []
  if spec.name != "core.map":
    assert callable(spec.make(config, context(SystemClock())))


@pytest.mark.parametrize("spec", TYPES, ids=lambda found: found.name)
def test_gaps_and_heartbeats_pass_every_transform_and_no_event_is_changed(spec):
  data = yaml.safe_load(spec.example)
  if spec.name == "core.map":
    data = {"function": "copy:copy"}
  config, _ = structure(data, spec.config)
  events = [trade(T, 1e9, side="buy", trade_id="1"), GAP, trade(T + 1, 2e9), BEAT, post()]
  before = [encode(event) for event in events]
  out = replay(spec, config, [events])
  passed = [event for event in out if isinstance(event, Gap | Heartbeat)]
  # A merge holds a gap back to its place in time, which a heartbeat does not have.
  assert passed == ([BEAT, GAP] if spec.name == "core.merge" else [GAP, BEAT])
  assert [encode(event) for event in events] == before


# core.filter -------------------------------------------------------------------------------------


def test_a_filter_keeps_what_matches():
  big = trade(T, 60_000.0, 2.0)
  keep = made(filter_.TYPE, filter_.Filter(where="price * size > 100000"))
  assert keep([trade(T, 60_000.0, 1.0), GAP, big, post(), BEAT, WINDOW]) == [GAP, big, BEAT]


def test_a_filter_reads_windows_too():
  keep = made(filter_.TYPE, filter_.Filter(where="price_avg > 4"))
  assert keep([trade(T), WINDOW]) == [WINDOW]


def test_a_wrong_condition_is_refused_where_it_is_written():
  with pytest.raises(ValueError, match="there is no field 'prise'; did you mean 'price'"):
    filter_.Filter(where="prise > 5")


# core.project ------------------------------------------------------------------------------------


def test_a_projection_computes_fields_and_keeps_who_and_when():
  transform = made(
    project.TYPE,
    project.Project(fields={"notional": "price * size", "side": "side"}, name="deal"),
  )
  event = trade(T + 5, 10.0, 3.0, arrived=T + 9, side="sell", ts_internal=7, seq_internal=8)
  assert transform([event, GAP, post()]) == [
    Custom(
      exchange="binance",
      symbol="BTC/USDT",
      market_type="spot",
      ts_event=T + 9,
      ts_exchange=T + 5,
      ts_internal=7,
      seq_internal=8,
      event_type="deal",
      data={"notional": 30.0, "side": "sell"},
    ),
    GAP,
  ]


def test_a_projection_is_null_where_there_is_no_value():
  fields = {"spread": "ask - bid", "ratio": "bid / ask", "price": "price"}
  transform = made(project.TYPE, project.Project(fields=fields))
  ticker = Ticker(exchange="okx", symbol="BTC/USDT", ts_event=T)
  rows = [
    event.data
    for event in transform(
      [ticker, msgspec.structs.replace(ticker, bid=1.0, ask=0.0), trade(T, 4.0), post()]
    )
  ]
  assert rows == [
    {"spread": None, "ratio": None, "price": None},
    {"spread": -1.0, "ratio": None, "price": None},
    {"spread": None, "ratio": None, "price": 4.0},
  ]
  assert transform.errors == 1


def test_a_projection_of_a_window_is_dated_at_its_end():
  (event,) = made(project.TYPE, project.Project(fields={"half": "price_avg / 2"}))([WINDOW])
  assert (event.symbol, event.ts_event, event.data) == ("BTC/USDT", T + 5_000, {"half": 2.5})


@pytest.mark.parametrize(
  ("fields", "sentence"),
  [
    ({}, "give 1 to 50 fields"),
    ({"a b": "price"}, "'a b' is not a field name"),
    ({"a": "prize"}, "did you mean 'price'"),
  ],
)
def test_a_wrong_projection_is_refused(fields, sentence):
  with pytest.raises(ValueError, match=sentence):
    project.Project(fields=fields)


# core.map ----------------------------------------------------------------------------------------

RULES = """
from dataclasses import dataclass
import msgspec
NUMBER = 5
def double(event):
  return msgspec.structs.replace(event, size=event.size * 2)
def nothing(event): return None
def twice(event): return [event, event]
def text(event): return "hello"
def texts(event): return [event, "hello"]
def fails(event): raise KeyError("x")
async def later(event): return event
class Rules:
  @staticmethod
  def same(event): return event
"""


@pytest.fixture
def rules(tmp_path, monkeypatch):
  (tmp_path / "bond_test_rules.py").write_text(RULES)
  (tmp_path / "bond_test_broken.py").write_text("import bond_test_absent\n")
  (tmp_path / "bond_test_raises.py").write_text("1 / 0\n")
  monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.usefixtures("rules")
def test_a_map_calls_the_function_for_each_event():
  event = trade(T, size=1.0)
  double = made(map_.TYPE, map_.Map(function="bond_test_rules:double"))
  assert [e if e is GAP else e.size for e in double([event, GAP])] == [2.0, GAP]
  assert event.size == 1.0
  assert made(map_.TYPE, map_.Map(function="bond_test_rules:nothing"))([event, BEAT]) == [BEAT]
  assert made(map_.TYPE, map_.Map(function="bond_test_rules:twice"))([event]) == [event, event]
  assert made(map_.TYPE, map_.Map(function="bond_test_rules:Rules.same"))([event]) == [event]


@pytest.mark.usefixtures("rules")
@pytest.mark.parametrize(
  ("name", "sentence"),
  [
    ("bond_test_rules:gone", "bond_test_rules has no 'gone'"),
    ("bond_test_rules:NUMBER", "is a int and not a function"),
    ("bond_test_rules:later", "is async; a transform is a plain function"),
    ("bond_test_gone:f", "there is no module 'bond_test_gone'"),
    ("bond_test_rules.inner:f", "there is no module 'bond_test_rules.inner'"),
    ("bond_test_broken:f", "bond_test_broken needs 'bond_test_absent', which is not installed"),
    ("bond_test_raises:f", "importing bond_test_raises raised ZeroDivisionError"),
  ],
)
def test_a_function_that_cannot_be_had_is_refused_with_the_reason(name, sentence):
  with pytest.raises(Refused, match=sentence):
    made(map_.TYPE, map_.Map(function=name))


@pytest.mark.parametrize("name", ["", "os", "os:", ":f", "a b:c", "os:f()", "..os:f"])
def test_what_is_no_reference_is_refused(name):
  with pytest.raises(ValueError, match=r"write package\.module:function"):
    map_.Map(function=name)


@pytest.mark.usefixtures("rules")
@pytest.mark.parametrize(
  ("name", "error", "sentence"),
  [
    ("text", TypeError, "gave a str"),
    ("texts", TypeError, "a list that holds a str"),
    ("fails", KeyError, "x"),
  ],
)
def test_a_function_that_gives_no_event_or_raises_is_named(name, error, sentence):
  transform = made(map_.TYPE, map_.Map(function=f"bond_test_rules:{name}"))
  with pytest.raises(error, match=sentence):
    transform([trade(T)])


# core.dedupe -------------------------------------------------------------------------------------


def candle(**given):
  settings = {"interval": "1m", "start": T, "closed": True, "exchange": "binance", **given}
  return Candle(
    symbol="BTC/USDT", end=T + 60_000, open=1, high=1, low=1, close=1, volume=1, **settings
  )


def chain(kind="tx", **meta):
  return ChainEvent(exchange="sol", symbol="SOL", chain="sol", kind=kind, meta=meta)


@pytest.mark.parametrize(
  ("first", "second", "same"),
  [
    (trade(T, trade_id="1"), trade(T + 9, 7.0, trade_id="1"), True),
    (trade(T, trade_id="1"), trade(T, trade_id="2"), False),
    (trade(T), trade(T), False),
    (trade(T, trade_id="1"), trade(T, trade_id="1", exchange="okx"), False),
    (trade(T, trade_id="1"), trade(T, trade_id="1", market_type="perp"), False),
    (trade(T, trade_id="1"), trade(T, trade_id="1", symbol="ETH/USDT"), False),
    (trade(T, trade_id="1"), trade(T, trade_id="1", expiry="261225"), False),
    (trade(T, trade_id="1"), trade(T, trade_id="1", agg_trade_id="1"), False),
    (trade(T, agg_trade_id="1"), trade(T, agg_trade_id="1"), True),
    (post(tweet_id="1"), post(tweet_id="1"), True),
    (post(), post(), False),
    (candle(), candle(), True),
    (candle(), candle(start=T + 60_000), False),
    (candle(), candle(interval="5m"), False),
    (candle(closed=False), candle(closed=False), False),
    (candle(closed=False), candle(), False),
    (chain(signature="s"), chain(signature="s"), True),
    (chain(signature="s"), chain(signature="t"), False),
    (chain("transfer", signature="s"), chain("transfer", signature="s"), False),
    (chain("transfer", signature="s", index=0), chain("transfer", signature="s", index=1), False),
    (chain("transfer", signature="s", index=0), chain("transfer", signature="s", index=0), True),
    (chain(), chain(), False),
    (GAP, GAP, False),
    (WINDOW, WINDOW, False),
  ],
)
def test_only_the_venues_own_identity_makes_two_events_one(first, second, same):
  transform = made(dedupe.TYPE, dedupe.Dedupe())
  assert transform([first]) + transform([second]) == ([first] if same else [first, second])
  assert transform.dropped == same


def test_what_was_revoked_may_come_and_be_revoked_again():
  transform = made(dedupe.TYPE, dedupe.Dedupe())
  place = {"txid": "t", "log_index": 3, "block": "a"}
  confirmed, other = chain("transfer", **place), chain("transfer", **{**place, "block": "b"})
  back = chain("transfer", **place, status="removed")
  assert back.removed
  assert not confirmed.removed
  assert transform([confirmed, confirmed, other, back, back, confirmed, confirmed, back]) == [
    confirmed,
    other,
    back,
    confirmed,
    back,
  ]
  assert transform.dropped == 3


def test_what_is_remembered_is_bounded_in_number_and_in_time():
  live = Live(dedupe.TYPE, dedupe.Dedupe(keep=3, age=Duration(60)), HandClock(T))
  live.push(*(trade(T, trade_id=str(n)) for n in (1, 2, 3, 4, 4, 2)))
  assert [event.trade_id for event in live.take()] == ["1", "2", "3", "4"]
  live.push(trade(T, trade_id="1"))
  assert len(live.take()) == 1
  live.clock.advance(60_001)
  live.push(trade(live.clock.wall, trade_id="1"))
  assert len(live.take()) == 1
  assert len(live.transform._seen) == 1


# core.sample -------------------------------------------------------------------------------------


def quote(at, bid, **given):
  settings = {"exchange": "binance", "symbol": "BTC/USDT", "ts_event": at, **given}
  return Ticker(bid=bid, **settings)


def test_a_sample_gives_the_latest_of_each_stream_at_ticks_of_the_epoch():
  live = Live(sample.TYPE, sample.Sample(every=Duration(1)), HandClock(T + 300))
  live.push(quote(T + 300, 1.0), quote(T + 300, 2.0, symbol="ETH/USDT"), GAP)
  assert live.take() == [GAP]
  live.run(400)
  live.push(quote(T + 700, 3.0), trade(T + 700), candle(), candle(interval="5m"))
  assert live.take() == []
  live.run(299)
  assert live.take() == []
  live.run(1)
  assert [getattr(event, "bid", None) for event in live.take()] == [2.0, 3.0, None, None, None]
  assert live.transform.conflated == 1
  live.run(10_000)
  assert live.take() == []
  assert live.timers == 1


def test_a_sample_with_repeat_tells_quiet_streams_again():
  live = Live(sample.TYPE, sample.Sample(every=Duration(1), repeat=True), HandClock(T))
  live.push(quote(T, 1.0), quote(T, 2.0, symbol="ETH/USDT"))
  live.run(1_000)
  live.push(quote(T + 1_000, 5.0))
  live.run(2_000)
  assert [event.bid for event in live.take()] == [1.0, 2.0, 2.0, 5.0, 2.0, 5.0]


def test_the_links_of_a_book_are_never_left_out():
  def book(kind, **given):
    return OrderBook(
      exchange="binance", symbol="BTC/USDT", ts_event=T, bids=[], asks=[], update_type=kind, **given
    )

  live = Live(sample.TYPE, sample.Sample(every=Duration(1)), HandClock(T))
  view = book("snapshot", sequence=9)
  links = [book("snapshot", is_reset=True), book("delta", sequence=1), book("delta", sequence=2)]
  live.push(*links, view)
  assert live.take() == links
  live.run(1_000)
  assert live.take() == [view]


def test_a_sampled_recording_is_the_same_whatever_the_batches():
  events = [quote(T + 130 * n, float(n)) for n in range(100)]
  config = sample.Sample(every=Duration(0.5))
  outputs = [
    replay(sample.TYPE, config, [events[i : i + n] for i in range(0, 100, n)]) for n in (1, 7, 100)
  ]
  assert outputs[0] == outputs[1] == outputs[2]
  ticks = [event.ts_event // 500 for event in outputs[0]]
  assert ticks == sorted(set(ticks))
  assert outputs[0][-1] is events[-1]


@pytest.mark.parametrize("leap", [3_600_000, -3_600_000])
def test_a_leap_of_the_wall_clock_neither_stops_nor_repeats_samples(leap):
  live = Live(sample.TYPE, sample.Sample(every=Duration(1)), HandClock(T))
  for step in range(100):
    if step == 50:
      live.clock.leap(leap)
    live.push(quote(live.clock.wall, float(step), ts_internal=live.clock.mono * 10**6))
    live.run(100)
  assert [event.bid for event in live.take()] == [float(n) for n in range(9, 100, 10)]
  assert live.timers <= 20


def test_a_year_of_pause_in_a_recording_passes_in_no_time():
  config = sample.Sample(every=Duration(1), repeat=True)
  out = replay(sample.TYPE, config, [[quote(T, 1.0)], [quote(T + 366 * 86_400_000, 2.0)]])
  assert len(out) <= sample.MAX_REPEATS + 3
