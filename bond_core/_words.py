"""What another side says in an error: its own words, for the user."""

import re
from collections.abc import Iterable, Iterator

import msgspec

from bond_core._redact import HIDDEN, redact_text

MOST_READ = 16 * 1024
MOST_DEEP = 4
MOST_PARTS = 6
SHORTEST_SECRET = 12

_NAMES = (
  "title", "detail", "details", "message", "msg", "retMsg", "ret_msg", "reason", "description",
  "error", "errors", "error_description", "data",
)  # fmt: skip
_TITLE = re.compile(r"<title[^>]{0,200}>(.{0,500}?)</title", re.IGNORECASE | re.DOTALL)
_HIDDEN_PARTS = re.compile(
  r"<(script|style)\b.*?</\1[^>]{0,20}>|<!--.*?-->|<[^>]*(>|$)", re.IGNORECASE | re.DOTALL
)


def own_words(answer: bytes | str, most: int = 300, hidden: Iterable[str] = ()) -> str:
  """The words of an answer as one line of at most so many characters: of JSON its messages, of a
  page its title, else the text. Secrets, those in `hidden` among them, are left out; "" for an
  answer that says nothing."""
  text = answer[:MOST_READ]
  text = text.decode(errors="ignore") if isinstance(text, bytes) else text
  try:
    if not text.lstrip().startswith(("{", "[", '"')):
      raise ValueError("it is no JSON")
    parts = list(dict.fromkeys(_messages(msgspec.json.decode(text), 0)))[:MOST_PARTS]
    text = ": ".join(part.rstrip(" .:") for part in parts)
  except (ValueError, RecursionError):
    found = _TITLE.search(text)
    text = _HIDDEN_PARTS.sub(" ", found[1] if found else text)
  for secret in hidden:
    if len(secret) >= SHORTEST_SECRET:
      text = text.replace(secret, HIDDEN)
  line = redact_text(" ".join("".join(c if c.isprintable() else " " for c in text).split()))
  return line if len(line) <= most else f"{line[: most - 1]}…"


def said(answer: bytes | str, hidden: Iterable[str] = ()) -> str:
  """The same to be put behind a sentence: a colon and the words, or nothing."""
  words = own_words(answer, hidden=hidden)
  return f": {words}" if words else ""


def _messages(value: object, depth: int) -> Iterator[str]:
  if isinstance(value, str):
    if value.strip():
      yield value.strip()
  elif isinstance(value, list) and depth < MOST_DEEP:
    for item in value[:MOST_PARTS]:
      yield from _messages(item, depth + 1)
  elif isinstance(value, dict) and depth < MOST_DEEP:
    for name in _NAMES:
      yield from _messages(value.get(name), depth + 1)
