"""The driver's bookkeeping: a slot is a set of subscriptions that share a socket, a connection is
one socket."""

from collections import deque

import trio

from bond_core._feeds.contract import Subscription
from bond_core._feeds.liveness import Rhythm
from bond_core._feeds.rate_limit import JITTER, RateLimit
from bond_core._ws.client import WebSocket


class Connection:
  """One open socket of a slot. The task that notices its death calls `end`."""

  def __init__(self, number: int, websocket: WebSocket, messages: tuple[int, float]) -> None:
    self.number = number
    self.websocket = websocket
    self.opened_at = trio.current_time()
    self.scope = trio.CancelScope()
    self.cause: str | None = None
    self.expiring = trio.Event()
    self.outbox: deque[bytes] = deque()
    self.outbox_ready = trio.Event()
    self._rate = RateLimit(messages[0], messages[1] + JITTER)
    self.text_pongs = 0
    self.delivered_at = self.opened_at
    self.silent_since_ms: int | None = None
    """Since when it is silent, where that was looked into."""

  @property
  def pongs(self) -> int:
    """How many pings the venue has answered."""
    return self.websocket.pongs + self.text_pongs

  def end(self, cause: str) -> None:
    """Ends the connection; only the first cause counts."""
    if self.cause is None:
      self.cause = cause
    self.scope.cancel()

  async def turn(self) -> None:
    """Returns when one more message may be sent, and counts it."""
    while wait := self._rate.delay(trio.current_time()):
      await trio.sleep(wait)
    self._rate.spend(trio.current_time())

  def put(self, message: bytes) -> None:
    """Queues a message; the writer keeps the venue's rate. Its length is bounded by the
    subscriptions that a slot can hold."""
    self.outbox.append(message)
    self.outbox_ready.set()


class ConnectionSlot:
  """A set of subscriptions that share a connection, and the state of that connection."""

  def __init__(self, group: str) -> None:
    self.group = group
    self.subscriptions: dict[Subscription, None] = {}
    self.connections: list[Connection] = []
    self.scope = trio.CancelScope()
    self.rhythm = Rhythm(trio.current_time())
    self.pong_within = 0.0
    """How long a ping's answer may take: thrice the last ones, or twice what was not enough."""
    self.opened = 0
    self.last_heard_ms: int | None = None
    self.down_since_ms: int | None = None
    self.cause = ""
    self.refused = False
    """Whether the venue refused the last handshake."""
    self.retry_after = 0.0
    self.cut_short = 0
    """Connections in a row that the venue opened and that ended soon."""
    self.divided = False
    """Whether it has a part of what another slot had."""

  def divide(self) -> "ConnectionSlot":
    """Gives half of the subscriptions to a new slot, while no connection is open."""
    other = ConnectionSlot(self.group)
    for subscription in list(self.subscriptions)[len(self.subscriptions) // 2 :]:
      del self.subscriptions[subscription]
      other.subscriptions[subscription] = None
    other.opened, other.cause, other.divided = self.opened, self.cause, True
    other.last_heard_ms, other.down_since_ms = self.last_heard_ms, self.down_since_ms
    return other
