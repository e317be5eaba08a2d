"""Sources: where events come from."""

import logging
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeVar

import attrs

from bond_core._clock import Clock
from bond_core._events import AnyEvent, Batch
from bond_core._feeds.contract import Feed, Subscription
from bond_core._instruments import Market
from bond_core._sessions.contract import Session, Transport
from bond_core._types.config import NoConfig
from bond_core._types.transform import Transform

T = TypeVar("T")


class Out(Protocol):
  """Where a source puts its batches."""

  async def send(self, batch: Batch) -> None:
    """Hands over events in order; only a source that can wait (a recording) waits for readers."""


class SourceContext(Protocol):
  """What the core hands to a running source. What the source puts into `figures`, such as
  spent_usd, is in the summary of a run and in a server's metrics. `caller` is whose stream it runs
  for in a server, None for one of the operator's: limits of the operator hold for callers."""

  name: str
  caller: str | None
  clock: Clock
  log: logging.LoggerAdapter[logging.Logger]
  figures: dict[str, float]

  def live(self) -> None:
    """Says that the source is connected and delivers."""

  def refuse(self, reason: str) -> None:
    """Gives up a part of what the configuration names, such as one symbol of several, for a reason
    in a sentence. The rest goes on, and a run ends as one that failed in part."""

  def notice(self, part: Subscription, reason: str | None, *, unavailable: bool = True) -> None:
    """Tells readers in a sentence what to know of one subscription, until another is given or None:
    why it does not come for now, or what has changed where it is not `unavailable`."""

  async def gap(
    self, cause: str, *, symbol: str = "*", channel: str = "*", missed: int | None = None
  ) -> None:
    """Declares that events were or may have been lost at the source."""

  def remember(self, key: Hashable, make: Callable[[], T]) -> T:
    """The object of this key, made at the first call and kept until the process's
    sources end: counters and limits that belong to an account, not to one source."""

  def open_shared(
    self, key: Hashable, opener: Callable[[], AbstractAsyncContextManager[T]]
  ) -> AbstractAsyncContextManager[T]:
    """A resource that sources of the same key share, such as a client: opened for the first,
    closed after the last."""


@attrs.frozen(kw_only=True)
class SourceType:
  """A type of source. Give one of `run`, `feed` and `session`.

  `run(config, out, ctx)` is one coroutine function; it raises Disconnected or RetryAfter and the
  core retries. A venue's WebSocket gives `feed` instead: a factory of a sans-IO Feed
  (bond_core.feeds) from a hashable `connection(config)`, with `subscriptions`. Any other
  conversation gives `session`, a factory of a sans-IO Session (bond_core.sessions), with
  `transport`, which opens a connection to what `Session.target` returned. Equal connections share
  one feed or session, and the core owns sockets, retries and timers; a session without `connection`
  is made from the configuration and is one source's own. `await prepare(config)` looks up what a
  source needs before it joins its session, such as ids of names; it raises as `run` does.

  `view` makes a transform through which this source's reader sees a shared feed. `replay` says that
  the source can wait for its readers, and that its events bring their own time. `simulator` is the
  simulated venue that can stand in for the real one, or a function from the configuration to it,
  where a source serves several venues (None: none can); the configuration then has an `endpoint`.
  `mock(config)` says that the simulator is to be used even in a live run. `exchange(config)` names
  the venue whose events come, where that is not the plugin's name. `on_demand(config, market)`
  gives the configuration that carries one more market as `config` does (None: with defaults), so
  that a server's clients can subscribe to what no spec names; it raises Refused or ValueError for a
  market that cannot be. `unlisted(config)` are the symbols that no list of markets kept on this
  machine has, each with the reason in a sentence and the nearest ones. `words` are the words of
  English it answers to; `aliases` other names of it, with the settings that each implies;
  `environment` the variables it reads. `account(config)` names the variable of the machine's own
  node or account of which a server's callers have a part each (None: it is the caller's own).

  Specs from outside, which a server is sent, may use `public` types only, and set only keys of
  theirs that are numbers, true or false, or words from a closed list, and other keys whose metadata
  says {"public": True}; {"public": False} closes any key. What they bring in reaches no other
  stream and no log of the server's, except `market_data`: a venue's public channels under the
  plugin's own name, the same for everybody.
  """

  name: str
  summary: str
  config: type = NoConfig
  emits: tuple[type[AnyEvent], ...]
  run: Callable[[Any, Out, SourceContext], Awaitable[None]] | None = None
  feed: Callable[[Any], Feed] | None = None
  session: Callable[[Any], Session[Any, Any, Any]] | None = None
  transport: Callable[[Any], AbstractAsyncContextManager[Transport[Any, Any]]] | None = None
  prepare: Callable[[Any], Awaitable[Any]] | None = None
  connection: Callable[[Any], Hashable] | None = None
  subscriptions: Callable[[Any], Iterable[Subscription]] | None = None
  view: Callable[[Any], Transform | None] | None = None
  on_demand: Callable[[Any, Market], Any] | None = None
  unlisted: Callable[[Any], Iterable[tuple[str, str, tuple[str, ...]]]] | None = None
  replay: bool = False
  public: bool = False
  market_data: bool = False
  words: tuple[str, ...] = ()
  aliases: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)
  environment: tuple[str, ...] = ()
  account: Callable[[Any], str | None] | None = None
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
