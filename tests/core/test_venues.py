"""The parts of feeds for venues, by a small venue that uses public names only.

Its messages are `{"t":"TOPIC",…}`, its requests `+a,b#1` and `-a,b#1`, its answers `ok 1`,
`no 1 REASON`, `wrong 1 NAME`.
"""

import json
import random

import msgspec
import pytest
from bond_venuekit import (
  FetchedBook,
  Ids,
  LatestValue,
  NumberedTrades,
  SnapshotSource,
  SubscribedBook,
  Update,
  contiguous,
  request_number,
)

from bond_core import Gap, Refused, Trade, parse_market
from bond_core.feeds import (
  Fetch,
  Handshake,
  Limits,
  Moment,
  Notice,
  Pong,
  Reject,
  Reset,
  Response,
  Send,
  Subscription,
)
from bond_core.testing import FeedConformance
from bond_core.venues import (
  Confirmed,
  Denied,
  RequestForm,
  SubscriptionState,
  Topic,
  TopicFeed,
  TopicMessage,
  Unknown,
)

SECOND = 1_000_000_000


class Message(msgspec.Struct):
  t: str = ""
  n: int = 0
  bids: list[tuple[float, float]] = []
  asks: list[tuple[float, float]] = []
  whole: bool = False


decode = msgspec.json.Decoder(Message).decode


class Trades(NumberedTrades):
  def event(self, number, ts_ms, mono_ns):
    return Trade(
      exchange=self._exchange,
      symbol=self._symbol,
      market_type=self._market_type,
      ts_event=ts_ms,
      ts_internal=mono_ns,
      price=1.0,
      size=1.0,
      sequence=number,
    )

  def take(self, frame, ts_ms, mono_ns, out):
    number = decode(frame).n
    self.offer(number, number, self.event(number, ts_ms, mono_ns), ts_ms, mono_ns, out)


class HurriedTrades(Trades):
  """Appends the trade whose turn it is by itself."""

  def take(self, frame, ts_ms, mono_ns, out):
    number = decode(frame).n
    if number == self.next_number:
      self.next_number = number + 1
      self.received_ns = mono_ns
      out.append(self.event(number, ts_ms, mono_ns))
    else:
      super().take(frame, ts_ms, mono_ns, out)


def update_of(message, ts_ms=0, mono_ns=0):
  ids = Ids(message.n)
  return Update(bids=message.bids, asks=message.asks, ids=ids, ts_event=ts_ms, ts_internal=mono_ns)


class StreamedBook(SubscribedBook):
  def take(self, frame, ts_ms, mono_ns, out):
    message = decode(frame)
    self.update(update_of(message, ts_ms, mono_ns), out, snapshot=message.whole)


class RestBook(FetchedBook):
  def take(self, frame, ts_ms, mono_ns, out):
    self.update(update_of(decode(frame), ts_ms, mono_ns), out)


SNAPSHOTS = SnapshotSource(
  url="http://toy/book",
  group="rest",
  weight=5,
  levels=1000,
  read=lambda body: update_of(decode(body)),
  explain=lambda status, body: "toy has no such book" if status == 410 else None,
  final=lambda response: response.status == 410,
)


class Events(SubscriptionState):
  """A channel without numbers: each message is a trade."""

  def take(self, frame, ts_ms, mono_ns, out):
    self.received_ns = mono_ns
    number = decode(frame).n
    out.append(Trade(exchange="toy", symbol=self._symbol, price=1.0, size=1.0, sequence=number))


