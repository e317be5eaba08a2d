"""The session without I/O: where it connects, and what its members get."""

import msgspec
import pytest
from bond_bluesky.config import SERVERS, Posts
from bond_bluesky.filters import filter_of
from bond_bluesky.jetstream import Jetstream

from bond_core import Disconnected, Gap, Post, Refused
from bond_core.feeds import Moment
from bond_core.testing import RecordingMember, SessionConformance


def member(**settings):
  return RecordingMember(None, filter_of(Posts(**settings), {}))


def at(seconds):
  return Moment(seconds * 1000, seconds * 10**9)


def post(seconds, text, rkey="a"):
  commit = {"operation": "create", "collection": "app.bsky.feed.post", "rkey": rkey}
  commit["record"] = {"text": text, "langs": ["en"]}
  body = {"did": "did:plc:anna", "time_us": seconds * 1_000_000, "commit": commit}
  return msgspec.json.encode(body)


class TestJetstream(SessionConformance):
  def session(self):
    return Jetstream(SERVERS)

  def members(self):
    return [member(symbols=["BTC"]), member(symbols=["ETH"])]

  def messages(self):
    texts = ("$BTC up", "$ETH up", "the weather", "bitcoin and ethereum", "$BTC down")
    return [post(2_000_000_000 + n, text, f"key{n}") for n, text in enumerate(texts)]


def joined(session, *members):
  for found in members:
    session.members[found] = None
    session.on_join(found, at(0))


def test_the_stream_begins_now_and_resumes_before_the_last_message_at_the_next_server():
  session = Jetstream(SERVERS)
  joined(session, member(symbols=["BTC"]))
  base = f"{SERVERS[0]}/subscribe?wantedCollections=app.bsky.feed.post"
  assert session.target(at(100)).url == base
  session.on_open(at(100))
  session.on_close(Disconnected("cut off"), at(101))
  # Nothing came yet: what was written since then is missing.
  assert session.target(at(110)).url.startswith(f"{SERVERS[1]}/")
  assert session.target(at(110)).url.endswith("&cursor=100000000")
  session.on_open(at(110))
  session.on_messages([post(120, "$BTC")], at(120))
  session.on_close(Disconnected("cut off"), at(121))
  assert session.name == SERVERS[2]
  assert session.target(at(122)).url.endswith("&cursor=110000000")


def test_a_refusal_of_all_servers_in_a_row_ends_the_session():
  session = Jetstream(SERVERS)
  refused = Refused("the certificate was not accepted")
  assert [session.on_close(refused, at(0)) for _ in range(3)] == [0.0, 0.0, 0.0]
  assert session.on_close(Disconnected("cut off"), at(0)) is None
  assert [session.on_close(refused, at(0)) for _ in range(4)] == [0.0, 0.0, 0.0, None]
  assert Jetstream(("ws://one",)).on_close(refused, at(0)) is None


def test_members_are_live_with_the_connection_and_at_once_where_it_is_open():
  session = Jetstream(SERVERS)
  one, two, three = (member(symbols=["BTC"]) for _ in range(3))
  joined(session, one)
  assert one.lives == 0
  session.on_open(at(1))
  joined(session, two)
  session.on_close(Disconnected("cut off"), at(2))
  joined(session, three)
  assert [found.lives for found in (one, two, three)] == [1, 1, 0]


def test_a_batch_of_messages_is_one_batch_of_events_for_each_member():
  session = Jetstream(SERVERS)
  one, two = member(symbols=["BTC"]), member(symbols=["ETH"])
  batches = []
  one.give = batches.append
  joined(session, one, two)
  session.on_open(at(1))
  session.on_messages(
    [post(2, "$BTC", "a"), post(3, "$ETH", "b"), post(4, "$BTC $ETH", "c"), post(4, "$BTC", "a")],
    at(5),
  )
  assert [[event.tweet_id[-1] for event in batch] for batch in batches] == [["a", "c"]]
  assert [event.tweet_id[-1] for event in two.events] == ["b", "c"]


