"""Simulated venues for Bond: real servers that speak the venues' own protocols."""

from collections.abc import Iterable

from bond_core import SimulatorSpec, hookimpl


@hookimpl
def bond_register_simulators() -> Iterable[SimulatorSpec]:
  from bond_sim.binance.config import BinanceConfig, serve_binance
  from bond_sim.faults import KINDS

  yield SimulatorSpec(
    name="binance",
    summary="Binance spot and USD-M futures: a generated market, or recordings played again.",
    config=BinanceConfig,
    serve=serve_binance,
    faults=tuple((name, kind.summary) for name, kind in KINDS.items()),
  )
