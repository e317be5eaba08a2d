"""Lines of the stream, made into posts.

Source: X API v2, "Consume streaming data" and the object of a post. Fields come in any order and
may be missing. X is renaming tweets to posts: a long post is note_tweet or note_post, and its
reposts are retweet_count or repost_count, so both are read. Texts come with &amp;, &lt; and &gt;.
"""

import html
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from bond_core import Disconnected, Post, epoch_ms
from bond_core.feeds import own_words, said
from bond_x.answers import is_problem, rows_of

_FIELDS = {
  "tweet.fields": "author_id,created_at,lang,public_metrics,entities,note_tweet",
  "expansions": "author_id",
  "user.fields": "username",
}
_ORIGINALS = {
  "tweet.fields": f"{_FIELDS['tweet.fields']},referenced_tweets",
  "expansions": "author_id,referenced_tweets.id",
}

_METRICS = {"repost_count": "retweet_count"}

MAX_LINE = 1024 * 1024
MAX_METRIC = 1 << 63
MAX_ID = 32
MAX_TIME_MS = 10**14

_RETWEET = re.compile(r"RT @\w{1,32}: ")


def fields(*, originals: bool) -> dict[str, str]:
  """Returns the fields to request, in the old spelling, which X still takes. A retweet's own text
  ends after 140 characters, and the original post has all of it."""
  return {**_FIELDS, **_ORIGINALS} if originals else dict(_FIELDS)


class Lines:
  """Joins the bytes of a stream to whole lines. Blank ones are heartbeats and are left out."""

  def __init__(self) -> None:
    self._rest = b""

  def feed(self, data: bytes) -> list[bytes]:
    """Returns the lines that are whole now. Raises Disconnected for one that does not end."""
    *lines, self._rest = (self._rest + data).split(b"\n")
    if len(self._rest) > MAX_LINE:
      raise Disconnected("X sent a line of more than 1 MiB")
    return [line for line in lines if line.strip()]


def read_line(line: bytes) -> dict[str, Any] | None:
  """Returns the message of a line, None where it holds no post. Raises ValueError for a line that
  cannot be read or in which X describes a problem, and Disconnected where X says that the stream
  ends."""
  try:
    message = msgspec.json.decode(line)
  except RecursionError:
    raise ValueError("it is nested too deeply") from None
  if not isinstance(message, dict):
    raise ValueError("it is no object")
  data = message.get("data")
  if isinstance(data, dict) and _is_id(data.get("id")):
    return message
  if data is not None:
    raise ValueError("the post has no id")
  # X describes a problem by itself, or in a list of errors.
  for error in (message, *rows_of(message, "errors")):
    kind = error.get("disconnect_type") or error.get("connection_issue")
    if kind or str(error.get("title")) == "operational-disconnect":
      why = own_words(str(kind or "no reason given"))
      raise Disconnected(f"X ended the stream: {why}{said(str(error.get('detail', '')))}")
  if is_problem(message):
    raise ValueError(f"it is no post{said(line)}")
  return None


def _is_id(value: Any) -> bool:
  return isinstance(value, str) and value.isdecimal() and len(value) <= MAX_ID


def tags_of(message: dict[str, Any], by_id: Mapping[str, str]) -> list[str]:
  """Returns the tags of the rules that a post matches, with those that `by_id` gives a rule."""
  rules = rows_of(message, "matching_rules")
  found = [by_id.get(str(rule.get("id"))) or str(rule.get("tag") or "") for rule in rules]
  return [tag for tag in found if tag]


def originals_in(message: dict[str, Any]) -> int:
  """Returns how many posts came beside the post itself, each of which X charges for."""
  return len(_included(message))


def _included(message: dict[str, Any]) -> dict[str, dict[str, Any]]:
  """Returns the posts that came with a post, or with a page of them, by id."""
  includes = message.get("includes")
  if not isinstance(includes, dict):
    return {}
  rows = (*rows_of(includes, "tweets"), *rows_of(includes, "posts"))
  return {row["id"]: row for row in rows if isinstance(row.get("id"), str)}


def posts_of(message: dict[str, Any], assets: list[str]) -> list[Post]:
  """Returns one event for each asset that a post is about, so that it counts to each."""
  data = message["data"]
  metrics = data.get("public_metrics")
  return [
    Post(
      exchange="x",
      symbol=asset,
      ts_exchange=read_time(data.get("created_at")),
      text=_text(data, message),
      tweet_id=str(data["id"]),
      user=_author(message),
      lang=data["lang"] if isinstance(data.get("lang"), str) else None,
      symbols=[name for name in assets if name],
      metrics={
        _METRICS.get(str(name), str(name)): count
        for name, count in metrics.items()
        if type(count) is int and abs(count) < MAX_METRIC
      }
      if isinstance(metrics, dict)
      else None,
    )
    for asset in assets
  ]


def _text(data: dict[str, Any], message: dict[str, Any]) -> str:
  """Returns the whole text, that of a retweet from the original."""
  text = _own_text(data)
  for name in ("referenced_tweets", "referenced_posts"):
    for row in rows_of(data, name):
      original = _included(message).get(str(row.get("id")))
      if original is not None and row.get("type") in ("retweeted", "reposted"):
        begins = _RETWEET.match(text)
        return f"{begins[0] if begins else ''}{_own_text(original)}"
  return text


def _own_text(data: dict[str, Any]) -> str:
  """Returns the text of a post; `text` of a long one ends after 280 characters."""
  for name in ("note_tweet", "note_post"):
    note = data.get(name)
    if isinstance(note, dict) and isinstance(note.get("text"), str):
      return html.unescape(note["text"])
  text = data.get("text")
  return html.unescape(text) if isinstance(text, str) else ""


def _author(message: dict[str, Any]) -> str | None:
  author = message["data"].get("author_id")
  includes = message.get("includes")
  users = includes.get("users") if isinstance(includes, dict) else None
  for user in users if isinstance(users, list) else ():
    if isinstance(user, dict) and user.get("id") == author and user.get("username"):
      return str(user["username"])
  return author if isinstance(author, str) else None


def read_time(text: Any) -> int | None:
  """Returns a time that X writes as RFC 3339, None for anything else."""
  try:
    found = epoch_ms(datetime.fromisoformat(text))
  except (TypeError, ValueError, OverflowError):
    return None
  return found if 0 < found < MAX_TIME_MS else None