@pytest.mark.parametrize("message", [b"{", b"[]", b'{"time_us":1}', b"[" * 5000, b"\xff"])
def test_each_member_has_a_gap_of_its_own_for_a_message_that_cannot_be_read(message):
  session = Jetstream(SERVERS)
  one, two = member(symbols=["BTC"]), member(symbols=["ETH"])
  joined(session, one, two)
  session.on_open(at(1))
  session.on_messages([message], at(7))
  (first,), (second,) = one.events, two.events
  assert isinstance(first, Gap)
  assert (first.missed, first.ts_from, first.ts_to) == (1, 7000, 7000)
  # The log numbers events in place.
  assert first is not second


def test_a_lone_time_in_the_future_moves_the_cursor_nowhere():
  session = Jetstream(SERVERS)
  joined(session, member(symbols=["BTC"]))
  session.on_open(at(100))

  def resumes_after(now, *times):
    session.on_messages([post(time, "$BTC", f"r{now}{time}") for time in times], at(now))
    return int(session.target(at(now)).url.rpartition("cursor=")[2]) // 1_000_000 + 10

  assert resumes_after(101, 4_000_000_000) == 110
  assert resumes_after(120, 120, 10_000, 121) == 120
  # All messages may be ahead of this machine's clock.
  assert resumes_after(160, 9_000, 9_001, 9_002) == 121
  assert resumes_after(200, 9_003) == 9_002


def test_messages_of_now_between_older_ones_move_the_cursor_nowhere():
  # As servers send them while they go over from what they store to what is written now, which is
  # when connections end: https://github.com/bluesky-social/jetstream-legacy/issues/42, and 27.
  session = Jetstream(SERVERS)
  one = member(symbols=["BTC"])
  joined(session, one)
  session.on_open(at(1000))
  session.on_messages([post(1000, "$BTC", "before")], at(1000))
  session.on_close(Disconnected("cut off"), at(1001))
  session.on_open(at(1300))
  stored = [post(1000 + n, "$BTC", f"stored{n}") for n in range(100)]
  now = [post(1300 + n, "$BTC", f"now{n}") for n in range(5)]
  session.on_messages([*stored[:60], *now[:2], *stored[60:70], *now[2:]], at(1301))
  session.on_close(Disconnected("1006"), at(1302))
  resumed = int(session.target(at(1303)).url.rpartition("cursor=")[2]) // 1_000_000
  assert 1000 <= resumed <= 1070
  session.on_open(at(1303))
  again = range(resumed - 1000, 100)
  session.on_messages([*(stored[n] for n in again), *now], at(1304))
  assert [type(event) is Gap for event in one.events] == [False] * 106
  assert sorted(event.ts_exchange for event in one.events) == sorted(
    [
      1_000_000,
      *(1_000_000 + 1000 * n for n in range(100)),
      *(1_300_000 + 1000 * n for n in range(5)),
    ]
  )


def test_a_server_of_ones_own_may_be_quiet_for_longer_each_time():
  session = Jetstream(("ws://pds.example",))
  for limit in (60, 120, 240):
    assert session.silence == limit
    session.on_open(at(0))
    session.on_close(Disconnected("silent"), at(limit))
  session.on_open(at(1000))
  session.on_messages([post(1000, "$BTC")], at(1000))
  session.on_close(Disconnected("cut off"), at(1001))
  assert session.silence == 480
  public = Jetstream(SERVERS)
  public.on_open(at(0))
  public.on_close(Disconnected("silent"), at(60))
  assert public.silence == 60


def test_what_the_server_says_of_the_stream_is_no_lost_post_unless_it_says_so():
  session, reader = Jetstream(SERVERS), member(symbols=["BTC"])
  joined(session, reader)
  session.target(at(100))
  session.on_open(at(100))
  said = {"kind": "info", "name": "Welcome", "message": "be kind"}
  old = {"kind": "info", "name": "OutdatedCursor", "message": "Possibly missing events"}
  session.on_messages([msgspec.json.encode(said), post(110, "$BTC")], at(120))
  assert [type(event) for event in reader.events] == [Post]
  session.on_messages([msgspec.json.encode(old), msgspec.json.encode({"kind": "info"})], at(121))
  [gap] = reader.events[1:]
  assert gap.cause == "the server says: OutdatedCursor Possibly missing events"
  assert gap.missed is None
  # What has neither a time nor says that it is of the stream cannot be read.
  session.on_messages([b'{"kind": "commit"}'], at(122))
  assert reader.events[-1].missed == 1
