"""How faults are written, for venues with topics and for others."""

import attrs
import pytest
from bond_simkit import (
  VENUE_FAULTS,
  FaultKind,
  FaultNotation,
  SimulatorError,
  faults_field,
  speed_field,
)
from hypothesis import given, strategies as st

OTHER = FaultNotation(
  {
    "drop": FaultKind("ends all connections"),
    "fork": FaultKind("replaces ARG blocks", "blocks", 1, most=3),
    "busy": FaultKind("refuses requests for ARG", "seconds", 5.0),
  },
  examples="drop@5s or fork:3",
  venue="a chain",
)


@attrs.frozen
class Config:
  faults: list[str] = faults_field()
  others: list[str] = faults_field(OTHER)
  speed: float = speed_field(100)


@pytest.mark.parametrize(
  ("written", "kind", "amount", "text", "seconds", "frames"),
  [
    ("drop", "drop", None, "", None, None),
    ("drop@5s", "drop", None, "", 5.0, None),
    ("rst@200f", "rst", None, "", None, 200),
    ("silence:10s@3s", "silence", 10.0, "", 3.0, None),
    ("gap:5@100f", "gap", 5, "", None, 100),
    ("gap:5/depth@100f", "gap", 5, "depth", None, 100),
    ("gap:2/btcusdt@depth@100ms@7f", "gap", 2, "btcusdt@depth@100ms", None, 7),
    ("429:2s@0s", "429", 2.0, "", 0.0, None),
    ("slow:250ms", "slow", 0.25, "", None, None),
    ("close-24h", "close-24h", 1.0, "", None, None),
    ("half-open/trade@1m", "half-open", None, "trade", 60.0, None),
    ("5xx:1.5s", "5xx", 1.5, "", None, None),
    ("corrupt", "corrupt", 1, "", None, None),
  ],
)
def test_a_fault_is_read(written, kind, amount, text, seconds, frames):
  fault = VENUE_FAULTS.parse(written)
  assert (fault.kind, fault.amount, fault.text) == (kind, amount, text)
  assert (fault.after_seconds, fault.after_frames) == (seconds, frames)


@pytest.mark.parametrize(
  ("written", "message"),
  [
    ("dorp", "is one of drop, rst, close-24h"),
    ("", "is not a fault"),
    ("drop@soon", "is not a fault"),
    ("drop:3", "this kind takes no argument"),
    ("gap:many", "a number of frames such as 5"),
    ("gap:0", "a number of frames such as 5"),
    ("silence:", "a duration such as 500ms"),
    ("silence:5h", "a duration such as 500ms"),
    ("drop@1.2.3s", "is not a fault"),
  ],
)
def test_a_wrong_fault_is_one_clear_sentence(written, message):
  with pytest.raises(SimulatorError, match=message) as raised:
    VENUE_FAULTS.parse(written)
  assert "\n" not in str(raised.value)
  with pytest.raises(SimulatorError):
    Config(faults=[written])


@given(st.text(max_size=30))
def test_any_other_text_is_refused_in_a_sentence(written):
  try:
    assert VENUE_FAULTS.parse(written).kind in VENUE_FAULTS.kinds
  except SimulatorError:
    pass


@pytest.mark.parametrize(
  ("written", "kind", "amount", "seconds"),
  [
    ("drop", "drop", None, None),
    ("drop@1.5s", "drop", None, 1.5),
    ("fork", "fork", 1, None),
    ("fork:3@500ms", "fork", 3, 0.5),
    ("busy:2m", "busy", 120.0, None),
    ("busy:30", "busy", 30.0, None),
  ],
)
def test_a_venue_has_kinds_of_its_own(written, kind, amount, seconds):
  fault = OTHER.parse(written)
  assert (fault.kind, fault.amount, fault.after_seconds) == (kind, amount, seconds)
  assert (fault.count, fault.seconds) == (int(amount or 0), amount or 0.0)


@pytest.mark.parametrize(
  ("written", "message"),
  [
    ("rst", "is not a fault of a chain; write KIND.:ARG..@WHEN., such as drop@5s or fork:3"),
    ("drop/blocks", "is not a fault of a chain"),
    ("drop@200f", "is not a fault of a chain"),
    ("fork:4", "a number of blocks such as 1, at most 3, not '4'"),
    ("fork:1s", "a number of blocks"),
    ("busy:often", "a duration such as 500ms, 10s or 2m, not 'often'"),
    ("drop:3", "is not a fault of a chain: this kind takes no argument"),
  ],
)
def test_what_a_venue_does_not_have_is_one_clear_sentence(written, message):
  with pytest.raises(SimulatorError, match=message):
    OTHER.parse(written)
  with pytest.raises(SimulatorError):
    Config(others=[written])


def test_faults_and_speed_of_a_configuration_are_checked():
  config = Config(faults=("drop@5s",), others=["fork"], speed=100)
  assert (config.faults, config.others) == (["drop@5s"], ["fork"])
  for speed in (0, -1, 100.1):
    with pytest.raises(SimulatorError, match="more than 0 and at most 100"):
      Config(speed=speed)


def test_summaries_are_those_of_the_kinds():
  assert OTHER.summaries[1] == ("fork", "replaces ARG blocks")
