"""Any venue of ccxt for Bond."""

from collections.abc import Iterable

from bond_core import SourceSpec, hookimpl


@hookimpl
def bond_register_sources() -> Iterable[SourceSpec]:
  from bond_ccxt.sources import SPECS

  return SPECS
