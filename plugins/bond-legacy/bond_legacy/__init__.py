"""The short form of specs, and connectors with connect, subscribe, iterate and shutdown as
sources."""

from collections.abc import Iterable

from bond_core import ParserType, hookimpl
from bond_legacy.connector import Connector, connector_source

__all__ = ["Connector", "connector_source"]


@hookimpl
def bond_register_parsers() -> Iterable[ParserType]:
  """The parser of the short form."""
  from bond_legacy.short_form import rewrite

  yield ParserType(
    name="legacy.short",
    summary="The short form of a spec: a list of sources by type.",
    rewrite=rewrite,
  )
