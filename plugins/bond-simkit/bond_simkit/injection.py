"""The faults that every simulated venue has, and their life: waiting, active, done."""

from collections.abc import Callable, Iterable
from typing import Any, Literal

import attrs
import trio

from bond_simkit.altered import delisted, halted, without_ids, without_rows
from bond_simkit.notation import FaultKind, FaultNotation, VenueFault
from bond_simkit.withheld import Withheld

VENUE_FAULTS = FaultNotation(
  {
    "drop": FaultKind("ends the connections with FIN, without a Close frame"),
    "rst": FaultKind("ends the connections with RST"),
    "close-24h": FaultKind(
      "ends them as at the 24-hour limit: notice, ARG later Close", "seconds", 1.0
    ),
    "silence": FaultKind(
      "no data on the open connections for ARG; pings and pongs go on", "seconds"
    ),
    "hush": FaultKind(
      "no data of streams /TEXT on the open connections for ARG; all else goes on", "seconds"
    ),
    "half-open": FaultKind("nothing is sent or answered on the open connections any more"),
    "cut": FaultKind(
      "ends each connection that has, or is to have, a stream /TEXT, for ARG", "seconds"
    ),
    "refuse": FaultKind("new connections are reset for ARG", "seconds", 5.0),
    "gap": FaultKind("skips ARG frames", "frames", 1),
    "duplicate": FaultKind("sends ARG frames twice", "frames", 1),
    "disorder": FaultKind("swaps ARG pairs of neighbouring frames of a stream", "frames", 1),
    "corrupt": FaultKind("breaks ARG frames: cut short, then a flipped byte, in turn", "frames", 1),
    "429": FaultKind("REST answers 429 with Retry-After for ARG", "seconds", 2.0),
    "418": FaultKind("REST answers 418 with Retry-After for ARG", "seconds", 2.0),
    "5xx": FaultKind("REST and new WebSockets are answered 503 for ARG", "seconds", 2.0),
    "nameless": FaultKind("trades that REST answers have no ids for ARG", "seconds"),
    "empty": FaultKind("lists that REST answers have no rows for ARG", "seconds", 2.0),
    "401": FaultKind("REST and new WebSockets are answered 401 for ARG", "seconds", 2.0),
    "403": FaultKind(
      "REST and new WebSockets are answered 403 with a firewall's page for ARG", "seconds", 2.0
    ),
    "451": FaultKind("REST and new WebSockets are answered 451 for ARG", "seconds", 2.0),
    "html": FaultKind("REST answers 200 with a page instead of data for ARG", "seconds", 2.0),
    "break": FaultKind("REST lists all markets as not trading for ARG", "seconds", 2.0),
    "delist": FaultKind("REST lists no market /TEXT, such as /BTCUSDT, for ARG", "seconds", 2.0),
    "resize": FaultKind(
      "OKX: contracts with /TEXT in their names are worth ten times as much for ARG", "seconds"
    ),
    "slow": FaultKind("delays answers and frames by ARG", "seconds", 0.5),
  },
  examples="drop@5s or gap:5/depth@100f",
  by_topic=True,
)

ENDING = frozenset(("drop", "rst", "close-24h", "cut"))
MUTING = frozenset(("silence", "hush", "half-open"))
ON_FRAMES = frozenset(("gap", "duplicate", "disorder", "corrupt"))
PAGES = {"401": 401, "403": 403, "451": 451, "html": 200}
"""The status of a page that is not the venue's, by the kind of fault that answers with it."""
STATUSES = {"429": 429, "418": 418, "5xx": 503}
"""HTTP status by the kind of fault that answers with it."""

ALTERING = {"nameless": without_ids, "empty": without_rows}
"""What is done to the answers of REST that say what has happened, by these faults."""
LISTING = {"break": halted, "delist": delisted}
"""And to those that say what there is."""

_LASTING = frozenset((*MUTING, *STATUSES, *PAGES, *ALTERING, *LISTING, "refuse", "cut", "resize"))


@attrs.define(eq=False)
class InjectedFault:
  """A fault in the life of a server. Times are trio's."""

  fault: VenueFault
  number: int
  state: Literal["waiting", "active", "done"] = "waiting"
  added_at: float = attrs.field(factory=trio.current_time)
  started_at: float | None = None
  ended_at: float | None = None
  seen: int = 0
  """Data frames sent while it waited for `after_frames`."""
  frames: int = 0
  connections: int = 0
  requests: int = 0
  withheld: Withheld = attrs.field(factory=Withheld)

  @property
  def kind(self) -> str:
    return self.fault.kind

  def matches(self, topic: str) -> bool:
    """Whether the fault applies to this topic."""
    return self.fault.text in topic

  def seconds_left(self) -> float | None:
    """How long an active fault still lasts, None for no end."""
    if self.fault.amount is None or self.started_at is None:
      return None
    return max(0.0, self.started_at + self.fault.amount - trio.current_time())

  def report(self) -> dict[str, Any]:
    """Its row of GET /_sim/faults; times in seconds since it was added."""

    def since_added(moment: float | None) -> float | None:
      return None if moment is None else round(moment - self.added_at, 6)

    return {
      "id": self.number,
      "fault": self.fault.written,
      "kind": self.kind,
      "state": self.state,
      "started": since_added(self.started_at),
      "ended": since_added(self.ended_at),
      "frames": self.frames,
      "connections": self.connections,
      "requests": self.requests,
      "withheld": self.withheld.report(),
    }


