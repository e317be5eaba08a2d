import time
import tomllib
from pathlib import Path

import pytest
import trio
from bond_sim import bond_register_simulators
from bond_sim.binance.config import BinanceConfig
from bond_simkit import VENUE_FAULTS, SimulatorError, VenueClock

from bond_core import SimulatorType

PACKAGE = Path(__file__).parents[1]
SIMULATORS = {simulator.name: simulator for simulator in bond_register_simulators()}


def test_the_package_offers_a_simulated_binance():
  simulator = SIMULATORS["binance"]
  assert isinstance(simulator, SimulatorType)
  assert simulator.config().port == 9001
  assert simulator.faults == VENUE_FAULTS.summaries
  assert "half-open" in dict(simulator.faults)


def test_every_simulator_is_an_entry_point_with_a_port_and_faults_of_its_own():
  project = tomllib.loads((PACKAGE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
  assert SIMULATORS.keys() == project["entry-points"]["bond.simulators"].keys()
  assert len({simulator.config().port for simulator in SIMULATORS.values()}) == len(SIMULATORS)
  for name, simulator in SIMULATORS.items():
    kind, _ = simulator.faults[0]
    assert simulator.config(faults=[kind]).faults == [kind], name
    with pytest.raises(SimulatorError, match="is not a fault"):
      simulator.config(faults=["explode"])


@pytest.mark.parametrize("ahead", [0.0, 120.0, -32_400.0])
def test_a_venues_clock_can_be_wrong(ahead):
  async def read():
    return VenueClock(ahead=ahead).now_ms()

  off = trio.run(read) - time.time_ns() // 1_000_000
  assert abs(off - ahead * 1000) < 60_000


def test_speed_0_is_for_recordings():
  with pytest.raises(SimulatorError, match="together with a recording"):
    BinanceConfig(speed=0)
  assert BinanceConfig(speed=0, capture=("a.gz",)).capture == ["a.gz"]
