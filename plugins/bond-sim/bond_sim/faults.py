"""What can go wrong on purpose: how a fault is written, when it starts, and what it did.

A fault is written `KIND[:ARG][/TEXT][@WHEN]`. ARG is a number of frames or a duration, TEXT keeps
it to streams whose name contains it, WHEN is a time (`5s`) or a number of data frames (`200f`).
"""

import re
from collections.abc import Callable
from typing import Any

import attrs
import trio

from bond_sim.errors import SimulatorError
from bond_sim.withheld import Withheld


@attrs.frozen
class Kind:
  """One kind of fault. `unit` says what its ARG counts: "frames", "seconds" or "" for none;
  `default` is the ARG where none is written (None for: until it is deleted)."""

  summary: str
  unit: str = ""
  default: float | None = None


KINDS: dict[str, Kind] = {
  "drop": Kind("ends the connections with FIN, without a Close frame"),
  "rst": Kind("ends the connections with RST"),
  "close-24h": Kind("ends them as at the 24-hour limit: notice, ARG later Close", "seconds", 1.0),
  "silence": Kind("no data on the open connections for ARG; pings and pongs go on", "seconds"),
  "half-open": Kind("nothing is sent or answered on the open connections any more"),
  "refuse": Kind("new connections are reset for ARG", "seconds", 5.0),
  "gap": Kind("skips ARG frames", "frames", 1),
  "duplicate": Kind("sends ARG frames twice", "frames", 1),
  "disorder": Kind("swaps ARG pairs of neighbouring frames of a stream", "frames", 1),
  "corrupt": Kind("breaks ARG frames: cut short, then a flipped byte, in turn", "frames", 1),
  "429": Kind("REST answers 429 with Retry-After for ARG", "seconds", 2.0),
  "418": Kind("REST answers 418 with Retry-After for ARG", "seconds", 2.0),
  "5xx": Kind("REST and new WebSockets are answered 503 for ARG", "seconds", 2.0),
  "slow": Kind("delays answers and frames by ARG", "seconds", 0.5),
}

ENDING = frozenset(("drop", "rst", "close-24h"))
MUTING = frozenset(("silence", "half-open"))
ON_FRAMES = frozenset(("gap", "duplicate", "disorder", "corrupt"))
STATUSES = {"429": 429, "418": 418, "5xx": 503}

_FAULT = re.compile(
  r"(?P<kind>[\w-]+)(:(?P<arg>[^/@]*))?(/(?P<text>.+?))?(@(?P<at>[\d.]+)(?P<unit>ms|s|m|f))?"
)
_DURATION = re.compile(r"(?P<number>\d+(\.\d+)?)(?P<unit>ms|s|m)?")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, None: 1.0}


@attrs.frozen(kw_only=True)
class FaultSpec:
  """A fault as written. `amount` is in frames or seconds, None for no end."""

  written: str
  kind: str
  amount: float | None = None
  text: str = ""
  after_seconds: float | None = None
  after_frames: int | None = None


def parse_fault(written: str) -> FaultSpec:
  """The fault that `KIND[:ARG][/TEXT][@WHEN]` describes; SimulatorError otherwise."""
  found = _FAULT.fullmatch(written.strip())
  if found is None or found["kind"] not in KINDS:
    raise SimulatorError(
      f"{written!r} is not a fault; write KIND[:ARG][/TEXT][@WHEN], such as drop@5s or "
      f"gap:5/depth@100f, where KIND is one of {', '.join(KINDS)}"
    )
  kind = KINDS[found["kind"]]
  after_seconds = after_frames = None
  if found["unit"] == "f":
    after_frames = int(float(found["at"]))
  elif found["at"] is not None:
    after_seconds = float(found["at"]) * _SECONDS[found["unit"]]
  return FaultSpec(
    written=written.strip(),
    kind=found["kind"],
    amount=kind.default if found["arg"] is None else _amount(written, kind, found["arg"]),
    text=found["text"] or "",
    after_seconds=after_seconds,
    after_frames=after_frames,
  )


def _amount(written: str, kind: Kind, arg: str) -> float:
  if kind.unit == "frames" and arg.isdecimal() and int(arg) > 0:
    return int(arg)
  if kind.unit == "seconds" and (found := _DURATION.fullmatch(arg)):
    return float(found["number"]) * _SECONDS[found["unit"]]
  expected = {
    "": "this kind takes no argument",
    "frames": "its argument is a number of frames such as 5",
    "seconds": "its argument is a duration such as 500ms, 10s or 2m",
  }[kind.unit]
  raise SimulatorError(f"{written!r} has the argument {arg!r}; {expected}")


