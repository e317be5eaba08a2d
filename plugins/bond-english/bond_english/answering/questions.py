"""Questions that stay open when the data of a request is known: about what, on which venue, and
words that are not understood. One question a phrase."""

from bond_english.meaning.findings import Findings
from bond_english.meaning.intents import EXAMPLES
from bond_english.meaning.request import Request
from bond_english.meaning.sharing import Selection
from bond_english.reading.unlisted import may_be_ticker
from bond_english.text.chunks import (
  ALERT,
  ASSET,
  AUTHOR,
  CHAIN,
  FILLER,
  FILTER,
  NEGATION,
  OPERATOR,
  PAIR,
  PLAIN,
  PREPOSITION,
  QUERY,
  REPLAY,
  UNKNOWN,
  VENUE,
  Chunk,
)
from bond_english.words import data
from bond_english.words.unsupported import NARROWING, RECORDING
from bond_english.words.venues import DEXES, ENGLISH_NAMES

_WHERE = frozenset(("on", "at", "from", "by", "via", "using", "through"))
"""After these a venue is named, and no asset."""
_LINKS = frozenset(("from", "by", "of", "with", "to", "about", "in", "mentioning", "containing"))
_NO = frozenset(("no", "not", "without", "except", "excluding", "skip", "ignore", "minus"))


def ask_open_questions(request: Request, findings: Findings, selections: list[Selection]) -> None:
  """Asks what is still open, and warns of what Bond does not do."""
  if not findings.rejections:
    _ask_for_subjects(request, findings, selections)
  _ask_about_unknown_words(request, findings)
  _ask_about_operators(request, findings)
  _ask_about_alerts_and_replays(request, findings)


def _ask_for_subjects(request: Request, findings: Findings, selections: list[Selection]) -> None:
  """Asks which assets, where the request does not say."""
  if any("universe" in filters for filters in _filters(request)):
    findings.ask("Which assets exactly? List them, for example BTC, ETH, SOL")
    return
  for selection in selections:
    kind = data.KINDS.get(selection.kind)
    if kind is None or not _needs_subject(request, selection):
      continue
    if kind.market and any(_may_be_ticker(request, phrase) for phrase in unknown_phrases(request)):
      # Whether that is the asset is asked about.
      continue
    label = kind.label[:1].upper() + kind.label[1:]
    if selection.kind in data.TEXTS:
      findings.ask(f"{label} about which asset, or from whom?")
    elif selection.kind == "onchain":
      findings.ask("On-chain activity of which asset or chain?")
    else:
      findings.ask(f"{label} of which asset?")
  if not selections and not findings.questions and not request.having(UNKNOWN, OPERATOR):
    findings.ask(f"Which asset, and which data? For example: {EXAMPLES[0]}")


def _needs_subject(request: Request, selection: Selection) -> bool:
  if selection.symbols or selection.kind in data.NEED_NO_SUBJECT:
    return False
  if selection.kind in data.TEXTS:
    return not request.having(AUTHOR, QUERY)
  if selection.kind == "onchain":
    addressed = any(chunk.value == "address" for chunk in request.having(FILTER))
    on_chain = bool(request.having(CHAIN)) or addressed
    return not on_chain and DEXES.keys().isdisjoint(selection.venue_names)
  return True


