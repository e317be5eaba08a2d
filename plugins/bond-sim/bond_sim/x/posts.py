"""Posts and their authors in X's form."""

from typing import Any

from bond_sim.x.times import iso

AUTHORS = ("anna", "bo", "chris")


def post_and_author(post: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
  """A generated post and its author, as X writes them."""
  username = post["username"]
  author = str(1000 + AUTHORS.index(username) if username in AUTHORS else 999)
  data = {
    "author_id": author,
    "created_at": iso(post["created_ms"]),
    "edit_history_tweet_ids": [post["id"]],
    "id": post["id"],
    "lang": post["lang"],
    "public_metrics": {"like_count": 0, "quote_count": 0, "reply_count": 0, "retweet_count": 0},
    "text": post["text"],
  }
  return data, {"id": author, "name": username.title(), "username": username}