class FaultInjector:
  """The faults of one server. `strike` is called when a fault starts and `heal` when it ends, to
  carry out what it does to connections."""

  def __init__(
    self, strike: Callable[[InjectedFault], None], heal: Callable[[InjectedFault], None]
  ) -> None:
    self.faults: list[InjectedFault] = []
    self._strike = strike
    self._heal = heal
    self._nursery: trio.Nursery | None = None
    self._for_first_request: list[InjectedFault] = []

  async def run(self, faults: Iterable[VenueFault]) -> None:
    """Runs timers until cancelled. `faults` are those given at the start: their times count from a
    client's first request."""
    async with trio.open_nursery() as nursery:
      self._nursery = nursery
      self._for_first_request = [self._new(fault) for fault in faults]
      await trio.sleep_forever()

  def first_request(self) -> None:
    """Starts the time of the faults given at the start; does nothing the next time."""
    waiting, self._for_first_request = self._for_first_request, []
    for injected in waiting:
      injected.added_at = trio.current_time()
      self._schedule(injected)

  def add(self, fault: VenueFault) -> InjectedFault:
    """Adds a fault while the server runs: its time counts from now."""
    injected = self._new(fault)
    self._schedule(injected)
    return injected

  def end(self, injected: InjectedFault) -> None:
    """Ends a fault; one that has not started never will."""
    if injected.state != "done":
      started = injected.state == "active"
      injected.state, injected.ended_at = "done", trio.current_time()
      if started:
        self._heal(injected)

  def end_all(self) -> None:
    """Ends all faults."""
    for injected in self.faults:
      self.end(injected)

  # What requests and frames look up ---------------------------------------------------------------

  @property
  def watches_frames(self) -> bool:
    """Whether frames have to be passed through `count_frame` and `on_frame` one by one."""
    return any(
      (injected.state == "active" and injected.kind in ON_FRAMES | MUTING)
      or (injected.state == "waiting" and injected.fault.after_frames is not None)
      for injected in self.faults
    )

  def count_frame(self, topic: str, deliveries: int) -> None:
    """Counts a data frame before it is sent and starts the faults that waited for it."""
    for injected in self.faults:
      after = injected.fault.after_frames
      if injected.state == "waiting" and after is not None and injected.matches(topic):
        if injected.seen >= after:
          self._start(injected)
        injected.seen += deliveries

  def on_frame(self, topic: str) -> InjectedFault | None:
    """The active fault that applies to a frame of this topic."""
    for injected in self.faults:
      if injected.state == "active" and injected.kind in ON_FRAMES and injected.matches(topic):
        return injected
    return None

  def active(self, *kinds: str) -> InjectedFault | None:
    """The first active fault of these kinds."""
    for injected in self.faults:
      if injected.state == "active" and injected.kind in kinds:
        return injected
    return None

  def delay(self) -> float:
    """Seconds by which responses and frames are delayed."""
    injected = self.active("slow")
    return 0.0 if injected is None else injected.fault.seconds

  # Life ------------------------------------------------------------------------------------------

  def _new(self, fault: VenueFault) -> InjectedFault:
    injected = InjectedFault(fault, len(self.faults) + 1)
    self.faults.append(injected)
    return injected

  def _schedule(self, injected: InjectedFault) -> None:
    if injected.fault.after_frames is None:
      if injected.fault.after_seconds:
        self._later(injected.fault.after_seconds, self._start, injected)
      else:
        self._start(injected)

  def _start(self, injected: InjectedFault) -> None:
    if injected.state != "waiting":
      return
    injected.state, injected.started_at = "active", trio.current_time()
    self._strike(injected)
    if injected.kind in ("drop", "rst"):
      self.end(injected)
    elif injected.kind == "close-24h" or (
      injected.kind in _LASTING and injected.fault.amount is not None
    ):
      self._later(injected.fault.seconds, self.end, injected)

  def _later(
    self, seconds: float, call: Callable[[InjectedFault], None], injected: InjectedFault
  ) -> None:
    async def wait() -> None:
      await trio.sleep(seconds)
      call(injected)

    if self._nursery is None:
      raise RuntimeError("a fault was added while FaultInjector.run was not running")
    self._nursery.start_soon(wait)


async def strike_in_time(
  faults: Iterable[VenueFault],
  strike: Callable[[VenueFault], None],
  *,
  first_client: trio.Event | None = None,
) -> None:
  """Calls `strike` with each fault when its time has come, and returns after the last; for sites
  that carry out their faults themselves. Times count from the start, or from `first_client`."""

  async def wait(fault: VenueFault) -> None:
    if fault.after_seconds:
      if first_client is not None:
        await first_client.wait()
      await trio.sleep(fault.after_seconds)
    strike(fault)

  async with trio.open_nursery() as nursery:
    for fault in faults:
      nursery.start_soon(wait, fault)