class Topics:
  def group(self, subscription):
    if subscription.instrument.market_type == "option":
      raise Refused(f"{subscription}: Toy has no options")
    return "toy"

  def limits(self, group):
    return Limits(subscriptions_per_message=4)

  def handshake(self, group, names):
    return Handshake("wss://toy/" + "/".join(names))

  def topic(self, subscription):
    base = subscription.instrument.symbol.partition("/")[0]
    channel, options = subscription.channel, dict(subscription.options)
    if channel == "liquidation":
      return Topic("everything", argument="<everything>", one_connection=True)
    return Topic(f"{options.get('kind', channel)}-{base}", argument=f"{channel}-{base}")

  def state(self, subscription, name, feed):
    match subscription.channel, dict(subscription.options).get("kind"):
      case "trades", "hurried":
        return HurriedTrades(subscription, name)
      case "trades", _:
        return Trades(subscription, name)
      case "orderbook", "rest":
        return RestBook(subscription, name, feed, contiguous, SNAPSHOTS)
      case "orderbook", _:
        return StreamedBook(subscription, name, feed, contiguous)
      case _:
        return Events(subscription, name, silence=10.0)


def read_answer(connection, frame):
  word, _, rest = frame.decode().partition(" ")
  number, _, said = rest.partition(" ")
  match word:
    case "ok":
      return Confirmed(request_number(number))
    case "no":
      return Denied(request_number(number), said)
    case "wrong":
      return Denied(request_number(number), f"no {said}", (said,))
    case "later":
      return Denied(request_number(number), f"busy, {said}", passing=True)
    case "pong":
      return Pong(connection)
    case "hush":
      return None
  message = decode(frame)
  return TopicMessage(message.t) if message.t else Unknown()


def encode(operation, arguments, number):
  return f"{'+' if operation == 'subscribe' else '-'}{arguments}#{number}".encode()


def toy_feed(*, all_or_nothing=False, characters=None, **more):
  return TopicFeed(
    "toy",
    "Toy",
    channels=("trades", "orderbook", "liquidation"),
    topics=Topics(),
    requests=RequestForm(encode, characters=characters, all_or_nothing=all_or_nothing),
    read_answer=read_answer,
    opening=b'{"t":"',
    closing=b'"',
    **more,
  )


def on(channel, base, **options):
  instrument = parse_market(f"{base}/USDT").on("toy")
  return Subscription(channel, instrument, tuple(sorted(options.items())))


def frame(topic, number, **more):
  return json.dumps({"t": topic, "n": number, **more}, separators=(",", ":")).encode()


class Rig:
  """A feed, a clock that the test moves, and what the feed did, as short texts."""

  def __init__(self, *subscriptions, **options):
    self.feed = toy_feed(**options)
    self.seconds = 0.0
    self.other = []
    self.open(1, *subscriptions)

  @property
  def now(self):
    return Moment(round(self.seconds * 1000), round(self.seconds * SECOND))

  def open(self, connection, *subscriptions, overlap=False):
    self.feed.on_open(connection, list(subscriptions), overlap=overlap, now=self.now)

  def change(self, connection, added=(), removed=()):
    self.feed.on_change(connection, list(added), list(removed), self.now)

  def say(self, *frames, to=1):
    return self.feed.on_frames(to, list(frames), self.now)

  def wait(self, seconds):
    self.seconds += seconds
    return self.feed.on_timer(self.now)

  def answer(self, fetch, body, status=200):
    return self.feed.on_response(fetch, Response(status, {}, body), self.now)

  def sent(self):
    """The requests since the last call, with their connection; other actions go to `other`."""
    found = []
    while self.feed.actions:
      action = self.feed.actions.popleft()
      if isinstance(action, Send):
        found.append(f"{action.connection}:{action.data.decode()}")
      else:
        self.other.append(action)
    return found

  def others(self, kind):
    self.other += [a for a in self.feed.actions if not isinstance(a, Send)]
    found = [action for action in self.other if isinstance(action, kind)]
    self.feed.actions.clear()
    self.other = [action for action in self.other if not isinstance(action, kind)]
    return found


A, B, C, D, E = (on("trades", base) for base in "ABCDE")


class TestToy(FeedConformance):
  def feed(self):
    return toy_feed()

  def subscriptions(self):
    return [A, on("orderbook", "A")]

  def session(self):
    frames = [frame("orderbook-A", 1, bids=[[1, 1]], asks=[[2, 1]], whole=True)]
    for number in range(2, 8):
      frames.append(frame("orderbook-A", number, bids=[[1, number]]))
      frames.append(frame("trades-A", number))
    return frames


