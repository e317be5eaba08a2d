"""One running transform of a pipeline."""

import logging
from collections.abc import Set
from typing import cast

import msgspec

from bond_core._clock import DataClock
from bond_core._errors import BondError, PluginError, blame, fault_of, sentence
from bond_core._events import AnyEvent, Batch, Gap, Heartbeat, Window
from bond_core._supervise import RestartBudget
from bond_core._types.transform import TimedTransform, Transform, TransformContext, TransformType

logger = logging.getLogger("bond")

ROUNDING_MS = 50


class Stage:
  """Calls a transform and keeps its failures to itself.

  A transform that raises is logged, made again, and the events it lost are declared with a Gap
  (reason failed); one that keeps raising ends its branch. It is given only the types of event that
  it accepts; gaps and heartbeats pass it by, in their place, unless it accepts them. What it makes
  for an exchange of `simulated` says that it comes from a simulator, as what it was made of does.
  """

  def __init__(
    self,
    transform_type: TransformType,
    config: object,
    context: TransformContext,
    inputs: tuple[str, ...],
    simulated: Set[str] = frozenset(),
  ) -> None:
    self.name = context.name
    self.inputs = inputs
    self.failure: str | None = None
    self.gaps = 0
    """Gaps that the transform itself declared."""
    self._type = transform_type
    self._config = config
    self._context = context
    self._simulated = simulated
    self._budget = RestartBudget()
    self._accepts = None if transform_type.accepts is None else frozenset(transform_type.accepts)
    self._passes = frozenset((Gap, Heartbeat)) - (self._accepts or frozenset((Gap, Heartbeat)))
    self._transform: Transform = self._make()

  @classmethod
  def of_view(
    cls, transform: Transform, context: TransformContext, inputs: tuple[str, ...], source: str
  ) -> "Stage":
    """The stage through which a source's reader sees a shared feed."""
    view = TransformType(name=source, summary="view", make=lambda config, ctx: transform)
    return cls(view, None, context, inputs)

  def run(self, batch: Batch) -> Batch:
    """What goes on of a batch."""
    return self._counted(self._run(batch), batch)

  def _counted(self, out: Batch, given: Batch) -> Batch:
    """The same, with the gaps noted that this transform itself declares."""
    if Gap in set(map(type, out)):
      known = {id(event) for event in given}
      self.gaps += sum(type(event) is Gap and id(event) not in known for event in out)
    return out

  def _run(self, batch: Batch) -> Batch:
    if self.failure is not None:
      return []
    if not self._passes:
      return self._call(batch)
    out: Batch = []
    part: Batch = []
    accepts = self._accepts or frozenset()
    for event in batch:
      kind = type(event)
      if kind in accepts:
        part.append(event)
      elif kind in self._passes:
        out += self._call(part) if part else ()
        part = []
        out.append(event)
    return out + self._call(part) if part else out

  def next_timer(self) -> int | None:
    """When the transform wants to be woken (epoch ms)."""
    timer = getattr(self._transform, "next_timer", None)
    if timer is None or self.failure is not None:
      return None
    try:
      return cast("int | None", timer())
    except BaseException as exc:
      self.end(f"next_timer of {self._type.name} raised {sentence(fault_of(exc))}")
      return None

  def on_timer(self, now_ms: int) -> Batch:
    """What is due at `now_ms`."""
    transform = cast("TimedTransform", self._transform)
    try:
      due = transform.next_timer()
      out = transform.on_timer(now_ms)
      again = transform.next_timer()
    except BaseException as exc:
      return self._failed(fault_of(exc), 0)
    # On a machine's clocks a timer may be a rounding early; on a recording's it would never pass.
    patience = 0 if isinstance(self._context.clock, DataClock) else ROUNDING_MS
    if due is not None and again is not None and again <= due <= now_ms - patience:
      # It would be called for ever, and nothing else would run.
      self.end(
        f"next_timer of {self._type.name} is {again} after on_timer was called for {due}; it has "
        "to move on, or to be None"
      )
    return self._counted(self._marked(out), [])

  def finish(self) -> Batch:
    """The rest, after the input has ended."""
    finish = getattr(self._transform, "finish", None)
    if finish is None or self.failure is not None:
      return []
    try:
      return self._counted(self._marked(cast("Batch", finish())), [])
    except BaseException as exc:
      return self._failed(fault_of(exc), 0)

  def cut(self, rest: Batch) -> Batch:
    """What is whole, after the input was cut off; `rest` is what the nodes before leave."""
    cut = getattr(self._transform, "cut", None)
    if cut is None or self.failure is not None:
      return self.run(rest) if rest else []
    passing = [event for event in rest if type(event) in self._passes]
    given = [event for event in rest if self._accepts is None or type(event) in self._accepts]
    try:
      return passing + self._counted(self._marked(cast("Batch", cut(given))), given)
    except BaseException as exc:
      return passing + self._failed(fault_of(exc), len(given))

  def end(self, reason: str) -> None:
    """Ends this branch."""
    if self.failure is None:
      self.failure = reason
      logger.error("%s: %s", self.name, reason)

  def _make(self) -> Transform:
    try:
      transform = self._type.make(self._config, self._context)
    except BaseException as exc:
      raise blame(f"make of {self._type.name}", exc) from exc
    if not callable(transform):
      kind = type(transform).__name__
      self.end(f"make of {self._type.name} gave {kind!r}; it returns a function over batches")
      return list
    return transform

  def _call(self, batch: Batch) -> Batch:
    try:
      out = self._transform(batch)
    except BaseException as exc:
      return self._failed(fault_of(exc), len(batch))
    if type(out) is not list:
      kind = type(out).__name__
      self.end(f"{self._type.name} gave {kind!r} for a batch; a transform returns a list of events")
      return []
    return self._marked(out)

  def _marked(self, out: Batch) -> Batch:
    if not self._simulated:
      return out
    return [self._mark(e) for e in out]

  def _mark(self, event: AnyEvent) -> AnyEvent:
    if self._lacks(event):
      return msgspec.structs.replace(event, simulated=True)
    if type(event) is Window and "*" in self._simulated and not event.raw_data.get("simulated"):
      # Nothing came in it that would say so.
      exchanges = sorted(self._simulated - {"", "*"})
      return msgspec.structs.replace(event, raw_data={**event.raw_data, "simulated": exchanges})
    return event

  def _lacks(self, event: AnyEvent) -> bool:
    if isinstance(event, Window | Heartbeat) or event.simulated:
      return False
    # A gap of all exchanges is the log's own.
    return event.exchange in self._simulated and (type(event) is not Gap or event.exchange != "*")

  def _failed(self, exc: Exception, lost: int) -> list[AnyEvent]:
    if isinstance(exc, PluginError):
      self.end(str(exc))
      return [self._lost(exc, lost)] if lost else []
    logger.error("%s: %s raised %s", self.name, self._type.name, sentence(exc), exc_info=exc)
    now_s = self._context.clock.mono_ns() / 1e9
    if not self._budget.spend(now_s):
      self.end(
        f"{self._type.name} failed {self._budget.restarts + 1} times within "
        f"{self._budget.seconds:.0f} s, the last time with {sentence(exc)}"
      )
    else:
      try:
        self._transform = self._make()
      except BondError as again:
        self.end(str(again))
    return [self._lost(exc, lost)] if lost else []

  def _lost(self, exc: Exception, lost: int) -> Gap:
    return Gap(
      exchange="*",
      symbol="*",
      channel="*",
      reason="failed",
      ts_event=self._context.clock.now_ms(),
      missed=lost,
      cause=f"{self.name} raised {sentence(exc)}",
    )
