"""Which posts a rule matches: the operators of the filtered stream that Bond uses.

Source: X API v2, "Build a rule": a blank is AND and binds closer than OR, `-` negates, groups are
in parentheses; keywords, "phrases", #hashtags, $cashtags, from:, lang: and is:retweet.
"""

import re
from collections.abc import Callable
from typing import Any

from bond_sim.errors import SimulatorError

Test = Callable[[dict[str, Any]], bool]

MAX_RULE = 1024
MAX_NESTED = 50
_TOKEN = re.compile(r'\s*(\(|\)|-(?=\S)|"[^"]*"|[^\s()"]+)')
_WORDS = re.compile(r"[#$]?\w+")


def compile_rule(value: str) -> Test:
  """A test of posts; SimulatorError for what is no rule."""
  tokens = _TOKEN.findall(value)
  if not tokens or len(value) > MAX_RULE:
    raise SimulatorError(f"a rule has 1 to {MAX_RULE} characters")
  test, at = _either(tokens, 0, 0)
  if at < len(tokens):
    raise SimulatorError("a parenthesis is closed that was not opened")
  return test


def _either(tokens: list[str], at: int, depth: int) -> tuple[Test, int]:
  if depth > MAX_NESTED:
    raise SimulatorError("the rule is nested too deeply")
  parts = []
  while True:
    test, at = _all(tokens, at, depth)
    parts.append(test)
    if at >= len(tokens) or tokens[at] != "OR":
      return lambda post: any(part(post) for part in parts), at
    at += 1


def _all(tokens: list[str], at: int, depth: int) -> tuple[Test, int]:
  parts: list[Test] = []
  while at < len(tokens) and tokens[at] not in (")", "OR"):
    negated = tokens[at] == "-"
    at += negated
    if at < len(tokens) and tokens[at] == "(":
      test, at = _either(tokens, at + 1, depth + 1)
      if at >= len(tokens):
        raise SimulatorError("a parenthesis is not closed")
    elif at < len(tokens) and tokens[at] not in (")", "OR"):
      test = _operator(tokens[at])
    else:
      raise SimulatorError("nothing stands behind a minus")
    at += 1
    parts.append(_not(test) if negated else test)
  if not parts:
    raise SimulatorError("a part of the rule is empty")
  return lambda post: all(part(post) for part in parts), at


def _not(test: Test) -> Test:
  return lambda post: not test(post)


def _operator(token: str) -> Test:
  name, colon, value = token.partition(":")
  if colon and name == "lang":
    return lambda post: bool(post["lang"] == value)
  if colon and name == "from":
    return lambda post: bool(post["username"] == value.removeprefix("@"))
  if token == "is:retweet":
    return lambda post: str(post["text"]).startswith("RT @")
  wanted = _WORDS.findall(token.strip('"').casefold())
  size = len(wanted)
  if not wanted:
    raise SimulatorError(f"{token!r} is no operator")

  def found(post: dict[str, Any]) -> bool:
    words = _WORDS.findall(post["text"].casefold())
    return any(words[start : start + size] == wanted for start in range(len(words)))

  return found
