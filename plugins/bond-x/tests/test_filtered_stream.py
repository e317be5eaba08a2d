"""The session of the filtered stream without I/O: requests in order, waits, and who gets what."""

import logging
from types import SimpleNamespace

import msgspec
import pytest
from bond_x.account import Account
from bond_x.answers import Answer, Call, OpenStream
from bond_x.config import Posts
from bond_x.filtered_stream import RULES, FilteredStream
from bond_x.rules import tag_of

from bond_core import Disconnected, Gap, Refused, RetryAfter
from bond_core.feeds import Moment
from bond_core.testing import RecordingMember, SessionConformance

ACCOUNT = Account("https://x", "token", charged=True)


class Member(SimpleNamespace):
  """A member as a session sees it."""

  __hash__ = object.__hash__

  def __init__(self, caller=None, **settings):
    super().__init__(
      config=Posts(**settings), caller=caller, figures={}, events=[], failures=[], times_live=0
    )
    self.refused = []
    self.refuse = self.refused.append
    self.log = logging.LoggerAdapter(logging.getLogger("bond.x"))
    self.give, self.fail = self.events.extend, self.failures.append

  def live(self):
    self.times_live += 1

  def remember(self, key, make):
    return REMEMBERED.setdefault(key, make())


REMEMBERED = {}


@pytest.fixture(autouse=True)
def nothing_spent():
  REMEMBERED.clear()


class TestX(SessionConformance):
  def session(self):
    return FilteredStream(ACCOUNT)

  def members(self):
    return [RecordingMember(Posts(symbols=["BTC", "ETH"], spend_cap=0))]

  def answers(self, request):
    if isinstance(request, OpenStream):
      return [Answer(request, 200, {})]
    added = (request.body or {}).get("add", ())
    rows = [{"id": str(at), **row} for at, row in enumerate(added)]
    found = {"data": rows, "meta": {"sent": "2026-01-01T00:00:00Z"}}
    status = 201 if request.method == "POST" else 200
    return [Answer(request, status, {}, msgspec.json.encode(found))]

  def messages(self):
    (tag, *_) = map(tag_of, Posts(symbols=["BTC", "ETH"]).rules())
    data = {"text": "$BTC", "author_id": "7", "lang": "en", "created_at": "2026-01-01T00:00:00Z"}
    data |= {"public_metrics": {"like_count": 1}, "note_tweet": {"text": "$BTC up"}}
    data |= {"referenced_tweets": [{"type": "retweeted", "id": "9"}]}
    includes = {"users": [{"id": "7", "username": "anna"}], "tweets": [{"id": "9", "text": "x"}]}
    lines = [
      {"data": {**data, "id": str(at)}, "includes": includes, "matching_rules": [{"tag": tag}]}
      for at in range(100, 106)
    ]
    return [msgspec.json.encode(line) + b"\r\n" for line in lines]


class Talk:
  """A session with X's side by hand."""

  def __init__(self, *members):
    self.session = FilteredStream(ACCOUNT)
    self.second = 0.0
    self.rules = {}
    for member in members:
      self.join(member)

  @property
  def now(self):
    return Moment(int(self.second * 1000), int(self.second * 1e9))

  def join(self, member):
    self.session.members[member] = None
    self.session.on_join(member, self.now)

  def leave(self, member):
    del self.session.members[member]
    self.session.on_leave(member, self.now)

  def take(self):
    """The requests of the session, which are then sent."""
    found = list(self.session.requests)
    self.session.requests.clear()
    return found

  def open(self):
    self.session.requests.clear()
    self.session.on_open(self.now)

  def answer(self, request, found=None, status=200, headers=()):
    body = found if isinstance(found, bytes) else msgspec.json.encode(found or {})
    self.session.on_messages([Answer(request, status, dict(headers), body)], self.now)

  def serve(self):
    """Answers until the session asks for nothing more; the methods and paths of its requests."""
    served = []
    while requests := self.take():
      for request in requests:
        if isinstance(request, OpenStream):
          served.append("stream")
          self.answer(request)
          continue
        served.append(next(iter(request.body), "") if request.body else "GET")
        if request.method == "GET":
          rows = [{"id": name, "tag": tag} for name, tag in self.rules.items()]
          self.answer(request, {"data": rows} if rows else {})
        else:
          for name in request.body.get("delete", {}).get("ids", ()):
            del self.rules[name]
          for row in request.body.get("add", ()):
            self.rules[f"id of {row['value']}"] = row["tag"]
          self.answer(request, {"data": made(request)}, status=201)
    return served

  def up(self):
    self.open()
    assert self.serve()[-1] == "stream"
    return self

  def post(self, name, *rules):
    tags = [{"tag": tag_of(rule)} for rule in rules]
    number = name.translate(str.maketrans("abo", "123"))
    line = {"data": {"id": number, "text": name}, "matching_rules": tags}
    return msgspec.json.encode(line) + b"\r\n"

  def close(self, error=None):
    return self.session.on_close(error or Disconnected("cut off"), self.now)


