"""Posts of X (Twitter) for Bond."""

from collections.abc import Iterable

from bond_core import SourceSpec, hookimpl


@hookimpl
def bond_register_sources() -> Iterable[SourceSpec]:
  from bond_x.sources import SPECS

  return SPECS
