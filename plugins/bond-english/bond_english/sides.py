"""Sides, positions and languages: buys, sell trades, long liquidations, English tweets."""

from collections.abc import Sequence

from bond_english.marks import FILLER, Mark, filtered
from bond_english.phrases import Phrases, follow
from bond_english.tokens import Token
from bond_english.words import phrases

_SIDES = {"buys": "buy", "buyers": "buy", "sells": "sell", "sellers": "sell"}
_BOTH = Phrases(
  (phrase, None)
  for phrase in phrases(
    "buy and sell; sell and buy; buys and sells; sells and buys; long and short; longs and shorts"
  )
)
_LANGUAGES = {
  "english": "en",
  "spanish": "es",
  "japanese": "ja",
  "korean": "ko",
  "german": "de",
  "french": "fr",
  "chinese": "zh",
  "portuguese": "pt",
  "turkish": "tr",
  "russian": "ru",
  "italian": "it",
  "dutch": "nl",
  "arabic": "ar",
  "hindi": "hi",
  "indonesian": "id",
}

WORDS = frozenset((*_SIDES, *_LANGUAGES, "buy", "sell", "long", "short", "longs", "shorts"))


def side_at(tokens: Sequence[Token], first: int) -> Mark | None:
  """The side of trades or of liquidated positions that begins at `first`; both sides are all."""
  both = _BOTH.at(tokens, first)
  if both is not None:
    return Mark(FILLER, first, both[1])
  word = tokens[first].word
  after = tokens[first + 1].word if first + 1 < len(tokens) else ""
  before = tokens[first - 1].word if first else ""
  if word in ("long", "short", "longs", "shorts"):
    beside = after.startswith("liq") or before.startswith("liq")
    if not beside and word in ("long", "short"):
      return None
    return filtered("position", first, first + 1, {"position": word.rstrip("s")})
  if word == "market" and after in _SIDES:
    return filtered("side", first, first + 2, {"side": _SIDES[after]})
  if word in _SIDES:
    return filtered("side", first, first + 1, {"side": _SIDES[word]})
  if word not in ("buy", "sell"):
    return None
  third = tokens[first + 2].word if first + 2 < len(tokens) else ""
  if after == "/" and third in ("buy", "sell"):
    return Mark(FILLER, first, first + 3)
  return filtered("side", first, first + 1 + (after in ("side", "pressure")), {"side": word})


def language_at(tokens: Sequence[Token], first: int) -> Mark | None:
  """English tweets, posts in Japanese."""
  at = follow(tokens, first, ("in",)) or first
  if at >= len(tokens) or tokens[at].word not in _LANGUAGES:
    return None
  end = at + 1
  end += end < len(tokens) and tokens[end].word in ("language", "only")
  return filtered("lang", first, end, {"lang": _LANGUAGES[tokens[at].word]})
