"""What posts and news are about, where it is no asset: tweets about elon musk, news on the ETF."""

from bond_english.meaning.findings import Findings
from bond_english.meaning.request import Scope
from bond_english.text.chunks import (
  ASSET,
  ASSUMED,
  CONJUNCTION,
  FILLER,
  KIND,
  OPERATOR,
  PAIR,
  PLAIN,
  PREPOSITION,
  QUERY,
  QUOTE,
  UNKNOWN,
  VENUE,
  Chunk,
)
from bond_english.words import data

_CITING = frozenset(("mentioning", "containing"))
_ABOUT_WORDS = _CITING | {"about", "regarding", "concerning"}
_WORDS = frozenset(("word", "words", "keyword", "keywords", "phrase", "term"))
_VERBS = frozenset(("mention", "mentions", "contain", "contains", "say", "says"))
"""After "that" and the like: posts which mention listing."""


def find_topics(request: Scope, findings: Findings) -> None:
  """Takes unknown words after "tweets about" for words to search for, with a warning."""
  texts = False
  for index, chunk in enumerate(request.chunks):
    if chunk.role == KIND:
      texts = not data.TEXTS.isdisjoint(chunk.value)
    if not texts or chunk.left_out or chunk.role not in (PREPOSITION, FILLER, PLAIN):
      continue
    word = request.first_word(chunk)
    said = index and request.first_word(request.chunks[index - 1]) in ("that", "which", "who")
    if word in _ABOUT_WORDS | _WORDS or (said and word in _VERBS):
      _find_topic(request, findings, index + 1)
  for chunk in request.having(QUERY):
    written = request.text_of(chunk)
    if not chunk.facts:
      query = written if written.startswith("#") else written[1:-1].strip()
      chunk.facts.append(("filter", {"query": query}, chunk.how))


def _find_topic(request: Scope, findings: Findings, first: int) -> None:
  about = request.first_word(request.chunks[first - 1]) in _ABOUT_WORDS
  if about and first < len(request.chunks) and request.chunks[first].role == VENUE:
    # Tweets about Binance are not data of Binance.
    chunk = request.chunks[first]
    chunk.role, chunk.facts = QUERY, [("filter", {"query": request.text_of(chunk)}, chunk.how)]
    _find_next(request, findings, first + 1)
    return
  topic: list[Chunk] = []
  for chunk in request.chunks[first:]:
    if chunk.role in (ASSET, PAIR) and not topic:
      # News about the ethereum ETF are about both.
      continue
    ended = request.first_word(chunk) in (".", "!", "?", ";")
    if ended or chunk.role not in (UNKNOWN, FILLER, PLAIN, QUOTE, OPERATOR) or chunk.left_out:
      break
    topic.append(chunk)
  _find_next(request, findings, first + len(topic))
  said = request.first_word(request.chunks[first - 1]) in _VERBS | _CITING
  while topic and (topic[-1].role == FILLER or (topic[-1].role == PLAIN and not said)):
    topic.pop()
  while topic and topic[0].role == FILLER:
    topic.pop(0)
  if not any(chunk.role == UNKNOWN or (said and chunk.role == PLAIN) for chunk in topic):
    return
  tokens = request.tokens
  query = request.text[tokens[topic[0].first].start : tokens[topic[-1].end - 1].end]
  for chunk in topic:
    chunk.role, chunk.value, chunk.how = QUERY, query, ASSUMED
    chunk.facts = [("filter", {"query": query}, ASSUMED)]
  findings.warn(f"{query!r} is taken for words to search for")


def _find_next(request: Scope, findings: Findings, at: int) -> None:
  """Searches for the word after "and", too: mentioning coinbase and hack."""
  after = request.chunks[at : at + 2]
  words = [chunk.role for chunk in after] == [CONJUNCTION, UNKNOWN]
  if words and after[0].value in ("and", "&", "+") and not after[1].left_out:
    _find_topic(request, findings, at + 1)
