"""Coinbase's Advanced Trade market data for Bond."""

from collections.abc import Iterable

from bond_core import SourceType, hookimpl


@hookimpl
def bond_register_sources() -> Iterable[SourceType]:
  from bond_coinbase.sources import SOURCES

  return SOURCES