def made(request):
  """The rules that an answer says were made."""
  return [] if isinstance(request, OpenStream) else (request.body or {}).get("add", [])


def rule_of(member):
  (rule,) = member.config.rules()
  return rule


def test_rules_are_set_before_the_stream_is_opened():
  talk = Talk(Member(symbols=["BTC"]), Member(symbols=["ETH"]))
  talk.rules = {"1": "bond:old", "2": "mine"}
  talk.open()
  assert talk.session.requests[0] == Call("GET", RULES)
  assert talk.serve() == ["GET", "delete", "add", "stream"]
  assert sorted(tag[:5] for tag in talk.rules.values()) == ["bond:", "bond:", "mine"]
  # The next connection finds them there.
  talk.close()
  talk.open()
  assert talk.serve() == ["GET", "stream"]


def test_who_joins_and_leaves_changes_the_rules_beside_the_open_stream():
  one, two = Member(symbols=["BTC"]), Member(symbols=["ETH"])
  talk = Talk(one).up()
  assert (one.times_live, two.times_live) == (1, 0)
  talk.join(two)
  assert talk.serve() == ["GET", "add"]
  assert two.times_live == 1
  talk.leave(two)
  assert talk.serve() == ["GET", "delete"]
  assert list(talk.rules.values()) == [tag_of(rule_of(one))]


def test_what_changes_while_rules_are_being_set_is_set_after_it():
  one, two, three = (Member(symbols=[asset]) for asset in ("BTC", "ETH", "SOL"))
  talk = Talk(one)
  talk.open()
  (request,) = talk.take()
  talk.join(two)
  talk.join(three)
  talk.leave(two)
  assert talk.take() == []
  # X's answer is one of before the change.
  talk.answer(request, {})
  assert talk.serve() == ["add", "GET", "stream"]
  assert set(talk.rules.values()) == {tag_of(rule_of(one)), tag_of(rule_of(three))}


def test_what_changes_while_there_is_no_connection_is_set_with_the_next_one():
  one, two = Member(symbols=["BTC"]), Member(symbols=["ETH"])
  talk = Talk(one).up()
  talk.close()
  talk.join(two)
  assert talk.take() == []
  talk.open()
  assert talk.serve() == ["GET", "add", "stream"]


def test_a_connection_that_ends_while_rules_are_being_set_leaves_nothing_behind():
  one = Member(symbols=["BTC"])
  talk = Talk(one)
  talk.open()
  talk.join(Member(symbols=["ETH"]))
  talk.close()
  talk.open()
  assert talk.serve() == ["GET", "add", "stream"]


def test_lines_come_in_pieces_and_end_with_their_connection():
  one = Member(symbols=["BTC"])
  talk = Talk(one).up()
  line = talk.post("1", rule_of(one))
  for piece in (line[:10], line[10:-1], line[-1:] + b"\r\n" + line[:20]):
    talk.session.on_messages([piece], talk.now)
  talk.close()
  talk.up()
  talk.session.on_messages([talk.post("2", rule_of(one))], talk.now)
  assert [post.tweet_id for post in one.events if not isinstance(post, Gap)] == ["1", "2"]


