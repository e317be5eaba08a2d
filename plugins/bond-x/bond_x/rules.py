"""Rules of the filtered stream: those that find an asset, and what has to change at X.

Source: X API v2, "Build a rule" and "Filtered stream: rules". Rules outlive connections and belong
to the app, so only those with Bond's own tag are ever deleted.
"""

import re
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

from bond_social import terms_of

MAX_RULE = 1024
TAG = "bond:"

_PLAIN = re.compile(r"[#$@]?\w+")
_OPERATORS = ("OR", "AND", "NOT")


def rule_of(asset: str, query: str, words: Iterable[str], retweets: bool) -> str:
  """Returns the rule for posts about an asset ("" for any) that match the query."""
  parts = []
  if asset:
    terms = [_quoted(term) for term in terms_of(asset, words)]
    parts.append(f"({' OR '.join(terms)})" if len(terms) > 1 else terms[0])
  if query:
    parts.append(f"({query})")
  if not retweets:
    parts.append("-is:retweet")
  return " ".join(parts)


def _quoted(term: str) -> str:
  """Returns a term as X's rules have it: what has punctuation or blanks is found in quotes only,
  and outside of them a minus, a colon or a parenthesis is an operator."""
  if _PLAIN.fullmatch(term) and term not in _OPERATORS:
    return term
  return f'"{term.replace(chr(34), " ").strip()}"'


def tag_of(rule: str) -> str:
  """Returns the tag by which `matching_rules` names a rule."""
  return TAG + blake2b(rule.encode(), digest_size=8).hexdigest()


def changes(existing: list[dict[str, Any]], rules: Iterable[str]) -> tuple[list[str], list[str]]:
  """Returns the ids to delete and the rules to add, so that X has these rules and all that are not
  Bond's."""
  tags = {tag_of(rule): rule for rule in rules}
  tag_by_id = {str(rule["id"]): str(rule.get("tag") or "") for rule in existing if "id" in rule}
  delete = [name for name, tag in tag_by_id.items() if tag.startswith(TAG) and tag not in tags]
  present = set(tag_by_id.values())
  others = {str(rule.get("value")) for rule in existing if str(rule.get("id")) not in delete}
  add = [rule for tag, rule in tags.items() if tag not in present and rule not in others]
  return delete, add


def borrowed(existing: list[dict[str, Any]], rules: Iterable[str]) -> dict[str, str]:
  """Returns Bond's tags of rules that others have made with tags of their own, by id: X takes no
  rule twice, so theirs is read, too."""
  wanted = set(rules)
  return {
    str(rule["id"]): tag_of(rule["value"])
    for rule in existing
    if "id" in rule
    and isinstance(rule.get("value"), str)
    and rule["value"] in wanted
    and rule.get("tag") != tag_of(rule["value"])
  }
