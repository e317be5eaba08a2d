"""Messages of Jetstream.

Source: bluesky-social/jetstream, README (v1), and the lexicon app.bsky.feed.post. A record is what
its author's server made of it: any field may be missing or of another type.
"""

from typing import Any

import attrs
import msgspec
from bond_social import Words

COLLECTION = "app.bsky.feed.post"
_TAG = "app.bsky.richtext.facet#tag"


@attrs.frozen
class Message:
  """One message, at `time_us` (epoch microseconds). A new post has `rkey` and `record`. What the
  server says about the stream itself has `notice`, and no time."""

  time_us: int
  did: str
  rkey: str = ""
  record: dict[str, Any] | None = None
  notice: str | None = None


def read_message(data: bytes) -> Message:
  """Returns a message of the stream. Raises ValueError where it cannot be read."""
  found = msgspec.json.decode(data)
  if not isinstance(found, dict):
    raise ValueError("no object")
  if found.get("kind") == "info" and "did" not in found:
    return Message(0, "", notice=" ".join(texts_in([found.get("name"), found.get("message")])))
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


def words_of(record: dict[str, Any]) -> Words:
  """Returns the words of a post, with the tags that its text does not show."""
  tags = texts_in(record.get("tags"))
  facets = record.get("facets")
  for facet in facets if isinstance(facets, list) else ():
    features = facet.get("features") if isinstance(facet, dict) else None
    for feature in features if isinstance(features, list) else ():
      if isinstance(feature, dict) and feature.get("$type") == _TAG:
        tags += texts_in([feature.get("tag")])
  text = record.get("text")
  return Words(text if isinstance(text, str) else "", tags)


def texts_in(value: Any) -> list[str]:
  """Returns the texts in a list, and no texts where it is no list."""
  return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