def _ask_about_unknown_words(request: Request, findings: Findings) -> None:
  for phrase in unknown_phrases(request):
    first, last = phrase[0], phrase[-1]
    tokens = request.tokens
    written = request.text[tokens[first.first].start : tokens[last.end - 1].end]
    alike = first.value if len(phrase) == 1 else ()
    before = _word_before(request, first)
    single = len(phrase) == 1 and tokens[first.first].text.isidentifier()
    if before in ("from", "by") and single and request.kinds() & data.TEXTS:
      findings.ask(f"{written!r} is not understood; an account is written @{written}")
      continue
    leave_out = (request.without(first, last),)
    if {token.word for token in tokens[first.first : last.end]} & RECORDING:
      findings.ask(
        f"{written!r}: recordings have commands of their own, `bond record` and `bond export`; "
        "leave it out here?",
        leave_out,
      )
    elif _may_be_ticker(request, phrase):
      pair = f"{tokens[first.first].text.upper()}/USDT"
      others = [leave_out] if request.having(ASSET, PAIR) else []
      findings.ask(
        f"{written!r} is in no list of assets; if it is one, write a pair such as {pair}",
        ((first.first, first.end, pair),),
        *others,
      )
    elif len(phrase) == 1 and written.lower() in ENGLISH_NAMES:
      findings.ask(
        f"{written!r}: if that is the exchange, say 'on {written}'",
        ((first.first, first.end, f"on {written}"),),
        leave_out,
      )
    elif alike:
      choices = " or ".join(map(repr, alike))
      answers = [((first.first, first.end, word),) for word in alike]
      findings.ask(f"{written!r} is not understood; did you mean {choices}?", *answers)
    else:
      question = f"{written!r} is not understood or not available; leave it out?"
      findings.ask(question, leave_out)
  for chunk in request.chunks:
    if chunk.role in (UNKNOWN, OPERATOR) and chunk.left_out:
      written = request.text_of(chunk)
      if request.first_word(chunk) in NARROWING or _is_part_of_data(request, chunk):
        # Without insiders there is less, and of what cannot be known.
        findings.ask(f"{written!r} cannot be told apart, and so not left out; everything, then?")
      else:
        findings.warn(f"{written!r} is not understood; it is left out as you say")


def _is_part_of_data(request: Request, chunk: Chunk) -> bool:
  """Whether what is left out would be some of the data, and no more than that is known: not from
  hedge funds, posts without spam."""
  before = _word_before(request, chunk)
  at = next(i for i, other in enumerate(request.chunks) if other is chunk)
  negated = at > 0 and request.chunks[at - 1].role in (NEGATION, FILLER) and before in _NO
  return before in _LINKS or (negated and bool(request.kinds() & data.TEXTS))


def _may_be_ticker(request: Request, phrase: list[Chunk]) -> bool:
  """Whether an unknown phrase may name an asset."""
  (first, *others) = phrase
  located = _word_before(request, first) in _WHERE
  return not (others or located) and may_be_ticker(request.tokens[first.first])


def _word_before(request: Request, chunk: Chunk) -> str:
  return request.tokens[chunk.first - 1].word if chunk.first else ""


def unknown_phrases(request: Request) -> list[list[Chunk]]:
  """Unknown words that stand beside each other, with nothing but plain words between."""
  phrases: list[list[Chunk]] = []
  open_phrase: list[Chunk] | None = None
  for chunk in request.chunks:
    if chunk.role == UNKNOWN and not chunk.left_out:
      if open_phrase is None or chunk.value or open_phrase[-1].value:
        open_phrase = []
        phrases.append(open_phrase)
      open_phrase.append(chunk)
    elif chunk.role not in (FILLER, PLAIN, PREPOSITION) or request.tokens[chunk.first].text == ";":
      open_phrase = None
  return phrases


def _ask_about_operators(request: Request, findings: Findings) -> None:
  """Asks about what would have to be computed, with what can be had instead."""
  for chunk in request.having(OPERATOR):
    written = request.text_of(chunk)
    what = ", ".join(request.text_of(other) for other in request.having(ASSET, PAIR))
    where = ", ".join(request.text_of(other) for other in request.having(VENUE))
    instead = f"{what or 'BTC'} bid/ask on {where or 'all exchanges'}"
    findings.ask(
      f"{written!r} would have to be computed, and Bond sends what it is computed from; "
      f"ask for that, for example: {instead}"
    )


def _ask_about_alerts_and_replays(request: Request, findings: Findings) -> None:
  if request.having(ALERT):
    findings.warn("Bond streams the events that match and sends no notifications")
  if request.having(REPLAY) and not any("replay_sec" in value for value in _filters(request)):
    findings.ask("Replay from when, for example the last 5 minutes?")


def _filters(request: Request) -> list[dict[str, object]]:
  chunks = request.having(FILTER)
  return [value for chunk in chunks for slot, value, _ in chunk.facts if slot == "filter"]
