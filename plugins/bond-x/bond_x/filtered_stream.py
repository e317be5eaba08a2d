"""The one filtered stream that X allows an app, for all sources of the process. No I/O.

The rules at X are the union of all members' rules, and a post goes to the members whose rules it
matches. Rules are set before the stream is opened, and again whenever a member joins or leaves.
"""

from collections.abc import Sequence
from typing import Any

import attrs
from bond_social import SeenPosts, post_gap

from bond_core import BondError, Disconnected, Refused, RetryAfter
from bond_core.feeds import Moment
from bond_core.sessions import Member, Session
from bond_x.account import Account, spending_of
from bond_x.answers import Answer, Call, OpenStream, read_object, refusal
from bond_x.messages import FIELDS, Lines, posts_of, read_line, tags_of
from bond_x.rules import changes, tag_of
from bond_x.spending import Spending, estimate
from bond_x.waits import Waits

RULES = "/2/tweets/search/stream/rules"
STREAM = "/2/tweets/search/stream"

Request = Call | OpenStream
Message = Answer | bytes


@attrs.frozen
class Rules:
  """The rules of one member, with the asset of each by rule and by tag."""

  assets: dict[str, str]
  by_tag: dict[str, str]


class FilteredStream(Session[Account, Message, Request]):
  """Messages are answers, and bytes of the stream. Members are sources with the configuration
  Posts."""

  name = "X"
  resumes = True
  silence = 20.0
  """X sends a blank line every few seconds."""

  def __init__(self, account: Account) -> None:
    super().__init__()
    self._account = account
    self._rules: dict[Member, Rules] = {}
    self._spending = Spending()
    self._seen = SeenPosts()
    self._waits = Waits()
    self._down_since_ms: int | None = None
    self._backfill_minutes = 0
    # Of the connection:
    self._open = False
    self._stream_requested = False
    self._up_since_ns: int | None = None
    self._lines = Lines()
    self._setting_rules = False
    self._rules_changed = False
    self._changes_left = 0

  def target(self, now: Moment) -> Account:
    return self._account

  # Members ---------------------------------------------------------------------------------------

  def on_join(self, member: Member, now: Moment) -> None:
    self._spending = spending_of(member, self._account)
    if self._account.charged:
      member.log.warning("%s", estimate(member.config.spend_cap))
    if over := self._spending.over(member.config.spend_cap, now.ts_ms):
      raise Refused(over)
    assets = member.config.rules()
    self._rules[member] = Rules(assets, {tag_of(rule): asset for rule, asset in assets.items()})
    self._set_rules()

  def on_leave(self, member: Member, now: Moment) -> None:
    del self._rules[member]
    self._set_rules()

  # Connections -----------------------------------------------------------------------------------

  def on_open(self, now: Moment) -> None:
    self._open = True
    self._stream_requested = self._setting_rules = self._rules_changed = False
    self._lines = Lines()
    self._set_rules()

  def on_messages(self, messages: Sequence[Message], now: Moment) -> None:
    for message in messages:
      if isinstance(message, bytes):
        for line in self._lines.feed(message):
          if (post := read_line(line)) is not None:
            self._take(post, now)
      elif not message.is_success:
        raise self._failure(message, now)
      elif isinstance(message.request, OpenStream):
        self._up(now)
      else:
        self._rules_answered(message, now)

  def on_close(self, error: BondError, now: Moment) -> float | None:
    self._open = False
    since, self._up_since_ns = self._up_since_ns, None
    if since is not None:
      self._down_since_ms = now.ts_ms
      wait = self._waits.stream_ended((now.mono_ns - since) / 1e9)
    else:
      wait = self._waits.network_failed() if isinstance(error, Disconnected) else 0.0
    if isinstance(error, Refused):
      return None
    return max(wait, error.seconds) if isinstance(error, RetryAfter) else wait

  def _failure(self, answer: Answer, now: Moment) -> BondError:
    call = answer.request
    request = f"GET {STREAM}" if isinstance(call, OpenStream) else f"{call.method} {call.path}"
    refused = refusal(answer.status, request, "the filtered stream")
    if refused is not None:
      return refused
    wait = self._waits.answered(answer.status, answer.headers, now.ts_ms)
    return RetryAfter(wait, f"X answered {answer.status}")

  def _up(self, now: Moment) -> None:
    """The stream is up. An outage that the backfill does not cover is declared to all members."""
    self._up_since_ns = now.mono_ns
    since, self._down_since_ms = self._down_since_ms, None
    lost = since is not None and now.ts_ms - since >= self._backfill_minutes * 60_000
    for member in self.members:
      if lost and since is not None:
        member.give([post_gap("x", "the stream of X was interrupted", since, now.ts_ms)])
      member.live()

  # Rules -----------------------------------------------------------------------------------------

  def _set_rules(self) -> None:
    """Requests the rules at X in order to change them; later, where that is under way."""
    if self._setting_rules:
      self._rules_changed = True
    elif self._open:
      self._setting_rules = True
      self.requests.append(Call("GET", RULES))

  def _rules_answered(self, answer: Answer, now: Moment) -> None:
    request = answer.request
    found = read_object(answer.body)
    if found is None:
      wait = self._waits.answered(502, {}, now.ts_ms)
      raise RetryAfter(wait, "X answered a request for its rules with no JSON object")
    if isinstance(request, Call) and request.method == "GET":
      union = dict.fromkeys(rule for rules in self._rules.values() for rule in rules.assets)
      delete, add = changes(found.get("data") or [], union)
      bodies: list[dict[str, Any]] = [{"delete": {"ids": delete}}] if delete else []
      if add:
        bodies.append({"add": [{"value": rule, "tag": tag_of(rule)} for rule in add]})
      self.requests.extend(Call("POST", RULES, body) for body in bodies)
      self._changes_left = len(bodies)
    else:
      self._changes_left -= 1
      self._fail_refused(found)
    if not self._changes_left:
      self._rules_are_set()

  def _fail_refused(self, found: dict[str, Any]) -> None:
    """Fails the members whose rules X does not take."""
    made = {rule.get("value") for rule in found.get("data") or ()}
    for error in found.get("errors") or ():
      value = error.get("value")
      for member, rules in list(self._rules.items()):
        if value in rules.assets and value not in made:
          member.fail(f"X does not take the rule {value!r}: {error.get('title')}; change it")

  def _rules_are_set(self) -> None:
    self._setting_rules = False
    if self._rules_changed:
      self._rules_changed = False
      self._set_rules()
    elif not self._stream_requested:
      self._stream_requested = True
      self._backfill_minutes = max((m.config.backfill_minutes for m in self.members), default=0)
      params = dict(FIELDS)
      if self._backfill_minutes and self._down_since_ms is not None:
        params["backfill_minutes"] = str(self._backfill_minutes)
      self.requests.append(OpenStream(params))
    elif self._up_since_ns is not None:
      for member in self.members:
        member.live()

  # Posts -----------------------------------------------------------------------------------------

  def _take(self, message: dict[str, Any], now: Moment) -> None:
    """Gives a new post to the members whose rules it matches, and fails those whose cap is
    reached."""
    if not self._seen.add(message["data"]["id"]):
      return
    self._spending.read(now.ts_ms)
    tags = tags_of(message)
    for member, rules in self._rules.items():
      assets = list(dict.fromkeys(rules.by_tag[tag] for tag in tags if tag in rules.by_tag))
      if assets:
        if self._account.charged:
          member.figures["spent_usd"] = self._spending.usd
        member.give(list(posts_of(message, assets)))
      if over := self._spending.over(member.config.spend_cap, now.ts_ms):
        member.fail(over)
