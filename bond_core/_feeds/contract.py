"""A Feed, which a venue's plugin writes: it knows the venue's protocol and does no I/O.

The driver (bond_core/_feeds/driver.py) owns sockets, clocks, tasks, pacing, back-off and liveness.
It hands a Feed what came in and carries out the actions that the Feed left in `actions`. The state
of an instrument (last trade id, book) belongs to the Feed, not to a connection, so two sockets that
carry the same subscription, as during a rollover, are de-duplicated by the venue's own numbers.
"""

from collections import deque
from typing import NamedTuple, Protocol

import attrs

from bond_core._events import Batch
from bond_core._instruments import Instrument
from bond_core._literals import Channel
from bond_core._ssrf import Allowance


class Subscription(NamedTuple):
  """What is subscribed to at a venue: a channel of an instrument. `options` are the venue's own
  refinements as (name, value) pairs sorted by name, such as a candle's interval."""

  channel: Channel
  instrument: Instrument
  options: tuple[tuple[str, str], ...] = ()

  def __str__(self) -> str:
    extra = "".join(f" {name}={value}" for name, value in self.options)
    return f"{self.channel} of {self.instrument}{extra}"


class Moment(NamedTuple):
  """When frames were read: epoch ms and monotonic ns."""

  ts_ms: int
  mono_ns: int


@attrs.frozen(kw_only=True)
class Limits:
  """What a venue publishes about one group of connections; each rate is (count, seconds)."""

  subscriptions_per_connection: int = 1024
  connections: int | None = None
  """Connections that one address may hold; what fits on none of them is refused."""
  subscriptions_per_message: int = 100
  messages: tuple[int, float] = (5, 1.0)
  """Messages that may be sent on one connection."""
  connects: tuple[int, float] = (300, 300.0)
  """New connections."""
  weight: tuple[int, float] = (6000, 60.0)
  """Request weight of REST, to which each Fetch adds its own."""
  max_age: float | None = None
  """Seconds after which the venue closes a connection."""
  ping_after: float = 15.0
  """Seconds of silence after which the driver pings the venue."""
  ping_every: float | None = None
  """Seconds between pings that the venue requires even while it sends."""
  ping_text: bytes | None = None
  """The text message that is this venue's ping, answered by a text that the Feed reports with Pong;
  None for the WebSocket's own ping."""
  max_message_bytes: int = 16 * 1024 * 1024
  overlaps: bool = True
  """Whether the Feed leaves out what a second connection repeats. One then looks into a silence
  that is far longer than usual, although pings are answered."""


class Handshake(NamedTuple):
  """How to open a connection."""

  url: str
  headers: tuple[tuple[str, str], ...] = ()
  subprotocols: tuple[str, ...] = ()
  allowance: Allowance | None = None
  """For a URL that came from outside: what it may reach besides public addresses. Its host is then
  resolved once, and the connection goes to an address that was checked."""


# Actions: what the driver does for a Feed ---------------------------------------------------------


@attrs.frozen
class Send:
  """A text message to send on a connection."""

  connection: int
  data: bytes


@attrs.frozen
class Fetch:
  """A GET request, or with a `body` a POST of that JSON, whose answer comes back through
  `on_response`.

  `purpose` names it in messages, such as "snapshot of …". Its `weight` counts towards the REST rate
  limit of `group`; a lower `priority` goes first. `subscription` is the one that it is for, None
  where it is for several. Equal requests that still wait are one.

  What may pass is waited out and requested again for ever: a venue that cannot be reached, its
  limits, refusals of a firewall or a place, pages instead of data. Where the answer is `needed`,
  the subscription is `unavailable` meanwhile; without one, what the group never delivered is.
  """

  url: str
  purpose: str
  group: str
  weight: int = 1
  subscription: Subscription | None = None
  priority: int = 0
  needed: bool = True
  body: bytes | None = None


@attrs.frozen
class Reject:
  """A subscription that the venue does not have, with the reason and a remedy in a sentence. After
  some minutes it is looked at again."""

  subscription: Subscription
  reason: str


@attrs.frozen
class Notice:
  """What readers of a subscription have to know while it stands: why it is `unavailable`, or what
  changed about its market. Without a `reason` that ends."""

  subscription: Subscription
  reason: str | None
  unavailable: bool = True


@attrs.frozen
class Reset:
  """A connection that has to be closed and opened again, and why."""

  connection: int
  reason: str


@attrs.frozen
class Expire:
  """The venue announced that it will close a connection: open its successor now."""

  connection: int
  reason: str


@attrs.frozen
class Pong:
  """The venue answered a ping that is a text. The connection lives; its data may be dead."""

  connection: int


Action = Send | Fetch | Reject | Notice | Reset | Expire | Pong


class Response(NamedTuple):
  """The answer to a Fetch: a success, or a refusal in the venue's own words (4xx with JSON).
  `headers` have lower-case names."""

  status: int
  headers: dict[str, str]
  body: bytes


class Feed(Protocol):
  """One venue's protocol over bytes and batches. All methods return at once. A Feed that looks
  names up in the venue's list has `listed`: which instrument each name turned out to be."""

  exchange: str
  """The venue's name in events."""
  actions: deque[Action]
  """What the driver has to do; it takes actions off after each call."""

  def group(self, subscription: Subscription) -> str:
    """The family of connections that carries this subscription (an endpoint of the venue). Raises
    Refused with a sentence for what the venue does not offer."""

  def limits(self, group: str) -> Limits:
    """The venue's published limits of that group."""

  def silence(self, subscription: Subscription) -> float | None:
    """Seconds after which silence of this subscription means that it is dead although its socket
    lives; None where the venue promises no rhythm."""

  def last_received(self, subscription: Subscription) -> int | None:
    """When this subscription last delivered (monotonic ns), None for not yet."""

  def snapshot_weight(self, subscription: Subscription) -> int:
    """Request weight that starting this subscription costs (0 for most), for `bond plan` and
    pacing."""

  def opening_messages(self, group: str, subscriptions: list[Subscription]) -> list[bytes]:
    """What `on_open` will send for these subscriptions, for `bond plan`; empty where the handshake
    subscribes."""

  def handshake(self, group: str, subscriptions: list[Subscription]) -> Handshake:
    """How to connect for these subscriptions."""

  def on_open(
    self, connection: int, subscriptions: list[Subscription], *, overlap: bool, now: Moment
  ) -> None:
    """A connection is open. `overlap` says that another one still carries the same subscriptions,
    so books stay as they are; otherwise they are out of date."""

  def on_change(
    self,
    connection: int,
    added: list[Subscription],
    removed: list[Subscription],
    now: Moment,
  ) -> None:
    """The set of subscriptions on an open connection changed."""

  def on_frames(self, connection: int, frames: list[bytes], received: Moment) -> Batch:
    """The events in these messages, in order. A message that cannot be read becomes a Gap of its
    subscription, never an exception."""

  def on_response(self, fetch: Fetch, response: Response, received: Moment) -> Batch:
    """The events that an answer completes, such as a book's snapshot."""

  def on_timer(self, now: Moment) -> Batch:
    """Called about once a second: the events and actions that are due."""

  def on_close(self, connection: int) -> None:
    """A connection has ended."""

  def explain(self, status: int, body: bytes) -> str | None:
    """A sentence that says what to do about an HTTP status of this venue; None for the usual
    ones."""