def test_a_post_goes_to_the_members_whose_rules_it_matches():
  one, two = Member(symbols=["BTC"]), Member(symbols=["ETH", "BTC"])
  talk = Talk(one, two).up()
  both = [rule for rule in two.config.rules() if rule != rule_of(one)]
  talk.session.on_messages(
    [talk.post("1", rule_of(one), *both) + talk.post("2", *both) + talk.post("1", *both)], talk.now
  )
  assert [(post.tweet_id, post.symbol) for post in one.events] == [("1", "BTC")]
  assert [(post.tweet_id, post.symbol) for post in two.events] == [
    ("1", "BTC"),
    ("1", "ETH"),
    ("2", "ETH"),
  ]
  assert one.figures == {"spent_usd": 0.015}
  assert two.figures == {"spent_usd": 0.03}


def test_waits_are_those_that_x_names():
  talk = Talk(Member(symbols=["BTC"]))
  # The network fails: 250 ms more each time.
  assert [talk.close() for _ in range(3)] == [0.25, 0.5, 0.75]
  talk.open()
  (request,) = talk.take()
  # HTTP errors: 5 s, doubling.
  for wait in (5.0, 10.0):
    with pytest.raises(RetryAfter, match="X answered 503") as caught:
      talk.answer(request, status=503)
    assert talk.close(caught.value) == wait
  with pytest.raises(RetryAfter, match="X answered 429") as caught:
    talk.answer(request, status=429)
  assert talk.close(caught.value) == 60.0
  # A limit that is used up opens at its reset.
  headers = {"x-rate-limit-remaining": "0", "x-rate-limit-reset": "500"}
  with pytest.raises(RetryAfter) as caught:
    talk.answer(request, status=429, headers=headers)
  assert talk.close(caught.value) == 500.0
  # A stream that was up is opened again at once, but not again and again.
  talk.up()
  talk.second += 100
  assert talk.close() == 0.0
  assert [(talk.up(), talk.close())[1] for _ in range(4)] == [0.0, 5.0, 10.0, 20.0]
  talk.up()
  with pytest.raises(RetryAfter) as caught:
    talk.answer(OpenStream({}), status=429)
  assert talk.close(caught.value) == 60.0


def test_an_answer_with_no_json_object_is_an_error_of_x():
  talk = Talk(Member(symbols=["BTC"]))
  talk.open()
  (request,) = talk.take()
  for body in (b"", b"[]", b"<html>"):
    with pytest.raises(RetryAfter, match="no JSON object"):
      talk.answer(request, body)


@pytest.mark.parametrize("status", [400, 422])
def test_what_x_will_never_accept_ends_the_session(status):
  talk = Talk(Member(symbols=["BTC"]))
  talk.open()
  (request,) = talk.take()
  with pytest.raises(Refused, match=f"X answered {status}") as caught:
    talk.answer(request, {"title": "Invalid Request"}, status=status)
  assert talk.close(caught.value) is None


@pytest.mark.parametrize(
  ("status", "body"),
  [
    (401, {"title": "Unauthorized"}),
    (402, {"title": "CreditsDepleted"}),
    (403, b"<html><title>Just a moment...</title>"),
    (400, b"<html><title>Bad Request</title>"),
    (404, b""),
    (451, b""),
  ],
)
def test_what_x_refuses_for_now_is_looked_at_again_for_ever(status, body):
  talk = Talk(Member(symbols=["BTC"]))
  waits = []
  for _ in range(10):
    talk.open()
    (request,) = talk.take()
    with pytest.raises(RetryAfter, match=f"X answered {status}") as caught:
      talk.answer(request, body, status=status)
    waits.append(talk.close(caught.value))
  assert waits[0] == 5.0
  assert waits[-1] == 320.0


