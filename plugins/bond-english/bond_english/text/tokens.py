"""A request as tokens: words, numbers and signs, each with its position in the text."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

TokenKind: TypeAlias = Literal["word", "number", "handle", "cashtag", "hashtag", "address", "sign"]

WORD: Final = "word"
NUMBER: Final = "number"
HANDLE: Final = "handle"
CASHTAG: Final = "cashtag"
HASHTAG: Final = "hashtag"
ADDRESS: Final = "address"
SIGN: Final = "sign"

_PATTERNS: tuple[tuple[TokenKind, re.Pattern[str]], ...] = (
  # An account or contract of an EVM chain, an address of Bitcoin; one of Solana is base58 of 32
  # bytes.
  (ADDRESS, re.compile(r"0x[0-9a-fA-F]{40}(?!\w)")),
  (ADDRESS, re.compile(r"bc1[a-z0-9]{11,87}(?!\w)|[13][1-9A-HJ-NP-Za-km-z]{25,33}(?!\w)")),
  (ADDRESS, re.compile(r"(?=[1-9A-HJ-NP-Za-km-z]*[1-9])[1-9A-HJ-NP-Za-km-z]{32,44}(?!\w)")),
  # Bluesky's handles are domain names: @alice.bsky.social.
  (HANDLE, re.compile(r"@[A-Za-z_][A-Za-z0-9_]*(?:[.-][A-Za-z0-9_]+)*")),
  (CASHTAG, re.compile(r"\$[A-Za-z][A-Za-z0-9]*")),
  (HASHTAG, re.compile(r"#[^\W_]\w*")),
  # 500 000, with a narrow space or a usual one.
  (NUMBER, re.compile(r"\d{1,3}(?:[\u00a0\u2009\u202f]\d{3})+(?!\w)|\d{1,3}(?: \d{3})* 000(?!\w)")),
  (NUMBER, re.compile(r"\d{1,3}(?:[,_]\d{3})+(?:\.\d+)?(?![\d])|\d+(?:\.\d+)?(?:[eE]\d+)?|\.\d+")),
  (WORD, re.compile(r"[^\W\d_](?:[^\W_]|['’](?=[^\W\d_]))*")),
  (SIGN, re.compile(r">=|<=|=>|->|\.\.\.|\S")),
)
# In 1m30s and 5min the unit ends where its letters end.
_UNIT = re.compile(r"[^\W\d_]+")
# In depth20, top5 and books5 the number begins where the letters end.
_NUMBERED = re.compile(r"(?:depth|top|(?:order)?books?|candles?|klines?)(?=\d)", re.IGNORECASE)
_SPACE = re.compile(r"\s+")


@dataclass(slots=True)
class Token:
  """A piece of the text from character `start` up to `end`.

  `word` is its form for look-up: lower case, letters normalised (NFKC), spelling corrected.
  `attached` says that no space separates it from the token before. `uppercase` says that it is
  written like a ticker, in a text that is not in capital letters throughout.
  """

  kind: TokenKind
  text: str
  start: int
  end: int
  word: str
  attached: bool
  uppercase: bool = False
  corrected: bool = False


def tokenise(text: str) -> list[Token]:
  """All tokens of a text in order; together they cover everything but its white space."""
  tokens: list[Token] = []
  all_capitals = text.isupper()
  at = 0
  while at < len(text):
    space = _SPACE.match(text, at)
    if space is not None:
      at = space.end()
      continue
    attached = bool(tokens) and tokens[-1].end == at
    kind: TokenKind
    if attached and _begins_with_letters(tokens) and (unit := _UNIT.match(text, at)):
      kind, match = WORD, unit
    elif attached and text[at] in "@." and tokens[-1].kind in (WORD, NUMBER):
      # The name of a channel, btcusdt@depth20 or orderbook.50, and no account or fraction.
      kind, match = _sign(text, at)
    elif numbered := _NUMBERED.match(text, at):
      kind, match = WORD, numbered
    else:
      kind, match = _first_match(text, at)
    written = match[0]
    uppercase = not all_capitals and len(written) > 1 and written.isupper()
    tokens.append(Token(kind, written, at, match.end(), folded(written), attached, uppercase))
    at = match.end()
  return tokens


def _begins_with_letters(tokens: list[Token]) -> bool:
  """Whether letters after these tokens are a word without the digits that follow: of a unit
  (1m30s), or of a channel (@depth20)."""
  channel = len(tokens) > 1 and tokens[-1].text == "@" and tokens[-1].attached
  return tokens[-1].kind == NUMBER or channel


def _sign(text: str, at: int) -> tuple[TokenKind, re.Match[str]]:
  match = _PATTERNS[-1][1].match(text, at)
  assert match is not None
  return SIGN, match


def _first_match(text: str, at: int) -> tuple[TokenKind, re.Match[str]]:
  for kind, pattern in _PATTERNS:
    match = pattern.match(text, at)
    if match is not None:
      return kind, match
  raise AssertionError("the last pattern matches any character that is not white space")


def folded(text: str) -> str:
  """A word in its form for look-up."""
  return unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
