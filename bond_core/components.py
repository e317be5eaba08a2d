"""What a plugin hands over: typed descriptions of its sources, transforms, sinks and the rest.

They are asked for once, at start-up. A field with a default can always be added, so a plugin
written today keeps working. Factories import their heavy parts when they are called, not before.
"""

import logging
from collections.abc import Awaitable, Callable, Hashable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from bond_core.clock import Clock
from bond_core.errors import AuthError, Expired
from bond_core.events import AnyEvent, Batch

if TYPE_CHECKING:
  from bond_core.auth.generations import Generations
  from bond_core.auth.tokens import Keyring
  from bond_core.bridge import AsyncioThread
  from bond_core.feed.dialect import Feed, Subscription
  from bond_core.instruments import Market
  from bond_core.log.engine import Engine
  from bond_core.log.ring import Ring


@attrs.frozen
class NoConfig:
  """The configuration of a component that takes none."""


# What runs ---------------------------------------------------------------------------------------


class Out(Protocol):
  """Where a source puts its batches."""

  async def send(self, batch: Batch) -> None:
    """Hands over events in order. Waits for the readers where the source can wait (a recording);
    a live source is never held up."""


class SourceContext(Protocol):
  """What the core gives a running source. What the source puts into `figures`, such as spent_usd,
  is in the summary of a run and in a server's metrics."""

  name: str
  clock: Clock
  log: logging.LoggerAdapter[logging.Logger]
  figures: dict[str, float]

  def live(self) -> None:
    """Tells that the source is connected and delivers."""

  async def gap(
    self, cause: str, *, symbol: str = "*", channel: str = "*", missed: int | None = None
  ) -> None:
    """Declares that events were or may have been lost at the source."""

  async def asyncio(self) -> "AsyncioThread":
    """The process's one asyncio thread, for libraries that need it; started on first use."""


class Transform(Protocol):
  """A function over a batch. An object may have more: `on_timer`, `next_timer`, `finish`."""

  def __call__(self, batch: Batch) -> Batch:
    """The events that go on. The given batch is shared with other readers: never change it."""


class TimedTransform(Transform, Protocol):
  """A transform that also acts when time passes or the input ends."""

  def next_timer(self) -> int | None:
    """When `on_timer` wants to be called (epoch ms on the pipeline's clock), None for never."""

  def on_timer(self, now_ms: int) -> Batch:
    """The events that are due at `now_ms`."""

  def finish(self) -> Batch:
    """The rest, after the input has ended."""


@attrs.frozen
class TransformContext:
  """What the core gives a transform when it is made. `simulated` are the exchanges whose events
  come from a simulator."""

  name: str
  clock: Clock
  simulated: frozenset[str] = frozenset()


class Sink(Protocol):
  """Where a pipeline's events leave it; its `async with` is its lifetime."""

  async def write(self, batch: Batch) -> None:
    """Takes events in order; awaiting here is the sink's back-pressure."""


@attrs.frozen
class SinkContext:
  """What the core gives a sink when it is made. `stream_id` is the id of the spec it belongs to.
  `publish` is there where a server runs the spec: it puts a batch into the stream's own log."""

  name: str
  clock: Clock
  log: logging.LoggerAdapter[logging.Logger]
  stream_id: str = ""
  publish: Callable[[Batch], None] | None = None


@attrs.frozen
class AuthContext:
  """What the core gives an authenticator when it is made: the server's clock, the keys that sign
  its URLs, and the generations of its streams."""

  clock: Clock
  keyring: "Keyring"
  generations: "Generations"


class Authenticator(Protocol):
  """Decides who a caller is."""

  async def __call__(self, credentials: "Credentials") -> "Principal | None":
    """The principal, or None where these credentials are not this plugin's kind. Raises AuthError
    for credentials that are its kind and wrong, Expired where new ones would help. No error repeats
    any of them."""


@attrs.frozen
class Credentials:
  """What a caller showed. Values never reach a log.

  `token` came as ?token=, as `Authorization: Bearer` or in a first message, `key` as `X-API-Key`
  or ?key=; a plugin looks whether a token is its kind. Names in `headers` are lower case.
  """

  token: str | None = attrs.field(default=None, repr=False)
  key: str | None = attrs.field(default=None, repr=False)
  headers: dict[str, str] = attrs.field(factory=dict, repr=False)
  path: str = "/"
  address: str | None = None

  @property
  def shown(self) -> bool:
    """Whether the caller showed anything at all."""
    return self.token is not None or self.key is not None


def _always() -> bool:
  return True


