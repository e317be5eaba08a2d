"""The hooks: called once at start-up, without arguments; plugins return typed descriptions."""

from collections.abc import Iterable

import pluggy

from bond_core._types.auth import AuthType
from bond_core._types.log import LogType
from bond_core._types.parser import ParserType
from bond_core._types.program import CommandType, ServiceType, SimulatorType
from bond_core._types.sink import SinkType
from bond_core._types.source import SourceType
from bond_core._types.transform import TransformType

PROJECT = "bond"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def bond_register_sources() -> Iterable[SourceType]:
  """Sources that this plugin offers.

  ```python
  import attrs
  import trio
  from bond_core import Custom, SourceType, hookimpl


  @attrs.frozen
  class Every:
    seconds: float = 1.0


  async def ticks(config, out, ctx):
    while True:
      await out.send([Custom(exchange="clock", symbol="", event_type="tick", data={})])
      await trio.sleep(config.seconds)


  @hookimpl
  def bond_register_sources():
    yield SourceType(
      name="clock.ticks", summary="A tick every so often.", config=Every, emits=(Custom,), run=ticks
    )
  ```
  """
  raise NotImplementedError


@hookspec
def bond_register_transforms() -> Iterable[TransformType]:
  """Transforms that this plugin offers: functions over a batch of events.

  ```python
  from bond_core import Trade, TransformType, hookimpl


  def only_buys(config, ctx):
    return lambda batch: [e for e in batch if not isinstance(e, Trade) or e.side == "buy"]


  @hookimpl
  def bond_register_transforms():
    yield TransformType(name="mine.buys", summary="Keeps the buys.", make=only_buys)
  ```
  """
  raise NotImplementedError


@hookspec
def bond_register_sinks() -> Iterable[SinkType]:
  """Sinks that this plugin offers: async context managers that take batches.

  ```python
  from contextlib import asynccontextmanager
  from bond_core import SinkType, encode, hookimpl
  import trio


  class Lines:
    def __init__(self, file):
      self.file = file

    async def write(self, batch):
      await self.file.write(b"".join(encode(event) + b"\\n" for event in batch))


  @asynccontextmanager
  async def lines(config, ctx):
    async with await trio.open_file("out.jsonl", "ab") as file:
      yield Lines(file)


  @hookimpl
  def bond_register_sinks():
    yield SinkType(name="mine.lines", summary="Appends JSON lines to out.jsonl.", make=lines)
  ```
  """
  raise NotImplementedError


@hookspec
def bond_register_auth() -> Iterable[AuthType]:
  """Ways to say who a caller of a server is. `bond serve --auth FILE` names those that are used.

  `make(config, ctx)` takes the server's clock and tokens (`AuthContext`). What it returns answers
  with a `Principal`, with None for credentials that are not its kind, or raises AuthError.

  ```python
  from bond_core import AuthType, Principal, hookimpl


  def by_address(config, ctx):
    async def who(credentials):
      return Principal("mine:local") if credentials.address == "127.0.0.1" else None

    return who


  @hookimpl
  def bond_register_auth():
    yield AuthType(name="mine.local", summary="Trusts this machine.", make=by_address)
  ```
  """
  raise NotImplementedError


@hookspec
def bond_register_logs() -> Iterable[LogType]:
  """Engines that keep logs beyond this process's memory.

  ```python
  from contextlib import asynccontextmanager
  from bond_core import LogType, hookimpl


  class Kept:
    def __init__(self, name):
      self.epoch, self.finished, self.records = name, False, []

    head = property(lambda self: self.records[-1].last if self.records else 0)
    oldest = property(lambda self: self.records[0].first if self.records else 1)
    last_ts_ms = property(lambda self: self.records[-1].ts_ms if self.records else 0)

    async def write(self, records):
      self.finished = False
      for record in records:
        if record.last > self.head:
          self.records.append(record.since(self.head + 1))

    async def read(self, first, limit):
      found, events = [], 0
      for record in self.records:
        if record.last >= first and (not found or events < limit):
          found.append(record.since(first))
          events += len(found[-1].events)
      return found

    async def find(self, time_ms):
      return next((r.first for r in self.records if r.ts_ms >= time_ms), self.head + 1)

    async def finish(self):
      self.finished = True


  @asynccontextmanager
  async def open_kept(config, name):
    yield Kept(name)


  @hookimpl
  def bond_register_logs():
    yield LogType(name="mine.kept", summary="Keeps everything in memory.", open=open_kept)
  ```
  """
  raise NotImplementedError


@hookspec
def bond_register_parsers() -> Iterable[ParserType]:
  """Readers of what users write: plain text, or another form of spec.

  ```python
  from bond_core import ParserType, Reading, hookimpl


  def parse(text, words):
    return Reading(outcome="ask", unknown=text.split(), questions=["Which symbol?"])


  @hookimpl
  def bond_register_parsers():
    yield ParserType(name="mine.shy", summary="Understands nothing, and says so.", parse=parse)
  ```
  """
  raise NotImplementedError


@hookspec
def bond_register_simulators() -> Iterable[SimulatorType]:
  """Simulated venues: real servers that speak a venue's protocol, for work without the venue. The
  package also names each in its entry points (group `bond.simulators`, venue = the plugin's
  module).

  ```python
  import attrs
  import trio
  from bond_core import SimulatorType, hookimpl


  @attrs.frozen
  class Echo:
    host: str = "127.0.0.1"
    port: int = 0


  async def serve(config, *, task_status):
    async def echo(stream):
      async for data in stream:
        await stream.send_all(data)

    listeners = await trio.open_tcp_listeners(config.port, host=config.host)
    port = listeners[0].socket.getsockname()[1]
    task_status.started(f"http://{config.host}:{port}")
    await trio.serve_listeners(echo, listeners)


  @hookimpl
  def bond_register_simulators():
    yield SimulatorType(name="echo", summary="Says it back.", config=Echo, serve=serve)
  ```
  """
  raise NotImplementedError


@hookspec
def bond_register_services() -> Iterable[ServiceType]:
  """Servers that `bond serve` runs beside each other, over one market log and one set of streams.

  ```python
  import attrs
  import trio
  from bond_core import ServiceType, hookimpl


  @attrs.frozen
  class Head:
    port: int = 8100


  async def serve(config, server, *, task_status):
    async def say(stream):
      await stream.send_all(f"{server.log.head}\\n".encode())

    listeners = await trio.open_tcp_listeners(config.port, host="127.0.0.1")
    async with trio.open_nursery() as nursery:
      await nursery.start(trio.serve_listeners, say, listeners)
      port = listeners[0].socket.getsockname()[1]
      task_status.started([f"tcp://127.0.0.1:{port}"])
      await server.stopping.wait()
      nursery.cancel_scope.cancel()


  @hookimpl
  def bond_register_services():
    yield ServiceType(
      name="head", summary="Says the number of the latest event.", config=Head, serve=serve
    )
  ```
  """
  raise NotImplementedError


@hookspec
def bond_register_commands() -> Iterable[CommandType]:
  """Commands of `bond`. The package also names each in its entry points (group `bond.commands`,
  command name = the plugin's module), so that `bond --help` need not import it.

  ```python
  import click
  from bond_core import CommandType, hookimpl


  def load():
    @click.command(help="Says hello.")
    def hello():
      click.echo("hello")

    return hello


  @hookimpl
  def bond_register_commands():
    yield CommandType(name="hello", summary="Says hello.", load=load)
  ```
  """
  raise NotImplementedError
