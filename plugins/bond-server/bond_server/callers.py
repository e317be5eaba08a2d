"""The sources of callers' streams: what they bring in stays with these streams."""

import logging

import attrs

from bond_core import BondError, Registry, SourceType, Spec
from bond_core.hosting import Source, SourceManager, SourceReader
from bond_core.logs import MemoryLog

PRIVATE_BYTES = 16 * 1024 * 1024
"""How much of a private source stays in memory, for streams that read along."""


@attrs.frozen
class _Private:
  """A type and configuration of source, and what runs it."""

  type: SourceType
  config: object
  sources: SourceManager


class PrivateSources:
  """Every source of a caller's stream that is no market data has a ring of its own, which nothing
  but such streams reads. Equal ones are one source here too."""

  def __init__(self, market: SourceManager) -> None:
    self._market = market
    self._private: list[_Private] = []

  @property
  def sources(self) -> list[Source]:
    """Everything private that runs."""
    return [source for one in self._private for source in one.sources.sources]

  def of(self, caller: str) -> "CallerSources":
    """What opens the sources of this caller's streams."""
    return CallerSources(self._market, self, caller)

  def open(self, name: str, source_type: SourceType, config: object, caller: str) -> SourceReader:
    """A reader of a private source."""
    for one in self._private:
      if one.type is source_type and one.config == config:
        return one.sources.open(name, source_type, config)
    ring = MemoryLog(name, max_bytes=PRIVATE_BYTES, clock=self._market.clock, stamps=True)
    one = _Private(source_type, config, self._market.beside(ring, caller))
    reader = one.sources.open(name, source_type, config)
    self._private.append(one)
    return reader

  def close(self, reader: SourceReader) -> None:
    """Closes a reader of a private source; the last one ends it. A feed without readers goes on for
    its grace period elsewhere, where others may come for it: here none will."""
    for one in self._private:
      if reader.source in one.sources.sources:
        one.sources.close(reader)
        if not reader.source.readers:
          reader.source.stop()
          one.sources.log.clear()
    self._private = [one for one in self._private if not _ended(one.sources)]

  @property
  def figures(self) -> dict[str, dict[str, float]]:
    """What the operator pays for callers, by plugin: a caller chooses the names of venues."""
    found: dict[str, dict[str, float]] = {}
    for one in self._private:
      for source in one.sources.sources:
        if source.figures:
          found.setdefault(one.type.name.split(".")[0], {}).update(source.figures)
    return found

  async def stop(self) -> None:
    """Ends all of them."""
    for one in self._private:
      await one.sources.stop()


def _ended(sources: SourceManager) -> bool:
  return all(source.ending for source in sources.sources)


class CallerSources:
  """The sources of one caller's streams: market data is that of all, the rest is private."""

  def __init__(self, market: SourceManager, private: PrivateSources, caller: str) -> None:
    self.clock = market.clock
    self._market = market
    self._private = private
    self._caller = caller

  def open(
    self, name: str, source_type: SourceType, config: object, severity: int = logging.ERROR
  ) -> SourceReader:
    """A reader of a source, which is started if it does not run yet."""
    if source_type.market_data:
      return self._market.open(name, source_type, config, severity)
    return self._private.open(name, source_type, config, self._caller)

  def close(self, reader: SourceReader) -> None:
    """Closes a reader."""
    if reader.source in self._market.sources:
      self._market.close(reader)
    else:
      self._private.close(reader)


def check_names(spec: Spec, registry: Registry) -> None:
  """Raises BondError for a source that would put its events under the name of another plugin's
  venue. A type that carries markets of venues on demand is a source of theirs."""
  for key, node in spec.sources.items():
    own = node.type.name.split(".")[0]
    exchange = node.type.exchange_of(node.config)
    if exchange == own or node.type.on_demand is not None:
      continue
    if any(found.name.split(".")[0] == exchange for found in registry.all(SourceType)):
      raise BondError(
        f"sources.{key}: the events of {exchange} come from the plugin {exchange}; give those of "
        f"{node.use} a name of their own"
      )
