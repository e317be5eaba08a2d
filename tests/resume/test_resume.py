"""What holds in every state of a small log and its readers, and not without its rules."""

import pytest

from tests.resume.instances import INSTANCES, WITHOUT
from tests.resume.model import World
from tests.resume.search import search


@pytest.mark.parametrize(
  "instance",
  [
    pytest.param(one, id=one.name, marks=pytest.mark.slow if one.large else ()) for one in INSTANCES
  ],
)
def test_nothing_is_lost_in_silence_and_no_number_means_two_events(instance):
  found = search(World(instance.bounds), instance.rules)
  assert found.broken == []
  assert found.states > 2_000


@pytest.mark.parametrize("instance", WITHOUT, ids=lambda one: one.name)
def test_each_rule_is_needed(instance):
  assert search(World(instance.bounds), instance.rules).broken
