"""Objects in the shape of X's documentation and of answers that others recorded, in both spellings.

The texts and numbers are our own.
"""

import msgspec
import pytest
from bond_x.messages import fields, originals_in, posts_of, read_line, read_time, tags_of

from bond_core import Disconnected

COMMON = {
  "author_id": "2244994945",
  "created_at": "2026-09-14T19:00:55.000Z",
  "id": "1570000000000000001",
  "lang": "en",
}
USERS = {"users": [{"created_at": "2013-12-14T04:35:55.000Z", "id": "2244994945", "name": "Anna"}]}
USERS["users"][0]["username"] = "anna"
LONG = "a long post about $BTC " * 20
TWEET = {
  "data": {
    **COMMON,
    "edit_history_tweet_ids": [COMMON["id"]],
    "note_tweet": {"text": LONG, "entities": {"cashtags": [{"start": 18, "end": 22}]}},
    "public_metrics": {"retweet_count": 3, "reply_count": 0, "like_count": 5, "quote_count": 1},
    "referenced_tweets": [{"type": "quoted", "id": "1"}],
    "text": LONG[:270] + "…",
  },
  "includes": {**USERS, "tweets": [{"id": "1", "text": "quoted"}]},
  "matching_rules": [{"id": "120897978112909812", "tag": "bond:1"}],
}
POST = {
  "matching_rules": [{"tag": "bond:1", "id": 120897978112909812}, {"id": "7", "tag": None}],
  "includes": {**USERS, "posts": [{"id": "1", "text": "quoted"}]},
  "data": {
    "text": LONG[:270] + "…",
    "referenced_posts": [{"type": "quoted", "id": "1"}],
    "public_metrics": {"repost_count": 3, "reply_count": 0, "like_count": 5, "quote_count": 1},
    "note_post": {"text": LONG},
    "edit_history_post_ids": [COMMON["id"]],
    **COMMON,
  },
}


@pytest.mark.parametrize("payload", [TWEET, POST], ids=["tweet", "post"])
def test_both_spellings_are_one_post(payload):
  message = read_line(msgspec.json.encode(payload))
  assert tags_of(message, {}) == ["bond:1"]
  (post,) = posts_of(message, ["BTC"])
  assert (post.text, post.user, post.tweet_id) == (LONG, "anna", COMMON["id"])
  assert post.ts_exchange == 1_789_412_455_000
  assert post.metrics == {
    "retweet_count": 3,
    "reply_count": 0,
    "like_count": 5,
    "quote_count": 1,
  }


def test_signs_that_x_escapes_are_what_was_written():
  data = {"id": "1", "text": "&lt;3 $BTC &amp; $ETH &gt; all"}
  (post,) = posts_of({"data": data}, ["BTC"])
  assert post.text == "<3 $BTC & $ETH > all"


@pytest.mark.parametrize(
  "payload",
  [
    {"data": {"id": "1", "text": "bare"}, "matching_rules": [{"id": "1", "tag": ""}]},
    {"data": {"id": "1", "text": None, "public_metrics": [], "created_at": "soon"}},
    {"data": {"id": "1", "text": "x", "note_tweet": "x"}, "includes": {"users": [None, 1]}},
    {"data": {"id": "1", "text": "x"}, "includes": [1], "matching_rules": [None]},
  ],
)
def test_what_is_missing_or_of_another_type_stops_nothing(payload):
  message = read_line(msgspec.json.encode(payload))
  assert tags_of(message, {}) == []
  (post,) = posts_of(message, [""])
  assert post.tweet_id == "1"
  assert post.ts_exchange is None


def test_a_line_that_cannot_be_read_says_so_and_one_of_another_kind_is_left_out():
  for line in (
    b"{",
    b"[]",
    b"7",
    b'{"data":{}}',
    b'{"data":7}',
    b'{"data":{"id":null}}',
    b"[" * 50_000,
  ):
    with pytest.raises(ValueError, match=r"."):
      read_line(line)
  assert read_line(b'{"new":{"kind":1}}') is None


@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize(
  ("problem", "why"),
  [
    (
      {
        "title": "operational-disconnect",
        "disconnect_type": "OperationalDisconnect",
        "detail": "This stream has been disconnected for operational reasons.",
        "type": "https://api.twitter.com/2/problems/operational-disconnect",
      },
      "OperationalDisconnect: This stream has been disconnected for operational reasons",
    ),
    ({"title": "ConnectionException", "connection_issue": "TooManyConnections"}, "TooManyConn"),
    ({"title": "a title of next year", "disconnect_type": "Moved"}, "Moved"),
  ],
)
def test_a_stream_that_x_says_ends_is_opened_again_with_its_words(problem, why, listed):
  line = msgspec.json.encode({"errors": [problem]} if listed else problem)
  with pytest.raises(Disconnected, match=why):
    read_line(line)


@pytest.mark.parametrize(
  "line",
  [
    b'{"errors":[{"title":"UsageCapExceeded","detail":"Usage cap exceeded: monthly"}]}',
    b'{"title":"CreditsDepleted","detail":"Usage cap exceeded: monthly"}',
  ],
)
def test_what_x_says_in_place_of_a_post_is_told(line):
  with pytest.raises(ValueError, match=r"it is no post: .*Usage cap exceeded: monthly"):
    read_line(line)


@pytest.mark.parametrize(
  ("refers", "included", "kind"),
  [("referenced_tweets", "tweets", "retweeted"), ("referenced_posts", "posts", "reposted")],
)
def test_a_retweet_has_the_whole_text_of_the_original(refers, included, kind):
  whole = {"id": "9", "text": LONG[:270] + "…", "note_tweet": {"text": LONG}}
  data = {**COMMON, "text": f"RT @anna: {LONG[:129]}…", refers: [{"type": kind, "id": "9"}]}
  message = {"data": data, "includes": {included: [None, whole]}}
  (post,) = posts_of(read_line(msgspec.json.encode(message)), ["BTC"])
  assert post.text == f"RT @anna: {LONG}"
  assert originals_in(message) == 1
  assert "referenced_tweets.id" in fields(originals=True)["expansions"]
  assert "referenced" not in str(fields(originals=False))
  # Without the original its own text is what there is; a quoted post keeps its own.
  (post,) = posts_of({"data": data}, ["BTC"])
  assert post.text == data["text"]
  data[refers][0]["type"] = "quoted"
  (post,) = posts_of(message, ["BTC"])
  assert post.text == data["text"]


def test_a_time_is_cut_off_to_milliseconds():
  assert read_time("2023-11-14T22:13:20.123999Z") == 1_700_000_000_123
