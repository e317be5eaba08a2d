"""The forms of an event: what is in the struct is in the bytes, and what cannot be is declared."""

import datetime
import json
from decimal import Decimal

import msgspec
import pytest
from bond_broker.protocol import frames as variants
from bond_broker.protocol.filters import Filter
from bond_broker.protocol.frames import compact, frames_of, full, full_frame, of_stream, raw
from hypothesis import given, strategies as st

from bond_core._events import Custom, Gap, Heartbeat, OrderBook, Post, Trade, Window, decode
from bond_core._ws.frames import text_frame

NAMES = st.sampled_from(["binance", "okx"]) | st.text(max_size=8)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
MAYBE_TEXT = st.none() | st.text(max_size=8)
MAYBE_NUMBER = st.none() | st.integers(0, 2**53)
JSON = st.recursive(
  st.none() | st.booleans() | st.integers(-(2**53), 2**53) | NUMBERS | st.text(max_size=6),
  lambda inner: (
    st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
  ),
  max_leaves=6,
)
COMMON = {
  "exchange": NAMES,
  "symbol": NAMES,
  "ts_event": st.integers(0, 2**45),
  "ts_exchange": MAYBE_NUMBER,
  "market_type": st.sampled_from([None, "spot", "perp"]),
  "seq_internal": MAYBE_NUMBER,
}
LEVELS = st.lists(st.tuples(NUMBERS, NUMBERS), max_size=3)
EVENTS = st.one_of(
  st.builds(Trade, **COMMON, price=NUMBERS, size=NUMBERS, trade_id=MAYBE_TEXT, expiry=MAYBE_TEXT),
  st.builds(OrderBook, **COMMON, bids=LEVELS, asks=LEVELS, is_reset=st.none() | st.booleans()),
  st.builds(
    Post, **COMMON, text=st.text(max_size=8), symbols=st.none() | st.lists(NAMES, max_size=2)
  ),
  st.builds(
    Custom, **COMMON, event_type=NAMES, data=st.dictionaries(st.text(max_size=4), JSON, max_size=3)
  ),
)
WHOLE = Filter(frozenset(["trades"]))


def trade(**fields):
  return Trade(
    exchange="binance",
    symbol="BTC/USDT",
    price=57019.38,
    size=0.1296,
    ts_event=1795440600005,
    ts_exchange=1795440600000,
    market_type="spot",
    seq_internal=391,
    **fields,
  )


# Round trips -----------------------------------------------------------------------------------


@given(EVENTS)
def test_the_full_form_has_every_key_and_is_read_back_as_the_same_event(event):
  message = json.loads(full(event))
  fields = msgspec.structs.fields(event)
  present = [f.encode_name for f in fields if getattr(event, f.name) is not msgspec.UNSET]
  assert list(message) == ["type", *present]
  assert decode(full(event)) == event


@given(EVENTS)
def test_the_compact_form_lacks_the_nulls_only_and_is_read_back_as_the_same_event(event):
  whole = json.loads(full(event))
  short = json.loads(compact(event))
  assert short == {key: value for key, value in whole.items() if value is not None}
  assert list(short) == [key for key in whole if key in short]
  assert decode(compact(event)) == event


@given(EVENTS, JSON.filter(lambda own: own is not None))
def test_the_venues_own_message_follows_and_is_null_in_the_event(event, own):
  event.raw = own
  before = msgspec.structs.astuple(event)
  assert json.loads(full(event))["raw"] is None
  message = json.loads(raw(event))
  assert message.pop("payload") == own
  assert message.pop("type") == "raw"
  assert message == {key: json.loads(full(event))[key] for key in message}
  # All clients share the event: none may see it changed.
  assert msgspec.structs.astuple(event) == before


def test_what_the_venue_sent_is_handed_on_byte_for_byte():
  own = b'{ "p" : 1.50,\t"big":123456789012345678901234567890, "E":null }'
  for shortened in (False, True):
    data = raw(trade(raw=msgspec.Raw(own)), compact=shortened)
    assert data.endswith(b',"payload":' + own + b"}")
    assert (b'"raw":null' in data) != shortened


