"""What texts are about, when it is no asset: tweets about elon musk, news on the ETF."""

from bond_english.draft import Draft
from bond_english.marks import (
  ASSET,
  ASSUMED,
  FILLER,
  KIND,
  OF,
  PAIR,
  QUERY,
  QUOTE,
  UNKNOWN,
  VENUE,
  Mark,
)
from bond_english.words import data

_ABOUT = frozenset(("about", "mentioning", "containing", "regarding", "concerning"))


def find_topics(draft: Draft) -> None:
  """Takes unknown words behind "tweets about" for the words to search for, and says so."""
  texts = False
  for number, mark in enumerate(draft.marks):
    if mark.slot == KIND:
      texts = not data.TEXTS.isdisjoint(mark.value)
    if texts and mark.slot in (OF, FILLER) and draft.word(mark) in _ABOUT and not mark.left_out:
      _topic(draft, number + 1)
  for mark in draft.of(QUERY):
    written = draft.written(mark)
    if not mark.facts:
      query = written if written.startswith("#") else written[1:-1].strip()
      mark.facts.append(("filter", {"query": query}, mark.how))


def _topic(draft: Draft, first: int) -> None:
  about = draft.word(draft.marks[first - 1]) == "about"
  if about and first < len(draft.marks) and draft.marks[first].slot == VENUE:
    # Tweets about Binance are no data of Binance.
    mark = draft.marks[first]
    mark.slot, mark.facts = QUERY, [("filter", {"query": draft.written(mark)}, mark.how)]
    return
  run: list[Mark] = []
  for mark in draft.marks[first:]:
    if mark.slot in (ASSET, PAIR) and not run:
      # News about the ethereum ETF are about both.
      continue
    if mark.slot not in (UNKNOWN, FILLER, QUOTE) or mark.left_out:
      break
    run.append(mark)
  while run and run[-1].slot == FILLER:
    run.pop()
  while run and run[0].slot == FILLER:
    run.pop(0)
  words = [mark for mark in run if mark.slot == UNKNOWN]
  if not words:
    return
  tokens = draft.tokens
  query = draft.text[tokens[run[0].first].start : tokens[run[-1].last - 1].end]
  for mark in run:
    mark.slot, mark.value, mark.how = QUERY, query, ASSUMED
    mark.facts = [("filter", {"query": query}, ASSUMED)]
  draft.warn(f"{query!r} is taken for words to search for")