# Requests -----------------------------------------------------------------------------------------


def test_requests_keep_the_number_and_the_length_that_the_venue_takes():
  assert Rig(A, B, C, D, E).sent() == ["1:+trades-A,trades-B,trades-C,trades-D#1", "1:+trades-E#2"]
  assert Rig(A, B, C, characters=20).sent() == ["1:+trades-A,trades-B#1", "1:+trades-C#2"]


def test_topics_go_into_the_url_as_far_as_they_fit():
  rig = Rig(A, B, C, url_characters=19)
  assert rig.feed.handshake("toy", [A, B, C]).url == "wss://toy/trades-A/trades-B"
  assert rig.sent() == ["1:+trades-C#1"]
  assert rig.feed.opening_messages("toy", [A, B, C]) == [b"+trades-C#1"]
  assert [e.sequence for e in rig.say(frame("trades-A", 7))] == [7]


def test_a_name_that_the_answer_says_is_wrong_is_refused_alone():
  rig = Rig(A, B, C)
  rig.sent()
  rig.say(b"wrong 1 trades-B")
  [reject] = rig.others(Reject)
  assert reject == Reject(B, "trades of toy B/USDT spot: Toy refused it: no trades-B")
  # The others are confirmed within a moment, or requested again.
  rig.wait(6)
  assert rig.sent() == ["1:+trades-A,trades-C#2"]


def test_halves_show_which_name_fails_a_whole_request():
  rig = Rig(A, B, C, D, all_or_nothing=True)
  rounds = 0
  requests = rig.sent()
  while requests:
    rounds += 1
    _, _, request = requests.pop(0).partition(":")
    names, _, number = request[1:].partition("#")
    rig.say(f"{'no' if 'C' in names else 'ok'} {number} who knows".encode())
    requests += rig.sent()
  assert rounds == 5
  assert [reject.subscription for reject in rig.other] == [C]


def test_what_was_left_meanwhile_is_not_requested_again():
  rig = Rig(A, B, C, all_or_nothing=True)
  rig.change(1, removed=[A])
  rig.sent()
  rig.say(b"no 1 one is wrong")
  assert rig.sent() == ["1:+trades-B#3", "1:+trades-C#4"]


def test_a_topic_refused_on_one_connection_is_left_on_the_other():
  rig = Rig(A, B)
  rig.sent()
  rig.say(b"ok 1")
  rig.open(2, A, B, overlap=True)
  rig.sent()
  rig.say(b"wrong 2 trades-A", to=2)
  assert rig.sent() == ["1:-trades-A#3"]
  assert [reject.subscription for reject in rig.other] == [A]
  assert rig.say(frame("trades-A", 1)) == []
  assert len(rig.say(frame("trades-B", 1))) == 1


def test_a_request_without_an_answer_and_an_error_about_nothing_reset_the_connection():
  rig = Rig(A)
  rig.wait(31)
  [reset] = rig.others(Reset)
  assert reset.reason == "Toy did not answer a request to subscribe within 30 s"
  rig.say(b"no 99 what was that")
  [reset] = rig.others(Reset)
  assert reset.reason == "Toy refused a message: what was that"


def test_an_answer_without_a_number_confirms_the_oldest_request_and_refuses_none():
  rig = Rig(A)
  rig.change(1, added=[B])
  rig.say(b"ok x")
  rig.say(b"no x not this one")
  assert rig.others(Reject) == []


def test_a_refused_unsubscription_is_left_alone():
  rig = Rig(A, B)
  rig.change(1, removed=[A])
  rig.say(b"no 2 you have none")
  assert rig.others((Reset, Reject)) == []


# Messages -----------------------------------------------------------------------------------------


