"""Texts from outside, for logs and terminals."""

import re

MAX_TEXT = 4000
"""Characters of one text that are shown."""

# Controls end lines and move cursors; changes of direction show letters in another order.
_NOT_PLAIN = re.compile(
  "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def one_line(text: str) -> str:
  """The text as one line: what a terminal would obey is written as an escape, and a long text is
  cut."""
  return plain(text).replace("\n", "\\n").replace("\t", " ")


def plain(text: str) -> str:
  """The text with its lines, without anything else that a terminal would obey; a long one is
  cut."""
  if len(text) > MAX_TEXT:
    text = f"{text[:MAX_TEXT]}… ({len(text) - MAX_TEXT} more characters)"
  return _NOT_PLAIN.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
  return found[0].encode("unicode_escape").decode()
