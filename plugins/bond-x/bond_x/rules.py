"""Rules of the filtered stream: what finds an asset, and what has to change at X.

Source: X API v2, "Build a rule" and "Filtered stream: rules". Rules outlive connections and belong
to the app, so only those with Bond's own tag are ever deleted.
"""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

from bond_social.assets import terms_of

MAX_RULE = 1024
TAG = "bond:"


def rule_of(asset: str, query: str, words: Iterable[str], retweets: bool) -> str:
  """The rule for posts about an asset ("" for none in particular) that match the query."""
  parts = []
  if asset:
    terms = [f'"{term}"' if " " in term else term for term in terms_of(asset, words)]
    parts.append(f"({' OR '.join(terms)})" if len(terms) > 1 else terms[0])
  if query:
    parts.append(f"({query})")
  if not retweets:
    parts.append("-is:retweet")
  return " ".join(parts)


def tag_of(rule: str) -> str:
  """The tag that a rule is known by in `matching_rules`."""
  return TAG + blake2b(rule.encode(), digest_size=8).hexdigest()


def changes(there: list[dict[str, Any]], wanted: Iterable[str]) -> tuple[list[str], list[str]]:
  """The ids to delete and the rules to add, so that X has the wanted ones and all foreign ones."""
  tags = {tag_of(rule): rule for rule in wanted}
  ours = {rule["id"]: rule.get("tag") or "" for rule in there}
  delete = [name for name, tag in ours.items() if tag.startswith(TAG) and tag not in tags]
  present = set(ours.values())
  return delete, [rule for tag, rule in tags.items() if tag not in present]
