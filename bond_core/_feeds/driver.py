"""Owns a Feed's sockets: connects, resubscribes, watches, rolls over, declares losses."""

import logging
import random
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from itertools import count
from typing import TypeVar

import msgspec
import trio

from bond_core._clock import Clock
from bond_core._errors import Disconnected, PluginError, Refused, Unavailable, fault_of
from bond_core._events import Batch, Event, Gap
from bond_core._feeds.contract import (
  Expire,
  Feed,
  Fetch,
  Handshake,
  Moment,
  Notice,
  Pong,
  Reject,
  Reset,
  Response,
  Send,
  Subscription,
)
from bond_core._feeds.fetcher import Fetcher
from bond_core._feeds.interest import Interest
from bond_core._feeds.liveness import SourceState
from bond_core._feeds.rate_limit import RateLimit
from bond_core._feeds.slots import Connection, ConnectionSlot
from bond_core._instruments import Instrument
from bond_core._ssrf import vetted_addresses
from bond_core._supervise import Backoff, RestartBudget
from bond_core._ws.client import HandshakeRefused, WebSocket, open_websocket

PONG_WITHIN = 10.0
STABLE_AFTER = 30.0
# So many connections in a row that end soon may do so for one of their subscriptions: what they
# carried is divided, into so many more, and further while another one is stable.
CUT_SHORT, DIVIDED, DIVIDED_MOST = 3, 3, 12
# How long two sockets carry the same subscriptions when one takes over from the other, and for how
# long of that the new one may only repeat the state of things.
OVERLAP, STARTING = 5.0, 1.0
# A successor is opened this long before a venue's known limit, spread so that not all roll at once.
ROLL_EARLY = (300.0, 1800.0)
NAMED_STREAMS = 50
# How long changes are gathered while messages wait.
GATHERED_FOR = 2.0
# What was refused is not requested again for so many seconds; of what has no reader any more, so
# many refusals are kept.
REFUSED_FOR, REFUSED_MOST = 600.0, 1000

T = TypeVar("T")


