"""Topics that a venue stops sending without a word, while others on the same connection go on.

Silence alone is no proof, so what is normal is learned of each topic: its longest silence. Far
beyond that, the next connection is opened beside this one, as when one takes over from another,
which costs nothing: what comes on both counts once. If the new one brings the topic and the old one
does not, the topic had died on the old one, and that is one Gap. If neither does, this silence is
normal from then on, and the next look is further away.
"""

from typing import Any

import attrs

from bond_core import Batch
from bond_core.feeds import Expire, Moment, Subscription
from bond_core.venues import SECOND, SubscriptionState, TopicFeed

FLOOR, UNKNOWN = 30.0, 900.0
"""Seconds of silence that are never too long: where the rhythm is known, and where it is not, as of
what was never heard."""
FACTOR = 8
"""So many times the longest silence of before is too long."""
KNOWN_AFTER = 20
"""Of so many seconds a topic must have been heard before its rhythm is known."""
LIVELY = 5.0
"""Seconds within which another topic of the connection must have been heard."""
LOOKS = (60.0, 3600.0)
"""Seconds from one look to the next of a group: at first, and at most where none found anything."""
STATES_OF_THINGS = 1.0
"""Seconds for which a new connection may only repeat how things stand."""
GRACE = 2.0
"""Seconds for which the old connection may still bring what the new one brought first."""
WITHIN = 30.0
"""Seconds from the opening of the next connection until a look is over."""


@attrs.define
class _Rhythm:
  """When a topic was last heard, or else subscribed to, and its longest silence (ns), and in how
  many seconds it was heard."""

  last_ns: int
  longest_ns: int = 0
  heard: int = 0


@attrs.define
class _Look:
  """A look into topics that are silent on a connection, by the connection that opened beside it."""

  old: int
  silent: dict[Subscription, int]
  """Since when, monotonic ns."""
  usual: dict[Subscription, int]
  """The longest silences before, ns."""
  begun_ns: int
  new: int | None = None
  opened_ns: int = 0
  closed_ns: int | None = None
  """When the old one ended."""
  brought: dict[Subscription, int] = attrs.field(factory=dict)
  """What the new one alone has brought so far, and when first."""


