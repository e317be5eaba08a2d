"""The sentences that say what arrives, and what was assumed, corrected or ignored."""

from bond_english.answering.deliveries import Delivery, lines
from bond_english.building.spec_draft import SpecDraft
from bond_english.meaning.findings import Findings
from bond_english.meaning.request import Request
from bond_english.quantities.durations import duration_text
from bond_english.text.chunks import PLAIN


def sentence(
  request: Request, findings: Findings, spec: SpecDraft, delivered: list[Delivery]
) -> str:
  """What arrives, then remarks, in sentences."""
  missing = map(_capitalised, spec.missing)
  parts = ["; ".join(lines(delivered)), *remarks(request, findings, spec), *missing]
  return " ".join(_ended(_capitalised(part)) for part in parts if part)


def remarks(request: Request, findings: Findings, spec: SpecDraft) -> list[str]:
  """Defaults, corrections, what was ignored, warnings and notes."""
  parts: list[str] = []
  defaults = _defaults(spec)
  if defaults:
    parts.append(f"Not said, and so: {', '.join(dict.fromkeys(defaults))}")
  corrected = [
    f"{request.text[token.start : token.end]} → {token.word}"
    for token in request.tokens
    if token.corrected
  ]
  if corrected:
    parts.append(f"Corrected: {', '.join(corrected)}")
  ignored = [request.text_of(chunk) for chunk in request.having(PLAIN)]
  if ignored:
    parts.append(f"Ignored: {', '.join(dict.fromkeys(ignored))}")
  return [*parts, *map(_capitalised, (*findings.warnings, *findings.notes))]


def _defaults(spec: SpecDraft) -> list[str]:
  quotes = [f"quote {value}" for slot, value, _ in spec.defaults if slot == "quote"]
  markets = [value["market"] for slot, value, _ in spec.defaults if slot == "filter"]
  venues = [str(value) for slot, value, _ in spec.defaults if slot == "exchange"]
  intervals = [value for slot, value, _ in spec.defaults if slot == "interval"]
  often = [
    f"every {duration_text(every)}" if every else "every event as it comes" for every in intervals
  ]
  return [*quotes, *markets, *venues, *often]


def _ended(part: str) -> str:
  return part if part.endswith((".", "?", "!")) else f"{part}."


def _capitalised(text: str) -> str:
  return text[:1].upper() + text[1:]
