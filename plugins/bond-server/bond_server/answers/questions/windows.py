"""What a market did in spans of time."""

from typing import Any, TypeVar

from bond_core import Channel, Market, Principal, Trade
from bond_server.answers import columns
from bond_server.answers.arguments import budget_of, whole
from bond_server.answers.bounds import allow
from bond_server.answers.fitting import fit_columns, note
from bond_server.answers.freshness import Freshness, rfc3339, worst
from bond_server.answers.markets import market_of
from bond_server.answers.questions.common import Questions
from bond_server.answers.watches import Watch

T = TypeVar("T")


class WindowQuestions(Questions):
  """The windows of a market or of a stream."""

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
      head = self._heads.of_stream(found, rows[-1].window_end if rows else None)
      return fit_columns(head, rows, room)
    market = market_of(symbol)
    span = columns.span_of(every)
    venues = self._venues(exchange)
    channels: tuple[Channel, ...] = ("trades",)
    allow(caller, channels, venues, market)
    fresh: list[Freshness] = []
    for venue in venues:
      watch = await self._watch(caller, channels, market, venue)
      trade = await self._first(watch, lambda w=watch: self._latest(Trade, market, w))  # type: ignore[misc]
      fresh.append(self._heads.fresh(watch, "trades", trade))
    windows, reaches = await columns.of_trades(
      self._server, market, frozenset(venues), span, most, self._state.number
    )
    head = self._heads.of_market(worst(fresh), "last trade", market, venues, None, channels)
    answer = fit_columns(head, windows, room)
    if len(windows) < most:
      back = rfc3339(reaches) or "now"
      note(
        answer,
        f"The log has whole windows from {back} on only; `stream` makes one that is kept.",
      )
    return answer

  def _latest(self, kind: type[T], market: Market, watch: Watch) -> T | None:
    state = self._state
    for instrument in self._instruments(market, watch):
      event = state.last(kind, instrument)  # type: ignore[arg-type]
      if isinstance(event, kind):
        return event
    return None
