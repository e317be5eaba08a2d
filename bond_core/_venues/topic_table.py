"""The topics of a feed by group of connections, and the states of its subscriptions."""

import attrs

from bond_core._feeds.contract import Subscription
from bond_core._venues.parts import FeedControl, Topics
from bond_core._venues.state import SubscriptionState
from bond_core._venues.topic import Topic


@attrs.define
class Counts:
  """What has been left out or lost."""

  duplicates: int = 0
  missed: int = 0
  skipped: int = 0

  def add(self, state: SubscriptionState) -> None:
    """Adds a state's own."""
    self.duplicates += state.duplicates
    self.missed += state.missed
    self.skipped += state.skipped


class TopicTable:
  """What is subscribed to: `states` by subscription, and topics by what their messages begin with.
  States of one topic share it."""

  def __init__(self, topics: Topics, opening: bytes, closing: bytes) -> None:
    self.states: dict[Subscription, SubscriptionState] = {}
    self._topics = topics
    self._opening = opening
    self._closing = closing
    self._by_key: dict[str, dict[bytes, Topic]] = {}
    self._by_name: dict[str, dict[str, Topic]] = {}
    self._by_subscription: dict[Subscription, tuple[str, Topic]] = {}
    self._retired = Counts()

  def by_key(self, group: str) -> dict[bytes, Topic]:
    """A group's topics by key, as they are at any time."""
    return self._by_key.setdefault(group, {})

  def named(self, group: str, name: str) -> Topic | None:
    """The topic of that name, None where it has no reader."""
    return self._by_name.get(group, {}).get(name)

  def topic_of(self, subscription: Subscription) -> Topic | None:
    """The topic that a subscription is read from."""
    found = self._by_subscription.get(subscription)
    return None if found is None else found[1]

  def add(
    self, group: str, subscription: Subscription, feed: FeedControl
  ) -> tuple[Topic, SubscriptionState]:
    """The topic and the state of a subscription, made where there is none."""
    found = self._by_subscription.get(subscription)
    if found is not None:
      return found[1], self.states[subscription]
    made = self._topics.topic(subscription)
    topic = self._by_name.setdefault(group, {}).setdefault(made.name, made)
    state = self._topics.state(subscription, topic.name, feed)
    if topic is made:
      topic.prefix = self._opening + topic.key + self._closing
      self.by_key(group)[topic.key] = topic
    topic.add(subscription, state)
    self._by_subscription[subscription] = group, topic
    self.states[subscription] = state
    return topic, state

  def retire(self, subscription: Subscription) -> None:
    """Forgets a subscription, but not what it counted."""
    state = self.states.pop(subscription, None)
    if state is None:
      return
    group, topic = self._by_subscription.pop(subscription)
    topic.remove(subscription)
    if not topic.states:
      del self._by_name[group][topic.name]
      del self._by_key[group][topic.key]
    self._retired.add(state)

  def counts(self) -> Counts:
    """What all subscriptions counted, also those that are gone."""
    total = attrs.evolve(self._retired)
    for state in self.states.values():
      total.add(state)
    return total