@pytest.mark.parametrize(
  ("own", "payload"),
  [
    (b'{"p":"1"}', {"p": "1"}),
    (msgspec.Raw(b"not JSON"), "not JSON"),
    (b"", ""),
    (msgspec.Raw(b'{"p":NaN}'), '{"p":NaN}'),
    (msgspec.Raw(b'{"p":1'), '{"p":1'),
    (b"\xff\x00\x01", "/wAB"),
    (msgspec.Raw(b'"\xff"'), "Iv8i"),
    ("text", "text"),
    ({"E": None}, {"E": None}),
  ],
)
def test_a_venues_own_message_of_any_kind_makes_a_message_that_can_be_read(own, payload):
  assert json.loads(raw(trade(raw=own)))["payload"] == payload


def test_a_heartbeat_keeps_its_raw():
  beat = Heartbeat(raw={"status": "ok"}, info={})
  assert json.loads(full(beat))["raw"] == {"status": "ok"}
  assert raw(beat) is None


# Frames ----------------------------------------------------------------------------------------


def test_a_filter_has_the_frames_that_it_selects():
  event = trade(raw={"p": "57019.38"})
  assert frames_of(event, WHOLE) == [full_frame(event)] == [text_frame(full(event))]
  assert frames_of(event, WHOLE._replace(compact=True)) == [text_frame(compact(event))]
  own = text_frame(raw(event))
  assert frames_of(event, WHOLE._replace(raw=True)) == [text_frame(full(event)), own]
  short = text_frame(raw(event, compact=True))
  both = WHOLE._replace(raw=True, compact=True)
  assert frames_of(event, both) == [text_frame(compact(event)), short]


def test_an_event_whose_own_message_was_not_kept_is_one_frame():
  assert frames_of(trade(), WHOLE._replace(raw=True)) == [full_frame(trade())]


# Streams ---------------------------------------------------------------------------------------


def window(**raw_data):
  return Window(
    ts="2026-11-23T13:30:05Z",
    window_start="2026-11-23T13:30:00Z",
    window_end="2026-11-23T13:30:05Z",
    symbol="BTC/USDT",
    seq=7,
    raw_data=raw_data,
  )


def test_a_window_of_a_stream_comes_without_its_type_and_with_the_keys_of_the_contract():
  message = json.loads(of_stream(window(trades=15, sources=["binance", "okx"])))
  keys = (
    "ts window_start window_end symbol price_avg price_open price_high price_low price_close "
    "vwap volume_sum bid_avg ask_avg tweets onchain_count onchain_value_sum custom_count seq "
    "raw_data"
  )
  assert list(message) == keys.split()


def test_every_other_event_of_a_stream_keeps_its_type():
  assert of_stream(trade()) == full(trade())


def test_a_window_that_cannot_be_written_is_a_gap_of_the_stream():
  message = json.loads(of_stream(window(odd=object())))
  assert (message["type"], message["channel"]) == ("gap", "window")
  assert (message["from_seq"], message["to_seq"], message["missed"]) == (7, 7, 1)


# What JSON cannot hold -------------------------------------------------------------------------


class Hostile:
  @property
  def __dict__(self):
    raise OSError("no")


class Broken(msgspec.Struct):
  a: int


def broken():
  value = Broken(1)
  del value.a
  return value


def endless():
  data = {}
  data["again"] = data
  return data


def deep():
  data = []
  for _ in range(100_000):
    data = [data]
  return data


UNWRITABLE = {
  "an object": lambda: object(),
  "half of a surrogate pair": lambda: "\ud800",
  "itself": endless,
  "too deep": deep,
  "a key that is no text": lambda: {(1, 2): 3},
  "a struct without its fields": broken,
  "a function": lambda: print,
  "a complex number": lambda: 1j,
  "an object that raises": Hostile,
}


