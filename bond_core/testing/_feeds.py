"""What every venue's Feed must do, as tests that a plugin inherits.

A subclass in the plugin's own tests says how a feed is made and what the venue would send; pytest
then runs the tests below against it:

    class TestFeed(FeedConformance):
      def feed(self) -> Feed:
        return VenueFeed(Connection())

      def subscriptions(self) -> list[Subscription]:
        return config.Trades(symbols=["BTC/USDT"]).subscriptions()

      def session(self) -> list[bytes]:
        return [...]  # messages of these subscriptions, in the venue's order
"""

import random

from bond_core._errors import Refused
from bond_core._event_checks import check_events
from bond_core._events import Batch, Gap, MarketEvent
from bond_core._feeds.contract import Feed, Moment, Send, Subscription
from bond_core._instruments import Instrument

SECOND_NS = 1_000_000_000
START_MS = 1_760_000_000_000


class FeedConformance:
  """All subscriptions of `subscriptions` belong to one group of connections, and their messages in
  `session` make sense from the first on."""

  def feed(self) -> Feed:
    """A new feed."""
    raise NotImplementedError

  def subscriptions(self) -> list[Subscription]:
    """What the tests subscribe to."""
    raise NotImplementedError

  def session(self) -> list[bytes]:
    """Messages of the venue, at least ten, each of which leads to an event or to none, but to no
    gap."""
    raise NotImplementedError

  # What is used below --------------------------------------------------------------------------

  def _opened(self, *, second: bool = False) -> Feed:
    feed, now = self.feed(), Moment(START_MS, 0)
    feed.on_open(1, self.subscriptions(), overlap=False, now=now)
    if second:
      feed.on_open(2, self.subscriptions(), overlap=True, now=now)
    return feed

  def _events(self, feed: Feed, frames: list[bytes], connection: int = 1) -> Batch:
    return feed.on_frames(connection, frames, Moment(START_MS + 1_000, SECOND_NS))

  # The tests -----------------------------------------------------------------------------------

  def test_the_session_becomes_events_without_a_gap(self) -> None:
    frames = self.session()
    assert len(frames) >= 10
    events = self._events(self._opened(), frames)
    assert events
    assert not [event for event in events if isinstance(event, Gap)]
    check_events(events, self.feed().exchange)
    named = [subscription.instrument for subscription in self.subscriptions()]
    for event in events:
      if isinstance(event, MarketEvent):
        kind = type(event).__name__
        assert event.ts_event, f"a {kind} without ts_event, the time at which its message came"
        kinds = {one.market_type for one in named if one.symbol == event.symbol}
        assert not kinds or event.market_type in kinds, f"a {kind} of another market_type"
    assert {event.exchange for event in events if not isinstance(event, Gap)} == {  # type: ignore[union-attr]
      self.feed().exchange
    }

  def test_it_does_not_matter_how_messages_are_gathered(self) -> None:
    frames = self.session()
    together = self._events(self._opened(), frames)
    feed = self._opened()
    assert [event for frame in frames for event in self._events(feed, [frame])] == together

  def test_a_message_that_two_connections_carry_becomes_one_event(self) -> None:
    """As while one connection takes over from another: both carry everything."""
    frames = self.session()
    feed = self._opened(second=True)
    events = [e for f in frames for number in (1, 2) for e in self._events(feed, [f], number)]
    assert events == self._events(self._opened(), frames)

  def test_messages_of_a_closed_connection_are_ignored(self) -> None:
    feed = self._opened()
    feed.on_close(1)
    assert self._events(feed, self.session()) == []

  def test_broken_messages_never_raise(self) -> None:
    """Cut short, with a flipped bit, doubled, nested without end, and no JSON at all."""
    rng = random.Random(1)
    for frame in self.session():
      for _ in range(20):
        at = rng.randrange(len(frame))
        flipped = frame[:at] + bytes([frame[at] ^ (1 << rng.randrange(8))]) + frame[at + 1 :]
        for broken in (frame[:at], flipped, frame + frame):
          self._events(self._opened(), [broken])
    for noise in (b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 50_000, b'{"a":' * 9_000):
      events = self._events(self._opened(), [noise])
      assert all(isinstance(event, Gap) for event in events)

  def test_a_cut_message_is_declared_as_a_loss(self) -> None:
    """Unless the rest of the session shows by its numbers what is missing."""
    frames = self.session()
    middle = len(frames) // 2
    cut = [*frames[:middle], frames[middle][: len(frames[middle]) // 2], *frames[middle + 1 :]]
    feed = self._opened()
    events = self._events(feed, cut)
    events += feed.on_timer(Moment(START_MS + 60_000, 60 * SECOND_NS))
    assert [event for event in events if isinstance(event, Gap)]

  def test_a_reconnect_subscribes_again(self) -> None:
    feed = self._opened()
    sent = [action.data for action in feed.actions if isinstance(action, Send)]
    feed.actions.clear()
    feed.on_close(1)
    feed.on_open(
      2, self.subscriptions(), overlap=False, now=Moment(START_MS + 2_000, 2 * SECOND_NS)
    )
    again = [action for action in feed.actions if isinstance(action, Send)]
    assert len(again) == len(sent)
    assert all(action.connection == 2 for action in again)

  def test_an_unsubscribed_channel_gives_no_events(self) -> None:
    feed, subscriptions = self._opened(), self.subscriptions()
    feed.on_change(1, [], subscriptions, Moment(START_MS + 500, SECOND_NS // 2))
    assert self._events(feed, self.session()) == []

  def test_what_the_venue_does_not_have_is_refused_in_a_sentence(self) -> None:
    feed = self.feed()
    known = self.subscriptions()[0].instrument
    nothing = Subscription("no such channel", known)  # type: ignore[arg-type]
    option = Subscription("trades", Instrument(known.exchange, "option", known.symbol, "261225"))
    for subscription in (nothing, option):
      try:
        feed.group(subscription)
      except Refused as refused:
        reason = str(refused)
      else:
        reason = ""
      assert len(reason) > 20, f"{subscription} was not refused with a sentence"

  def test_limits_are_what_can_be_kept(self) -> None:
    feed = self.feed()
    limits = feed.limits(feed.group(self.subscriptions()[0]))
    assert limits.subscriptions_per_connection >= limits.subscriptions_per_message >= 1
    assert all(count > 0 and seconds > 0 for count, seconds in (limits.messages, limits.connects))
    assert limits.ping_after > 0
