"""A plugin of the tests: components whose configurations have every form that a spec can take. None
of them runs."""

from contextlib import asynccontextmanager
from typing import Literal

import attrs

from bond_core import (
  Custom,
  Duration,
  Post,
  Registry,
  Secret,
  SinkType,
  SourceType,
  Ticker,
  Trade,
  Window,
  hookimpl,
)


@attrs.frozen
class Posts:
  query: str = ""
  symbols: tuple[str, ...] = ()
  bearer: Secret = Secret("SAMPLE_BEARER")
  every: Duration = attrs.field(default=Duration(5), validator=attrs.validators.gt(0))
  factor: float = 1.0
  most: int = attrs.field(default=100, validator=[attrs.validators.ge(1), attrs.validators.le(500)])


@attrs.frozen
class Mapping:
  event: Literal["trade", "ticker", "custom"]
  fields: dict[str, str]


@attrs.frozen
class Socket:
  url: str
  mapping: Mapping | None = None
  headers: dict[str, str | Secret] = attrs.field(factory=dict)
  ports: list[int] = attrs.field(factory=list)


@attrs.frozen
class Range:
  lowest: int = attrs.field(alias="least", validator=attrs.validators.ge(0))


@attrs.frozen
class Span:
  first: Duration
  last: Duration

  def __attrs_post_init__(self):
    if self.first > self.last:
      raise ValueError(f"first ({self.first}) is later than last ({self.last})")


@attrs.frozen
class Odd:
  values: set[str] = attrs.field(factory=set)


@attrs.frozen
class Chart:
  colour: bool = True


async def run(config, out, ctx):
  await out.send([])


@asynccontextmanager
async def sink(config, ctx):
  yield None


def source(name, config, *emits):
  return SourceType(name=name, summary=name, config=config, emits=emits, run=run)


SOURCES = [
  source("sample.posts", Posts, Post),
  source("sample.socket", Socket, Trade, Ticker, Custom),
  source("sample.windows", Posts, Window),
  source("sample.range", Range, Custom),
  source("sample.span", Span, Custom),
  source("sample.odd", Odd, Custom),
]


class SamplePlugin:
  @hookimpl
  def bond_register_sources(self):
    return SOURCES

  @hookimpl
  def bond_register_sinks(self):
    return [
      SinkType(name="sample.chart", summary="windows", config=Chart, accepts=(Window,), make=sink)
    ]


def with_sample():
  """The installed plugins, and that of the tests."""
  registry = Registry()
  registry.add("sample", SamplePlugin(), package="bond-sample")
  return registry