class WatchedFeed(TopicFeed):
  """A TopicFeed that looks into topics which fall silent while others talk. `parts` are what a
  TopicFeed takes."""

  def __init__(self, exchange: str, title: str, **parts: Any) -> None:
    super().__init__(exchange, title, **parts)
    self._rhythms: dict[Subscription, _Rhythm] = {}
    self._looks: dict[str, _Look] = {}
    """By group of connections."""
    self._next_look: dict[str, tuple[int, float]] = {}
    """When a group may be looked into again (monotonic ns), and how long it waits after that."""
    self._dead: list[tuple[Subscription, int]] = []

  def on_open(
    self, connection: int, subscriptions: list[Subscription], *, overlap: bool, now: Moment
  ) -> None:
    super().on_open(connection, subscriptions, overlap=overlap, now=now)
    if subscriptions and overlap:
      look = self._looks.get(self.group(subscriptions[0]))
      if look is not None and look.new is None and not look.silent.keys().isdisjoint(subscriptions):
        look.new, look.opened_ns = connection, now.mono_ns

  def on_close(self, connection: int) -> None:
    super().on_close(connection)
    for group, look in list(self._looks.items()):
      # Where the old one ends before there is a new one, that is an outage like any other.
      if connection == look.new or (connection == look.old and look.new is None):
        del self._looks[group]
      elif connection == look.old:
        self._conclude(look)
        look.closed_ns = self.now_ns

  def _on_watched_frames(self, connection: int, frames: list[bytes], received: Moment) -> Batch:
    """`on_frames` while there are looks."""
    watched = [look for look in self._looks.values() if connection in (look.old, look.new)]
    suspects = {s for look in watched for s in look.silent}
    states = self._by_subscription(suspects).items()
    before = {s: (state.received_ns, state.duplicates) for s, state in states}
    out = type(self).on_frames(self, connection, frames, received)
    for subscription, state in states:
      received_ns, duplicates = before[subscription]
      repeats, came = state.duplicates != duplicates, state.received_ns != received_ns
      for look in watched:
        # On the new connection, what came before says nothing of what comes now.
        if (came or repeats) if connection == look.old else (came and not repeats):
          self._note_heard(look, connection, subscription, received.mono_ns)
    return out

  def on_timer(self, now: Moment) -> Batch:
    out = super().on_timer(now)
    for look in self._looks.values():
      if look.closed_ns is None:
        self._conclude(look)
    states = {state.subscription: state for state in self.states()}
    for subscription, since_ns in self._dead:
      state = states.get(subscription)
      # What is numbered shows by itself what is missing.
      if state is not None and not state.numbered:
        cause = "the venue had stopped sending it on a connection that brought others"
        out.append(state.gap(cause, now.ts_ms, now.mono_ns, since_ns=since_ns))
    self._dead.clear()
    self._listen(states)
    for group, look in list(self._looks.items()):
      begun_ns = look.begun_ns if look.new is None else look.opened_ns
      if now.mono_ns - begun_ns > WITHIN * SECOND or not look.silent:
        del self._looks[group]
    self._begin_looks(states, now.mono_ns)
    # A method between would cost each batch 0.15 µs for what is there a few seconds a day.
    if self._looks:
      self.__dict__["on_frames"] = self._on_watched_frames
    else:
      self.__dict__.pop("on_frames", None)
    return out

  def _by_subscription(self, wanted: set[Subscription]) -> dict[Subscription, SubscriptionState]:
    return {s.subscription: s for s in self.states() if s.subscription in wanted}

  def _note_heard(
    self, look: _Look, connection: int, subscription: Subscription, now_ns: int
  ) -> None:
    """A silent topic was heard on a connection."""
    if subscription not in look.silent:
      return
    if connection == look.old:
      del look.silent[subscription]
      look.brought.pop(subscription, None)
    elif look.closed_ns is None:
      if now_ns - look.opened_ns > STATES_OF_THINGS * SECOND:
        look.brought.setdefault(subscription, now_ns)
    elif now_ns - look.closed_ns <= look.usual[subscription]:
      # It is back in its own rhythm as soon as the other connection has taken over.
      self._found_dead(look, subscription)
    else:
      del look.silent[subscription]

  def _conclude(self, look: _Look) -> None:
    """Finds dead what the old connection has not brought either, after the new one did."""
    for subscription, heard_ns in list(look.brought.items()):
      if self.now_ns - heard_ns >= GRACE * SECOND:
        self._found_dead(look, subscription)

  def _found_dead(self, look: _Look, subscription: Subscription) -> None:
    look.brought.pop(subscription, None)
    self._dead.append((subscription, look.silent.pop(subscription)))
    self._next_look.pop(self.group(subscription), None)

  def _listen(self, states: dict[Subscription, SubscriptionState]) -> None:
    """Learns the rhythm of each topic."""
    for subscription in self._rhythms.keys() - states.keys():
      del self._rhythms[subscription]
    for subscription, state in states.items():
      rhythm = self._rhythms.setdefault(subscription, _Rhythm(state.subscribed_ns))
      if state.received_ns is None or state.received_ns <= rhythm.last_ns:
        continue
      if rhythm.heard:
        # An outage is no silence of the topic's.
        silence_ns = state.received_ns - max(rhythm.last_ns, state.subscribed_ns)
        # It fades slowly, so that a market that woke up is held to its new rhythm.
        rhythm.longest_ns = max(rhythm.longest_ns * 999 // 1000, silence_ns)
      rhythm.last_ns, rhythm.heard = state.received_ns, rhythm.heard + 1

  def _begin_looks(self, states: dict[Subscription, SubscriptionState], now_ns: int) -> None:
    lately: dict[int, int] = {}
    silent: dict[int, dict[Subscription, int]] = {}
    for subscription, state in states.items():
      rhythm = self._rhythms.get(subscription)
      if rhythm is None or len(state.carriers) != 1:
        continue
      [carrier] = state.carriers
      lately[carrier] = max(lately.get(carrier, 0), rhythm.last_ns)
      silence_ns = now_ns - max(rhythm.last_ns, state.subscribed_ns)
      least = FLOOR if rhythm.heard >= KNOWN_AFTER else UNKNOWN
      limit_ns = max(least * SECOND, FACTOR * rhythm.longest_ns)
      # A rhythm that the venue promises is held to by the driver.
      if state.silence is None and silence_ns > limit_ns:
        silent.setdefault(carrier, {})[subscription] = rhythm.last_ns
    for connection, topics in silent.items():
      group = self.group(next(iter(topics)))
      again_ns, wait = self._next_look.get(group, (0, LOOKS[0]))
      lively = now_ns - lately[connection] < LIVELY * SECOND
      if group in self._looks or now_ns < again_ns or not lively or not self.limits(group).overlaps:
        continue
      usual = {subscription: self._rhythms[subscription].longest_ns for subscription in topics}
      self._looks[group] = _Look(connection, topics, usual, now_ns)
      self._next_look[group] = now_ns + round(wait * SECOND), min(2 * wait, LOOKS[1])
      for subscription in topics:
        rhythm = self._rhythms[subscription]
        rhythm.longest_ns = max(rhythm.longest_ns, now_ns - rhythm.last_ns)
      first, *more = topics
      named = f"{first} and {len(more)} more are" if more else f"{first} is"
      reason = f"{group}: {named} silent for unusually long, while others talk"
      self.actions.append(Expire(connection, reason))
