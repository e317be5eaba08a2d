"""Lines of the stream, made into posts.

Source: X API v2, "Consume streaming data" and the object of a post. Fields come in any order and
may be missing. X is renaming tweets to posts: a long post is note_tweet or note_post, and its
reposts are retweet_count or repost_count, so both are read. Texts come with &amp;, &lt; and &gt;.
"""

import html
from datetime import datetime
from typing import Any

import msgspec

from bond_core import Disconnected, Post

FIELDS = {
  "tweet.fields": "author_id,created_at,lang,public_metrics,entities,note_tweet",
  "expansions": "author_id",
  "user.fields": "username",
}
"""The fields that are requested, in the old spelling, which X still takes."""

_METRICS = {"repost_count": "retweet_count"}

MAX_LINE = 1024 * 1024


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
  """Returns the message of a line, None where it holds no post. Raises Disconnected where X says
  that the stream ends."""
  try:
    message = msgspec.json.decode(line)
  except msgspec.DecodeError:
    return None
  if not isinstance(message, dict):
    return None
  data = message.get("data")
  if isinstance(data, dict) and isinstance(data.get("id"), str):
    return message
  for error in message.get("errors") or ():
    if isinstance(error, dict) and str(error.get("title")) == "operational-disconnect":
      raise Disconnected(f"X ended the stream: {error.get('disconnect_type') or 'no reason given'}")
  return None


def tags_of(message: dict[str, Any]) -> list[str]:
  """Returns the tags of the rules that a post matches."""
  rules = message.get("matching_rules") or ()
  return [str(rule["tag"]) for rule in rules if isinstance(rule, dict) and rule.get("tag")]


def posts_of(message: dict[str, Any], assets: list[str]) -> list[Post]:
  """Returns one event for each asset that a post is about, so that it counts to each."""
  data = message["data"]
  metrics = data.get("public_metrics")
  return [
    Post(
      exchange="x",
      symbol=asset,
      ts_exchange=epoch_ms(data.get("created_at")),
      text=_text(data),
      tweet_id=data["id"],
      user=_author(message),
      lang=data.get("lang"),
      symbols=[name for name in assets if name],
      metrics={
        _METRICS.get(str(name), str(name)): count
        for name, count in metrics.items()
        if type(count) is int
      }
      if isinstance(metrics, dict)
      else None,
    )
    for asset in assets
  ]


def _text(data: dict[str, Any]) -> str:
  """Returns the whole text; `text` of a long post ends after 280 characters."""
  for name in ("note_tweet", "note_post"):
    note = data.get(name)
    if isinstance(note, dict) and isinstance(note.get("text"), str):
      return html.unescape(note["text"])
  return html.unescape(str(data.get("text") or ""))


def _author(message: dict[str, Any]) -> str | None:
  author = message["data"].get("author_id")
  includes = message.get("includes")
  users = includes.get("users") if isinstance(includes, dict) else None
  for user in users if isinstance(users, list) else ():
    if isinstance(user, dict) and user.get("id") == author and user.get("username"):
      return str(user["username"])
  return None if author is None else str(author)


def epoch_ms(text: Any) -> int | None:
  """Returns a time that X writes as RFC 3339, None for anything else."""
  try:
    return round(datetime.fromisoformat(text).timestamp() * 1000)
  except (TypeError, ValueError):
    return None
