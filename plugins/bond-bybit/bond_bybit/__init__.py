"""Bybit spot, perpetuals and dated contracts for Bond."""

from collections.abc import Iterable

from bond_core import SourceSpec, hookimpl


@hookimpl
def bond_register_sources() -> Iterable[SourceSpec]:
  from bond_bybit.sources import SPECS

  return SPECS
