"""What has changed, and waiting for what changes."""

from collections.abc import Callable
from typing import Any

import trio

from bond_core import AnyEvent, AuthError, Channel, Gap, Principal
from bond_core.logs import DurableLog, Record
from bond_core.services import Stream
from bond_server.answers import changes
from bond_server.answers.arguments import budget_of, seconds_of
from bond_server.answers.bounds import allow, concerns
from bond_server.answers.conditions import channels_that_wait, condition_of, matcher
from bond_server.answers.fitting import fit, note
from bond_server.answers.limits import AnswerLimits
from bond_server.answers.markets import instruments_of, is_of, market_of
from bond_server.answers.questions.common import Questions
from bond_server.answers.questions.heads import MAX_GAPS
from bond_server.answers.refused import QuestionRefused
from bond_server.answers.rows import gap_row, marked, row_of
from bond_server.answers.serving import AnswerServer
from bond_server.answers.waiting import Waiters


class ChangeQuestions(Questions):
  """What has changed since a cursor, and what comes next."""

  def __init__(self, server: AnswerServer, limits: AnswerLimits, nursery: trio.Nursery) -> None:
    super().__init__(server, limits)
    self._nursery = nursery
    self._waiters: dict[int, Waiters] = {}

  async def since(
    self,
    caller: Principal,
    cursor: object = None,
    *,
    symbol: object = None,
    exchange: object = None,
    channels: object = None,
    stream: object = None,
    events: bool = False,
    budget: object = None,
  ) -> dict[str, Any]:
    """What has changed since a cursor: a row for each channel of each market, or with `events` each
    event, with the losses in between and the cursor to go on with."""
    self.allowances.call(caller.name)
    room = budget_of(budget)
    market = None if symbol is None else market_of(symbol)
    if stream is not None:
      running = self._stream(caller, stream)
      log, end, venues = running.log, running.log.head, list(self._server.sources(running.id))
      wanted: tuple[Channel, ...] = ()
    else:
      running, log, end = None, self._server.log, self._state.number
      wanted = changes.channels_of(channels)
      venues = self._venues(exchange) if market or exchange else sorted(self._server.sources())
      allow(caller, wanted, venues if market or exchange else ["*"], market)
      if market is not None:
        live: tuple[Channel, ...] = tuple(c for c in wanted if c in ("ticker", "trades")) or wanted
        for venue in venues:
          await self._watch(caller, live, market, venue)
    if running is None:
      end = self._state.number
    start, lost = await self._start(log, cursor, end)
    names = None if market is None and exchange is None and running is None else set(venues)

    def picks(event: AnyEvent) -> bool:
      kind: Channel = type(event).channel  # type: ignore[assignment]
      if wanted and kind not in wanted:
        return False
      if running is None and names is not None and getattr(event, "exchange", "") not in names:
        return False
      return market is None or is_of(market, event, kind)

    # A stream that a token names is told whole.
    bounds = caller.bounds if running is None else None

    def concerned(gap: Gap) -> bool:
      return (
        (names is None or gap.exchange in ("*", *names))
        and (market is None or gap.symbol == "*" or is_of(market, gap, "trades"))
        and concerns(gap, bounds)
      )

    state = None if running is not None else self._state
    found = await changes.read(log, start, end, picks, concerned, events=events, room=room)
    rows = found.rows if events else changes.summary(found.matched, state, found.number == end)
    if running is not None:
      head = self._heads.of_stream(running, None)
    else:
      newest = found.matched[-1][1] if found.matched else None
      head = self._heads.of_market(
        self._heads.of_sources(venues, newest), "newest change", market, venues, None, ()
      )
    head["gaps"] = [*lost, *map(gap_row, found.gaps)][:MAX_GAPS]
    head["cursor"] = f"{log.epoch}:{found.number}"
    answer = {**head, "changes": [], "events_seen": len(found.matched)}
    kept = fit(answer, "changes", rows, room)
    if kept < len(rows) and events:
      answer["cursor"] = f"{log.epoch}:{found.matched[kept][0] - 1}"
    if kept < len(rows) or found.number < end:
      answer["cut"] = True
      more = (
        "the cursor goes on from here" if events or found.number < end else "name fewer markets"
      )
      note(answer, f"There is more than fits: {more}.")
    return marked(answer)

  async def wait_until(
    self,
    caller: Principal,
    where: object,
    *,
    symbol: object = None,
    exchange: object = None,
    channel: object = None,
    stream: object = None,
    cursor: object = None,
    timeout: object = None,
    budget: object = None,
  ) -> dict[str, Any]:
    """Waits for the first event of a market or a stream that fulfils a condition; answers with it,
    or with the cursor from which to wait on."""
    self.allowances.call(caller.name)
    budget_of(budget)
    seconds = seconds_of(timeout)
    if channel is not None and channel not in channels_that_wait():
      raise QuestionRefused(422, f"one can wait for {', '.join(channels_that_wait())}")
    market = None if symbol is None else market_of(symbol)
    kind, predicate = condition_of(
      where, None if channel is None else str(channel), stream=stream is not None
    )
    if stream is not None:
      running: Stream | None = self._stream(caller, stream)
      assert running is not None
      log, venues = running.log, list(self._server.sources(running.id))
    else:
      running, log = None, self._server.log
      if market is None:
        raise QuestionRefused(422, "name the symbol that you wait for, or a stream")
      venues = self._venues(exchange)
      allow(caller, (kind,), venues, market)
      for name in venues:
        await self._watch(caller, (kind,), market, name)
    first = matcher(predicate, market, frozenset(venues) if running is None else None)
    start, lost = await self._start(log, cursor, log.head)
    since = None if cursor is None else f"{log.epoch}:{start - 1}"
    symbols = (
      frozenset(i.symbol for name in venues for i in instruments_of(market, name))
      if (market is not None and running is None)
      else frozenset[str]()
    )
    with self.allowances.place_to_wait(caller.name):
      found, end = await self._seek(log, start, first)
      looked = found is not None or end >= log.head
      if found is None and looked and not self.locked:
        waiters = self._waiters.get(id(log)) or Waiters(log, self._nursery)
        self._waiters = {id(log): waiters, **self._waiters}
        found = await waiters.wait(symbols, end + 1, first, seconds)
        # What came at the last moment may not have been looked at.
        end = max(end, waiters.seen) if found is None else found[1]
        self._waiters = {key: one for key, one in self._waiters.items() if one.busy}
    try:
      caller.check(self._server.clock.now_ms())
    except AuthError as exc:
      raise QuestionRefused(401, str(exc)) from exc
    if running is not None:
      head = self._heads.of_stream(running, None)
    else:
      newest = None if found is None else found[0]
      head = self._heads.of_market(
        self._heads.of_sources(venues, newest), "newest match", market, venues, since, ()
      )
    head["gaps"] = [*lost, *head["gaps"]][:MAX_GAPS]
    head["cursor"] = f"{log.epoch}:{end}"
    answer = {**head, "matched": found is not None}
    if found is not None:
      answer["event"] = row_of(found[0])
    elif not looked:
      answer["cut"] = True
      note(answer, "Nothing matched so far, and there is more: go on with this cursor at once.")
    elif self.locked:
      note(answer, "Nothing matched up to now, and time stands still: advance it, and call again.")
    else:
      note(answer, f"Nothing matched within {seconds:g} s; go on with this cursor to miss nothing.")
    return marked(answer)

  async def _seek(
    self, log: DurableLog, start: int, first: Callable[[list[AnyEvent]], AnyEvent | None]
  ) -> tuple[tuple[AnyEvent, int] | None, int]:
    """The first match among what is in the log from a number on, and the last number that was
    looked at: one answer does not look at everything."""
    most = start + changes.MAX_SCAN
    while start <= log.head and start < most:
      records: list[Record] = await log.records(start, changes.STEP)
      if not records:
        return None, log.head
      for record in records:
        if (event := first(record.events)) is not None:
          at = next(i for i, one in enumerate(record.events) if one is event)
          return (event, record.first + at), record.first + at
        start = record.last + 1
      await trio.lowlevel.checkpoint()
    return None, start - 1
