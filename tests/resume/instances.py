"""The small systems that are gone through, and those that lack one rule."""

from typing import NamedTuple

from tests.resume.model import Bounds, Rules


class Instance(NamedTuple):
  """What is searched. A large one takes minutes."""

  name: str
  bounds: Bounds
  rules: Rules
  large: bool = False


NOTHING_ELSE = Bounds(kills=0, stops=0, evictions=0)

INSTANCES = [
  Instance("one server after another", Bounds(), Rules(shared=False)),
  Instance(
    "three in a row, two of them killed",
    Bounds(events=2, starts=3, kills=2, stops=0, cuts=1),
    Rules(shared=False),
  ),
  Instance(
    "two servers of one engine, one is killed",
    Bounds(events=2, kills=1, stops=0, cuts=1, evictions=0),
    Rules(),
  ),
  Instance(
    "two servers of one engine, one is stopped",
    Bounds(events=2, kills=0, stops=1, cuts=1, evictions=0),
    Rules(),
  ),
  Instance("a follower", NOTHING_ELSE._replace(events=2, cuts=1), Rules(followers=True)),
  Instance(
    "an engine that loses everything",
    NOTHING_ELSE._replace(events=2, cuts=1, losses=1),
    Rules(),
  ),
  Instance(
    "two servers of one engine, more of everything",
    Bounds(events=4, kills=1, stops=0, cuts=1, evictions=0),
    Rules(),
    large=True,
  ),
  Instance(
    "a follower and two that write",
    Bounds(events=2, starts=3, kills=1, stops=0, cuts=1, evictions=0, losses=0),
    Rules(followers=True),
    large=True,
  ),
  Instance(
    "a follower, and an engine that loses everything",
    NOTHING_ELSE._replace(events=2, losses=1),
    Rules(followers=True),
    large=True,
  ),
  Instance(
    "a kill, and an engine that loses everything",
    Bounds(events=2, kills=1, stops=0, cuts=1, evictions=0, losses=1),
    Rules(),
    large=True,
  ),
]
"""Everything holds in these."""

SHARED = NOTHING_ELSE._replace(events=5, cuts=1)

WITHOUT = [
  Instance(
    "a log that goes on where what was kept ends", Bounds(), Rules(shared=False, jumps=False)
  ),
  Instance(
    "a resume always says that nothing is missing", Bounds(), Rules(shared=False, asks=False)
  ),
  Instance(
    "readers have numbers before the engine has the first of them",
    Bounds(events=2, starts=3, kills=2, stops=0, cuts=1),
    Rules(shared=False, writes_first=False),
  ),
  Instance(
    "a server takes a shared log over with its first write only",
    SHARED,
    Rules(claims=False, writes_first=False),
  ),
  Instance(
    "a server that reaches no engine gives numbers without end", SHARED, Rules(fences=False)
  ),
  Instance("connections outlive their epoch", SHARED._replace(cuts=0), Rules(closes=False)),
]
"""In these something breaks, so that each rule is needed, and the search would see it."""
