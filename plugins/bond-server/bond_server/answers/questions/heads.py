"""What every answer begins with: its time, age, state and losses, and where to go on."""

from collections.abc import Sequence
from typing import Any, Final

from bond_core import AnyEvent, Bounds, Channel, Event, Gap, Market
from bond_core.feeds import SourceState
from bond_core.services import Stream
from bond_server.answers import changes
from bond_server.answers.arguments import cursor_of
from bond_server.answers.bounds import concerns
from bond_server.answers.fitting import note
from bond_server.answers.freshness import Doubt, Freshness, State, judge, rfc3339
from bond_server.answers.markets import is_of
from bond_server.answers.refused import QuestionRefused
from bond_server.answers.rows import clean, gap_row, instrument_of, seq_of
from bond_server.answers.serving import AnswerServer
from bond_server.answers.standing import DOUBTS, standing_of, worst_of
from bond_server.answers.watches import Watch
from bond_server.market_state import MarketState

MAX_GAPS: Final = 20
"""Losses that one answer lists."""
RECENT_MS: Final = 60_000
"""Without a cursor, losses of the last minute are listed."""


class Heads:
  """The beginnings of answers, and the freshness that they state."""

  def __init__(self, server: AnswerServer) -> None:
    self._server = server

  @property
  def state(self) -> MarketState:
    """What was seen of the markets. Raises QuestionRefused where no broker runs here."""
    state = self._server.market
    if state is None:
      raise QuestionRefused(
        503,
        "no broker runs in this process, which keeps the state of markets; ask the one that has it",
      )
    return state

  def of_market(
    self,
    fresh: Freshness,
    what: str,
    market: Market | None,
    venues: Sequence[str],
    cursor: object,
    channels: Sequence[Channel],
    bounds: Bounds | None = None,
  ) -> dict[str, Any]:
    """What every answer begins with."""
    gaps = [
      gap
      for gap in self.gaps(market, venues or None, cursor, bounds)
      if not channels or gap.channel in ("*", *channels)
    ]
    log = self._server.log
    head: dict[str, Any] = {
      "as_of": rfc3339(fresh.as_of_ms),
      "age_ms": fresh.age_ms,
      "state": fresh.state,
      "fresh": fresh.fresh,
      "cursor": f"{log.epoch}:{self.state.number}",
      "gaps": [gap_row(gap) for gap in gaps[:MAX_GAPS]],
    }
    if (sentence := fresh.sentence(what)) is not None:
      head["note"] = sentence
    wrong = self.state.wrong_clocks()
    if any(venue in wrong for venue in venues):
      note(head, "The clock of an exchange is wrong: `at` and `as_of` are when we received it.")
    if cursor is not None and str(cursor).partition(":")[0] != log.epoch:
      note(head, "The cursor is of an earlier run of the log: what came between is not known.")
    return head

  def of_stream(self, stream: Stream, end: str | None) -> dict[str, Any]:
    """What an answer about a stream begins with; `end` is the end of its newest window."""
    log = stream.log
    now = self._server.clock.now_ms()
    records = log.ring.records(log.head, 1) if log.head else []
    at = records[-1].ts_ms if records else None
    status, states = stream.status(), set(self._server.sources(stream.id).values())
    age = None if at is None else max(0, now - at)
    bad = next((s for s in states if s not in ("live", "quiet", "simulated")), None)
    doubt: Doubt | None = None
    if status.ended or not states or bad is not None:
      doubt = "unknown" if bad is None else DOUBTS.get(bad, "unknown")
    if self._server.player is not None:
      doubt = None
    state: State
    if self._server.player is not None:
      state = "replay"
    elif doubt or age is None:
      state = "stale"
    elif status.simulated:
      state = "simulated"
    else:
      state = "live" if age <= changes.STREAM_LIVE_MS else "quiet"
    fresh = Freshness(at, age, state, doubt)
    head: dict[str, Any] = {
      "as_of": end or rfc3339(at),
      "age_ms": age,
      "state": state,
      "fresh": fresh.fresh,
      "cursor": f"{log.epoch}:{log.head}",
      "gaps": [gap_row(gap) for gap in self._gaps_of(stream)[:MAX_GAPS]],
    }
    if (sentence := fresh.sentence("newest event of the stream")) is not None:
      head["note"] = sentence
    if status.failures:
      head["untrusted"] = {"failures": [clean(text) for text in status.failures[:5]]}
    return head

  def fresh(self, watch: Watch, channel: Channel, event: AnyEvent | None) -> Freshness:
    """The freshness of the last event of a channel of a market that is watched."""
    standings = self._server.standings(watch.lease, watch.exchange)
    instrument = instrument_of(event) if isinstance(event, Event) else None
    standing = standing_of(standings, channel, instrument)
    watched, replay = self._server.demand is not None, self._server.player is not None
    if event is None and replay:
      return Freshness(None, None, "replay")
    if event is None:
      doubt: Doubt | None = None
      if standing not in (SourceState.LIVE, SourceState.QUIET):
        _, doubt = judge(0, standing, simulated=False, watched=watched)
      return Freshness(None, None, "stale", doubt)
    received = getattr(event, "ts_internal", None) if watched else None
    age = self.age(event)
    state, doubt = judge(
      age,
      standing,
      simulated=getattr(event, "simulated", None) is True,
      lost=self._lost_after(event, channel),
      before=watched and not watch.covers(received),
      watched=watched,
      replay=replay,
    )
    return Freshness(event.ts_event, age, state, doubt)  # type: ignore[union-attr]

  def of_sources(self, venues: Sequence[str], event: AnyEvent | None) -> Freshness:
    """The freshness of all that comes from these venues; `event` is the newest of it."""
    watched, replay = self._server.demand is not None, self._server.player is not None
    standings = [s for venue in venues for s in self._server.standings(None, venue)]
    standing = worst_of(standings)
    if event is None:
      now = self._server.clock.now_ms()
      healthy = standing in (SourceState.LIVE, SourceState.QUIET)
      sources = self._server.sources()
      simulated = any(sources.get(venue) == "simulated" for venue in venues)
      if replay:
        return Freshness(now, 0, "replay")
      if healthy:
        return Freshness(now, 0, "simulated" if simulated else "quiet")
      _, doubt = judge(0, standing, simulated=False, watched=watched)
      return Freshness(None, None, "stale", doubt)
    age = self.age(event)
    simulated = getattr(event, "simulated", None) is True
    state, doubt = judge(age, standing, simulated=simulated, watched=watched, replay=replay)
    return Freshness(getattr(event, "ts_event", None), age, state, doubt)

  def age(self, event: AnyEvent) -> int:
    """Milliseconds since an event was received: by the monotonic clock where this server received
    it."""
    clock = self._server.clock
    received = getattr(event, "ts_internal", None)
    if received is not None and self._server.demand is not None:
      return max(0, int(clock.mono_ns() - received) // 1_000_000)
    return max(0, int(clock.now_ms() - getattr(event, "ts_event", 0)))

  def _lost_after(self, event: AnyEvent, channel: Channel) -> bool:
    """Whether a loss was declared after an event that may concern what it tells."""
    number = seq_of(event)
    count = 0
    for gap in self.state.gaps():
      count += 1
      if (gap.seq_internal or 0) <= number:
        return False
      if gap.backfilled or gap.channel not in ("*", channel):
        continue
      if gap.exchange not in ("*", getattr(event, "exchange", "*")):
        continue
      if gap.symbol in ("*", event.symbol):
        return True
    # All that are remembered came after it; there may have been more.
    return count >= changes.GAPS_REMEMBERED

  def gaps(
    self,
    market: Market | None,
    venues: Sequence[str] | None,
    cursor: object,
    bounds: Bounds | None = None,
  ) -> list[Gap]:
    """Losses since a cursor of the market's log, without one those of the last minute, as far as
    they concern a token's bounds."""
    log = self._server.log
    after, since_ms = 0, self._server.clock.now_ms() - RECENT_MS
    if cursor is not None:
      found = cursor_of(cursor)
      if found is not None and found["epoch"] == log.epoch:
        after, since_ms = int(found["number"]), 0
    return [
      gap
      for gap in self.state.gaps()
      if (gap.seq_internal or 0) > after
      and gap.ts_event >= since_ms
      and (venues is None or gap.exchange == "*" or gap.exchange in venues)
      and (market is None or gap.symbol == "*" or is_of(market, gap, "trades"))
      and concerns(gap, bounds)
    ]

  def _gaps_of(self, stream: Stream) -> list[Gap]:
    """Losses of the last minute that concern what a stream reads."""
    if self._server.market is None:
      return []
    read = [
      (instrument.exchange, instrument.symbol)
      for node in stream.spec.sources.values()
      if node.type.subscriptions is not None
      for _, instrument, *_ in node.type.subscriptions(node.config)
    ]
    return [
      gap
      for gap in self.gaps(None, None, None)
      if any(gap.exchange in ("*", venue) and gap.symbol in ("*", symbol) for venue, symbol in read)
    ]
