"""docs/write-a-venue.md suffices alone: it names all that a venue has to write or may use."""

import inspect
import re
from pathlib import Path

import attrs
import bond_venuekit
import pytest

from bond_core import SourceType, feeds, venues
from bond_core.testing import FeedConformance

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "write-a-venue.md").read_text(encoding="utf-8")
# What stands in code, alone or in a call, as in `take(frame, ts_ms, mono_ns, out)`.
NAMED = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`\n]+)`", PAGE))))


def methods(cls):
  return {
    name
    for base in cls.__mro__[:-1]
    if base.__module__.startswith("bond_core")
    for name, value in vars(base).items()
    if not name.startswith("_") and (inspect.isfunction(value) or isinstance(value, property))
  }


@pytest.mark.parametrize("name", venues.__all__ + bond_venuekit.__all__)
def test_every_name_of_the_parts_is_on_the_page(name):
  assert name in NAMED


@pytest.mark.parametrize(
  "cls",
  [
    feeds.Feed,
    venues.Topics,
    venues.MarketList,
    venues.FeedControl,
    venues.SubscriptionState,
  ],
  ids=lambda cls: cls.__name__,
)
def test_every_method_that_a_venue_may_write_or_call_is_on_the_page(cls):
  assert methods(cls) - NAMED == set()


def test_every_action_and_limit_is_on_the_page():
  fields = {field.name for field in attrs.fields(feeds.Limits)}
  actions = {action.__name__ for action in feeds.Action.__args__}
  assert (fields | actions) - NAMED - set(re.findall(r"\w+", PAGE)) == set()


def test_every_argument_of_a_feed_and_every_field_of_a_form_is_on_the_page():
  feed = set(inspect.signature(venues.TopicFeed).parameters) - {"exchange", "title"}
  forms = (venues.RequestForm, venues.Confirmed, venues.Denied, venues.TopicMessage)
  fields = {field.name for form in forms for field in attrs.fields(form)}
  assert (feed | fields) - NAMED == set()
  sources = {field.name for field in attrs.fields(bond_venuekit.SnapshotSource)}
  assert sources - set(re.findall(r"(\w+)=", PAGE)) == set()


def test_the_fields_of_a_source_type_that_concern_venues_are_on_the_page():
  concern = set(
    "connection emits example exchange feed on_demand public simulator subscriptions terms view "
    "words".split()
  )
  assert concern - {field.name for field in attrs.fields(SourceType)} == set()
  assert concern - NAMED == set()


def test_the_dependencies_on_the_page_are_those_of_the_worked_venue():
  (line,) = re.findall(r"^dependencies = .*$", PAGE, re.M)
  assert line in (ROOT / "plugins" / "bond-bybit" / "pyproject.toml").read_text(encoding="utf-8")


def test_what_the_conformance_suite_calls_is_on_the_page():
  assert (
    methods(FeedConformance)
    - NAMED
    - {name for name in methods(FeedConformance) if name.startswith("test_")}
    == set()
  )