@attrs.define(eq=False)
class Fault:
  """A fault in the life of a server: waiting, active, then done."""

  spec: FaultSpec
  number: int
  state: str = "waiting"
  added_at: float = attrs.field(factory=trio.current_time)
  started_at: float | None = None
  ended_at: float | None = None
  seen: int = 0
  """Data frames that were sent while it waited for `after_frames`."""
  frames: int = 0
  connections: int = 0
  requests: int = 0
  withheld: Withheld = attrs.field(factory=Withheld)

  @property
  def kind(self) -> str:
    return self.spec.kind

  def matches(self, stream: str) -> bool:
    """Whether the fault concerns this stream."""
    return self.spec.text in stream

  def seconds_left(self) -> float | None:
    """How long an active fault still lasts, None for no end."""
    if self.spec.amount is None or self.started_at is None:
      return None
    return max(0.0, self.started_at + self.spec.amount - trio.current_time())

  def report(self) -> dict[str, Any]:
    """What GET /_sim/faults says of it; times in seconds since it was added."""

    def since_added(moment: float | None) -> float | None:
      return None if moment is None else round(moment - self.added_at, 6)

    return {
      "id": self.number,
      "fault": self.spec.written,
      "kind": self.kind,
      "state": self.state,
      "started": since_added(self.started_at),
      "ended": since_added(self.ended_at),
      "frames": self.frames,
      "connections": self.connections,
      "requests": self.requests,
      "withheld": self.withheld.report(),
    }


class Faults:
  """The faults of one server. `strike` and `heal` carry out what concerns connections when a fault
  starts and ends."""

  def __init__(self, strike: Callable[[Fault], None], heal: Callable[[Fault], None]) -> None:
    self.all: list[Fault] = []
    self._strike = strike
    self._heal = heal
    self._nursery: trio.Nursery | None = None
    self._for_first_request: list[Fault] = []

  async def run(self, specs: list[FaultSpec]) -> None:
    """Watches the clock. `specs` were given at the start: their times count from the first request
    of a client, whenever that comes."""
    async with trio.open_nursery() as nursery:
      self._nursery = nursery
      self._for_first_request = [self._new(spec) for spec in specs]
      await trio.sleep_forever()

  def first_request(self) -> None:
    """A client has come."""
    waiting, self._for_first_request = self._for_first_request, []
    for fault in waiting:
      fault.added_at = trio.current_time()
      self._schedule(fault)

  def add(self, spec: FaultSpec) -> Fault:
    """A fault given while the server runs: its time counts from now."""
    fault = self._new(spec)
    self._schedule(fault)
    return fault

  def end(self, fault: Fault) -> None:
    """Ends a fault, or calls one off that has not started."""
    if fault.state != "done":
      started = fault.state == "active"
      fault.state, fault.ended_at = "done", trio.current_time()
      if started:
        self._heal(fault)

  def end_all(self) -> None:
    """Ends everything."""
    for fault in self.all:
      self.end(fault)

  # What the rest of the server asks --------------------------------------------------------------

  @property
  def watches_frames(self) -> bool:
    """Whether frames have to be looked at one by one."""
    return any(
      (fault.state == "active" and fault.kind in ON_FRAMES | MUTING)
      or (fault.state == "waiting" and fault.spec.after_frames is not None)
      for fault in self.all
    )

  def count_frame(self, stream: str, deliveries: int) -> None:
    """A data frame is about to be sent: starts the faults that waited for it."""
    for fault in self.all:
      after = fault.spec.after_frames
      if fault.state == "waiting" and after is not None and fault.matches(stream):
        if fault.seen >= after:
          self._start(fault)
        fault.seen += deliveries

  def on_frame(self, stream: str) -> Fault | None:
    """The active fault that takes a frame of this stream."""
    for fault in self.all:
      if fault.state == "active" and fault.kind in ON_FRAMES and fault.matches(stream):
        return fault
    return None

  def active(self, *kinds: str) -> Fault | None:
    """The first active fault of these kinds."""
    for fault in self.all:
      if fault.state == "active" and fault.kind in kinds:
        return fault
    return None

  def delay(self) -> float:
    """Seconds by which answers and frames are late."""
    fault = self.active("slow")
    return 0.0 if fault is None else fault.spec.amount or 0.0

  # Life ------------------------------------------------------------------------------------------

  def _new(self, spec: FaultSpec) -> Fault:
    fault = Fault(spec, len(self.all) + 1)
    self.all.append(fault)
    return fault

  def _schedule(self, fault: Fault) -> None:
    if fault.spec.after_frames is None:
      if fault.spec.after_seconds:
        self._later(fault.spec.after_seconds, self._start, fault)
      else:
        self._start(fault)

  def _start(self, fault: Fault) -> None:
    if fault.state != "waiting":
      return
    fault.state, fault.started_at = "active", trio.current_time()
    self._strike(fault)
    lasts = fault.kind in MUTING or fault.kind in STATUSES or fault.kind == "refuse"
    if fault.kind in ("drop", "rst"):
      self.end(fault)
    elif fault.kind == "close-24h" or (lasts and fault.spec.amount is not None):
      self._later(fault.spec.amount or 0.0, self.end, fault)

  def _later(self, seconds: float, call: Callable[[Fault], None], fault: Fault) -> None:
    async def wait() -> None:
      await trio.sleep(seconds)
      call(fault)

    if self._nursery is None:
      raise RuntimeError("faults are added while Faults.run is running")
    self._nursery.start_soon(wait)
