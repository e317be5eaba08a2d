"""What a spec would cost each venue, worked out without connecting."""

import math

import attrs
from bond_commandkit import unlisted_of

from bond_core import Refused, Spec
from bond_core.feeds import JITTER, WEIGHT_SHARE, Feed, Subscription


@attrs.frozen
class VenuePlan:
  """One group of a venue's connections. Times are seconds, by the venue's published limits."""

  venue: str
  group: str
  connections: int
  subscriptions: int
  messages: int
  weight: int
  weight_limit: tuple[int, float]
  start_seconds: float
  rejected: tuple[str, ...] = ()


@attrs.frozen
class SourcePlan:
  """A source that is not a shared feed, or the terms of one that is."""

  source: str
  use: str
  terms: str


@attrs.frozen
class Plan:
  """All of it. `unlisted` are sentences about symbols that no list of markets kept here has."""

  name: str
  venues: tuple[VenuePlan, ...]
  sources: tuple[SourcePlan, ...]
  unlisted: tuple[str, ...] = ()


def plan(spec: Spec) -> Plan:
  """The plan of a checked spec. Equal connections are counted once, as they are when it runs."""
  feeds: dict[object, tuple[Feed, dict[Subscription, None]]] = {}
  for node in spec.sources.values():
    source = node.type
    if source.feed is None or source.connection is None or source.subscriptions is None:
      continue
    connection = source.connection(node.config)
    _, requested = feeds.setdefault((source.feed, connection), (source.feed(connection), {}))
    requested.update(dict.fromkeys(source.subscriptions(node.config)))
  venues = [row for feed, requested in feeds.values() for row in _groups(feed, list(requested))]
  sources = [
    SourcePlan(key, node.use, node.type.terms or "none named") for key, node in spec.sources.items()
  ]
  unlisted = tuple(f"sources.{one.source}: {one.reason}" for one in unlisted_of(spec))
  return Plan(spec.name, tuple(venues), tuple(sources), unlisted)


def _groups(feed: Feed, requested: list[Subscription]) -> list[VenuePlan]:
  groups: dict[str, list[Subscription]] = {}
  rejected: list[str] = []
  for subscription in requested:
    try:
      groups.setdefault(feed.group(subscription), []).append(subscription)
    except Refused as exc:
      rejected.append(str(exc))
  rows = []
  for group, subscriptions in groups.items():
    limits = feed.limits(group)
    count, seconds = limits.messages
    size = limits.subscriptions_per_connection
    room = len(subscriptions) if limits.connections is None else limits.connections * size
    rejected += [
      f"{subscription}: {feed.exchange} takes no more than {room} from one address"
      for subscription in subscriptions[room:]
    ]
    subscriptions = subscriptions[:room]
    connections = math.ceil(len(subscriptions) / size)
    # What does not fit into the opening request follows in messages.
    messages = sum(
      len(feed.opening_messages(group, subscriptions[start : start + size]))
      for start in range(0, len(subscriptions), size)
    )
    weight = sum(feed.snapshot_weight(subscription) for subscription in subscriptions)
    rows.append(
      VenuePlan(
        venue=feed.exchange,
        group=group,
        connections=connections,
        subscriptions=len(subscriptions),
        messages=messages,
        weight=weight,
        weight_limit=limits.weight,
        start_seconds=max(
          _paced(connections, limits.connects),
          _paced(math.ceil(messages / connections), (count, seconds + JITTER)),
          _paced(weight, (limits.weight[0] * WEIGHT_SHARE, limits.weight[1])),
        ),
        rejected=tuple(rejected),
      )
    )
  return rows


def _paced(units: float, rate: tuple[float, float]) -> float:
  """Seconds until the last of `units` may be spent at (count, seconds)."""
  count, seconds = rate
  return max(0, math.ceil(units / count) - 1) * seconds
