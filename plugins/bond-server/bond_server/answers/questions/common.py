"""What all questions share: the server, what runs there, and where an answer begins to read."""

import re
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import trio

from bond_core import Channel, Instrument, Market, Principal
from bond_core.logs import DurableLog
from bond_core.services import Stream
from bond_server.answers.arguments import CURSOR, bad_cursor, cursor_of
from bond_server.answers.limits import Allowances, AnswerLimits
from bond_server.answers.markets import exchange_of, instruments_of
from bond_server.answers.questions.heads import Heads
from bond_server.answers.refused import QuestionRefused
from bond_server.answers.serving import AnswerServer
from bond_server.answers.watches import Watch, Watches
from bond_server.market_state import MarketState

T = TypeVar("T")

FIRST_WITHIN: Final = 5.0
"""Seconds that an answer waits for the first event of what it had to subscribe to."""
LOOK_EVERY: Final = 0.02

_AGO = re.compile(r"now(?:-(?P<count>[0-9]{1,5})(?P<unit>s|m|h))?")
_UNIT_MS = {"s": 1000, "m": 60_000, "h": 3_600_000}


class Questions:
  """What a question needs besides its own arguments."""

  def __init__(self, server: AnswerServer, limits: AnswerLimits) -> None:
    self.allowances = Allowances(limits)
    self.watches = Watches(server, self.allowances)
    self._server = server
    self._heads = Heads(server)

  @property
  def _state(self) -> MarketState:
    return self._heads.state

  @property
  def locked(self) -> bool:
    """Whether time stands still here until somebody advances it."""
    return self._server.player is not None and self._server.player.locked

  def _check_ahead(self, cursor: object, log: DurableLog) -> None:
    """Raises QuestionRefused for a cursor that lies after the time of a replay."""
    found = None if self._server.player is None else cursor_of(cursor)
    if found is not None and found["epoch"] == log.epoch and int(found["number"]) > log.head:
      raise QuestionRefused(409, "look_ahead: this cursor lies after the time of the replay")

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

  def _stream(self, caller: Principal, stream: object) -> Stream:
    text = str(stream)[:40]
    found = self._server.streams.get(text) if caller.may_read(text) else None
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
