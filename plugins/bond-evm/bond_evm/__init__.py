"""What happens on EVM chains, for Bond."""

from collections.abc import Iterable

from bond_core import SourceSpec, hookimpl


@hookimpl
def bond_register_sources() -> Iterable[SourceSpec]:
  from bond_evm.sources import SPECS

  return SPECS
