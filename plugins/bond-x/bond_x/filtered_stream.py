"""The one filtered stream that X allows an app, for all sources of the process. No I/O.

The rules at X are the union of all members' rules, and a post goes to the members whose rules it
matches. Rules are set before the stream is opened, and again whenever a member joins or leaves.
"""

from collections.abc import Sequence
from typing import Any

import attrs
import msgspec
from bond_social import SeenPosts, post_gap

from bond_core import BondError, Disconnected, Refused, RetryAfter
from bond_core.feeds import Moment, own_words, said
from bond_core.sessions import Member, Session
from bond_x.account import Account, budget_of, spending_of
from bond_x.answers import (
  Answer,
  Call,
  OpenStream,
  explained,
  is_final,
  read_object,
  refusal,
  rows_of,
)
from bond_x.messages import Lines, fields, originals_in, posts_of, read_line, tags_of
from bond_x.rules import borrowed, changes, tag_of
from bond_x.spending import Budget, Spending, estimate
from bond_x.waits import Waits

RULES = "/2/tweets/search/stream/rules"
STREAM = "/2/tweets/search/stream"
DUPLICATE = "DuplicateRule"
MAX_RULES_EACH = 250
"""Rules that the streams of one caller of a server may have, of the 1,000 of an app."""

Request = Call | OpenStream
Message = Answer | bytes


