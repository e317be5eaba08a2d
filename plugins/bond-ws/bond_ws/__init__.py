"""Any websocket for Bond."""

from collections.abc import Iterable

from bond_core import SourceSpec, hookimpl


@hookimpl
def bond_register_sources() -> Iterable[SourceSpec]:
  from bond_ws.sources import SPECS

  return SPECS
