"""A reader, with the Python SDK, who believes only what it is sent."""

from typing import Any

from kk0 import Stream

from tests.chaos.judge import Violation
from tests.world.plan import ClientPlan
from tests.world.record import LogRecord

MARKET = "ws://127.0.0.1:8080/stream"
LOSSLESS = ("trade",)
CHANNELS = {"trade": "trades", "ticker": "ticker", "orderbook": "orderbook"}
COMPARED = ("exchange", "symbol", "price", "size", "side", "trade_id", "bid", "ask", "sequence")


class Client:
  """Reads the market over all its connections, and holds what comes against what the log was
  given."""

  def __init__(self, plan: ClientPlan, record: LogRecord) -> None:
    self.plan = plan
    self.received = 0
    self.gaps = 0
    self._record = record
    self._epoch = ""
    self._place = 0
    self._begins: dict[str, int] = {}
    """The number after which everything is due, by epoch."""
    self._seen: dict[str, set[int]] = {}
    self._lost: dict[str, list[tuple[int, int]]] = {}

  async def run(self) -> None:
    """Reads until it is cancelled."""
    async with Stream(MARKET) as stream:
      await stream.subscribe(channels=self.plan.channels, policy="auto")
      async for message in stream:
        self.take(message)

  def take(self, message: Any) -> None:
    """Looks at a message. Raises Violation where it cannot be."""
    kind = message.get("type")
    info = message.get("info") or {}
    self._place = max(self._place, message.get("seq_internal") or info.get("seq") or 0)
    if kind == "system":
      self._acknowledged(message)
    elif kind == "gap":
      self._gap(message)
    elif kind in CHANNELS:
      self._event(kind, message)
    elif kind == "error":
      self._fail(f"an error: {message}")

  def _fail(self, sentence: str) -> None:
    raise Violation(0, f"{self.plan.name}: {sentence}")

  def _acknowledged(self, message: Any) -> None:
    epoch, number = message["epoch"], message["seq"]
    if message["recovered"] is False:
      # What lies between its place and what a server of a later life has may be lost.
      self._declare(self._epoch, self._place + 1, self._record.heads.get(self._epoch, 0))
    if epoch not in self._begins:
      self._begins[epoch] = number
    self._place = max(number, self._place) if epoch == self._epoch else number
    self._epoch = epoch

  def _gap(self, message: Any) -> None:
    self.gaps += 1
    if message["reason"] != "upstream" and message["from_seq"] is not None:
      self._declare(self._epoch, message["from_seq"], message["to_seq"])

  def _declare(self, epoch: str, first: int, last: int) -> None:
    self._lost.setdefault(epoch, []).append((first, last))

  def _event(self, kind: str, message: Any) -> None:
    self.received += 1
    number = message["seq_internal"]
    if CHANNELS[kind] not in self.plan.channels:
      self._fail(f"{kind} {number}, which it did not subscribe to")
    published = self._record.events.get(self._epoch, {}).get(number)
    if kind not in LOSSLESS:
      return
    if published is None:
      self._fail(f"{kind} {number} of {self._epoch}, which the log was never given")
    for name in COMPARED:
      if getattr(published, name, None) != message.get(name):
        self._fail(f"{kind} {number} has {name} {message.get(name)!r}, the log {published}")
    seen = self._seen.setdefault(self._epoch, set())
    if number in seen:
      self._fail(f"{kind} {number} came twice")
    seen.add(number)

  def missing(self) -> str | None:
    """What it has neither received nor been told to be lost; None where it has everything."""
    if not self._begins:
      return f"{self.plan.name}: it was never acknowledged"
    due = [name for name in LOSSLESS if CHANNELS[name] in self.plan.channels]
    for epoch, begin in self._begins.items():
      seen, lost = self._seen.get(epoch, set()), self._lost.get(epoch, [])
      for number, event in self._record.events.get(epoch, {}).items():
        if number <= begin or number in seen or type(event).__name__.lower() not in due:
          continue
        if not any(first <= number <= last for first, last in lost):
          return f"{self.plan.name}: {number} of {epoch} is missing: {event}"
    return None
