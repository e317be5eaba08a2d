"""Wishes to be told when something happens: alert me, send me a mail whenever, let me know if.

Bond sends no messages, so by which means does not matter: somebody does something for "me" or "us",
perhaps with a thing, under a condition.
"""

from collections.abc import Sequence

from bond_english.text.chunks import ALERT, Chunk
from bond_english.text.phrases import PhraseTable
from bond_english.text.tokens import WORD, Token
from bond_english.words import filler, split_phrases, unsupported
from bond_english.words.lexicon import ASSET_NAMES, EVENT_NAMES, KIND_NAMES, METRIC_NAMES

_PHRASES = PhraseTable((phrase, phrase) for phrase in unsupported.ALERTS)
_CONDITIONS = PhraseTable(
  (phrase, None)
  for phrase in split_phrases(
    "when; if; whenever; once; as soon as; the moment; the second; every time; each time"
  )
)
_NOT_OFFERED = frozenset(unsupported.NOT_OFFERED)
_PERSONS = frozenset(("me", "us"))
_ARTICLES = frozenset(("a", "an", "the", "some", "by", "via", "over", "on", "through"))
_VERBS = frozenset(("know", "up"))
"""Let me know, wake me up."""
_DATA = (ASSET_NAMES, EVENT_NAMES, KIND_NAMES, METRIC_NAMES)
MAX_THING = 4
"""Words of "a quick text message"."""


def alert_at(tokens: Sequence[Token], first: int) -> Chunk | None:
  """The wish that begins at `first`."""
  end = _wish(tokens, first)
  if end is None:
    found = _PHRASES.longest_at(tokens, first)
    if found is None:
      return None
    end = found[1]
  return Chunk(ALERT, first, end, " ".join(token.word for token in tokens[first:end]))


def _wish(tokens: Sequence[Token], first: int) -> int | None:
  """The index after VERB me [a THING] when."""
  at = first + 1
  if tokens[first].kind != WORD or at >= len(tokens) or tokens[at].word not in _PERSONS:
    return None
  if any(tokens[first].word in table.words for table in _DATA):
    return None
  at += 1
  begun = at
  while at < len(tokens) and at - begun <= MAX_THING:
    condition = _CONDITIONS.longest_at(tokens, at)
    if condition is not None:
      return condition[1]
    if not _is_thing(tokens[at], first=at == begun):
      return None
    at += 1
  return None


def _is_thing(token: Token, *, first: bool) -> bool:
  """Whether a word may be what is sent, or how: a mail, by phone; no data."""
  if token.word in _ARTICLES or (first and token.word in _VERBS):
    return True
  data = any(token.word in table.words for table in _DATA)
  # What goes out by Telegram is asked about.
  return not (data or token.word in _NOT_OFFERED or token.word in filler.FILLER)
