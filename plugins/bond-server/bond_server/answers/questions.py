"""The questions that a server answers."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, Final, TypeVar

import attrs
import trio
from bond_recordkit.errors import RecordingError
from bond_recordkit.lookup import read_position
from bond_recordkit.served import why_in_market, why_of_stream

from bond_core import (
  AnyEvent,
  AuthError,
  BondError,
  Bounds,
  Channel,
  Event,
  Funding,
  Gap,
  Instrument,
  Market,
  MarketType,
  Principal,
  Ticker,
  Trade,
)
from bond_core.feeds import SourceState
from bond_core.logs import DurableLog, Record
from bond_core.services import Stream
from bond_server.access.tokens import MARKET
from bond_server.answers import changes, columns
from bond_server.answers.arguments import (
  CURSOR,
  amount_of,
  bad_cursor,
  budget_of,
  cursor_of,
  seconds_of,
  whole,
)
from bond_server.answers.conditions import channels_that_wait, condition_of, matcher
from bond_server.answers.fitting import fit, fit_columns, note
from bond_server.answers.freshness import Doubt, Freshness, judge, rfc3339, worst
from bond_server.answers.limits import Allowances, AnswerLimits
from bond_server.answers.markets import exchange_of, instruments_of, is_of, market_of
from bond_server.answers.refused import QuestionRefused
from bond_server.answers.rows import (
  apart,
  clean,
  gap_row,
  marked,
  quoted,
  row_of,
  tokens_of,
)
from bond_server.answers.serving import AnswerServer
from bond_server.answers.standing import DOUBTS, standing_of, worst_of
from bond_server.answers.waiting import Waiters
from bond_server.answers.watches import Watch, Watches
from bond_server.making import StreamRefused
from bond_server.market_state import MarketState

T = TypeVar("T")

FIRST_WITHIN: Final = 5.0
"""Seconds that an answer waits for the first event of what it had to subscribe to."""
WHOLE_WITHIN: Final = 1.0
"""Seconds in which the prices of a ticker are awaited that came with a message of its own."""
LOOK_EVERY: Final = 0.02
_STATISTICS: Final = ("mark", "index", "open_interest", "volume")
DEPTH: Final = 10
MAX_DEPTH: Final = 200
MAX_POSITION: Final = 100
MAX_EVENTS: Final = 500
"""Events of which a window was made that one answer lists."""
MAX_GAPS: Final = 20
"""Losses that one answer lists."""
RECENT_MS: Final = 60_000
"""Without a cursor, losses of the last minute are listed."""

_AGO = re.compile(r"now(?:-(?P<count>[0-9]{1,5})(?P<unit>s|m|h))?")
_UNIT_MS = {"s": 1000, "m": 60_000, "h": 3_600_000}


@attrs.frozen
class _Parts:
  """A ticker of which each message says a part."""

  newest_first: list[Ticker]

  @property
  def leading(self) -> Ticker:
    """The newest with prices, which the time of the whole is of; else the newest."""
    found = (part for part in self.newest_first if part.bid is not None or part.ask is not None)
    return next(found, self.newest_first[0])

  @property
  def ts_internal(self) -> int | None:
    """When it was received."""
    return self.leading.ts_internal


class Answers:
  """Answers questions about the markets and streams of a server. Every answer says what time it is
  of, how old that is, whether it is live, which losses were declared, and from where to go on."""

  def __init__(self, server: AnswerServer, limits: AnswerLimits, nursery: trio.Nursery) -> None:
    self.allowances = Allowances(limits)
    self._server = server
    self._nursery = nursery
    self.watches = Watches(server, self.allowances)
    self._waiters: dict[int, Waiters] = {}

  # Questions about a market -----------------------------------------------------------------------

  async def quote(
    self,
    caller: Principal,
    symbol: object,
    exchange: object = None,
    *,
    cursor: object = None,
    budget: object = None,
  ) -> dict[str, Any]:
    """The best prices and the last one of a market, at each venue that is named or runs."""
    self.allowances.call(caller.name)
    market, room = market_of(symbol), budget_of(budget)

    async def of(venue: str) -> tuple[Freshness, dict[str, Any]]:
      watch = await self._watch(caller, ("ticker",), market, venue)
      parts = await self._first(watch, lambda: self._tickers(market, watch))
      return self._quote_row(caller, watch, market, parts)

    return await self._of_venues(caller, market, exchange, ("ticker",), of, "quotes", cursor, room)

  async def book(
    self,
    caller: Principal,
    symbol: object,
    exchange: object = None,
    *,
    depth: object = None,
    buy: object = None,
    sell: object = None,
    cursor: object = None,
    budget: object = None,
  ) -> dict[str, Any]:
    """The best levels of a market's book at each venue that is named or runs, and what an order of
    so much of the base currency would cost or bring."""
    self.allowances.call(caller.name)
    market, room = market_of(symbol), budget_of(budget)
    levels = whole("depth", depth, DEPTH, MAX_DEPTH)
    orders = [(side, amount_of(side, of)) for side, of in (("buy", buy), ("sell", sell)) if of]

    async def of(venue: str) -> tuple[Freshness, dict[str, Any]]:
      watch = await self._watch(caller, ("orderbook",), market, venue)
      seen = None if orders else levels
      state = self._state
      found = await self._first(
        watch,
        lambda: next(
          (b for i in self._instruments(market, watch) if (b := state.book(i, seen))), None
        ),
      )
      fresh = self._fresh(watch, market, "orderbook", found)
      row = _row(watch.exchange, found, fresh)
      if found is not None:
        row["bids"], row["asks"] = found.bids[:levels], found.asks[:levels]
        for side, amount in orders:
          taken = found.asks if side == "buy" else found.bids
          row[side] = changes.filled(taken, amount)
      return fresh, row

    channels: tuple[Channel, ...] = ("orderbook",)
    return await self._of_venues(caller, market, exchange, channels, of, "books", cursor, room)

  async def window(
    self,
    caller: Principal,
    symbol: object = None,
    exchange: object = None,
    *,
    every: object = None,
    last: object = None,
    stream: object = None,
    budget: object = None,
  ) -> dict[str, Any]:
    """What a market's trades were in each of the last spans of time, as columns; or the last
    windows of a stream."""
    self.allowances.call(caller.name)
    room = budget_of(budget)
    most = whole("last", last, 20, columns.MAX_ROWS)
    if stream is not None:
      found = self._stream(caller, stream)
      rows = await columns.of_stream(found.log, None if symbol is None else market_of(symbol), most)
      head = self._stream_head(found, rows[-1].window_end if rows else None)
      return fit_columns(head, rows, room)
    market = market_of(symbol)
    span = columns.span_of(every)
    venues = self._venues(exchange)
    channels: tuple[Channel, ...] = ("trades",)
    self._allow(caller, channels, venues, market)
    fresh: list[Freshness] = []
    for venue in venues:
      watch = await self._watch(caller, channels, market, venue)
      trade = await self._first(watch, lambda w=watch: self._latest(Trade, market, w))  # type: ignore[misc]
      fresh.append(self._fresh(watch, market, "trades", trade))
    windows, reaches = await columns.of_trades(
      self._server, market, frozenset(venues), span, most, self._state.number
    )
    head = self._head(worst(fresh), "last trade", market, venues, None, channels)
    answer = fit_columns(head, windows, room)
    if len(windows) < most:
      back = rfc3339(reaches) or "now"
      note(
        answer,
        f"The log has whole windows from {back} on only; `stream` makes one that is kept.",
      )
    return answer

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
      self._allow(caller, wanted, venues if market or exchange else ["*"], market)
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
        and _concerns(gap, bounds)
      )

    state = None if running is not None else self._state
    found = await changes.read(log, start, end, picks, concerned, events=events, room=room)
    rows = found.rows if events else changes.summary(found.matched, state, found.number == end)
    if running is not None:
      head = self._stream_head(running, None)
    else:
      newest = found.matched[-1][1] if found.matched else None
      head = self._head(self._of_sources(venues, newest), "newest change", market, venues, None, ())
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
      self._allow(caller, (kind,), venues, market)
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
      head = self._stream_head(running, None)
    else:
      newest = None if found is None else found[0]
      head = self._head(self._of_sources(venues, newest), "newest match", market, venues, since, ())
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

  # Streams ----------------------------------------------------------------------------------------

  async def stream(
    self,
    caller: Principal,
    *,
    english: object = None,
    spec: object = None,
    confirm: bool = False,
    budget: object = None,
    host: str = "localhost",
  ) -> dict[str, Any]:
    """Makes a stream from plain English or from a spec, or finds the one that runs already; says
    what was understood, or what has to be said first."""
    self.allowances.call(caller.name)
    room = budget_of(budget)
    maker = self._server.maker
    if maker is None:
      raise QuestionRefused(503, "nothing in this process keeps streams; ask the control plane")
    if (english is None) == (spec is None):
      raise QuestionRefused(422, "give either english, a sentence, or spec")
    if caller.streams is not None or caller.reads_only:
      raise QuestionRefused(403, "these credentials read streams and cannot make any")
    try:
      made = await maker.make(
        caller.name,
        text=None if english is None else str(english),
        spec=spec if isinstance(spec, dict | str) else None,
        confirm=confirm is True,
        host=host,
      )
    except StreamRefused as exc:
      if not exc.asks:
        raise QuestionRefused(
          exc.status, "the stream was not made", quoted={"detail": str(exc), **exc.more}
        ) from exc
      answer = self._head(Freshness(None, None, "stale"), "stream", None, [], None, ())
      answer["note"] = "Nothing was started: answer the questions, and ask again."
      return marked(
        {**answer, "started": False, "questions": exc.asks, **_account(exc.more, room // 2)}
      )
    stream_id = made["stream_id"]
    running = self._server.streams.get(stream_id)
    if running is None:
      raise QuestionRefused(503, "the stream ended at once; look it up with the control plane")
    head = self._stream_head(running, None)
    note(head, "Read it with since, window or wait_until and this stream_id.")
    answer = {**head, "started": True, "new": made["new"], "stream_id": stream_id}
    answer["ws_url"] = made["ws_url"]
    return marked({**answer, **_account(made, room)})

  async def why(
    self, caller: Principal, position: object, *, budget: object = None
  ) -> dict[str, Any]:
    """What an event or a window was made of, as far as the logs reach: its events, losses in its
    time, the transforms, and whether computing it again gives the same."""
    self.allowances.call(caller.name)
    room = budget_of(budget)
    log, stream = self._server.log, None
    try:
      found = read_position(str(position)[:MAX_POSITION])
      if found.of in (None, log.epoch):
        if caller.bounds is not None:
          raise QuestionRefused(403, "this narrow token is not for the log of all events")
        self._allow(caller, (), (), None)
        self._check_ahead(f"{log.epoch}:{found.seq}", log)
        made = await why_in_market(log, found.seq)
      else:
        stream = self._stream(caller, found.of)
        self._check_ahead(f"{stream.log.epoch}:{found.seq}", stream.log)
        made = await why_of_stream(log, stream, found.seq)
    except RecordingError as exc:
      raise QuestionRefused(
        404, "there is nothing at this position any more, or never was", quoted={"detail": str(exc)}
      ) from exc
    told = made.as_data(0)
    if stream is None:
      head = self._head(self._of_sources([], made.event), "event", None, [], None, ())
      head["note"] = "This is the past: its age says nothing of the market now."
    else:
      head = self._stream_head(stream, None)
    head["gaps"] = [gap_row(gap) for gap in made.gaps][:MAX_GAPS]
    answer = {**head, "event": row_of(made.event), "made_by": quoted(told["made_by"])}
    answer |= {name: told[name] for name in ("count", "seqs", "equal", "late") if name in told}
    nodes = quoted(told["nodes"], 6)
    if tokens_of(nodes) < room // 3:
      # Settings are the words of whoever wrote the spec.
      answer["untrusted"] = {"nodes": nodes}
    fit(answer, "events", [row_of(event) for event in made.events[:MAX_EVENTS]], room)
    return marked(answer)

  # A recording ------------------------------------------------------------------------------------

  @property
  def locked(self) -> bool:
    """Whether time stands still here until somebody advances it."""
    return self._server.player is not None and self._server.player.locked

  async def advance(
    self, caller: Principal, to: object = None, *, decision: object = None, budget: object = None
  ) -> dict[str, Any]:
    """Moves locked time: to the next moment at which anything was received, by a duration, or to a
    time. A decision is written to the ledger before; with one and no `to`, time stays."""
    self.allowances.call(caller.name)
    budget_of(budget)
    player = self._server.player
    if player is None or not player.locked:
      raise QuestionRefused(409, "time moves by itself here; bond replay --locked serves one's own")
    if caller.streams is not None or caller.reads_only:
      raise QuestionRefused(403, "these credentials read, and do not move time")
    done: dict[str, Any] = {}
    try:
      if decision is not None:
        told = await player.steer({"type": "decide", "decision": decision})
        done["decision"] = {name: told["entry"][name] for name in ("number", "known", "sha256")}
      if to is None and decision is not None:
        told = await player.steer({"type": "replay"})
      else:
        told = await player.steer({"type": "advance", "to": "next" if to is None else to})
    except BondError as exc:
      raise QuestionRefused(422, "time did not move", quoted={"detail": str(exc), **done}) from exc
    with trio.move_on_after(FIRST_WITHIN):
      while self._state.number < self._server.log.head:
        await trio.sleep(LOOK_EVERY)
    head = self._head(self._of_sources([], None), "time", None, [], None, ())
    kept = ("events", "ended", "decisions", "stream_id")
    return {**head, **{name: told[name] for name in kept if told[name] != ""}, **done}

  def _check_ahead(self, cursor: object, log: DurableLog) -> None:
    """Raises QuestionRefused for a cursor that lies after the time of a replay."""
    found = None if self._server.player is None else cursor_of(cursor)
    if found is not None and found["epoch"] == log.epoch and int(found["number"]) > log.head:
      raise QuestionRefused(409, "look_ahead: this cursor lies after the time of the replay")

  # Questions about the server ---------------------------------------------------------------------

  async def health(
    self, caller: Principal, exchange: object = None, *, budget: object = None
  ) -> dict[str, Any]:
    """The state of each source, the age of what came last, losses, and clocks that are wrong."""
    self.allowances.call(caller.name)
    if caller.bounds is None:
      self._allow(caller, (), (), None)
    room = budget_of(budget)
    await trio.lowlevel.checkpoint()
    server, state = self._server, self._state
    only, bounds = None if exchange is None else exchange_of(exchange), caller.bounds
    sources = {
      name: status
      for name, status in server.sources().items()
      if only in (None, name) and (bounds is None or _allows(bounds.exchanges, name))
    }
    latest: dict[str, AnyEvent] = {}
    for event in state.latest():
      name: str = event.exchange  # type: ignore[union-attr]
      if not _may_see(bounds, type(event).channel, _instrument_of(event)):  # type: ignore[arg-type]
        continue
      if name not in latest or _seq(event) > _seq(latest[name]):
        latest[name] = event
    wrong, skews, recent = state.wrong_clocks(), state.skews(), self._gaps(None, None, None, bounds)
    found: list[Freshness] = []
    rows = []
    for name, status in sorted(sources.items()):
      last = latest.get(name)
      fresh = self._of_sources([name], last)
      found.append(fresh)
      row = apart(
        {
          "exchange": name,
          "source": status,
          "state": fresh.state,
          "age_ms": fresh.age_ms,
          "gaps_last_minute": sum(gap.exchange in ("*", name) for gap in recent),
          "clock_behind_ms": skews.get(name),
          "clock_wrong": name in wrong,
        }
      )
      rows.append(row)
    head = self._head(worst(found), "last event", None, list(sources), None, (), bounds)
    answer = {**head, "sources": []}
    fit(answer, "sources", rows, room)
    # A notice names markets that others read.
    if bounds is None and (
      notices := [notice for notice in server.notices() if only in (None, notice["exchange"])]
    ):
      answer["untrusted"] = {"notices": [quoted(notice) for notice in notices[:10]]}
    if not rows:
      note(answer, "No source runs yet; a question about a market starts one.")
    return marked(answer)

  async def markets(
    self, caller: Principal, search: object = None, *, budget: object = None
  ) -> dict[str, Any]:
    """What can be asked for: the venues that a question can name, and markets that were seen."""
    self.allowances.call(caller.name)
    room, bounds = budget_of(budget), caller.bounds
    if bounds is None:
      self._allow(caller, (), (), None)
    await trio.lowlevel.checkpoint()
    server, state = self._server, self._state
    text = "" if search is None else str(search).strip().upper()[:100]
    running = server.sources()
    names = set(running) | (set() if server.demand is None else server.demand.exchanges())
    if bounds is not None and bounds.exchanges is not None:
      names &= bounds.exchanges
    venues = [apart({"exchange": name, "runs": name in running}) for name in sorted(names)]
    seen: dict[Instrument, set[Channel]] = {}
    for channel, instrument in state.instruments():
      if not _may_see(bounds, channel, instrument):
        continue
      if text in f"{instrument.exchange.upper()} {instrument.symbol.upper()}":
        seen.setdefault(instrument, set()).add(channel)
    rows = []
    for instrument, channels in sorted(seen.items(), key=lambda item: tuple(map(str, item[0]))):
      rows.append(apart({**instrument._asdict(), "channels": sorted(channels)}))
    fresh = self._of_sources(sorted(names & set(running)), None)
    head = self._head(fresh, "list", None, [], None, (), bounds)
    head.pop("note", None)
    answer = {**head, "exchanges": venues, "seen": []}
    fit(answer, "seen", rows, room)
    there = "`seen` are markets that came by; "
    if server.player is None:
      there += (
        "any other spelling (BTC/USDT, or BTC/USDT:USDT for a perpetual) can be asked for at a "
        "named exchange, which starts its source."
      )
    else:
      there += "nothing else was received up to the time of this replay."
    note(answer, there)
    return marked(answer)

  # Parts of answers -------------------------------------------------------------------------------

  @property
  def _state(self) -> MarketState:
    state = self._server.market
    if state is None:
      raise QuestionRefused(
        503,
        "no broker runs in this process, which keeps the state of markets; ask the one that has it",
      )
    return state

  async def _of_venues(
    self,
    caller: Principal,
    market: Market,
    exchange: object,
    channels: tuple[Channel, ...],
    question: Callable[[str], Awaitable[tuple[Freshness, dict[str, Any]]]],
    key: str,
    cursor: object,
    room: int,
  ) -> dict[str, Any]:
    """An answer with a row for each venue."""
    self._check_ahead(cursor, self._server.log)
    venues = self._venues(exchange)
    self._allow(caller, channels, venues, market)
    found: dict[str, tuple[Freshness, dict[str, Any]]] = {}
    refused: list[QuestionRefused] = []

    async def ask(venue: str) -> None:
      try:
        found[venue] = await question(venue)
      except QuestionRefused as exc:
        refused.append(exc)

    async with trio.open_nursery() as nursery:
      for venue in venues:
        nursery.start_soon(ask, venue)
    if not found:
      raise refused[0]
    listed = [found[venue] for venue in venues if venue in found]
    what = "book" if key == "books" else "quote"
    head = self._head(
      worst(fresh for fresh, _ in listed), what, market, list(found), cursor, channels
    )
    answer = {**head, "symbol": clean(str(market)), key: []}
    kept = fit(answer, key, [row for _, row in listed], room)
    if kept < len(listed) and key == "books" and not kept:
      # One book is always told, with as many levels as fit.
      answer[key] = [changes.shortened(listed[0][1], room)]
      note(answer, "The book is cut to the budget; name a larger one for more levels.")
    return marked(answer)

  def _tickers(self, market: Market, watch: Watch) -> "_Parts | None":
    """What was said last of a ticker, the newest first; the prices, where they can be awaited."""
    for instrument in self._instruments(market, watch):
      if parts := self._state.tickers(instrument):
        waited = (self._server.clock.mono_ns() - watch.since_ns) / 1e9
        if waited < WHOLE_WITHIN and all(part.bid is None for part in parts):
          return None
        return _Parts(sorted(parts, key=_seq, reverse=True))
    return None

  def _quote_row(
    self, caller: Principal, watch: Watch, market: Market, parts: "_Parts | None"
  ) -> tuple[Freshness, dict[str, Any]]:
    event = None if parts is None else parts.leading
    fresh = self._fresh(watch, market, "ticker", event)
    row = _row(watch.exchange, event, fresh)
    if parts is None or event is None:
      return fresh, row
    for name in ("bid", "bid_size", "ask", "ask_size", "last", *_STATISTICS):
      part = next((p for p in parts.newest_first if getattr(p, name) is not None), None)
      if part is not None:
        row[name] = getattr(part, name)
        if part is not event and name in ("last", "mark"):
          # Another message than the one that the row's time is of.
          row[f"{name}_age_ms"], row[f"{name}_seq"] = self._age(part), _seq(part)
    if event.bid is not None and event.ask is not None:
      row["spread"] = changes.exact(Decimal(repr(event.ask)) - Decimal(repr(event.bid)))
    of = _instrument_of(event)
    funding = self._state.last(Funding, of) if _may_see(caller.bounds, "funding", of) else None
    if isinstance(funding, Funding) and funding.rate is not None:
      row["funding_rate"], row["funding_age_ms"] = funding.rate, self._age(funding)
    return fresh, row

  def _fresh(
    self, watch: Watch, market: Market, channel: Channel, event: AnyEvent | None
  ) -> Freshness:
    """The freshness of the last event of a channel of a market."""
    standings = self._server.standings(watch.lease, watch.exchange)
    instrument = None
    if isinstance(event, Event):
      instrument = _instrument_of(event)
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
    state, doubt = judge(
      age := self._age(event),
      standing,
      simulated=getattr(event, "simulated", None) is True,
      lost=self._lost_after(event, channel),
      before=watched and not watch.covers(received),
      watched=watched,
      replay=replay,
    )
    return Freshness(event.ts_event, age, state, doubt)  # type: ignore[union-attr]

  def _of_sources(self, venues: Sequence[str], event: AnyEvent | None) -> Freshness:
    """The freshness of what all that comes from these venues tells; `event` is the newest of it."""
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
    age = self._age(event)
    simulated = getattr(event, "simulated", None) is True
    state, doubt = judge(age, standing, simulated=simulated, watched=watched, replay=replay)
    return Freshness(getattr(event, "ts_event", None), age, state, doubt)

  def _age(self, event: AnyEvent) -> int:
    """The time since an event was received, by a clock that nobody sets where it was received
    here."""
    clock = self._server.clock
    received = getattr(event, "ts_internal", None)
    if received is not None and self._server.demand is not None:
      return max(0, int(clock.mono_ns() - received) // 1_000_000)
    return max(0, int(clock.now_ms() - getattr(event, "ts_event", 0)))

  def _lost_after(self, event: AnyEvent, channel: Channel) -> bool:
    """Whether a loss was declared after an event that may concern what it tells."""
    number = _seq(event)
    count = 0
    for gap in self._state.gaps():
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

  def _gaps(
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
      for gap in self._state.gaps()
      if (gap.seq_internal or 0) > after
      and gap.ts_event >= since_ms
      and (venues is None or gap.exchange == "*" or gap.exchange in venues)
      and (market is None or gap.symbol == "*" or is_of(market, gap, "trades"))
      and _concerns(gap, bounds)
    ]

  def _head(
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
      for gap in self._gaps(market, venues or None, cursor, bounds)
      if not channels or gap.channel in ("*", *channels)
    ]
    log = self._server.log
    head: dict[str, Any] = {
      "as_of": rfc3339(fresh.as_of_ms),
      "age_ms": fresh.age_ms,
      "state": fresh.state,
      "fresh": fresh.fresh,
      "cursor": f"{log.epoch}:{self._state.number}",
      "gaps": [gap_row(gap) for gap in gaps[:MAX_GAPS]],
    }
    if (sentence := fresh.sentence(what)) is not None:
      head["note"] = sentence
    wrong = self._state.wrong_clocks()
    if any(venue in wrong for venue in venues):
      note(head, "The clock of an exchange is wrong: `at` and `as_of` are when we received it.")
    if cursor is not None and str(cursor).partition(":")[0] != log.epoch:
      note(head, "The cursor is of an earlier run of the log: what came between is not known.")
    return head

  def _stream_head(self, stream: Stream, end: str | None) -> dict[str, Any]:
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
    state = (
      "replay"
      if self._server.player is not None
      else "stale"
      if doubt or age is None
      else "simulated"
      if status.simulated
      else ("live" if age <= changes.STREAM_LIVE_MS else "quiet")
    )
    fresh = Freshness(at, age, state, doubt)  # type: ignore[arg-type]
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
      for gap in self._gaps(None, None, None)
      if any(gap.exchange in ("*", venue) and gap.symbol in ("*", symbol) for venue, symbol in read)
    ]

  # What is asked for ------------------------------------------------------------------------------

  def _venues(self, exchange: object) -> list[str]:
    """The venue that is named, or those that run."""
    if exchange is not None:
      return [exchange_of(exchange)]
    server = self._server
    running = sorted(server.sources())
    if server.demand is None:
      return running or sorted({instrument.exchange for _, instrument in self._state.instruments()})
    carried = [name for name in running if name in server.demand.exchanges()] or running
    if not carried:
      there = ", ".join(sorted(server.demand.exchanges())) or "none installed"
      raise QuestionRefused(422, f"name an exchange, as none runs yet; there is {there}")
    return carried

  def _allow(
    self,
    caller: Principal,
    channels: Iterable[Channel],
    venues: Iterable[str],
    market: Market | None,
  ) -> None:
    """Raises QuestionRefused for what a caller may not read."""
    if caller.may_read(MARKET):
      return
    bounds = caller.bounds
    if bounds is None:
      raise QuestionRefused(403, "these credentials read streams only; name one with `stream`")
    for names, allowed, what in (
      (None if market is None else [str(market)], bounds.symbols, "symbol"),
      (list(venues), bounds.exchanges, "exchange"),
      (list[str](channels) or ["*"], bounds.channels, "channels"),
    ):
      if allowed is not None and not allowed.issuperset(names or ["*"]):
        raise QuestionRefused(
          403, f"this narrow token is not for that; name a {what} that it is for"
        )

  def _stream(self, caller: Principal, stream: object) -> Stream:
    text = str(stream)[:40]
    if not caller.may_read(text):
      raise QuestionRefused(404, "there is no stream of this id that you may read")
    found = self._server.streams.get(text)
    if found is None:
      raise QuestionRefused(404, "there is no stream of this id that you may read")
    return found

  async def _watch(
    self, caller: Principal, channels: Sequence[Channel], market: Market, venue: str
  ) -> Watch:
    return await self.watches.need(caller.name, frozenset(channels), market, venue)

  def _instruments(self, market: Market, watch: Watch) -> list[Instrument]:
    named = [] if watch.lease is None else list(watch.lease.named)
    of = [instrument for instrument in named if instrument.exchange == watch.exchange]
    return [*of, *instruments_of(market, watch.exchange)]

  def _latest(self, kind: type[T], market: Market, watch: Watch) -> T | None:
    state = self._state
    for instrument in self._instruments(market, watch):
      event = state.last(kind, instrument)  # type: ignore[arg-type]
      if isinstance(event, kind):
        return event
    return None

  async def _first(self, watch: Watch, look: Callable[[], T | None]) -> T | None:
    """What there is now; where the market was subscribed to just now, waits for its first event."""
    await trio.lowlevel.checkpoint()
    found = look()
    if self.locked or (found is not None and watch.covers(getattr(found, "ts_internal", None))):
      return found
    begun = (self._server.clock.mono_ns() - watch.since_ns) / 1e9
    with trio.move_on_after(max(0.0, FIRST_WITHIN - begun)):
      while True:
        await trio.sleep(LOOK_EVERY)
        found = look()
        if found is not None and watch.covers(getattr(found, "ts_internal", None)):
          break
    return found

  async def _start(
    self, log: DurableLog, cursor: object, end: int
  ) -> tuple[int, list[dict[str, Any]]]:
    """The first number after a cursor, and the losses that are known by that; without one the end
    of the log."""
    if cursor is None:
      return end + 1, []
    text = str(cursor)
    if found := _AGO.fullmatch(text):
      ago = int(found["count"] or 0) * _UNIT_MS[found["unit"] or "s"]
      return min(await log.find(self._server.clock.now_ms() - ago), end + 1), []
    if (found := CURSOR.fullmatch(text)) is None:
      raise bad_cursor()
    self._check_ahead(cursor, log)
    number = int(found["number"])
    if found["epoch"] != log.epoch or number > log.head:
      row = {"exchange": "*", "channel": "*", "symbol": "*", "reason": "expired"}
      return log.ring.oldest, [row]
    if number + 1 < log.oldest:
      row = {"exchange": "*", "channel": "*", "symbol": "*", "reason": "expired"}
      return log.oldest, [{**row, "from_seq": number + 1, "to_seq": log.oldest - 1}]
    return number + 1, []

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


@asynccontextmanager
async def open_answers(server: AnswerServer, limits: AnswerLimits) -> AsyncIterator[Answers]:
  """The answers of a server, for as long as the block lasts."""
  async with trio.open_nursery() as nursery:
    answers = Answers(server, limits, nursery)
    nursery.start_soon(answers.watches.tend)
    yield answers
    nursery.cancel_scope.cancel()


def _account(made: dict[str, Any], room: int) -> dict[str, Any]:
  """What was understood of a text, in the words that a person gets, as far as it fits."""
  understood = made.get("understood")
  if not understood:
    return {}
  account = {
    key: understood[key]
    for key in ("outcome", "sentence", "unknown", "missing", "packages", "problems", "account")
    if understood.get(key)
  }
  if tokens_of(account) > room:
    account.pop("account", None)
  return {"understood": quoted(account, 6)}


def _instrument_of(event: AnyEvent) -> Instrument:
  expiry = getattr(event, "expiry", None)
  return Instrument(event.exchange, event.market_type, event.symbol, expiry)  # type: ignore[union-attr]


def _concerns(gap: Gap, bounds: Bounds | None) -> bool:
  """Whether a loss concerns what a narrow token is for."""
  if bounds is None:
    return True
  plain = bounds.symbols and frozenset(symbol.partition(":")[0] for symbol in bounds.symbols)
  return all(
    name == "*" or _allows(allowed, name)
    for allowed, name in (
      (bounds.exchanges, gap.exchange),
      (bounds.channels, gap.channel),
      (plain, gap.symbol),
    )
  )


def _allows(allowed: frozenset[str] | None, name: str) -> bool:
  return allowed is None or name in allowed


def _may_see(bounds: Bounds | None, channel: Channel, instrument: Instrument) -> bool:
  """Whether a token is for a channel of an instrument; perpetuals and dated contracts are named
  with what they settle in."""
  if bounds is None:
    return True
  plain = instrument.market_type in ("spot", None)
  named = bounds.symbols is None or any(
    (symbol == instrument.symbol if plain else symbol.partition(":")[0] == instrument.symbol)
    and (":" in symbol) != plain
    for symbol in bounds.symbols
  )
  return (
    named and _allows(bounds.exchanges, instrument.exchange) and _allows(bounds.channels, channel)
  )


def _row(exchange: str, event: AnyEvent | None, fresh: Freshness) -> dict[str, Any]:
  row = {**apart({"exchange": exchange}), "state": fresh.state, "age_ms": fresh.age_ms}
  if event is not None:
    kind: MarketType | None = getattr(event, "market_type", None)
    row |= {"market_type": kind} if kind else {}
    expiry = getattr(event, "expiry", None)
    row |= {"expiry": expiry} if expiry else {}
    row["seq"] = _seq(event)
  return row


def _seq(event: AnyEvent) -> int:
  number: int | None = getattr(event, "seq_internal", None)
  return number or 0
