"""python -m tests.world.planted: faults put into Bond's code, each of which worlds have to find."""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any
from unittest.mock import patch

import attrs
import msgspec
from bond_bookkit import ReplicaBook
from bond_broker.delivery.delivery import Delivery
from bond_broker.delivery.market import MarketRouter
from bond_broker.server.session import Session as Served
from bond_builtin.transforms.late import Late
from bond_builtin.transforms.tally import Prices
from bond_filelog.tail import Tail
from bond_server.access.generations import FileGenerations
from kk0.session import Session

from bond_core import Principal
from bond_core._logs import durable
from tests.world.plan import draw
from tests.world.trial import Outcome, trial

SEEDS = 500
"""Within which each is found."""


@attrs.frozen
class Planted:
  """A fault: what it does, and what stands in the place of an attribute of what."""

  says: str
  owner: Any
  name: str
  fault: Any

  def found(self, seeds: Sequence[int]) -> Outcome | None:
    """The first of these worlds that fails with it, None where it goes unnoticed."""
    with patch.object(self.owner, self.name, self.fault):
      outcomes = (trial(draw(seed)) for seed in seeds)
      return next((outcome for outcome in outcomes if outcome.failure is not None), None)


def _afresh(session: Session) -> list[str]:
  return [json.dumps(wanted) for wanted in session._subscriptions.values()]


def _shifted(by: int) -> Any:
  find = Served._find

  async def _find(self: Served, since: str) -> tuple[int, bool | None, bytes | None]:
    start, recovered, gap = await find(self, since)
    return (start + by if recovered else start), recovered, gap

  return _find


async def _whole(self: Served, since: str, find: Any = Served._find) -> Any:
  start, recovered, gap = await find(self, since)
  return start, None if recovered is None else True, gap


def _undeclared(self: Any, to: int, reason: Any, cause: str, lose: Any = Delivery._lose) -> Any:
  lose(self, to, reason, cause)
  return []


def _halved(self: ReplicaBook, event: Any, advance: Any = ReplicaBook.advance) -> bool:
  kept: bool = advance(self, msgspec.structs.replace(event, asks=[]))
  return kept


def _short(self: Tail, data: bytes) -> None:
  rest = memoryview(data)
  while rest:
    taken = self._disk.write(self._file, rest, self.position)
    self.position += taken
    rest = rest[taken + 1 :]


def _beyond(self: Any, become: Any = Delivery._become_live) -> list[bytes]:
  frames: list[bytes] = become(self)
  self._position += bool(frames)
  return frames


def _unsaid(self: Late, cause: str, reason: Any = "late") -> list[Any]:
  self._clear()
  return []


def _doubled(self: Prices, rows: Any, values: Any, extend: Any = Prices.extend) -> None:
  extend(self, rows, values)
  extend(self, rows[-1:], values[-1:])


def _writing(self: Any, traffic: Any, init: Any = MarketRouter.__init__, **more: Any) -> None:
  init(self, traffic)


PLANTED = (
  Planted("a gap of a slow client is not sent", Delivery, "_lose", _undeclared),
  Planted("a resume begins one event too early", Served, "_find", _shifted(-1)),
  Planted("a resume begins one event too late", Served, "_find", _shifted(1)),
  Planted("a resume always says that nothing is missing", Served, "_find", _whole),
  Planted(
    "after a kill, numbers go on where those that were kept end",
    *(durable, "continued", lambda engine, now_ms: engine.head),
  ),
  Planted("mode `power` acknowledges before it syncs", Tail, "sync", lambda self: None),
  Planted("after a short write one byte of a frame is left out", Tail, "_put", _short),
  Planted("the client subscribes afresh after a lost connection", Session, "connected", _afresh),
  Planted(
    "a deletion leaves the stream's tokens valid",
    *(FileGenerations, "advance", FileGenerations.current),
  ),
  Planted("the first event after a replay is left out", Delivery, "_become_live", _beyond),
  Planted("a book leaves out the asks of its changes", ReplicaBook, "advance", _halved),
  Planted(
    "the last state of what was conflated is not sent",
    *(MarketRouter, "missed_states", lambda self, selection, first, end: []),
  ),
  Planted(
    "nothing ends where its token does",
    *(Principal, "check", lambda self, now_ms: None),
  ),
  Planted(
    "an unsubscribed client goes on receiving",
    *(Delivery, "unsubscribe", lambda self, gone: None),
  ),
  Planted(
    "a server that takes over goes on where the stored numbers end",
    *(durable, "SHARED_MARGIN", 0),
  ),
  Planted("a server that follows writes books again", MarketRouter, "__init__", _writing),
  Planted("what is too late for a window is not declared", Late, "declare", _unsaid),
  Planted("a window's prices have one trade twice", Prices, "extend", _doubled),
)


def main(arguments: Sequence[str] | None = None) -> int:
  """Runs worlds with each fault until one fails; 1 where a fault was not found."""
  parser = argparse.ArgumentParser(prog="python -m tests.world.planted", description=__doc__)
  parser.add_argument("--seeds", type=int, default=SEEDS, help=f"how many at most ({SEEDS})")
  parser.add_argument("words", nargs="*", help="only faults that say one of these")
  options = parser.parse_args(arguments)
  print("| fault | first seed that fails | what it says |\n|---|---|---|")
  missed = 0
  for planted in PLANTED:
    if options.words and not any(word in planted.says for word in options.words):
      continue
    outcome = planted.found(range(options.seeds))
    missed += outcome is None
    seed = f"none of {options.seeds}" if outcome is None else str(outcome.plan.seed)
    said = "" if outcome is None or outcome.failure is None else outcome.failure[:100]
    print(f"| {planted.says} | {seed} | {said.replace('|', '/')} |", flush=True)
  return 1 if missed else 0


if __name__ == "__main__":
  sys.exit(main())
