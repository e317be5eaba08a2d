"""Jetstream's messages, and which of them are posts that somebody looks for.

Source: bluesky-social/jetstream, README (v1), and the lexicon app.bsky.feed.post. A record is what
its author's server made of it: any field may be missing or of another type.
"""

from collections.abc import Mapping
from typing import Any

import attrs
import msgspec
from bond_social.matching import Term, Words

from bond_core import Post

COLLECTION = "app.bsky.feed.post"
_TAG = "app.bsky.richtext.facet#tag"


@attrs.frozen
class Message:
  """One message. `rkey` and `record` are there where it is a new post."""

  time_us: int
  did: str
  rkey: str = ""
  record: dict[str, Any] | None = None


def read_message(data: bytes) -> Message:
  """A message of the stream. Raises ValueError for what is none."""
  found = msgspec.json.decode(data)
  if not isinstance(found, dict):
    raise ValueError("no object")
  time_us, did, commit = found.get("time_us"), found.get("did"), found.get("commit")
  if type(time_us) is not int or not 0 < time_us < 1 << 62 or not isinstance(did, str):
    raise ValueError("no time_us or no did")
  if not isinstance(commit, dict) or commit.get("collection") != COLLECTION:
    return Message(time_us, did)
  rkey, record = commit.get("rkey"), commit.get("record")
  if commit.get("operation") != "create" or not isinstance(record, dict):
    return Message(time_us, did)
  if not isinstance(rkey, str):
    raise ValueError("no rkey")
  return Message(time_us, did, rkey, record)


@attrs.frozen
class Wanted:
  """What a source looks for; assets with their terms, and `authors` with their handles."""

  assets: dict[str, list[Term]]
  query: list[Term]
  authors: Mapping[str, str]
  lang: str | None

  def posts(self, message: Message, words: Words) -> list[Post]:
    """One event for each asset that the post is about, so that it counts to each; one without an
    asset where none is looked for."""
    record = message.record
    if record is None or (self.authors and message.did not in self.authors):
      return []
    langs = _texts(record.get("langs"))
    if self.lang is not None and not any(_is_in(self.lang, lang) for lang in langs):
      return []
    if not words.has_all(self.query):
      return []
    assets = [asset for asset, terms in self.assets.items() if words.has_any(terms)]
    if self.assets and not assets:
      return []
    return [
      Post(
        exchange="bluesky",
        symbol=asset,
        ts_exchange=message.time_us // 1000,
        text=str(record.get("text") or ""),
        tweet_id=f"at://{message.did}/{COLLECTION}/{message.rkey}",
        user=self.authors.get(message.did, message.did),
        lang=langs[0] if langs else None,
        symbols=assets,
      )
      for asset in assets or [""]
    ]


def words_of(record: dict[str, Any]) -> Words:
  """The words of a post, with the tags that its text does not show."""
  tags = _texts(record.get("tags"))
  facets = record.get("facets")
  for facet in facets if isinstance(facets, list) else ():
    features = facet.get("features") if isinstance(facet, dict) else None
    for feature in features if isinstance(features, list) else ():
      if isinstance(feature, dict) and feature.get("$type") == _TAG:
        tags += _texts([feature.get("tag")])
  text = record.get("text")
  return Words(text if isinstance(text, str) else "", tags)


def _texts(value: Any) -> list[str]:
  return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def _is_in(wanted: str, lang: str) -> bool:
  """Whether en is the language of en-US."""
  return lang.lower().partition("-")[0] == wanted.lower() or lang.lower() == wanted.lower()
