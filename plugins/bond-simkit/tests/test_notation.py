import pytest
from bond_sim.binance.config import BinanceConfig
from bond_sim.errors import SimulatorError
from bond_sim.faults import KINDS, parse_fault
from bond_sim.withheld import Withheld
from hypothesis import given, strategies as st


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
  fault = parse_fault(written)
  assert (fault.kind, fault.amount, fault.text) == (kind, amount, text)
  assert (fault.after_seconds, fault.after_frames) == (seconds, frames)


@pytest.mark.parametrize(
  ("written", "said"),
  [
    ("dorp", "is one of drop, rst, close-24h"),
    ("", "is not a fault"),
    ("drop@soon", "is not a fault"),
    ("drop:3", "this kind takes no argument"),
    ("gap:many", "a number of frames such as 5"),
    ("gap:0", "a number of frames such as 5"),
    ("silence:", "a duration such as 500ms"),
    ("silence:5h", "a duration such as 500ms"),
  ],
)
def test_a_wrong_fault_is_one_clear_sentence(written, said):
  with pytest.raises(SimulatorError, match=said) as raised:
    parse_fault(written)
  assert "\n" not in str(raised.value)
  with pytest.raises(SimulatorError):
    BinanceConfig(faults=[written])


@given(st.text(max_size=30))
def test_any_other_text_is_refused_in_a_sentence(written):
  try:
    assert parse_fault(written).kind in KINDS
  except SimulatorError:
    pass


def test_speed_0_is_for_recordings():
  with pytest.raises(SimulatorError, match="together with a recording"):
    BinanceConfig(speed=0)
  assert BinanceConfig(speed=0, capture=("a.gz",)).capture == ["a.gz"]


def test_withheld_numbers_are_joined_to_ranges():
  withheld = Withheld()
  for number in (1, 2, 3, 7, 8, 20):
    withheld.add("trade", (number, number))
  withheld.add("kline", None)
  assert withheld.report() == {
    "trade": {"frames": 6, "ids": [[1, 3], [7, 8], [20, 20]]},
    "kline": {"frames": 1, "ids": []},
  }
