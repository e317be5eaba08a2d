"""What questions keep subscribed to: a market that was asked for stays so for a while, so that one
who polls finds it running."""

from collections import Counter
from collections.abc import Sequence

import attrs
import trio

from bond_core import Channel, Market
from bond_core.services import Lease
from bond_server.answers.limits import Allowances
from bond_server.answers.refused import QuestionRefused
from bond_server.answers.rows import clean
from bond_server.answers.serving import AnswerServer

LINGER = 120.0
"""Seconds for which a market stays subscribed to after the last question about it."""
LOOK_EVERY = 5.0


@attrs.define(eq=False)
class Watch:
  """A channel set of a market at a venue that is subscribed to. `since_ns` is when it began
  (monotonic); where others had it already, what came before is valid too: `continues`. `lease` None
  says that another process subscribes."""

  exchange: str
  lease: Lease | None
  since_ns: int
  continues: bool
  used_at: float
  callers: set[str] = attrs.field(factory=set)

  def covers(self, received_ns: int | None) -> bool:
    """Whether what was received then came while it was subscribed to."""
    return self.continues or (received_ns is not None and received_ns >= self.since_ns)


class Watches:
  """The markets that are subscribed to for questions. What a caller named counts for it until it
  has not been asked for a while."""

  def __init__(self, server: AnswerServer, allowances: Allowances) -> None:
    self._server = server
    self._allowances = allowances
    self._watches: dict[tuple[frozenset[Channel], Market, str], Watch] = {}
    self._held: Counter[str] = Counter()
    self._opening: dict[tuple[frozenset[Channel], Market, str], trio.Event] = {}
    """What is being opened, which several may wait for."""

  def __len__(self) -> int:
    return len(self._watches)

  async def need(
    self, caller: str, channels: frozenset[Channel], market: Market, exchange: str
  ) -> Watch:
    """Has a market subscribed to for a while. Returns when its venue has answered, or a moment has
    passed. Raises QuestionRefused where nobody carries it."""
    key = channels, market, exchange
    while (opening := self._opening.get(key)) is not None:
      await opening.wait()
    watch = self._watches.get(key)
    if watch is None or caller not in watch.callers:
      self._check_room(caller)
      # Counted before it is open, since several may be opened at a time.
      self._held[caller] += 1
      try:
        watch = watch or await self._opened(caller, key)
      except BaseException:
        self._let_go(caller)
        raise
      watch.callers.add(caller)
    watch.used_at = trio.current_time()
    return watch

  async def _opened(self, caller: str, key: tuple[frozenset[Channel], Market, str]) -> Watch:
    opening = self._opening[key] = trio.Event()
    try:
      return await self._open(caller, key)
    finally:
      del self._opening[key]
      opening.set()

  def _let_go(self, caller: str) -> None:
    self._held[caller] -= 1
    if not self._held[caller]:
      del self._held[caller]

  def _check_room(self, caller: str) -> None:
    most = self._allowances.limits.markets
    if most and self._held[caller] >= most:
      raise QuestionRefused(
        429,
        f"questions with these credentials keep {most} markets subscribed to already; each is "
        f"given up {LINGER:.0f} s after the last question about it",
        retry_after=LINGER,
      )

  async def _open(self, caller: str, key: tuple[frozenset[Channel], Market, str]) -> Watch:
    channels, market, exchange = key
    server, demand = self._server, self._server.demand
    now_ns = server.clock.mono_ns()
    if demand is None:
      watch = Watch(exchange, None, now_ns, continues=True, used_at=trio.current_time())
    else:
      lease = demand.lease(channels, [market], frozenset((exchange,)))
      try:
        continues = server.delivers(lease)
        await demand.await_verdicts(lease)
      except BaseException:
        demand.release(lease)
        raise
      if not lease.carried:
        reasons = sorted({clean(rejection.reason) for rejection in lease.rejected})
        demand.release(lease)
        self._allowances.unknown(caller)
        raise QuestionRefused(
          404,
          "this market cannot be had from this exchange here; `markets` lists what can",
          quoted={"market": clean(str(market)), "exchange": clean(exchange), "reasons": reasons},
        )
      watch = Watch(exchange, lease, now_ns, continues, trio.current_time())
    self._watches[key] = watch
    return watch

  async def tend(self) -> None:
    """Gives up what nobody has asked for in a while, until it is cancelled."""
    try:
      while True:
        await trio.sleep(LOOK_EVERY)
        before = trio.current_time() - LINGER
        self._drop([key for key, watch in self._watches.items() if watch.used_at < before])
    finally:
      self._drop(list(self._watches))

  def _drop(self, keys: Sequence[tuple[frozenset[Channel], Market, str]]) -> None:
    for key in keys:
      watch = self._watches.pop(key)
      for caller in watch.callers:
        self._let_go(caller)
      if watch.lease is not None and self._server.demand is not None:
        self._server.demand.release(watch.lease)