@attrs.frozen
class Rules:
  """The rules of one member, with the asset of each by rule and by tag, and what it may spend."""

  assets: dict[str, str]
  by_tag: dict[str, str]
  budget: Budget
  refused: set[str] = attrs.field(factory=set)
  """Rules that X does not take."""


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
    self._down_cause = ""
    self._backfill_minutes = 0
    # Of the connection:
    self._open = False
    self._stream_requested = False
    self._up_since_ns: int | None = None
    self._lines = Lines()
    self._setting_rules = False
    self._rules_changed = False
    self._changes_left = 0
    self._originals = False
    """Whether the stream has the posts that retweets are of."""
    self._borrowed: dict[str, str] = {}
    """Tags of rules that are not Bond's and read all the same, by id."""
    self._rules_due_ns: int | None = None
    """When rules are set that X did not take for their pace."""

  def target(self, now: Moment) -> Account:
    return self._account

  # Members ---------------------------------------------------------------------------------------

  def on_join(self, member: Member, now: Moment) -> None:
    self._spending = spending_of(member, self._account)
    budget = budget_of(member, self._account, member.config.spend_cap)
    if self._account.charged:
      member.log.warning("%s", estimate(budget.cap))
    if over := budget.over(now.ts_ms):
      raise Refused(over)
    assets = member.config.rules()
    self._check_share(member, len(assets))
    by_tag = {tag_of(rule): asset for rule, asset in assets.items()}
    self._rules[member] = Rules(assets, by_tag, budget)
    self._set_rules()

  def _check_share(self, member: Member, more: int) -> None:
    """Raises Refused where a caller would have more rules than its share: X counts them by app."""
    rules = [r for m, r in self._rules.items() if m.caller == member.caller]
    held = sum(len(r.assets) for r in rules)
    if member.caller is not None and held + more > MAX_RULES_EACH:
      raise Refused(
        f"{held + more} rules at X are more than the {MAX_RULES_EACH} of one caller; name fewer "
        "symbols, or delete a stream"
      )

  def on_leave(self, member: Member, now: Moment) -> None:
    del self._rules[member]
    self._set_rules()

  # Connections -----------------------------------------------------------------------------------

  def on_open(self, now: Moment) -> None:
    self._open = True
    self._stream_requested = self._setting_rules = self._rules_changed = False
    self._lines = Lines()
    self._rules_due_ns = None
    self._set_rules()

  def on_messages(self, messages: Sequence[Message], now: Moment) -> None:
    for message in messages:
      if isinstance(message, bytes):
        for line in self._lines.feed(message):
          self._read(line, now)
      elif self._is_too_soon(message):
        wait = self._waits.answered(message.status, message.headers, now.ts_ms)
        self._rules_due_ns = now.mono_ns + int(wait * 1e9)
      elif self._refuses_rules(message):
        self._find_refused(message)
      elif not message.is_success:
        raise self._failure(message, now)
      elif isinstance(message.request, OpenStream):
        self._up(now)
      else:
        self._rules_answered(message, now)

  def on_timer(self, now: Moment) -> None:
    if self._rules_due_ns is not None and now.mono_ns >= self._rules_due_ns:
      self._rules_due_ns, self._setting_rules = None, False
      self._set_rules()

  def on_close(self, error: BondError, now: Moment) -> float | None:
    self._open = False
    since, self._up_since_ns = self._up_since_ns, None
    if since is not None:
      self._down_since_ms, self._down_cause = now.ts_ms, str(error)
      wait = self._waits.stream_ended((now.mono_ns - since) / 1e9)
    else:
      wait = self._waits.network_failed() if isinstance(error, Disconnected) else 0.0
    if isinstance(error, Refused):
      return None
    return max(wait, error.seconds) if isinstance(error, RetryAfter) else wait

  def _failure(self, answer: Answer, now: Moment) -> BondError:
    call = answer.request
    request = f"GET {STREAM}" if isinstance(call, OpenStream) else f"{call.method} {call.path}"
    refused = refusal(answer.status, request, answer.body)
    if refused is not None:
      return refused
    wait = self._waits.answered(answer.status, answer.headers, now.ts_ms)
    why = explained(answer.status, request, "the filtered stream", answer.body)
    return RetryAfter(wait, why)

  def _up(self, now: Moment) -> None:
    """The stream is up. An outage that the backfill does not cover is declared to all members."""
    self._up_since_ns = now.mono_ns
    since, self._down_since_ms = self._down_since_ms, None
    lost = since is not None and now.ts_ms - since >= self._backfill_minutes * 60_000
    for member in self.members:
      if lost and since is not None:
        cause = f"the stream of X was interrupted: {self._down_cause}"
        member.give([post_gap("x", cause, since, now.ts_ms)])
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
      existing = rows_of(found, "data")
      union = dict.fromkeys(
        rule for rules in self._rules.values() for rule in rules.assets if rule not in rules.refused
      )
      delete, add = changes(existing, union)
      self._borrowed = borrowed(existing, union)
      bodies: list[dict[str, Any]] = [{"delete": {"ids": delete}}] if delete else []
      if add:
        bodies.append({"add": [{"value": rule, "tag": tag_of(rule)} for rule in add]})
      self.requests.extend(Call("POST", RULES, body) for body in bodies)
      self._changes_left = len(bodies)
    else:
      self._changes_left -= 1
      if self._give_up_refused(found, request.body if isinstance(request, Call) else {}):
        self._read_again(now)
        return
    if not self._changes_left:
      self._rules_are_set()

  def _read_again(self, now: Moment) -> None:
    """Has the rules read again later, since an answer does not say whether one was made."""
    wait = self._waits.answered(502, {}, now.ts_ms)
    if self._up_since_ns is None:
      raise RetryAfter(wait, "X did not say whether it made a rule")
    self._rules_due_ns = now.mono_ns + int(wait * 1e9)

  def _is_too_soon(self, answer: Answer) -> bool:
    """Whether rules changed faster than X allows while the stream is up. It stays up: whoever makes
    and deletes streams holds up changes, not the posts of others."""
    return (
      answer.status == 429 and isinstance(answer.request, Call) and self._up_since_ns is not None
    )

  def _refuses_rules(self, answer: Answer) -> bool:
    """Whether X refuses rules that were to be added, and not the app or its pace."""
    request = answer.request
    adds = isinstance(request, Call) and "add" in (request.body or ())
    return adds and is_final(answer.status, answer.body)

  def _find_refused(self, answer: Answer) -> None:
    """X may refuse a whole request for one rule. Its halves are sent again, until the rule is by
    itself, so that it fails the members that have it and none beside."""
    request = answer.request
    rows = request.body["add"] if isinstance(request, Call) else []
    half = len(rows) // 2
    parts = [rows[:half], rows[half:]] if half else []
    self.requests.extend(Call("POST", RULES, {"add": part}) for part in parts)
    self._changes_left += len(parts) - 1
    if not parts:
      self._give_up(rows[0]["value"], f"it answered {answer.status}{said(answer.body)}")
    if not self._changes_left:
      self._rules_are_set()

  def _give_up_refused(self, found: dict[str, Any], body: dict[str, Any]) -> list[str]:
    """Gives up the rules that X did not make, with X's words. An answer may have errors beside the
    rules that were made, and may not say which rule an error is of. Returns the rules of which it
    says nothing."""
    made = {str(row.get("value")) for row in rows_of(found, "data")}
    errors = rows_of(found, "errors")
    values = [row["value"] for row in body.get("add", ()) if row["value"] not in made]
    named = {error["value"]: error for error in errors if error.get("value") in values}
    others = [error for error in errors if error.get("value") is None]
    unknown = []
    for value in values:
      error = named.get(value)
      if error is not None and error.get("title") == DUPLICATE and error.get("id") is not None:
        # Somebody else made it in the meantime.
        self._borrowed[str(error["id"])] = tag_of(value)
      elif error is not None:
        self._give_up(value, own_words(msgspec.json.encode(error)))
      elif others:
        self._give_up(value, own_words(msgspec.json.encode(others)))
      else:
        unknown.append(value)
    return unknown

  def _give_up(self, value: str, words: str) -> None:
    """Gives up one rule. A member without another one fails."""
    reason = f"X does not take the rule {value!r}: {words or 'no reason given'}; change it"
    for member, rules in list(self._rules.items()):
      if value in rules.assets and value not in rules.refused:
        rules.refused.add(value)
        if len(rules.refused) == len(rules.assets):
          member.fail(reason)
        else:
          member.refuse(reason)

  def _rules_are_set(self) -> None:
    self._setting_rules = False
    if self._rules_changed:
      self._rules_changed = False
      self._set_rules()
    elif not self._stream_requested:
      self._stream_requested = True
      self._backfill_minutes = max((m.config.backfill_minutes for m in self.members), default=0)
      self._originals = self._needs_originals()
      params = fields(originals=self._originals)
      if self._backfill_minutes and self._down_since_ms is not None:
        params["backfill_minutes"] = str(self._backfill_minutes)
      self.requests.append(OpenStream(params))
    elif self._needs_originals() and not self._originals:
      raise RetryAfter(0.0, "the stream of X is opened again, with the posts that retweets are of")
    elif self._up_since_ns is not None:
      for member in self.members:
        member.live()

  def _needs_originals(self) -> bool:
    return any(member.config.retweets for member in self.members)

  # Posts -----------------------------------------------------------------------------------------

  def _read(self, line: bytes, now: Moment) -> None:
    try:
      post = read_line(line)
    except ValueError as exc:
      cause = f"a line of X could not be read: {own_words(str(exc), 100)}"
      for member in self.members:
        member.give([post_gap("x", cause, now.ts_ms, now.ts_ms, 1)])
      return
    if post is not None:
      self._take(post, now)

  def _take(self, message: dict[str, Any], now: Moment) -> None:
    """Gives a new post to the members whose rules it matches, and fails those whose cap is
    reached."""
    if not self._seen.add(message["data"]["id"]):
      return
    read = 1 + originals_in(message)
    self._spending.read(now.ts_ms, read)
    tags = tags_of(message, self._borrowed)
    matched = [r.budget.own for r in self._rules.values() if not r.by_tag.keys().isdisjoint(tags)]
    for own in dict.fromkeys(found for found in matched if found is not None):
      own.read(now.ts_ms, read)
    for member, rules in list(self._rules.items()):
      assets = list(dict.fromkeys(rules.by_tag[tag] for tag in tags if tag in rules.by_tag))
      if assets:
        if self._account.charged:
          member.figures["spent_usd"] = self._spending.usd
        member.give(list(posts_of(message, assets)))
      if over := rules.budget.over(now.ts_ms):
        member.fail(over)