@attrs.frozen
class Principal:
  """Who a caller is, what it may read, and until when (epoch ms, None for no end).

  `streams` are ids of streams, and `market` for /stream and /raw; None is all of them. Limits are
  counted by `name`, so it begins with the kind: `key:alice`. `holds` tells whether the credentials
  still count; a server asks it once a second for every connection, so it never waits.
  """

  name: str
  streams: frozenset[str] | None = None
  expires_at: int | None = None
  holds: Callable[[], bool] = attrs.field(default=_always, eq=False, repr=False)

  def may_read(self, stream: str) -> bool:
    """Whether it may read the stream of this id, or `market`."""
    return self.streams is None or stream in self.streams

  def check(self, now_ms: int) -> None:
    """Raises Expired or AuthError when it may not go on: its time is over, or its credentials were
    withdrawn."""
    if self.expires_at is not None and now_ms >= self.expires_at:
      raise Expired("access has expired; ask for a new token and connect again")
    if not self.holds():
      raise AuthError("access was withdrawn: the stream was deleted, or the key is no longer valid")


@attrs.frozen
class Reading:
  """What a parser understood of a text: a spec (plain data, normal or short form) and an account of
  the words.

  `outcome` is ok, warn (understood, with an assumption or correction that is told), ask
  (`questions` come first) or reject (`questions` say why). A spec whose outcome is ask or reject is
  never started unless a person has confirmed it. `missing` says what is understood and offered by
  nothing that is installed, `packages` what to install for it; nothing starts as long as something
  is missing.

  Every piece of the text is in the `account`: `start` and `end` (characters; None for what is not
  in the text), `text`, `slot`, `value` and `how` (exact, alias, corrected, assumed, default). The
  slots symbol, source, exchange, interval (seconds, 0 for every update) and filter (a dict) add up
  to what was asked for; left_out, unknown, refused, note and filler add nothing. `default` is what
  was not said and is needed.
  """

  outcome: str
  spec: dict[str, Any] | None = None
  account: list[dict[str, Any]] = attrs.field(factory=list)
  unknown: list[str] = attrs.field(factory=list)
  questions: list[str] = attrs.field(factory=list)
  sentence: str = ""
  missing: list[str] = attrs.field(factory=list)
  packages: list[str] = attrs.field(factory=list)


# What a plugin hands over ------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class SourceSpec:
  """A source of events. Give `run`, or `feed` with `connection` and `subscriptions`.

  `run(config, out, ctx)` is one coroutine function; it raises Disconnected or RetryAfter and the
  core retries. A venue rather gives `feed`: a factory of a sans-IO Feed
  (bond_core.feed.dialect) from a hashable connection; equal connections share one feed, and the
  core owns its sockets. `view` makes a transform that this source's reader sees the feed through.
  `replay` says that the source can wait for its readers, and that its events bring their own time.
  `simulator` is the simulated venue that can stand in for the real one, or a function from the
  configuration to it, where a source serves several venues (None: none can). `mock(config)` tells
  that a source starts it by itself (bond_core.simulate.simulator), whatever the run says.
  `exchange(config)` names the venue whose events come, where that is not the plugin's name.
  `on_demand(config, market)` gives the configuration that carries one more market as `config` does
  (None: with defaults), so that a server's clients can ask for markets that no spec names; it
  raises Refused or ValueError for a market that cannot be. `trusted` ones reach into the machine
  they run on, so only specs of its own user may use them; a field of `config` whose metadata says
  {"trusted": True} may be set by such specs only.
  """

  name: str
  summary: str
  config: type = NoConfig
  emits: tuple[type[AnyEvent], ...]
  run: Callable[[Any, Out, SourceContext], Awaitable[None]] | None = None
  feed: "Callable[[Any], Feed] | None" = None
  connection: Callable[[Any], Hashable] | None = None
  subscriptions: "Callable[[Any], Iterable[Subscription]] | None" = None
  view: Callable[[Any], Transform | None] | None = None
  on_demand: "Callable[[Any, Market], Any] | None" = None
  replay: bool = False
  trusted: bool = False
  words: tuple[str, ...] = ()
  simulator: str | Callable[[Any], str | None] | None = None
  mock: Callable[[Any], bool] | None = None
  exchange: Callable[[Any], str] | None = None
  terms: str = ""
  example: str = ""

  def simulated_by(self, config: Any) -> str | None:
    """The simulated venue that can stand in for the one that `config` names."""
    return self.simulator(config) if callable(self.simulator) else self.simulator

  def exchange_of(self, config: Any) -> str:
    """The venue whose events come with `config`; with None, as where nothing runs yet, the
    plugin's name."""
    if self.exchange is None or config is None:
      return self.name.split(".")[0]
    return self.exchange(config)

  @property
  def channel(self) -> str | None:
    """The one channel that its events are on, None where there are several."""
    channels = {kind.channel for kind in self.emits if isinstance(kind.channel, str)}
    return channels.pop() if len(channels) == 1 else None