def test_messages_of_other_forms_are_understood_counted_or_ignored():
  rig = Rig(A)
  reordered = b'{"n":1,"t":"trades-A"}'
  assert [e.sequence for e in rig.say(reordered, b"hush now", frame("trades-A", 2))] == [1, 2]
  assert rig.say(frame("trades-Z", 1), b'{"x":1}') == []
  assert rig.feed.unknown == 2
  rig.say(b"pong")
  assert rig.others(Pong) == [Pong(1)]
  # Trades show by their numbers what an undecodable message lost.
  assert rig.say(b"\xff") == []
  assert rig.feed.unreadable == 1


def test_a_message_that_names_nothing_is_a_gap_of_what_has_no_numbers():
  rig = Rig(A, on("liquidation", "A"))
  [gap] = rig.say(b"{", b"[")
  assert (gap.channel, gap.symbol, gap.missed) == ("liquidation", "A/USDT", 2)
  assert gap.streams == ["liquidation of toy A/USDT spot"]


def test_subscriptions_of_one_topic_share_it():
  both = [on("liquidation", base) for base in "AB"]
  rig = Rig(*both)
  assert rig.sent() == ["1:+<everything>#1"]
  assert [e.symbol for e in rig.say(frame("everything", 1))] == ["A/USDT", "B/USDT"]
  rig.change(1, removed=both[:1])
  assert rig.sent() == []
  assert [e.symbol for e in rig.say(frame("everything", 2))] == ["B/USDT"]
  rig.change(1, removed=both[1:])
  assert rig.sent() == ["1:-<everything>#2"]


def test_a_topic_of_one_connection_is_read_from_the_oldest_that_carries_it():
  everything = on("liquidation", "A")
  rig = Rig(everything)
  rig.open(2, everything, overlap=True)
  repeated = [frame("everything", 1), b'{"n":1,"t":"everything"}']
  assert rig.say(*repeated, to=2) == []
  assert len(rig.say(*repeated, to=1)) == 2
  rig.feed.on_close(1)
  assert len(rig.say(*repeated, to=2)) == 2


def test_silence_counts_once_a_subscription_had_its_time():
  everything = on("liquidation", "A")
  rig = Rig(A, everything)
  assert rig.feed.silence(everything) is None
  rig.wait(11)
  assert rig.feed.silence(everything) == 10.0
  assert rig.feed.silence(A) is None


def test_a_channel_that_the_venue_does_not_have_is_refused_with_those_it_has():
  with pytest.raises(Refused, match="Toy does not offer candle here; it has trades, orderbook"):
    toy_feed().group(on("candle", "A"))


# A list of markets --------------------------------------------------------------------------------


class MarketList:
  def __init__(self):
    self.listed = None

  def prepare(self, feed, subscriptions):
    if self.listed is None:
      feed.actions.append(Fetch("http://toy/list", "the list", "rest"))
    else:
      self._check(feed)

  def ready(self, subscription):
    return self.listed is not None

  def on_response(self, feed, fetch, response):
    self.listed = set(response.body.decode())
    self._check(feed)
    feed.proceed()

  def on_timer(self, feed, now):
    pass

  def _check(self, feed):
    for state in list(feed.states()):
      if state.subscription.instrument.symbol[0] not in self.listed:
        feed.reject(state.subscription, f"{state.subscription}: not listed")


def test_subscriptions_wait_for_the_list_and_those_that_are_not_in_it_are_never_requested():
  rig = Rig(A, B, markets=MarketList())
  assert rig.sent() == []
  [fetch] = rig.others(Fetch)
  rig.answer(fetch, b"AC")
  assert rig.sent() == ["1:+trades-A#1"]
  rig.change(1, added=[C, D])
  assert rig.sent() == ["1:+trades-C#2"]
  assert [reject.subscription for reject in rig.others(Reject)] == [B, D]


def test_a_book_that_waits_for_the_list_is_not_subscribed_to_again():
  rig = Rig(on("orderbook", "A"), markets=MarketList())
  for _ in range(3):
    rig.wait(30)
  assert rig.sent() == []
  [fetch] = rig.others(Fetch)
  rig.answer(fetch, b"A")
  assert rig.sent() == ["1:+orderbook-A#1"]


