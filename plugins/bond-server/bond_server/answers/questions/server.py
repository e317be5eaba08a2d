"""The server itself: its sources, and what can be asked for."""

from typing import Any

import trio

from bond_core import AnyEvent, Channel, Instrument, Principal
from bond_server.answers.arguments import budget_of
from bond_server.answers.bounds import allow, allows, may_see
from bond_server.answers.fitting import fit, note
from bond_server.answers.freshness import Freshness, worst
from bond_server.answers.markets import exchange_of
from bond_server.answers.questions.common import Questions
from bond_server.answers.rows import apart, instrument_of, marked, quoted, seq_of


class ServerQuestions(Questions):
  """The health of the sources, and the list of markets."""

  async def health(
    self, caller: Principal, exchange: object = None, *, budget: object = None
  ) -> dict[str, Any]:
    """The state of each source, the age of what came last, losses, and clocks that are wrong."""
    self.allowances.call(caller.name)
    if caller.bounds is None:
      allow(caller, (), (), None)
    room = budget_of(budget)
    await trio.lowlevel.checkpoint()
    server, state = self._server, self._state
    only, bounds = None if exchange is None else exchange_of(exchange), caller.bounds
    sources = {
      name: status
      for name, status in server.sources().items()
      if only in (None, name) and (bounds is None or allows(bounds.exchanges, name))
    }
    latest: dict[str, AnyEvent] = {}
    for event in state.latest():
      name: str = event.exchange  # type: ignore[union-attr]
      if not may_see(bounds, type(event).channel, instrument_of(event)):  # type: ignore[arg-type]
        continue
      if name not in latest or seq_of(event) > seq_of(latest[name]):
        latest[name] = event
    wrong, skews, recent = (
      state.wrong_clocks(),
      state.skews(),
      self._heads.gaps(None, None, None, bounds),
    )
    found: list[Freshness] = []
    rows = []
    for name, status in sorted(sources.items()):
      last = latest.get(name)
      fresh = self._heads.of_sources([name], last)
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
    head = self._heads.of_market(worst(found), "last event", None, list(sources), None, (), bounds)
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
      allow(caller, (), (), None)
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
      if not may_see(bounds, channel, instrument):
        continue
      if text in f"{instrument.exchange.upper()} {instrument.symbol.upper()}":
        seen.setdefault(instrument, set()).add(channel)
    rows = []
    for instrument, channels in sorted(seen.items(), key=lambda item: tuple(map(str, item[0]))):
      rows.append(apart({**instrument._asdict(), "channels": sorted(channels)}))
    fresh = self._heads.of_sources(sorted(names & set(running)), None)
    head = self._heads.of_market(fresh, "list", None, [], None, (), bounds)
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
