"""What every Session must do, as tests that a plugin inherits."""

import logging
import random
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import pytest

from bond_core._errors import Disconnected, RetryAfter
from bond_core._event_checks import check_events
from bond_core._events import Batch, Gap
from bond_core._feeds.contract import Moment, Subscription
from bond_core._sessions.contract import Session

T = TypeVar("T")
START_NS = 1_000_000_000
CUT = Disconnected("the connection was cut by a test")


class RecordingMember:
  """A source of a session: `events` are those it was given, `lives` counts the calls of `live`,
  `outages` are the causes given to `lost`, `refused` why parts of it do not come, `notices`
  what readers have to know of parts now, `failure` is the sentence that ended it."""

  def __init__(self, config: Any, prepared: Any = None, name: str = "source") -> None:
    self.name, self.config, self.prepared = name, config, prepared
    self.log = logging.LoggerAdapter(logging.getLogger("bond"), {})
    self.caller: str | None = None
    self.figures: dict[str, float] = {}
    self.events: Batch = []
    self.lives = 0
    self.outages: list[str] = []
    self.refused: list[str] = []
    self.notices: dict[Subscription, str] = {}
    self.failure: str | None = None
    self._remembered: dict[Hashable, Any] = {}

  def remember(self, key: Hashable, make: Callable[[], T]) -> T:
    """Returns the object of a key, made when it is first needed."""
    if key not in self._remembered:
      self._remembered[key] = make()
    found: T = self._remembered[key]
    return found

  def live(self) -> None:
    """Counts."""
    self.lives += 1

  def give(self, batch: Batch) -> None:
    """Keeps the events."""
    self.events += batch
    self.lives += 1

  def lost(self, cause: str) -> None:
    """Keeps the cause."""
    self.outages.append(cause)

  def notice(self, part: Subscription, reason: str | None, *, unavailable: bool = True) -> None:
    """Keeps the sentence."""
    self.notices.pop(part, None)
    if reason is not None:
      self.notices[part] = reason

  def refuse(self, reason: str) -> None:
    """Keeps the sentence."""
    self.refused.append(reason)

  def fail(self, reason: str) -> None:
    """Keeps the first sentence."""
    self.failure = self.failure or reason


class SessionConformance:
  """Runs a session without a transport: the test is the other side.

  ```python
  class TestNode(SessionConformance):
    def session(self):
      return NodeSession(Config())

    def members(self):
      return [RecordingMember(Config())]

    def answers(self, request):
      return [b'{"ok":true}']

    def messages(self):
      return [...]  # at least five; they lead to events and to no gap
  ```
  """

  def session(self) -> Session[Any, Any, Any]:
    """A new session."""
    raise NotImplementedError

  def members(self) -> list[RecordingMember]:
    """New sources of it, at least one."""
    raise NotImplementedError

  def answers(self, request: Any) -> Sequence[Any]:
    """The messages that answer a request; none by default."""
    return ()

  def messages(self) -> Sequence[Any]:
    """Messages that come by themselves once the session's requests are answered."""
    raise NotImplementedError

  # What is used below --------------------------------------------------------------------------

  def _joined(self) -> tuple[Session[Any, Any, Any], list[RecordingMember]]:
    session, members = self.session(), self.members()
    for member in members:
      session.members[member] = None
      session.on_join(member, _moment(0))
    return session, members

  def _open(self, session: Session[Any, Any, Any], second: float = 0) -> list[Any]:
    """Opens a connection and answers; the first requests."""
    session.target(_moment(second))
    session.requests.clear()
    session.on_open(_moment(second))
    first = list(session.requests)
    self._answer(session, second)
    return first

  def _answer(self, session: Session[Any, Any, Any], second: float) -> None:
    for _ in range(1000):
      if not session.requests:
        return
      if answers := self.answers(session.requests.popleft()):
        session.on_messages(answers, _moment(second))
    pytest.fail("the session goes on sending requests, 1000 so far, though nothing is lost")

  def _deliver(self, session: Session[Any, Any, Any], messages: Sequence[Any]) -> None:
    session.on_messages(messages, _moment(1))
    self._answer(session, 1)
    session.on_timer(_moment(2))
    self._answer(session, 2)

  # The tests -----------------------------------------------------------------------------------

  def test_its_messages_become_events_without_a_gap(self) -> None:
    session, members = self._joined()
    self._open(session)
    self._deliver(session, self.messages())
    assert all(member.lives for member in members), "a member did not become live"
    assert [member.failure for member in members if member.failure] == []
    events = [event for member in members for event in member.events]
    assert events, "no events came"
    assert not [event for event in events if isinstance(event, Gap)]
    check_events(events, session.name)

  def test_it_does_not_matter_how_messages_are_gathered(self) -> None:
    found = []
    for size in (len(self.messages()), 1):
      session, members = self._joined()
      self._open(session)
      messages = self.messages()
      for at in range(0, len(messages), size):
        session.on_messages(messages[at : at + size], _moment(1))
        self._answer(session, 1)
      session.on_timer(_moment(2))
      self._answer(session, 2)
      found.append([member.events for member in members])
    assert found[0] == found[1]

  def test_a_source_that_left_is_given_nothing_more(self) -> None:
    session, members = self._joined()
    self._open(session)
    for member in members:
      del session.members[member]
      session.on_leave(member, _moment(1))
    left = [len(member.events) for member in members]
    _tolerate(self._deliver, session, self.messages())
    assert [len(member.events) for member in members] == left

  def test_after_a_cut_it_requests_again_and_goes_on(self) -> None:
    session, members = self._joined()
    first = self._open(session)
    wait = session.on_close(CUT, _moment(1))
    assert wait is None or wait >= 0
    again = self._open(session, 10)
    assert bool(again) == bool(first), "the new connection began without its requests"
    self._deliver(session, self.messages())
    assert [event for member in members for event in member.events]
    assert [member.failure for member in members if member.failure] == []

  def test_a_connection_that_never_opened_is_tried_again(self) -> None:
    session, members = self._joined()
    session.target(_moment(0))
    wait = session.on_close(CUT, _moment(1))
    assert wait is None or wait >= 0
    self._open(session, 10)
    assert [member.failure for member in members if member.failure] == []

  def test_a_message_that_cannot_be_decoded_is_no_fault_of_the_session(self) -> None:
    """Cut short, with a flipped bit, doubled, nested without end, and nothing at all. It may end
    the connection (Disconnected, RetryAfter), and raises nothing else."""
    texts = [message for message in self.messages() if isinstance(message, bytes)]
    if not texts:
      pytest.skip("messages are decoded by the transport")
    rng = random.Random(1)
    noise = [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 50_000, b'{"a":' * 9_000]
    for message in texts:
      at = rng.randrange(len(message))
      flipped = message[:at] + bytes([message[at] ^ (1 << rng.randrange(8))]) + message[at + 1 :]
      noise += [message[:at], flipped, message + message]
    for broken in noise:
      session, members = self._joined()
      self._open(session)
      _tolerate(session.on_messages, [broken], _moment(1))
      assert [member.failure for member in members if member.failure] == []


def _moment(second: float) -> Moment:
  return Moment(1_760_000_000_000 + round(second * 1000), START_NS + round(second * 1e9))


def _tolerate(call: Callable[..., object], *given: Any) -> None:
  """Calls; Disconnected and RetryAfter end a connection and are no fault."""
  with suppress(Disconnected, RetryAfter):
    call(*given)