# Trades -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(50))
def test_a_hurried_reader_of_trades_sees_what_an_unhurried_one_sees(seed):
  """Whatever is dropped, repeated, swapped, unreadable or cut off."""
  rng = random.Random(seed)
  outcomes = []
  sent = list(range(1, 200))
  for _ in range(rng.randrange(12)):
    at = rng.randrange(len(sent) - 3)
    sent[at : at + 3] = rng.choice(
      [sent[at + 1 : at + 3], [sent[at], *sent[at : at + 3]], sent[at : at + 3][::-1], [-1]]
    )
  outages = {rng.randrange(len(sent)) for _ in range(rng.randrange(3))}
  for kind in ({}, {"kind": "hurried"}):
    subscription = on("trades", "A", **kind)
    rig, connection, events = Rig(subscription), 1, []
    for at, number in enumerate(sent):
      if at in outages:
        rig.feed.on_close(connection)
        connection += 1
        rig.open(connection, subscription)
      name = f"{kind.get('kind', 'trades')}-A"
      message = frame(name, number) if number > 0 else frame(name, 1)[:-3]
      events += rig.say(message, to=connection)
      events += rig.wait(0.1)
    events += rig.wait(2)
    gaps = [(e.venue_from, e.missed, e.cause) for e in events if isinstance(e, Gap)]
    trades = [e for e in events if isinstance(e, Trade)]
    outcomes.append((trades, gaps, rig.feed.missed, rig.feed.duplicates))
  assert outcomes[0] == outcomes[1]
  assert len(outcomes[0][0]) > 100


# Books --------------------------------------------------------------------------------------------

STREAMED, REST = on("orderbook", "A"), on("orderbook", "A", kind="rest")


def test_a_streamed_book_that_breaks_is_subscribed_to_again_ever_more_rarely():
  rig = Rig(STREAMED)
  assert rig.sent() == ["1:+orderbook-A#1"]
  whole = {"bids": [[1, 1]], "asks": [[2, 1]], "whole": True}
  [first] = rig.say(frame("orderbook-A", 1, **whole))
  assert first.is_reset
  renewals = []
  for second in range(200):
    events = rig.say(frame("orderbook-A", 10 * second + 9, bids=[[1, 2]]))
    if rig.sent():
      renewals.append(second)
      [gap] = events
      assert isinstance(gap, Gap)
      rig.say(frame("orderbook-A", 10 * second + 10, **whole))
    rig.wait(1)
    if rig.sent():
      renewals.append(second)
      rig.say(frame("orderbook-A", 10 * second + 10, **whole))
  assert 5 < len(renewals) < 12
  assert renewals[-1] - renewals[-2] >= 59


def test_a_book_whose_snapshot_does_not_come_is_subscribed_to_again():
  rig = Rig(STREAMED)
  rig.sent()
  rig.wait(19)
  assert rig.sent() == []
  rig.wait(2)
  assert rig.sent() == ["1:-orderbook-A#2", "1:+orderbook-A#3"]


def test_a_fetched_book_joins_its_snapshot_and_names_its_subscription():
  rig = Rig(REST)
  assert rig.say(frame("rest-A", 5, bids=[[1, 5]]), frame("rest-A", 6, bids=[[1, 6]])) == []
  [fetch] = rig.others(Fetch)
  assert (fetch.url, fetch.group, fetch.weight, fetch.subscription) == (
    *("http://toy/book", "rest", 5, REST),
  )
  events = rig.answer(fetch, frame("", 5, bids=[[1, 9]], asks=[[2, 1]]))
  assert [(e.is_reset, e.sequence) for e in events] == [(True, 5), (None, 6)]


