"""A request as tokens: words, numbers and signs, each with its place in the text."""

import re
import unicodedata
from dataclasses import dataclass

WORD = "word"
NUMBER = "number"
HANDLE = "handle"
CASHTAG = "cashtag"
HASHTAG = "hashtag"
ADDRESS = "address"
SIGN = "sign"

_PATTERNS = (
  # An account or contract of an EVM chain; a Solana address is base58 of 32 bytes.
  (ADDRESS, re.compile(r"0x[0-9a-fA-F]{40}(?!\w)")),
  (ADDRESS, re.compile(r"(?=[1-9A-HJ-NP-Za-km-z]*[1-9])[1-9A-HJ-NP-Za-km-z]{32,44}(?!\w)")),
  # Bluesky's handles are domain names: @alice.bsky.social.
  (HANDLE, re.compile(r"@[A-Za-z_][A-Za-z0-9_]*(?:[.-][A-Za-z0-9_]+)*")),
  (CASHTAG, re.compile(r"\$[A-Za-z][A-Za-z0-9]*")),
  (HASHTAG, re.compile(r"#[^\W_]\w*")),
  (NUMBER, re.compile(r"\d{1,3}(?:[,_]\d{3})+(?:\.\d+)?(?![\d])|\d+(?:\.\d+)?(?:[eE]\d+)?|\.\d+")),
  (WORD, re.compile(r"[^\W\d_](?:[^\W_]|['’](?=[^\W\d_]))*")),
  (SIGN, re.compile(r">=|<=|=>|->|\.\.\.|\S")),
)
# In 1m30s and 5min the unit ends where its letters end.
_UNIT = re.compile(r"[^\W\d_]+")
_SPACE = re.compile(r"\s+")


@dataclass(slots=True)
class Token:
  """A piece of the text from `start` to `end`. `word` is what it is looked up as: lower case, one
  form of every letter, and put right where it was misspelt; `glued` says that nothing stands
  between it and the token before, `capitals` that it is written as tickers are, in a text that is
  not in capital letters throughout."""

  kind: str
  text: str
  start: int
  end: int
  word: str
  glued: bool
  capitals: bool = False
  corrected: bool = False


def tokenise(text: str) -> list[Token]:
  """All tokens of a text in order; together they cover everything but its white space."""
  tokens: list[Token] = []
  shouted = text.isupper()
  at = 0
  while at < len(text):
    space = _SPACE.match(text, at)
    if space is not None:
      at = space.end()
      continue
    glued = bool(tokens) and tokens[-1].end == at
    if glued and tokens[-1].kind == NUMBER and (found := _UNIT.match(text, at)):
      kind = WORD
    else:
      kind, found = _first(text, at)
    written = found[0]
    capitals = not shouted and len(written) > 1 and written.isupper()
    tokens.append(Token(kind, written, at, found.end(), _plain(written), glued, capitals))
    at = found.end()
  return tokens


def _first(text: str, at: int) -> tuple[str, re.Match[str]]:
  for kind, pattern in _PATTERNS:
    found = pattern.match(text, at)
    if found is not None:
      return kind, found
  raise AssertionError("the last pattern takes any character that is not white space")


def _plain(text: str) -> str:
  return unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
