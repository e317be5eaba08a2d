"""Every feed and session that a package of this repository tries with the conformance tests meets
the same messages, and answers, with one field left out, null, of another type, negative or huge."""

import sys
from contextlib import suppress
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from bond_core import Disconnected, Gap, Refused, RetryAfter
from bond_core.feeds import Moment
from bond_core.testing import FeedConformance, SessionConformance, check_events
from tests.readers.fields import changed_fields, counters, first_of_each_shape

ROOT = Path(__file__).parents[2]
SECOND = 1_000_000_000
CUT = Disconnected("the connection was cut by a test")


def classes(base):
  """The classes of that kind in the tests of all plugins."""
  for path in sorted(ROOT.glob("plugins/*/tests/test_*.py")):
    if f"({base.__name__})" not in path.read_text():
      continue
    folder, name = (
      str(path.parent),
      f"conformance_of_{path.parts[-3]}_{path.stem}".replace("-", "_"),
    )
    if folder not in sys.path:
      sys.path.append(folder)
    spec = spec_from_file_location(name, path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    for found in vars(module).values():
      if isinstance(found, type) and issubclass(found, base) and found.__module__ == name:
        yield pytest.param(found, id=path.parts[-3])


FEEDS = list(classes(FeedConformance))
SESSIONS = list(classes(SessionConformance))


def test_all_are_found():
  assert len(FEEDS) >= 5
  assert len(SESSIONS) >= 4


@pytest.mark.parametrize("kind", FEEDS)
def test_a_field_of_any_kind_ends_no_feed(kind):
  """An event that is right, a gap, or nothing where a counter or an action says so."""
  made = kind()
  frames = made.session()
  for at in first_of_each_shape(frames):
    usual = made._opened()
    made._events(usual, frames[:at])
    come = len(made._events(usual, [frames[at]]))
    for broken in changed_fields(frames[at]):
      feed = made._opened()
      made._events(feed, frames[:at])
      feed.actions.clear()
      before = counters(feed)
      events = made._events(feed, [broken])
      check_events(events, feed.exchange)
      events += feed.on_timer(Moment(1_760_000_060_000, 60 * SECOND))
      told = bool(feed.actions) or counters(feed) != before
      told = told or any(isinstance(event, Gap) for event in events)
      assert told or len(events) >= come, f"left out without a word: {broken.decode()}"


@pytest.mark.parametrize("kind", SESSIONS)
def test_a_field_of_any_kind_ends_no_source(kind):
  """It may end the connection (Disconnected, RetryAfter); the next one then works as ever."""
  made = kind()
  messages = list(made.messages())
  texts = [message if isinstance(message, bytes) else b"" for message in messages]
  for at in first_of_each_shape(texts):
    for broken in changed_fields(texts[at]):
      session, members = made._joined()
      made._open(session)
      with suppress(Disconnected, RetryAfter):
        made._deliver(session, [*messages[:at], broken, *messages[at + 1 :]])
      works_again(made, session, members, broken)


@pytest.mark.parametrize("kind", SESSIONS)
def test_an_answer_with_a_field_of_any_kind_ends_no_source(kind):
  made = kind()
  for at, right in enumerate(opened(made, made._joined()[0], None, b"")):
    body = right if isinstance(right, bytes) else getattr(right, "body", b"")
    for broken in changed_fields(body):
      session, members = made._joined()
      answer = broken if isinstance(right, bytes) else right._replace(body=broken)
      # An answer may be right and say that the other side is the wrong one.
      with suppress(Disconnected, RetryAfter, Refused):
        opened(made, session, at, answer)
        if any(member.failure for member in members):
          continue
        works_again(made, session, members, broken)


def opened(made, session, at, instead):
  """Opens a connection whose answer number `at` is another one; all right answers."""
  session.target(Moment(1_760_000_000_000, SECOND))
  session.requests.clear()
  session.on_open(Moment(1_760_000_000_000, SECOND))
  given = []
  while session.requests and len(given) < 100:
    for answer in made.answers(session.requests.popleft()):
      now = Moment(1_760_000_000_000, SECOND)
      session.on_messages([instead if len(given) == at else answer], now)
      given.append(answer)
  return given


def works_again(made, session, members, broken):
  check_events([event for member in members for event in member.events], session.name)
  session.on_close(CUT, Moment(1_760_000_003_000, 4 * SECOND))
  for member in members:
    member.events, member.lives = [], 0
  made._open(session, 10)
  made._deliver(session, made.messages())
  assert [member.failure for member in members if member.failure] == [], broken.decode()
  assert all(member.lives for member in members), broken.decode()