def test_an_outage_is_one_gap_for_each_member_unless_the_backfill_covers_it():
  one, two = Member(symbols=["BTC"]), Member(symbols=["ETH"])
  talk = Talk(one, two).up()
  talk.close()
  talk.second = 30.0
  talk.close()
  talk.second = 90.0
  talk.up()
  (first,), (second,) = one.events, two.events
  assert (first.ts_from, first.ts_to, first.channel) == (0, 90_000, "post")
  assert first.cause == "the stream of X was interrupted: cut off"
  # The log numbers events in place.
  assert first is not second
  talk.join(Member(symbols=["SOL"], backfill_minutes=2))
  talk.serve()
  talk.close()
  talk.second += 100.0
  talk.open()
  requests = []
  while found := talk.take():
    requests += found
    for request in found:
      talk.answer(request, {"data": made(request)})
  assert requests[-1].params["backfill_minutes"] == "2"
  assert len(one.events) == 1


def test_a_member_ends_at_its_own_cap_and_others_go_on():
  one, two = Member(symbols=["BTC"], spend_cap=0.03), Member(symbols=["ETH"], spend_cap=1)
  talk = Talk(one, two).up()
  for name in ("1", "2"):
    assert one.failures == []
    talk.session.on_messages([talk.post(name, rule_of(two))], talk.now)
  (reason,) = one.failures
  assert reason.startswith("0.03 USD were spent on X today, and spend_cap is 0.03; raise it")
  assert two.failures == []
  with pytest.raises(Refused, match=r"spend_cap is 0\.02"):
    talk.join(Member(symbols=["SOL"], spend_cap=0.02))


@pytest.mark.parametrize("status", [400, 422])
def test_a_request_that_x_refuses_for_one_rule_fails_the_member_of_that_rule_alone(status):
  good = [Member("alice", symbols=[name]) for name in ("BTC", "ETH", "SOL", "XRP", "DOGE")]
  bad = Member("bob", query="((")
  talk = Talk(*good[:3], bad, *good[3:])
  talk.open()
  set_ = []
  while requests := talk.take():
    for request in requests:
      if isinstance(request, OpenStream) or request.method == "GET":
        talk.answer(request)
        continue
      rules = [row["value"] for row in request.body["add"]]
      refused = rule_of(bad) in rules
      set_ += [] if refused else rules
      found = {"title": "Invalid Request"} if refused else {"data": request.body["add"]}
      talk.answer(request, found, status=status if refused else 201)
  assert sorted(set_) == sorted(map(rule_of, good))
  (reason,) = bad.failures
  assert reason.startswith(f"X does not take the rule {rule_of(bad)!r}: it answered {status}")
  assert [member.failures for member in good] == [[]] * 5
  assert all(member.times_live for member in good)


def add(talk, answer):
  """Opens, and answers the request to add rules with what `answer` makes of its rows."""
  talk.open()
  while requests := talk.take():
    for request in requests:
      if isinstance(request, Call) and request.method == "POST":
        talk.answer(request, answer(request.body["add"]), status=201)
      else:
        talk.answer(request, {})


def test_one_rule_of_several_is_refused_by_name_with_the_words_of_x():
  member = Member(symbols=["BTC", "ETH", "SOL"])
  bad = next(rule for rule, asset in member.config.rules().items() if asset == "ETH")
  talk = Talk(member)

  def answer(rows):
    error = {"value": bad, "title": "Invalid Rule", "details": ["no viable alternative"]}
    made = [{"id": "1", **row} for row in rows if row["value"] != bad]
    return {"data": made, "errors": [error]} if len(made) < len(rows) else {"data": made}

  add(talk, answer)
  assert member.failures == []
  assert member.refused == [
    f"X does not take the rule {bad!r}: Invalid Rule: no viable alternative; change it"
  ]
  assert member.times_live
  # It is not requested again.
  talk.close()
  talk.open()
  (request,) = talk.take()
  talk.answer(request, {})
  (request, _) = talk.take() if len(talk.session.requests) > 1 else (*talk.take(), None)
  assert bad not in [row["value"] for row in request.body["add"]]


def test_errors_that_name_no_rule_are_of_those_that_were_not_made():
  member = Member(symbols=["BTC", "ETH"])
  talk = Talk(member)
  error = {"title": "RulesCapExceeded", "detail": "Rules must be less than 2."}
  add(talk, lambda rows: {"data": [{"id": "1", **rows[0]}], "errors": [error]})
  assert member.failures == []
  (reason,) = member.refused
  assert ": RulesCapExceeded: Rules must be less than 2; change it" in reason


