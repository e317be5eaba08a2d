"""What the code itself decides in a state of the model: it is built there and has to answer."""

import json
from collections.abc import Sequence
from functools import lru_cache

import trio
from bond_broker.protocol.since import AfterNumber
from bond_broker.server.session import resumed
from kk0.session import Session

from bond_core import Custom
from bond_core._logs.durable import DurableLog, continued
from bond_core.logs import MemoryLog, Record

Events = tuple[tuple[int, int], ...]


class Shelf:
  """An engine that has what it is given."""

  last_ts_ms = 0

  def __init__(self, epoch: str, events: Events, finished: bool = False) -> None:
    self.epoch = epoch
    self.finished = finished
    self._numbers = [number for number, _ in events]

  @property
  def head(self) -> int:
    return self._numbers[-1] if self._numbers else 0

  @property
  def oldest(self) -> int:
    return self._numbers[0] if self._numbers else 1

  async def write(self, records: Sequence[Record]) -> None:
    raise AssertionError("nothing is written to it")

  async def read(self, first: int, limit: int) -> list[Record]:
    await trio.lowlevel.checkpoint()
    return [Record(n, 0, [_event()]) for n in self._numbers if n >= first][:limit]

  async def find(self, time_ms: int) -> int:
    await trio.lowlevel.checkpoint()
    return self.oldest

  async def finish(self) -> None:
    await trio.lowlevel.checkpoint()


def _event() -> Custom:
  return Custom(exchange="model", symbol="A", ts_event=0, event_type="step", data={})


@lru_cache(None)
def continued_after(head: int, finished: bool, margin: int) -> int:
  """The number after which a log goes on that an engine has up to `head`; `margin` stands for what
  it leaves out where not all may have been kept."""
  after = continued(Shelf("e", ((head, 0),) if head else (), finished), 0)
  return head if after == head else head + margin


@lru_cache(None)
def found(
  place: tuple[int, int],
  epoch: int,
  ring: Events,
  kept: int,
  broken_at: int,
  head: int,
  stored: Events,
) -> tuple[int, bool]:
  """Where a server of a log in this state begins for a client that comes back with its place, and
  whether it says that nothing is missing."""
  log = _log(epoch, ring, kept, broken_at, head, stored)

  async def ask() -> tuple[int, bool]:
    return await resumed(log, AfterNumber(_name(place[0]), place[1]))

  return trio.run(ask)


def _log(
  epoch: int, ring: Events, kept: int, broken_at: int, head: int, stored: Events
) -> DurableLog:
  before = [number for number, _ in ring if number <= kept]
  memory = MemoryLog("model", epoch=_name(epoch), head=before[0] - 1 if before else kept)
  for number in before:
    memory.append([_event()], first=number)
  log = DurableLog(memory, Shelf(_name(epoch), stored), broken_at=broken_at)
  for number, _ in ring[len(before) :]:
    memory.append([_event()], first=number)
  if log.head != head or log.kept != kept:
    raise AssertionError(f"a log up to {log.head}, kept up to {log.kept}, for {head} and {kept}")
  return log


@lru_cache(None)
def acknowledged(
  place: tuple[int, int] | None, epoch: int, number: int, recovered: bool | None
) -> tuple[int, int]:
  """The client's place after the answer to its subscription."""
  session = _reader(place)
  session.take(_ack(epoch, number, recovered))
  return _place(session)


@lru_cache(None)
def reached(place: tuple[int, int], number: int) -> tuple[int, int]:
  """The client's place after an event."""
  session = _reader(place)
  session.take(json.dumps({"type": "trade", "seq_internal": number}))
  return _place(session)


def _reader(place: tuple[int, int] | None) -> Session:
  session = Session("ws://model/stream")
  session.subscribe("trades", "A", "*")
  session.connected()
  if place is not None:
    session.take(_ack(*place, None))
  return session


def _ack(epoch: int, number: int, recovered: bool | None) -> str:
  answer = {"type": "system", "status": "subscribed", "id": 0, "recovered": recovered}
  return json.dumps({**answer, "epoch": _name(epoch), "seq": number})


def _place(session: Session) -> tuple[int, int]:
  """Where it would go on."""
  epoch, _, number = json.loads(session.connected()[0])["from"].partition(":")
  return int(epoch[1:]), int(number)


def _name(epoch: int) -> str:
  return f"e{epoch}"