class FeedDriver:
  """Runs one Feed for all its readers.

  `append` takes batches of events in order; `reject` takes each subscription that the venue does
  not have, with the reason. Each outage of a connection becomes exactly one Gap event, placed
  before the first event after it.
  """

  def __init__(
    self,
    feed: Feed,
    interest: Interest,
    *,
    append: Callable[[Batch], None],
    reject: Callable[[Subscription, str], None],
    clock: Clock,
    log: logging.LoggerAdapter[logging.Logger],
    rng: random.Random | None = None,
    connect: Callable[..., AbstractAsyncContextManager[WebSocket]] = open_websocket,
  ) -> None:
    self.feed = feed
    self.listed: Mapping[Instrument, Instrument] = getattr(feed, "listed", {})
    self.interest = interest
    self.connects = 0
    self.reconnects = 0
    self.raw_readers = 0
    """How many readers need the venue's own messages on the events."""
    self.rejected: dict[Subscription, str] = {}
    self._refused_at: dict[Subscription, float] = {}
    self._notices: dict[Subscription, Notice] = {}
    self._append = append
    self._reject = reject
    self._clock = clock
    self._log = log
    self._connect = connect
    self._rng = rng or random.Random()
    self._slots: list[ConnectionSlot] = []
    self._numbers = count(1)
    self._connections: dict[int, Connection] = {}
    self._fetchers: dict[str, Fetcher] = {}
    self._connect_rates: dict[str, RateLimit] = {}
    self._budget = RestartBudget(restarts=5, seconds=300.0)
    self._nursery: trio.Nursery

  async def run(self) -> None:
    """Works until it is cancelled. Raises PluginError when the Feed itself keeps failing."""
    async with trio.open_nursery() as nursery:
      self._nursery = nursery
      nursery.start_soon(self._tick)
      while True:
        self._reconcile(self.interest.current(trio.current_time()))
        await self.interest.changed()
        # What changes while the venue's rate holds messages back becomes one message. A connection
        # that takes nothing does not hold up the others for long.
        with trio.move_on_after(GATHERED_FOR):
          while any(connection.outbox for connection in self._connections.values()):
            await trio.sleep(0.05)

  def states(self) -> dict[Subscription, SourceState]:
    """The state of each subscription."""
    return {subscription: state for subscription, (state, _) in self.standings().items()}

  def standings(self) -> dict[Subscription, tuple[SourceState, str | None]]:
    """The state of each subscription, and what its readers have to know of it."""
    now = trio.current_time()
    found: dict[Subscription, tuple[SourceState, str | None]] = {
      subscription: (SourceState.REJECTED, reason) for subscription, reason in self.rejected.items()
    }
    waiting = [
      (fetch, reason)
      for fetcher in self._fetchers.values()
      for fetch, reason in fetcher.troubles.items()
      if fetch.needed
    ]
    missing = {fetch.subscription: reason for fetch, reason in waiting}
    lists = {fetch.group: reason for fetch, reason in waiting if fetch.subscription is None}
    for slot in self._slots:
      for subscription in slot.subscriptions:
        state, notice = self._state(slot, subscription, now), self._notices.get(subscription)
        unheard = self.feed.last_received(subscription) is None
        refused = missing.get(subscription) or (lists.get(slot.group) if unheard else None)
        if notice is not None and notice.unavailable:
          refused = notice.reason
        if not slot.connections:
          found[subscription] = state, slot.cause or None
        elif refused is not None:
          found[subscription] = SourceState.UNAVAILABLE, refused
        else:
          found[subscription] = state, None if notice is None else notice.reason
    return found

  def _state(self, slot: ConnectionSlot, subscription: Subscription, now: float) -> SourceState:
    if not slot.connections:
      if slot.refused:
        return SourceState.UNAVAILABLE
      return SourceState.RECONNECTING if slot.opened else SourceState.CONNECTING
    overall = slot.rhythm.state(now)
    if overall is not SourceState.LIVE:
      return overall
    heard = self.feed.last_received(subscription)
    if heard is None or self._clock.mono_ns() - heard > slot.rhythm.QUIET_AFTER * 1e9:
      # The socket is alive with other subscriptions: silence of this one is its market's.
      return SourceState.QUIET
    return SourceState.LIVE

  # Which subscription goes where ---------------------------------------------------------------

  def _reconcile(self, current: Iterable[Subscription]) -> None:
    current = [s for s in current if s not in self.rejected]
    keep = set(current)
    placed = {s for slot in self._slots for s in slot.subscriptions}
    added: dict[int, list[Subscription]] = {}
    removed: dict[int, list[Subscription]] = {}
    for slot in self._slots:
      for subscription in [s for s in slot.subscriptions if s not in keep]:
        del slot.subscriptions[subscription]
        self._notices.pop(subscription, None)
        removed.setdefault(id(slot), []).append(subscription)
    for subscription in current:
      if subscription not in placed and (slot_for := self._place(subscription)) is not None:
        added.setdefault(id(slot_for), []).append(subscription)
    now = self._now()
    for slot in list(self._slots):
      gone, new = removed.get(id(slot), []), added.get(id(slot), [])
      if not slot.subscriptions:
        slot.scope.cancel()
        self._slots.remove(slot)
      elif gone or new:
        for connection in slot.connections:
          self.feed.on_change(connection.number, new, gone, now)
    self._act()

  def _place(self, subscription: Subscription) -> ConnectionSlot | None:
    try:
      group = self.feed.group(subscription)
    except Refused as exc:
      self._refuse(subscription, str(exc))
      return None
    limits = self.feed.limits(group)
    capacity, most = limits.subscriptions_per_connection, limits.connections
    slots = [slot for slot in self._slots if slot.group == group]
    for slot in sorted(slots, key=lambda slot: slot.cut_short >= CUT_SHORT - 1):
      if len(slot.subscriptions) < capacity:
        slot.subscriptions[subscription] = None
        return slot
    if most is not None and len(slots) >= most:
      room = f"{most} connections with {capacity} subscriptions each"
      self._refuse(subscription, f"{subscription}: the venue gives one address no more than {room}")
      return None
    slot = ConnectionSlot(group)
    slot.subscriptions[subscription] = None
    self._slots.append(slot)
    self._nursery.start_soon(self._keep_connected, slot)
    return slot

  def _refuse(self, subscription: Subscription, reason: str) -> None:
    self.rejected[subscription] = reason
    self._refused_at[subscription] = trio.current_time()
    self._reject(subscription, reason)

  def _forget_refused(self) -> None:
    """Forgets refusals that are old, and the oldest of too many that no reader has any more. What
    has readers is requested again: the venue may have it by now."""
    now = trio.current_time()
    current = self.interest.current(now)
    read = set(current)
    unread = [subscription for subscription in self.rejected if subscription not in read]
    old = [s for s in self.rejected if now - self._refused_at[s] > REFUSED_FOR]
    for subscription in {*old, *unread[: max(0, len(unread) - REFUSED_MOST)]}:
      del self.rejected[subscription], self._refused_at[subscription]
    if not read.isdisjoint(old):
      self._reconcile(current)

  # The life of a slot --------------------------------------------------------------------------

  async def _keep_connected(self, slot: ConnectionSlot) -> None:
    """Keeps a slot connected while it has subscriptions."""
    backoff = Backoff(rng=self._rng)
    try:
      with slot.scope:
        while True:
          await self._connect_turn(slot.group)
          started, opened = trio.current_time(), slot.opened
          async with trio.open_nursery() as nursery:
            nursery.start_soon(self._connection, slot, nursery, None)
          await trio.lowlevel.checkpoint_if_cancelled()
          if trio.current_time() - started > STABLE_AFTER:
            slot.cut_short = 0
            backoff.reset()
          elif slot.opened > opened:
            slot.cut_short += 1
            if self._divide(slot):
              backoff.reset()
          wait = max(backoff.delay(), slot.retry_after)
          slot.retry_after = 0.0
          self._log.warning(
            "%s: %s; trying again in %.1f s (%d in a row)",
            slot.group,
            slot.cause,
            wait,
            backoff.failures,
          )
          await trio.sleep(wait)
    finally:
      # An outage that is still open when reading ends is declared too.
      if slot.down_since_ms is not None:
        self._declare_outage(slot)

  def _divide(self, slot: ConnectionSlot) -> bool:
    """Whether a slot whose connections end again and again was divided: a venue may end them for
    one subscription, which takes fewer others with it then. An outage ends all connections, and so
    divides no more than a few times."""
    limits, now = self.feed.limits(slot.group), trio.current_time()
    others = [other for other in self._slots if other.group == slot.group and other is not slot]
    divided = sum(other.divided for other in others) + slot.divided
    stable = any(now - c.opened_at > STABLE_AFTER for other in others for c in other.connections)
    if (
      slot.cut_short < CUT_SHORT
      or len(slot.subscriptions) < 2
      or not limits.overlaps
      or (limits.connections is not None and len(others) + 1 >= limits.connections)
      or divided >= (DIVIDED_MOST if stable else DIVIDED)
    ):
      return False
    other = slot.divide()
    slot.cut_short = other.cut_short = CUT_SHORT - 1
    self._slots.append(other)
    self._nursery.start_soon(self._keep_connected, other)
    self._log.warning(
      "%s: connections with these %d subscriptions end again and again, so that half of them go on "
      "with another one",
      slot.group,
      len(slot.subscriptions) + len(other.subscriptions),
    )
    return True

  async def _connect_turn(self, group: str) -> None:
    rate = self._connect_rates.get(group)
    if rate is None:
      rate = self._connect_rates[group] = RateLimit(*self.feed.limits(group).connects)
    while wait := rate.delay(trio.current_time()):
      self._log.warning("%s: waiting %.1f s for the venue's connection limit", group, wait)
      await trio.sleep(wait)
    rate.spend(trio.current_time())

  async def _connection(
    self, slot: ConnectionSlot, nursery: trio.Nursery, predecessor: Connection | None
  ) -> None:
    """One socket from handshake to end. With a `predecessor` it takes over from it."""
    limits = self.feed.limits(slot.group)
    subscriptions = list(slot.subscriptions)
    if not subscriptions:
      # The last reader left while this connection waited for its turn.
      return
    handshake = self.feed.handshake(slot.group, subscriptions)
    try:
      async with self._connect(
        handshake.url,
        headers=handshake.headers,
        subprotocols=handshake.subprotocols,
        max_message_bytes=limits.max_message_bytes,
        **await _pinned(handshake),
      ) as websocket:
        connection = Connection(next(self._numbers), websocket, limits.messages)
        self._opened(slot, connection, subscriptions, predecessor)
        try:
          with connection.scope:
            async with trio.open_nursery() as inner:
              inner.start_soon(self._pump, slot, connection)
              inner.start_soon(self._write, connection)
              inner.start_soon(self._watch, slot, connection, nursery)
              if predecessor is not None:
                inner.start_soon(self._retire, slot, predecessor, connection)
        finally:
          self._closed(slot, connection)
    except HandshakeRefused as exc:
      self._failed_to_open(slot, exc, predecessor, self.feed.explain(exc.status, exc.body))
    except Disconnected as exc:
      self._failed_to_open(slot, exc, predecessor)
    except Refused as exc:
      for subscription in list(slot.subscriptions):
        self._refuse(subscription, str(exc))
        self._drop_rejected(subscription)

  def _opened(
    self,
    slot: ConnectionSlot,
    connection: Connection,
    subscriptions: list[Subscription],
    predecessor: Connection | None,
  ) -> None:
    overlap = predecessor is not None and predecessor in slot.connections
    self.connects += 1
    slot.connections.append(connection)
    self._connections[connection.number] = connection
    if not overlap:
      slot.rhythm.reopened(trio.current_time())
    slot.opened += 1
    slot.refused = False
    if slot.down_since_ms is not None:
      self.reconnects += 1
      self._declare_outage(slot)
    now = self._now()
    self.feed.on_open(connection.number, subscriptions, overlap=overlap, now=now)
    # The set may have changed while the handshake was under way.
    added = [s for s in slot.subscriptions if s not in subscriptions]
    removed = [s for s in subscriptions if s not in slot.subscriptions]
    if added or removed:
      self.feed.on_change(connection.number, added, removed, now)
    self._act()
    self._log.info("%s: connected, %d subscriptions", slot.group, len(slot.subscriptions))

  def _closed(self, slot: ConnectionSlot, connection: Connection) -> None:
    slot.connections.remove(connection)
    del self._connections[connection.number]
    self.feed.on_close(connection.number)
    if not slot.connections:
      slot.cause = connection.cause or "reading ended"
      if connection.cause is not None:
        slot.down_since_ms = slot.last_heard_ms or self._clock.now_ms()

  def _failed_to_open(
    self,
    slot: ConnectionSlot,
    error: Disconnected,
    predecessor: Connection | None,
    explained: str | None = None,
  ) -> None:
    cause = explained or str(error)
    if predecessor is None:
      slot.cause, slot.refused = cause, isinstance(error, Unavailable)
      slot.retry_after = (error.seconds if isinstance(error, Unavailable) else None) or 0.0
    else:
      self._log.warning("%s: the next connection did not open: %s", slot.group, cause)

  def _declare_outage(self, slot: ConnectionSlot) -> None:
    subscriptions, listed = list(slot.subscriptions), self.listed
    now = self._clock.now_ms()
    self._append(
      [
        Gap(
          exchange=self.feed.exchange,
          symbol=_only({listed.get(i := s.instrument, i).symbol for s in subscriptions}) or "*",
          channel=_only({s.channel for s in subscriptions}) or "*",
          market_type=_only({s.instrument.market_type for s in subscriptions}),
          reason="upstream",
          ts_event=now,
          ts_from=slot.down_since_ms,
          ts_to=now,
          cause=slot.cause,
          streams=[str(s) for s in subscriptions[:NAMED_STREAMS]],
        )
      ]
    )
    slot.down_since_ms = None

  # The tasks of a connection -------------------------------------------------------------------

  async def _pump(self, slot: ConnectionSlot, connection: Connection) -> None:
    """The hot path: one read, one batch."""
    feed, number, clock, rhythm = self.feed, connection.number, self._clock, slot.rhythm
    receive, append = connection.websocket.receive, self._append
    try:
      while True:
        frames = await receive()
        received = Moment(clock.now_ms(), clock.mono_ns())
        try:
          if self.raw_readers:
            events = with_raw(feed, number, frames, received)
          else:
            events = feed.on_frames(number, frames, received)
        except BaseException as exc:
          connection.end(self._feed_failed(fault_of(exc)))
          return
        now = trio.current_time()
        if events:
          append(events)
          connection.delivered_at = now
        if events or len(frames) > 1 or Pong(number) not in feed.actions:
          # A pong proves that the socket lives, not that its subscriptions do.
          rhythm.heard(now)
          connection.silent_since_ms = None
        slot.last_heard_ms = received.ts_ms
        if feed.actions:
          self._act()
    except Disconnected as exc:
      connection.end(str(exc))

  async def _write(self, connection: Connection) -> None:
    try:
      while True:
        while not connection.outbox:
          connection.outbox_ready = trio.Event()
          await connection.outbox_ready.wait()
        await connection.turn()
        await connection.websocket.send(connection.outbox.popleft())
    except Disconnected as exc:
      connection.end(str(exc))

  async def _watch(
    self, slot: ConnectionSlot, connection: Connection, nursery: trio.Nursery
  ) -> None:
    """Pings a silent venue, ends a dead connection, starts the successor of an old one."""
    limits = self.feed.limits(slot.group)
    age = None if limits.max_age is None else limits.max_age - self._rng.uniform(*ROLL_EARLY)
    pinged_at: float | None = None
    last_ping = answered_at = connection.opened_at
    pongs = connection.pongs
    roll_at = float("inf") if age is None else connection.opened_at + age
    while True:
      with trio.move_on_after(1.0):
        await connection.expiring.wait()
      now = trio.current_time()
      silence = now - slot.rhythm.last
      if (dead := self._broken_promise(slot, connection, now)) is not None:
        connection.end(dead)
        return
      ping_after = min(limits.ping_after, slot.rhythm.limit())
      within = min(max(PONG_WITHIN, slot.pong_within), max(60.0, slot.rhythm.limit()))
      if connection.pongs != pongs:
        slot.pong_within = max(0.9 * slot.pong_within, 3 * (now - (pinged_at or now)))
        pinged_at, pongs, answered_at = None, connection.pongs, now
      elif pinged_at is not None and slot.rhythm.last > pinged_at:
        pinged_at = None
      if pinged_at is not None and now - pinged_at > within:
        connection.end(f"half-open: no answer to a ping for {within:.0f} s")
        slot.pong_within = 2 * within
        return
      if answered_at > slot.rhythm.last and slot.rhythm.state(now) is SourceState.STALE:
        # The venue lives, and so the silence may be its markets'. Whether the subscriptions are
        # dead is seen on a second connection.
        slot.rhythm.answered(now)
        connection.silent_since_ms = self._clock.now_ms() - int(silence * 1000)
        if limits.overlaps:
          self._log.info("%s: nothing for %.0f s, but pings are answered", slot.group, silence)
          connection.expiring.set()
      due = limits.ping_every is not None and now - last_ping >= limits.ping_every
      if (pinged_at is None and now - max(slot.rhythm.last, last_ping) >= ping_after) or due:
        # One without an answer is not forgotten for the next one.
        pinged_at, last_ping = pinged_at or now, now
        await self._ping(connection, limits.ping_text)
      if connection.expiring.is_set() or now >= roll_at:
        # Tried again in a minute if it fails; until then this connection lives.
        connection.expiring, roll_at = trio.Event(), now + 60.0
        self._log.info("%s: opening the next connection before this one ends", slot.group)
        await self._connect_turn(slot.group)
        nursery.start_soon(self._connection, slot, nursery, connection)

  async def _ping(self, connection: Connection, text: bytes | None) -> None:
    with trio.move_on_after(PONG_WITHIN):
      try:
        if text is None:
          await connection.turn()
          await connection.websocket.ping()
        else:
          await connection.websocket.send(text)
      except Disconnected as exc:
        connection.end(str(exc))

  def _broken_promise(self, slot: ConnectionSlot, connection: Connection, now: float) -> str | None:
    """A sentence where a subscription breaks a rhythm that the venue promises."""
    for subscription in slot.subscriptions:
      limit = self.feed.silence(subscription)
      if limit is None or now - connection.opened_at < limit:
        continue
      heard = self.feed.last_received(subscription)
      if heard is None or (self._clock.mono_ns() - heard) / 1e9 > limit:
        # Readers of the connection's other markets receive the cause too: it names none.
        self._log.warning("%s: no %s for %.0f s", slot.group, subscription, limit)
        late = f"no {subscription.channel} of one market for {limit:.0f} s"
        return f"stale: {late} although the venue sends it steadily"
    return None

  async def _retire(self, slot: ConnectionSlot, old: Connection, new: Connection) -> None:
    """Ends the connection that another took over from, once both have run for a while."""
    await trio.sleep(OVERLAP)
    cause = "another connection took over"
    if old.silent_since_ms is not None and new.delivered_at - new.opened_at > STARTING:
      # Declared as any outage, so that books begin anew behind the gap.
      cause = "stale: nothing came on an open connection, while another one delivered"
      slot.last_heard_ms = old.silent_since_ms
      new.end(cause)
    old.end(cause)

  async def _tick(self) -> None:
    while True:
      await trio.sleep(1.0)
      self._take(lambda: self.feed.on_timer(self._now()))
      self._forget_refused()

  # Actions -------------------------------------------------------------------------------------

  def _act(self) -> None:
    """Carries out what the Feed left in `actions`."""
    actions = self.feed.actions
    while actions:
      action = actions.popleft()
      if isinstance(action, Fetch):
        self._fetcher(action.group).put(action)
        continue
      if isinstance(action, Reject):
        self._refuse(action.subscription, action.reason)
        self._drop_rejected(action.subscription)
        continue
      if isinstance(action, Notice):
        self._notice(action)
        continue
      connection = self._connections.get(action.connection)
      if connection is None:
        continue
      if isinstance(action, Send):
        connection.put(action.data)
      elif isinstance(action, Reset):
        connection.end(action.reason)
      elif isinstance(action, Pong):
        connection.text_pongs += 1
      elif isinstance(action, Expire):
        self._log.info("%s", action.reason)
        connection.expiring.set()

  def _notice(self, action: Notice) -> None:
    known = self._notices.pop(action.subscription, None)
    if action.reason is not None:
      self._notices[action.subscription] = action
    if known is not None and known.unavailable and action.reason is None:
      self._log.info("%s is available again", action.subscription)
    elif action.reason is not None and action != known:
      level = logging.WARNING if action.unavailable else logging.INFO
      self._log.log(level, "%s: %s", action.subscription, action.reason)

  def _drop_rejected(self, subscription: Subscription) -> None:
    self._notices.pop(subscription, None)
    for slot in self._slots:
      if subscription in slot.subscriptions:
        del slot.subscriptions[subscription]
        if not slot.subscriptions:
          slot.scope.cancel()
          self._slots.remove(slot)
        return

  def _fetcher(self, group: str) -> Fetcher:
    fetcher = self._fetchers.get(group)
    if fetcher is None:
      fetcher = self._fetchers[group] = Fetcher(
        self.feed, group, self._answered, self._wanted, self._log
      )
      self._nursery.start_soon(fetcher.run)
    return fetcher

  def _wanted(self, fetch: Fetch) -> bool:
    if fetch.subscription is None:
      return bool(self._slots)
    return any(fetch.subscription in slot.subscriptions for slot in self._slots)

  def _answered(self, fetch: Fetch, response: Response) -> None:
    self._take(lambda: self.feed.on_response(fetch, response, self._now()))

  def _take(self, call: Callable[[], Batch]) -> None:
    """Appends the events of a call to the Feed. If it raises, what it knows is in doubt: all its
    connections start over, each with its gap."""
    try:
      events = call()
    except BaseException as exc:
      reason = self._feed_failed(fault_of(exc))
      for connection in self._connections.values():
        connection.end(reason)
      return
    if events:
      self._append(events)
    self._act()

  def _feed_failed(self, exc: Exception) -> str:
    """Names a Feed that raised. Raises PluginError when it keeps doing so."""
    name = f"the feed of {self.feed.exchange}"
    self._log.error("%s raised %s: %s", name, type(exc).__name__, exc, exc_info=exc)
    if not self._budget.spend(trio.current_time()):
      raise PluginError(
        f"{name} failed {self._budget.restarts} times within "
        f"{self._budget.seconds:.0f} s, the last time with {type(exc).__name__}: {exc}; "
        "please report it to the plugin's author"
      ) from exc
    return f"{name} raised {type(exc).__name__}: {exc}"

  def _now(self) -> Moment:
    return Moment(self._clock.now_ms(), self._clock.mono_ns())


def with_raw(feed: Feed, number: int, frames: list[bytes], received: Moment) -> Batch:
  """The events in these messages, each with the message it came from as its `raw`."""
  events: Batch = []
  for frame in frames:
    raw = msgspec.Raw(frame)
    for event in feed.on_frames(number, [frame], received):
      if isinstance(event, Event) and event.raw is None:
        event.raw = raw
      events.append(event)
  return events


async def _pinned(handshake: Handshake) -> dict[str, list[str]]:
  """The addresses that a URL from outside may use, checked again for each connection."""
  if handshake.allowance is None:
    return {}
  return {"addresses": await vetted_addresses(handshake.url, handshake.allowance)}


def _only(values: Collection[T | None]) -> T | None:
  """The one value of a set that has just one."""
  return next(iter(values)) if len(values) == 1 else None
