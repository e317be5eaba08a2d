"""The time of a replay."""

from typing import Any

import trio

from bond_core import BondError, Principal
from bond_server.answers.arguments import budget_of
from bond_server.answers.questions.common import FIRST_WITHIN, LOOK_EVERY, Questions
from bond_server.answers.refused import QuestionRefused


class ReplayQuestions(Questions):
  """Moving the locked time of a replay."""

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
    head = self._heads.of_market(self._heads.of_sources([], None), "time", None, [], None, ())
    kept = ("events", "ended", "decisions", "stream_id")
    return {**head, **{name: told[name] for name in kept if told[name] != ""}, **done}
