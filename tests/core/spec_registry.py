"""Components for tests of specs: the core's and some venues' as a spec sees them, none of which
runs. So that the expected messages depend on no plugin."""

from contextlib import asynccontextmanager
from typing import Literal

import attrs

from bond_core import (
  ChainEvent,
  Custom,
  Gap,
  LogSpec,
  OrderBook,
  PluginError,
  Post,
  Secret,
  SinkSpec,
  Size,
  SourceSpec,
  Ticker,
  Trade,
  TransformSpec,
  Window,
)
from bond_core.spec import Duration
from bond_core.spec.suggest import did_you_mean

positive = attrs.validators.gt(0)


@attrs.frozen
class Symbols:
  symbols: list[str] = attrs.field(validator=attrs.validators.min_len(1))
  endpoint: str | None = None


@attrs.frozen
class Ccxt:
  exchange: str
  symbols: list[str]
  mode: Literal["stream", "poll"] = "stream"
  every: Duration = attrs.field(default=Duration(5), validator=positive)
  api_key: Secret | None = None


@attrs.frozen
class Posts:
  query: str = ""
  symbols: tuple[str, ...] = ()
  bearer: Secret = Secret("X_BEARER")
  most: int = attrs.field(default=100, validator=[attrs.validators.ge(1), attrs.validators.le(500)])


@attrs.frozen
class Chain:
  event_types: list[Literal["tx", "transfer", "block"]] = attrs.field(factory=list)
  endpoint: str | None = None


@attrs.frozen
class EvmChain(Chain):
  chain: str = "ethereum"


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
class Recording:
  path: str | list[str]
  speed: float = 0.0


@attrs.frozen
class Where:
  where: str = attrs.field()

  @where.validator
  def _check(self, _, value):
    if "__" in value:
      raise ValueError("names that begin with _ are not part of an expression")


@attrs.frozen
class Windows:
  every: Duration = attrs.field(validator=positive)
  late: Duration = Duration(0)
  symbols: list[str] | None = None

  def __attrs_post_init__(self):
    if self.late > self.every:
      raise ValueError(f"late ({self.late}) is longer than every ({self.every})")


@attrs.frozen
class Code:
  function: str


@attrs.frozen
class Screen:
  format: Literal["auto", "json"] = "auto"
  colour: bool = True


@attrs.frozen
class Lines:
  path: str
  rotate_size: Size = Size(256 * 1024 * 1024)


@attrs.frozen
class Ring:
  keep: Duration = Duration(60)
  size: Size = Size(64 * 1024 * 1024)


@attrs.frozen
class Odd:
  values: set[str] = attrs.field(factory=set)


async def run(config, out, ctx):
  await out.send([])


def transform(config, ctx):
  return lambda batch: batch


@asynccontextmanager
async def sink(config, ctx):
  yield None


def source(name, config, *emits):
  return SourceSpec(name=name, summary=name, config=config, emits=emits, run=run)


SOURCES = [
  source("core.jsonl", Recording, Trade, Ticker, Post, Custom),
  source("binance.trades", Symbols, Trade),
  source("binance.orderbook", Symbols, OrderBook, Gap),
  source("ccxt.trades", Ccxt, Trade),
  source("ccxt.ticker", Ccxt, Ticker),
  source("x.posts", Posts, Post),
  source("onchain.solana", Chain, ChainEvent),
  source("onchain.bitcoin", Chain, ChainEvent),
  source("onchain.evm", EvmChain, ChainEvent),
  source("ws.json", Socket, Custom),
  source("odd.source", Odd, Custom),
]
TRANSFORMS = [
  TransformSpec(name="core.filter", summary="", config=Where, make=transform),
  TransformSpec(name="core.map", summary="", config=Code, make=transform, trusted=True),
  TransformSpec(
    name="core.window",
    summary="",
    config=Windows,
    accepts=(Trade, Ticker, Post, ChainEvent, Custom),
    emits=(Window,),
    make=transform,
  ),
]
SINKS = [
  SinkSpec(name="core.print", summary="", config=Screen, make=sink),
  SinkSpec(name="core.jsonl", summary="", config=Lines, make=sink),
  SinkSpec(name="chart.windows", summary="", config=Screen, accepts=(Window,), make=sink),
]
LOGS = [
  LogSpec(
    name="core.memory",
    summary="",
    config=Ring,
    ring=lambda ring: ring,
  )
]


class TestRegistry:
  """Finds what is above, with the sentences of the real registry."""

  __test__ = False

  def source(self, name):
    return self._find("source", SOURCES, name)

  def transform(self, name):
    return self._find("transform", TRANSFORMS, name)

  def sink(self, name):
    return self._find("sink", SINKS, name)

  def log(self, name):
    return self._find("log", LOGS, name)

  def _find(self, word, components, name):
    for component in components:
      if component.name == name:
        return component
    for other, kind in ((SOURCES, "source"), (TRANSFORMS, "transform"), (SINKS, "sink")):
      if any(component.name == name for component in other):
        raise PluginError(f"{name!r} is a {kind}, not a {word}")
    plugin = name.split(".")[0]
    everything = [*SOURCES, *TRANSFORMS, *SINKS, *LOGS]
    if all(component.name.split(".")[0] != plugin for component in everything):
      raise PluginError(f"no plugin {plugin!r} is installed; pip install bond-{plugin}")
    known = [c.name for c in components if c.name.split(".")[0] == plugin]
    raise PluginError(f"bond-{plugin} has no {word} {name!r}{did_you_mean(name, known)}")
