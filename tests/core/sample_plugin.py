"""A third party's plugin, with what specs can meet and no plugin of Bond has."""

from contextlib import asynccontextmanager

import attrs

from bond_core import Custom, Registry, SinkType, SourceType, Window, hookimpl


def look_up(instance, attribute, value):
  """A validator that raises what it should not."""
  {"": True, "known": True}[value]


@attrs.frozen
class Rare:
  """Types that no other configuration has, a key with another name than its field, and a validator
  with a fault."""

  lowest: int = attrs.field(default=0, alias="least", validator=attrs.validators.ge(0))
  factor: float = 1.0
  ports: list[int] = attrs.field(factory=list)
  labels: tuple[str, ...] = ()
  word: str = attrs.field(default="", validator=look_up)


@attrs.frozen
class Odd:
  """A type that no spec can write."""

  values: set[str] = attrs.field(factory=set)


async def run(config, out, ctx):
  await out.send([])


@asynccontextmanager
async def sink(config, ctx):
  yield None


class SamplePlugin:
  @hookimpl
  def bond_register_sources(self):
    for name, config in (("sample.rare", Rare), ("sample.odd", Odd)):
      yield SourceType(name=name, summary=name, config=config, emits=(Custom,), run=run)

  @hookimpl
  def bond_register_sinks(self):
    yield SinkType(name="sample.chart", summary="Windows.", accepts=(Window,), make=sink)


def with_sample():
  """The installed plugins, and that of the tests."""
  registry = Registry()
  registry.add("sample", SamplePlugin(), package="bond-sample")
  return registry