@pytest.mark.parametrize("known", ["listed", "made in the meantime"])
def test_a_rule_that_others_have_made_is_read_as_it_is(known):
  member = Member(symbols=["BTC"])
  (rule,) = member.config.rules()
  talk = Talk(member)
  talk.open()
  (request,) = talk.take()
  if known == "listed":
    talk.answer(request, {"data": [{"id": "77", "value": rule, "tag": "mine"}]})
  else:
    talk.answer(request, {})
    (request,) = talk.take()
    error = {"value": rule, "id": "77", "title": "DuplicateRule"}
    talk.answer(request, {"errors": [error]}, status=201)
  (stream,) = talk.take()
  talk.answer(stream)
  assert (member.failures, member.refused) == ([], [])
  line = {"data": {"id": "1", "text": "x"}, "matching_rules": [{"id": "77", "tag": "mine"}]}
  talk.session.on_messages([msgspec.json.encode(line) + b"\r\n"], talk.now)
  assert [post.symbol for post in member.events] == ["BTC"]


@pytest.mark.parametrize(
  ("status", "body", "words"),
  [
    (
      402,
      {"title": "CreditsDepleted", "detail": "No credits."},
      "402 to GET .*: CreditsDepleted: No",
    ),
    (
      400,
      {"title": "Invalid Request", "errors": [{"message": "bad \x1b[31m field"}]},
      r"Invalid Request: bad  ?\[31m field",
    ),
    (
      429,
      {"title": "ConnectionException", "detail": "at the maximum allowed connection limit"},
      "429 to GET .*: ConnectionException: at the maximum",
    ),
    (503, b"<html><title>Over capacity</title><body>x", "503 to GET .*: Over capacity"),
    (403, {"title": "Forbidden", "reason": "client-not-enrolled"}, "403: Forbidden: client-not-en"),
  ],
)
def test_the_words_of_x_reach_the_user(status, body, words):
  talk = Talk(Member(symbols=["BTC"]))
  talk.open()
  (request,) = talk.take()
  with pytest.raises((Refused, RetryAfter), match=words):
    talk.answer(request, body, status=status)


def test_a_line_that_cannot_be_read_is_a_gap_and_the_next_post_comes():
  member = Member(symbols=["BTC"])
  talk = Talk(member).up()
  talk.session.on_messages([b'{"data":7}\r\n' + talk.post("1", rule_of(member))], talk.now)
  gap, post = member.events
  assert (type(gap), gap.missed, post.tweet_id) == (Gap, 1, "1")


def test_the_stream_is_opened_again_for_the_first_who_reads_retweets():
  one = Member(symbols=["BTC"])
  talk = Talk(one).up()
  talk.join(Member(symbols=["ETH"], retweets=True))
  with pytest.raises(RetryAfter, match="opened again") as caught:
    talk.serve()
  assert talk.close(caught.value) == 0
  talk.open()
  requests = []
  while found := talk.take():
    requests += found
    for request in found:
      rows = [{"id": name, "tag": tag} for name, tag in talk.rules.items()]
      talk.answer(request, {} if isinstance(request, OpenStream) else {"data": rows})
  assert "referenced_tweets.id" in requests[-1].params["expansions"]
  line = {"data": {"id": "1", "text": "x"}, "includes": {"tweets": [{"id": "2"}]}}
  before = talk.session._spending.posts
  talk.session.on_messages([msgspec.json.encode(line) + b"\r\n"], talk.now)
  assert talk.session._spending.posts == before + 2


