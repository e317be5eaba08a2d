"""What sources of one configuration have in common: stamps, liveness, the outage that is open."""

import logging
from collections.abc import Mapping

from bond_core._clock import Clock
from bond_core._errors import PluginError, RetryAfter, Unavailable
from bond_core._events import EVENT_TYPES, Batch, Gap, Window
from bond_core._feeds.contract import Subscription
from bond_core._feeds.liveness import SourceState
from bond_core._logs.memory import MemoryLog
from bond_core._simulators import Simulators
from bond_core._sources.source import Source, SourceReader, everything
from bond_core._types.source import SourceType

_EVENTS = frozenset(EVENT_TYPES.values())
_TIMELESS = frozenset((Window, Gap))


class SingleSource(Source):
  """A source that runs for one configuration; all its readers read all of it."""

  def __init__(
    self,
    name: str,
    source_type: SourceType,
    config: object,
    log: MemoryLog,
    clock: Clock,
    simulators: Simulators,
  ) -> None:
    super().__init__(name, source_type.exchange_of(config), log, clock)
    self.type = source_type
    self.config = config
    self.log = logging.LoggerAdapter(logging.getLogger(f"bond.{source_type.name.split('.')[0]}"))
    self._simulators = simulators
    self._delivered = False
    self._down_since_ms: int | None = None
    self._cause = ""
    self._refusal: BaseException | None = None
    """What the other side said last, where it refused for now."""
    self._notices: dict[Subscription, tuple[SourceState, str]] = {}
    """What readers have to know of single subscriptions."""

  def read(self, name: str, severity: int = logging.ERROR) -> SourceReader:
    """One more reader."""
    reader = SourceReader(name, self, everything, severity=severity)
    reader.answered.set()
    self.readers[reader] = None
    if self.failure is not None:
      reader.fail(self.failure)
    return reader

  @property
  def refusal(self) -> str | None:
    """Why the other side refuses for now; None where it does not."""
    refused = isinstance(self._refusal, (Unavailable, RetryAfter))
    return str(self._refusal) if refused else None

  def notices(self) -> list[tuple[Subscription | None, SourceState, str]]:
    reason = self.refusal
    if reason is not None:
      return [(None, SourceState.UNAVAILABLE, reason)]
    return [(part, state, reason) for part, (state, reason) in self._notices.items()]

  def notice(self, part: Subscription, reason: str | None, *, unavailable: bool = True) -> None:
    """As SourceContext has it."""
    self._notices.pop(part, None)
    if reason is not None:
      state = SourceState.UNAVAILABLE if unavailable else SourceState.LIVE
      self._notices[part] = state, reason

  def parts(self) -> Mapping[Subscription | None, SourceState]:
    if self.refusal is not None:
      return {None: SourceState.UNAVAILABLE}
    if self._down_since_ms is not None:
      return {None: SourceState.RECONNECTING}
    parts: dict[Subscription | None, SourceState] = {
      part: state for part, (state, _) in self._notices.items()
    }
    return {None: SourceState.LIVE if self._delivered else SourceState.CONNECTING, **parts}

  def live(self) -> None:
    """The source is connected: an outage before this ends here."""
    self._refusal = None
    self._delivered = True
    self._declare_outage()

  async def point(self) -> None:
    """Points the source at a simulator where its `mock` says so."""
    self.config = await self._simulators.point(self.type, self.config)

  def stamp(self, batch: Batch) -> None:
    """Gives events the receive time that they do not bring. Raises PluginError for what is no
    event."""
    if type(batch) is not list:
      raise PluginError(
        f"{self.type.name} sent {type(batch).__name__!r}; send a list of events, [event] for one"
      )
    now_ms, mono_ns = self.clock.now_ms(), self.clock.mono_ns()
    for event in batch:
      kind = type(event)
      if kind not in _EVENTS:
        raise PluginError(
          f"{self.type.name} sent {kind.__name__!r}, which is no event; send lists of events such "
          "as Trade or Custom from bond_core"
        )
      if kind not in _TIMELESS and not self.type.replay:
        if not event.ts_event:  # type: ignore[union-attr]
          event.ts_event = now_ms  # type: ignore[union-attr]
        if event.ts_internal is None:  # type: ignore[union-attr]
          event.ts_internal = mono_ns  # type: ignore[union-attr]

  def lost(self, cause: str) -> None:
    """The connection is lost: an outage begins, unless one is open."""
    self._cause = cause
    if self._delivered and self._down_since_ms is None:
      self._down_since_ms = self.clock.now_ms()

  def _declare_outage(self) -> None:
    if self._down_since_ms is not None:
      channel = self.type.channel or "*"
      gap = self.gap_of(self._cause, channel=channel, since=self._down_since_ms)
      self._down_since_ms = None
      self.append([gap])

  def gap_of(
    self,
    cause: str,
    *,
    symbol: str = "*",
    channel: str = "*",
    missed: int | None = None,
    since: int | None = None,
  ) -> Gap:
    """A gap of this source up to now."""
    now = self.clock.now_ms()
    return Gap(
      exchange=self.exchange,
      symbol=symbol,
      channel=channel,
      ts_event=now,
      ts_from=since,
      ts_to=now,
      missed=missed,
      cause=cause,
    )
