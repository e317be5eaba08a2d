from bond_sim import bond_register_simulators
from bond_sim.faults import KINDS

from bond_core import SimulatorType


def test_the_package_offers_a_simulated_binance():
  spec = next(spec for spec in bond_register_simulators() if spec.name == "binance")
  assert isinstance(spec, SimulatorType)
  assert spec.config().port == 9001
  assert dict(spec.faults) == {name: kind.summary for name, kind in KINDS.items()}
