"""Rules of the filtered stream, with the operators that Bond uses.

Source: X API v2, "Build a rule": a blank is AND and binds closer than OR, `-` negates, groups are
in parentheses; keywords, "phrases", #hashtags, $cashtags, from:, lang: and is:retweet.
"""

import re
from collections.abc import Callable
from typing import Any

from bond_simkit import SimulatorError

PostPredicate = Callable[[dict[str, Any]], bool]
"""Whether a post matches."""

MAX_RULE = 1024
MAX_NESTED = 50
_TOKEN = re.compile(r'\s*(\(|\)|-(?=\S)|"[^"]*"|[^\s()"]+)')
_WORDS = re.compile(r"[#$]?\w+")


def compile_rule(value: str) -> PostPredicate:
  """The predicate of a rule. Raises SimulatorError for a text that is not a rule."""
  tokens = _TOKEN.findall(value)
  if not tokens or len(value) > MAX_RULE:
    raise SimulatorError(f"a rule has 1 to {MAX_RULE} characters")
  matches, at = _either(tokens, 0, 0)
  if at < len(tokens):
    raise SimulatorError("a parenthesis is closed that was not opened")
  return matches


def _either(tokens: list[str], at: int, depth: int) -> tuple[PostPredicate, int]:
  if depth > MAX_NESTED:
    raise SimulatorError("the rule is nested too deeply")
  parts = []
  while True:
    matches, at = _all(tokens, at, depth)
    parts.append(matches)
    if at >= len(tokens) or tokens[at] != "OR":
      return lambda post: any(part(post) for part in parts), at
    at += 1


def _all(tokens: list[str], at: int, depth: int) -> tuple[PostPredicate, int]:
  parts: list[PostPredicate] = []
  while at < len(tokens) and tokens[at] not in (")", "OR"):
    negated = tokens[at] == "-"
    at += negated
    if at < len(tokens) and tokens[at] == "(":
      matches, at = _either(tokens, at + 1, depth + 1)
      if at >= len(tokens):
        raise SimulatorError("a parenthesis is not closed")
    elif at < len(tokens) and tokens[at] not in (")", "OR"):
      matches = _operator(tokens[at])
    else:
      raise SimulatorError("nothing stands behind a minus")
    at += 1
    parts.append(_not(matches) if negated else matches)
  if not parts:
    raise SimulatorError("a part of the rule is empty")
  return lambda post: all(part(post) for part in parts), at


def _not(matches: PostPredicate) -> PostPredicate:
  return lambda post: not matches(post)


def _operator(token: str) -> PostPredicate:
  name, colon, value = token.partition(":")
  if colon and name == "lang":
    return lambda post: bool(post["lang"] == value)
  if colon and name == "from":
    return lambda post: bool(post["username"] == value.removeprefix("@"))
  if token == "is:retweet":
    return lambda post: str(post["text"]).startswith("RT @")
  phrase = _WORDS.findall(token.strip('"').casefold())
  size = len(phrase)
  if not phrase:
    raise SimulatorError(f"{token!r} is not an operator")

  def found(post: dict[str, Any]) -> bool:
    words = _WORDS.findall(post["text"].casefold())
    return any(words[start : start + size] == phrase for start in range(len(words)))

  return found