@attrs.frozen(kw_only=True)
class TransformSpec:
  """A function over batches. `trusted` ones run code named in the spec, so only specs of the
  machine's own user may use them."""

  name: str
  summary: str
  config: type = NoConfig
  accepts: tuple[type[AnyEvent], ...] | None = None
  emits: tuple[type[AnyEvent], ...] | None = None
  make: Callable[[Any, TransformContext], Transform]
  trusted: bool = False
  example: str = ""


@attrs.frozen(kw_only=True)
class SinkSpec:
  """A place where events leave the pipeline. `trusted` ones reach into the machine they run on, so
  only specs of its own user may use them."""

  name: str
  summary: str
  config: type = NoConfig
  accepts: tuple[type[AnyEvent], ...] | None = None
  make: Callable[[Any, SinkContext], AbstractAsyncContextManager[Sink]]
  trusted: bool = False
  example: str = ""


@attrs.frozen(kw_only=True)
class AuthSpec:
  """A way to tell who a caller of a server is; `make(config, ctx)` gives the authenticator."""

  name: str
  summary: str
  config: type = NoConfig
  make: Callable[[Any, AuthContext], Authenticator]
  example: str = ""


@attrs.frozen(kw_only=True)
class LogSpec:
  """How a log is kept. `ring` says how much of it stays in memory, for those who read along;
  `open(config, name)` is the engine that keeps the log of that name beyond that, for as long as its
  block lasts; `remove(config, name)` takes what is kept of it away, while nobody has it open.
  Without `open` the ring is all there is."""

  name: str
  summary: str
  config: type = NoConfig
  open: "Callable[[Any, str], AbstractAsyncContextManager[Engine]] | None" = None
  remove: Callable[[Any, str], Awaitable[None]] | None = None
  ring: "Callable[[Any], Ring] | None" = None
  example: str = ""


@attrs.frozen(kw_only=True)
class ParserSpec:
  """A reader of plain text. `parse(text, words)` gets the words of the installed sources (word →
  source name).

  Several can be installed: one of a lower `rank` is asked first, and another only where that one
  asks back. So a grammar answers what it can, and a language model the rest. `parse` may block; a
  server calls it in a thread.
  """

  name: str
  summary: str
  parse: Callable[[str, dict[str, str]], Reading]
  rank: int = 0


@attrs.frozen(kw_only=True)
class SimulatorSpec:
  """A simulated venue: a real server that speaks the venue's protocol.

  `serve(config, task_status=…)` runs until it is cancelled and reports its base URL with
  `task_status.started(url)`. `config` has the attributes host and port, and as far as the venue can
  do it capture, speed, seed and faults.
  """

  name: str
  summary: str
  config: type
  serve: Callable[..., Awaitable[None]]
  faults: tuple[tuple[str, str], ...] = ()


@attrs.frozen(kw_only=True)
class ServiceSpec:
  """A server that `bond serve` runs.

  `serve(config, runtime, task_status=…)` listens, reports where with `task_status.started([url,
  …])`, and works until `runtime.stopping` is set; then it takes leave of its clients and returns.
  Each attribute of `config` becomes an option `--NAME-ATTRIBUTE` of `bond serve`, or what its
  metadata says: {"option": "--port", "env": "BOND_PORT", "help": …}.
  """

  name: str
  summary: str
  config: type = NoConfig
  serve: "Callable[..., Awaitable[None]]"


@attrs.frozen(kw_only=True)
class CommandSpec:
  """A command of `bond`: `load` gives a click.Command."""

  name: str
  summary: str
  load: Callable[[], Any]


Component = (
  SourceSpec
  | TransformSpec
  | SinkSpec
  | AuthSpec
  | LogSpec
  | ParserSpec
  | SimulatorSpec
  | ServiceSpec
  | CommandSpec
)

__all__ = [
  "AuthContext",
  "AuthSpec",
  "Authenticator",
  "CommandSpec",
  "Component",
  "Credentials",
  "LogSpec",
  "NoConfig",
  "Out",
  "ParserSpec",
  "Principal",
  "Reading",
  "ServiceSpec",
  "SimulatorSpec",
  "Sink",
  "SinkContext",
  "SinkSpec",
  "SourceContext",
  "SourceSpec",
  "TimedTransform",
  "Transform",
  "TransformContext",
  "TransformSpec",
]