@pytest.mark.parametrize("make", UNWRITABLE.values(), ids=UNWRITABLE)
def test_an_event_that_json_cannot_hold_is_a_gap(make):
  event = Custom(
    exchange="clock",
    symbol="BTC/USDT",
    market_type="spot",
    ts_event=5,
    seq_internal=9,
    event_type="odd",
    data={"value": make()},
  )
  for data in (
    full(event),
    compact(event),
    *(frame[-len(full(event)) :] for frame in [full_frame(event)]),
  ):
    gap = decode(data)
    assert type(gap) is Gap
    assert (gap.exchange, gap.symbol, gap.market_type, gap.channel) == (
      "clock",
      "BTC/USDT",
      "spot",
      "custom",
    )
    assert (gap.reason, gap.missed, gap.from_seq, gap.to_seq, gap.seq_internal) == (
      "failed",
      1,
      9,
      9,
      9,
    )
    assert gap.cause.startswith("an event could not be written as JSON: ")
    assert len(gap.cause) <= 200


@pytest.mark.parametrize("make", UNWRITABLE.values(), ids=UNWRITABLE)
@pytest.mark.parametrize(
  "field", ["exchange", "symbol", "market_type", "expiry", "ts_event", "seq_internal", "trade_id"]
)
def test_wherever_it_stands_there_is_a_gap_that_can_be_read(field, make):
  event = trade()
  setattr(event, field, make())
  gap = decode(full(event))
  assert type(gap) is Gap
  assert gap.channel == "trades"


@pytest.mark.parametrize("make", UNWRITABLE.values(), ids=UNWRITABLE)
def test_a_venues_own_message_that_json_cannot_hold_is_a_gap_and_the_event_is_there(make):
  event = trade(raw=[make()])
  whole, own = (
    decode(frame[frame.index(b"{") :]) for frame in frames_of(event, WHOLE._replace(raw=True))
  )
  assert type(whole) is Trade
  assert (type(own), own.channel, own.seq_internal) == (Gap, "raw", 391)


@pytest.mark.parametrize(
  "value",
  [
    Decimal("1.5"),
    datetime.datetime(2026, 11, 23),
    b"bytes",
    {1: 2},
    (1, 2),
    {"a"},
    float("nan"),
    2**70,
  ],
  ids=repr,
)
def test_what_json_can_hold_in_some_form_is_written(value):
  event = Custom(exchange="clock", symbol="", event_type="odd", data={"value": value})
  assert json.loads(full(event))["type"] == "custom"
  assert json.loads(compact(event))["type"] == "custom"


def test_each_form_is_made_once_for_all_groups_that_ask_for_an_event(monkeypatch):
  made = []
  for name in ("full", "compact", "raw"):
    form = getattr(variants, name)

    def counted(event, *, name=name, form=form, **more):
      made.append(name)
      return form(event, **more)

    monkeypatch.setattr(variants, name, counted)
  event = trade(raw=msgspec.Raw(b'{"e":"trade"}'))
  filters = [
    WHOLE._replace(depth=depth, compact=small, raw=own)
    for depth in (1, 2, 3)
    for small in (True, False)
    for own in (True, False)
  ]
  # `compact` makes its form from the full one, so each of the four asks for `full` once.
  frames = [frames_of(event, matched) for matched in filters]
  assert sorted(made) == ["compact"] * 2 + ["full"] * 4 + ["raw"] * 2
  assert frames[:4] == frames[4:8] == frames[8:]
  assert [len(some) for some in frames[:4]] == [2, 1, 2, 1]
  assert len({tuple(some) for some in frames[:4]}) == 4


def test_the_frames_of_an_event_are_its_own_and_a_callers_list_is_the_callers():
  first, second = trade(), trade(maker=True)
  for _ in range(2):
    for event in (first, second):
      frames = frames_of(event, WHOLE)
      assert frames == [full_frame(event)]
      frames.clear()
      assert frames_of(event, WHOLE) == [full_frame(event)]


def test_events_that_are_equal_and_written_differently_keep_their_own_frames():
  for amount in (1, 1.0, True):
    event = Custom(exchange="x", symbol="", event_type="e", data={"amount": amount})
    assert frames_of(event, WHOLE) == [full_frame(event)]