@pytest.mark.parametrize(
  ("status", "body", "reason"),
  [(404, b"", "HTTP 404"), (200, b"{", "the snapshot could not be read")],
)
def test_a_book_without_a_snapshot_says_so_and_is_looked_at_for_ever(status, body, reason):
  rig = Rig(REST)
  rig.say(frame("rest-A", 5))
  pauses = []
  for _ in range(12):
    [fetch] = rig.others(Fetch)
    rig.answer(fetch, body, status)
    [notice] = rig.others(Notice)
    assert (notice.subscription, notice.unavailable) == (REST, True)
    assert notice.reason.startswith(f"no book without a snapshot. {reason}")
    assert rig.others(Reject) == []
    seconds = 0
    while not any(isinstance(action, Fetch) for action in rig.other):
      rig.wait(1)
      rig.sent()
      seconds += 1
    pauses.append(seconds)
  assert pauses[0] <= 2
  assert 50 <= pauses[-1] <= 61
  rig.say(frame("rest-A", 6))
  [fetch] = rig.others(Fetch)
  events = rig.answer(fetch, frame("", 5, bids=[[1, 9]], asks=[[2, 1]]))
  assert [e.is_reset for e in events] == [True]
  assert [notice.reason for notice in rig.others(Notice)] == [None]


def test_a_book_that_the_venue_does_not_have_is_rejected():
  rig = Rig(REST)
  rig.say(frame("rest-A", 5))
  [fetch] = rig.others(Fetch)
  rig.answer(fetch, b"", 410)
  [reject] = rig.others(Reject)
  assert reject.subscription == REST
  assert "no book without a snapshot. toy has no such book" in reject.reason
  # An answer that comes later has no reader.
  assert rig.answer(fetch, frame("", 5)) == []


# What passes --------------------------------------------------------------------------------------


def test_what_is_refused_for_a_while_is_requested_again_for_ever():
  rig = Rig(A, B)
  assert rig.sent() == ["1:+trades-A,trades-B#1"]
  rig.say(b"later 1 come back")
  notices = rig.others(Notice)
  assert [notice.subscription for notice in notices] == [A, B]
  assert notices[0].reason == "Toy does not take it now: busy, come back"
  asked = {}
  for second in range(300):
    rig.wait(1)
    for request in rig.sent():
      asked.setdefault(second, []).append(request.partition("#")[0])
      rig.say(f"later {request.partition('#')[2]} come back".encode())
  # Each by itself, since it is not said which of them is not taken.
  assert set(map(tuple, asked.values())) == {("1:+trades-A", "1:+trades-B")}
  times = list(asked)
  pauses = [b - a for a, b in zip(times, times[1:], strict=False)]
  assert pauses[:4] == [4, 8, 16, 32]
  assert set(pauses[5:]) == {64}
  assert rig.others(Reject) == []
  assert rig.others(Reset) == []
  rig.others(Notice)
  rig.change(1, removed=[B])
  while not (requests := rig.sent()):
    rig.wait(1)
  assert requests[0].startswith("1:+trades-A#")
  rig.say(f"ok {requests[0].partition('#')[2]}".encode())
  assert [(n.subscription, n.reason) for n in rig.others(Notice)] == [(A, None)]
  rig.wait(100)
  assert rig.sent() == []


def test_what_is_refused_unnamed_is_found_by_halves():
  topics = [
    A,
    B,
    *(Subscription("trades", A.instrument._replace(symbol=f"{n}/USDT")) for n in range(6)),
  ]
  rig = Rig(*topics)
  refused = {}
  for _ in range(60):
    for request in rig.sent():
      names, _, number = request.partition("#")
      bad = "trades-B" in names
      rig.say(f"later {number} busy".encode() if bad else f"ok {number}".encode())
    for notice in rig.others(Notice):
      refused[notice.subscription] = notice.reason
    rig.wait(1)
  assert [topic for topic, reason in refused.items() if reason] == [B]


def test_a_refusal_of_a_lost_connection_ends_with_the_next_confirmation():
  rig = Rig(A)
  rig.sent()
  rig.say(b"later 1 come back")
  rig.feed.on_close(1)
  rig.open(2, A)
  [request] = rig.sent()
  rig.others(Notice)
  rig.say(f"ok {request.partition('#')[2]}".encode(), to=2)
  assert [(n.subscription, n.reason) for n in rig.others(Notice)] == [(A, None)]


