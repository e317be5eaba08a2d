"""Languages of posts: English tweets, posts in Japanese."""

from collections.abc import Sequence

from bond_english.text.chunks import Chunk, filter_chunk
from bond_english.text.phrases import match_words
from bond_english.text.tokens import Token

# ISO 639-1 codes.
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

WORDS = frozenset(_LANGUAGES)


def language_at(tokens: Sequence[Token], first: int) -> Chunk | None:
  """The language that begins at `first`: a filter with `lang`."""
  if tokens[first].word in ("lang", "language"):
    return _value(tokens, first)
  at = match_words(tokens, first, ("in",)) or first
  if at >= len(tokens) or tokens[at].word not in _LANGUAGES:
    return None
  end = at + 1
  end += end < len(tokens) and tokens[end].word in ("language", "only")
  return filter_chunk("lang", first, end, {"lang": _LANGUAGES[tokens[at].word]})


def _value(tokens: Sequence[Token], first: int) -> Chunk | None:
  """The language of lang='en' and "lang": "english"."""
  at = first + 1
  while at < len(tokens) and tokens[at].text in ("=", ":", "'", '"'):
    at += 1
  if at in (first + 1, len(tokens)):
    return None
  word = tokens[at].word
  code = word if word in _LANGUAGES.values() else _LANGUAGES.get(word)
  end = at + 1
  end += end < len(tokens) and tokens[end].text == tokens[at - 1].text
  return None if code is None else filter_chunk("lang", first, end, {"lang": code})
