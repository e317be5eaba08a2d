"""Questions that stay open when the data of a request is known: about what, on which venue, and
words that are not understood."""

from bond_english.meaning.binding import Selection
from bond_english.meaning.findings import Findings
from bond_english.meaning.intents import EXAMPLES
from bond_english.meaning.request import Request
from bond_english.text.chunks import (
  ALERT,
  AUTHOR,
  CHAIN,
  FILTER,
  MARKET_TYPE,
  QUERY,
  REPLAY,
  UNKNOWN,
  VENUE,
)
from bond_english.words import data
from bond_english.words.venues import DEXES


def ask_open_questions(request: Request, findings: Findings, selections: list[Selection]) -> None:
  """Asks what is still open, and warns of what Bond does not do."""
  if not findings.rejections:
    _ask_for_subjects(request, findings, selections)
    _ask_about_unused_venues(request, findings, selections)
  _ask_about_unknown_words(request, findings)
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
    label = kind.label[:1].upper() + kind.label[1:]
    if selection.kind in data.TEXTS:
      findings.ask(f"{label} about which asset, or from whom?")
    elif selection.kind == "onchain":
      findings.ask("On-chain activity of which asset or chain?")
    else:
      findings.ask(f"{label} of which asset?")
  if not selections and not findings.questions and not request.having(UNKNOWN):
    findings.ask(f"Which asset, and which data? For example: {EXAMPLES[0]}")


def _needs_subject(request: Request, selection: Selection) -> bool:
  if selection.symbols or selection.kind in data.NEED_NO_SUBJECT:
    return False
  if selection.kind in data.TEXTS:
    return not request.having(AUTHOR, QUERY)
  if selection.kind == "onchain":
    addressed = any(chunk.value == "address" for chunk in request.having(FILTER))
    on_chain = bool(request.having(CHAIN)) or addressed
    return not on_chain and DEXES.keys().isdisjoint(selection.venues)
  return True


def _ask_about_unused_venues(
  request: Request, findings: Findings, selections: list[Selection]
) -> None:
  """Asks about venues and market types that none of the data is of."""
  if not selections:
    return
  of_markets = [s for s in selections if s.kind in data.KINDS and data.KINDS[s.kind].market]
  onchain = any(selection.kind in ("onchain", "gas") for selection in selections)
  used = {venue for selection in of_markets for venue in selection.venues}
  for chunk in request.having(VENUE):
    if chunk.value not in used and not (onchain and chunk.value in DEXES):
      findings.ask(f"Which data from {request.text_of(chunk)}: price, trades, order book, …?")
  for chunk in request.having(MARKET_TYPE):
    if not of_markets:
      findings.ask(f"Which data of {request.text_of(chunk)} markets: price, trades, …?")


def _ask_about_unknown_words(request: Request, findings: Findings) -> None:
  for chunk in request.having(UNKNOWN):
    written, alike = request.text_of(chunk), chunk.value
    token = request.tokens[chunk.first]
    before = request.tokens[chunk.first - 1].word if chunk.first else ""
    if before in ("from", "by") and token.text.isidentifier() and request.kinds() & data.TEXTS:
      findings.ask(f"{written!r} is not understood; an account is written @{written}")
    elif alike:
      choices = " or ".join(map(repr, alike))
      findings.ask(f"{written!r} is not understood; did you mean {choices}?")
    else:
      question = f"{written!r} is not understood or not available; leave it out?"
      findings.ask(question, confirmable=True)
  for chunk in request.chunks:
    if chunk.role == UNKNOWN and chunk.left_out:
      written = request.text_of(chunk)
      findings.warn(f"{written!r} is not understood; it is left out as you say")


def _ask_about_alerts_and_replays(request: Request, findings: Findings) -> None:
  if request.having(ALERT):
    findings.warn("Bond streams the events that match and sends no notifications")
  if request.having(REPLAY) and not any("replay_sec" in value for value in _filters(request)):
    findings.ask("Replay from when, for example the last 5 minutes?")


def _filters(request: Request) -> list[dict[str, object]]:
  chunks = request.having(FILTER)
  return [value for chunk in chunks for slot, value, _ in chunk.facts if slot == "filter"]