class Gone:
  """A market list that says of one market whether it is there."""

  def __init__(self):
    self.there = True

  def prepare(self, feed, subscriptions):
    """Nothing is requested."""

  def ready(self, subscription):
    return self.there or subscription != A

  def on_response(self, feed, fetch, response):
    """Nothing is requested."""

  def on_timer(self, feed, now):
    """Nothing is due."""


def test_what_is_suspended_leaves_the_venue_until_it_is_ready_again():
  markets = Gone()
  rig = Rig(A, B, markets=markets)
  rig.sent()
  rig.say(b"ok 1", frame("trades-A", 1))
  markets.there = False
  rig.feed.suspend(A, "A is no longer listed")
  assert rig.sent() == ["1:-trades-A#2"]
  assert [(n.subscription, n.reason) for n in rig.others(Notice)] == [(A, "A is no longer listed")]
  rig.feed.suspend(A, "A is no longer listed")
  rig.feed.proceed()
  assert rig.sent() == []
  # A new connection does not subscribe to it either.
  rig.feed.on_close(1)
  rig.open(2, A, B)
  assert rig.sent() == ["2:+trades-B#3"]
  markets.there = True
  rig.feed.proceed()
  assert rig.sent() == ["2:+trades-A#4"]


# Numbers that begin anew -------------------------------------------------------------------------


class Numbers:
  """A LatestValue by hand: numbers in, numbers and gaps out."""

  def __init__(self, *, counted):
    def read(frame, common):
      number = int(frame)
      trade = Trade(price=1.0, size=1.0, sequence=number, **common)
      return [((number,), trade)]

    self.state = LatestValue(A, "a", read, counted=counted)
    self.second = 0
    self.open(1)

  def open(self, connection, *, overlap=False):
    now = Moment(self.second * 1000, self.second * SECOND)
    self.state.on_open(connection, overlap=overlap, now=now)

  def say(self, *numbers):
    out = []
    for number in numbers:
      self.state.take(str(number).encode(), self.second * 1000, self.second * SECOND, out)
    return ["gap" if isinstance(event, Gap) else event.sequence for event in out]


def test_counted_values_that_begin_anew_are_followed_from_the_third_one_on():
  numbers = Numbers(counted=True)
  assert numbers.say(500_004, 500_005) == [500_004, 500_005]
  numbers.second = 60
  assert numbers.say(1, 2, 3, 4) == ["gap", 3, 4]


def test_counted_values_that_begin_far_behind_are_followed_from_the_second_one_on():
  numbers = Numbers(counted=True)
  assert numbers.say(5_000_004, 5_000_005) == [5_000_004, 5_000_005]
  numbers.second = 60
  assert numbers.say(1, 2, 3, 4) == ["gap", 2, 3, 4]


def test_counted_values_begin_anew_with_a_new_connection():
  numbers = Numbers(counted=True)
  numbers.say(5_000_004)
  numbers.state.on_close(1, 0)
  numbers.second = 3
  numbers.open(2)
  assert numbers.say(1, 2) == [1, 2]


def test_times_that_go_back_for_a_moment_are_left_out():
  times = Numbers(counted=False)
  times.say(1000, 2000)
  times.second = 60
  assert times.say(1500, 1600, 2000, 3000) == [3000]
  assert times.say(*range(100, 201)) == ["gap", 199, 200]


def test_with_two_connections_lower_numbers_are_the_other_ones():
  numbers = Numbers(counted=True)
  numbers.second = 60
  numbers.say(*range(50, 60))
  numbers.open(2, overlap=True)
  assert numbers.say(*range(40, 60), 60) == [60]
  numbers.state.on_close(1, numbers.second * SECOND)
  # It may be behind for a while.
  assert numbers.say(*range(55, 60), 61) == [61]
