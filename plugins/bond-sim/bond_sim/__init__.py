"""Simulated venues for Bond: real servers that speak the venues' own protocols."""

from collections.abc import Iterable

from bond_core import SimulatorType, hookimpl


@hookimpl
def bond_register_simulators() -> Iterable[SimulatorType]:
  from bond_sim.simulators import SIMULATORS

  return SIMULATORS