def test_money_of_callers_is_capped_by_the_environment_and_not_by_their_specs(monkeypatch):
  monkeypatch.setenv("X_SPEND_CAP", "0.06")
  monkeypatch.setenv("X_SPEND_CAP_EACH", "0.03")
  alice = Member("alice", symbols=["BTC"], spend_cap=0)
  bob = Member("bob", symbols=["ETH"], spend_cap=1e9)
  own = Member(symbols=["SOL"], spend_cap=0)
  talk = Talk(alice, bob, own).up()
  for number in range(2):
    talk.session.on_messages([talk.post(f"a{number}", rule_of(alice))], talk.now)
  assert "you have spent on X what one caller may" in alice.failures[0]
  assert bob.failures == own.failures == []
  with pytest.raises(Refused, match="X_SPEND_CAP"):
    talk.join(Member("alice", symbols=["XRP"]))
  for number in range(2):
    talk.session.on_messages([talk.post(f"o{number}", rule_of(own))], talk.now)
  assert "what streams of callers may spend" in bob.failures[0]
  assert own.failures == []


def test_a_caller_has_a_share_of_the_rules_of_an_app():
  names = [f"C{number}" for number in range(300)]
  talk = Talk(*(Member("alice", symbols=names[at : at + 100]) for at in (0, 100)))
  with pytest.raises(Refused, match="300 rules at X are more than the 250 of one caller"):
    talk.join(Member("alice", symbols=names[200:]))
  talk = Talk(Member("bob", symbols=names[200:]), Member(symbols=names[:100]))


def test_a_cap_that_is_no_number_is_refused(monkeypatch):
  monkeypatch.setenv("X_SPEND_CAP", "much")
  with pytest.raises(Refused, match="X_SPEND_CAP is no sum of US dollars"):
    Talk(Member("alice", symbols=["BTC"]))


def test_rules_that_change_faster_than_x_allows_wait_and_the_stream_goes_on():
  one, two = Member("alice", symbols=["BTC"]), Member("bob", symbols=["ETH"])
  talk = Talk(one).up()
  talk.join(two)
  (request,) = talk.take()
  talk.answer(request, status=429)
  talk.session.on_messages([talk.post("1", rule_of(one))], talk.now)
  assert [event.tweet_id for event in one.events] == ["1"]
  talk.session.on_timer(talk.now)
  assert talk.take() == []
  talk.second = 61.0
  talk.session.on_timer(talk.now)
  assert talk.serve() == ["GET", "add"]
  assert two.times_live == 1


def test_an_answer_that_says_nothing_of_a_rule_has_the_rules_read_again():
  talk = Talk(Member(symbols=["BTC"]))
  talk.open()
  talk.answer(talk.take()[0], {"meta": {}})
  (add,) = talk.take()
  with pytest.raises(RetryAfter, match="did not say") as caught:
    talk.answer(add, {})
  assert talk.close(caught.value) > 0
  assert not talk.up().take()
  # While the stream is up it stays so.
  talk.join(Member(symbols=["ETH"]))
  talk.answer(talk.take()[0], {"data": [{"id": n, "tag": t} for n, t in talk.rules.items()]})
  (add,) = talk.take()
  talk.answer(add, {"meta": {}}, status=201)
  assert talk.take() == []
  talk.second += 60
  talk.session.on_timer(talk.now)
  assert talk.serve() == ["GET", "add"]


@pytest.mark.parametrize(
  ("status", "body"),
  [(451, {"title": "x"}), (400, {"code": 0, "msg": "Unauthorized"}), (404, {"error": "gone"})],
)
def test_a_refusal_that_is_not_of_a_rule_refuses_none(status, body):
  member = Member(symbols=["BTC"])
  talk = Talk(member)
  talk.open()
  talk.answer(talk.take()[0], {"meta": {}})
  (add,) = talk.take()
  with pytest.raises(RetryAfter):
    talk.answer(add, body, status=status)
  assert not member.failures
  assert not member.refused


@pytest.mark.parametrize("name", ["-1e999", "nan", "x", ""])
def test_a_post_whose_id_is_no_number_is_a_gap(name):
  member = Member(symbols=["BTC"])
  talk = Talk(member).up()
  line = {
    "data": {"id": name, "text": "$BTC"},
    "matching_rules": [{"tag": tag_of(rule_of(member))}],
  }
  talk.session.on_messages([msgspec.json.encode(line) + b"\r\n"], talk.now)
  assert [type(event) for event in member.events] == [Gap]
