"""Hyperliquid perpetuals, spot and builder dexes for Bond."""

from collections.abc import Iterable

from bond_core import SourceType, hookimpl


@hookimpl
def bond_register_sources() -> Iterable[SourceType]:
  from bond_hyperliquid.sources import SOURCES

  return SOURCES
