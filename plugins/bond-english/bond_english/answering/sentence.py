"""The sentence that says what was understood, and what was assumed."""

from bond_english.building.spec_draft import SpecDraft
from bond_english.meaning.binding import Selection
from bond_english.meaning.findings import Findings
from bond_english.meaning.request import Request
from bond_english.quantities.durations import duration_text
from bond_english.text.chunks import AUTHOR, CHAIN, FILTER, QUERY
from bond_english.words import data


def sentence(
  request: Request,
  findings: Findings,
  selections: list[Selection],
  spec: SpecDraft,
  interval: float | None,
) -> str:
  """What was understood, in one sentence; defaults, corrections, warnings, notes and what is
  missing in further ones. `interval` is the requested one in seconds, None for the default."""
  parts: list[str] = []
  if selections:
    parts.append(_stream(selections, interval) + _only(request))
  defaults = _defaults(selections, spec, interval)
  if defaults:
    parts.append(f"Not said, and so: {', '.join(dict.fromkeys(defaults))}")
  corrected = [
    f"{request.text[token.start : token.end]} → {token.word}"
    for token in request.tokens
    if token.corrected
  ]
  if corrected:
    parts.append(f"Corrected: {', '.join(corrected)}")
  parts += map(_capitalised, (*findings.warnings, *findings.notes, *spec.missing))
  return " ".join(part if part.endswith((".", "?", "!")) else f"{part}." for part in parts)


def _stream(selections: list[Selection], interval: float | None) -> str:
  """The data with its symbols and venues, and how often: BTC price on binance, every 5 s."""
  labels_of: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
  for selection in selections:
    kind = data.KINDS.get(selection.kind)
    label = selection.kind if kind is None else kind.label
    venues = tuple(selection.venues) if kind is not None and kind.market else ()
    labels_of.setdefault((_symbols(selection), venues), []).append(label)
  parts: list[str] = []
  for (symbols, venues), labels in labels_of.items():
    part = " and ".join(filter(None, (", ".join(labels[:-1]), labels[-1])))
    if symbols:
      part = f"{', '.join(symbols)} {part}"
    if venues:
      names = ", ".join("all exchanges" if venue == "*" else venue for venue in venues)
      part += f" on {names}"
    parts.append(part)
  every = ""
  if interval is not None:
    every = f", every {duration_text(interval)}" if interval else ", every update"
  return _capitalised("; ".join(parts)) + every


def _symbols(selection: Selection) -> tuple[str, ...]:
  """The symbols with their market types, each once."""
  found: list[str] = []
  for symbol in selection.symbols:
    market_types = symbol.market_types or selection.market_types
    market_types = market_types or (["perp"] if symbol.pair.perpetual else [])
    found.append(" ".join((symbol.pair.symbol, *market_types)))
  return tuple(dict.fromkeys(found))


def _only(request: Request) -> str:
  """The filters as they are written."""
  filters = [
    request.text_of(chunk)
    for chunk in request.having(FILTER, CHAIN, AUTHOR, QUERY)
    if chunk.facts or chunk.role == AUTHOR
  ]
  return f"; only: {', '.join(dict.fromkeys(filters))}" if filters else ""


def _defaults(selections: list[Selection], spec: SpecDraft, interval: float | None) -> list[str]:
  quotes = [f"quote {value}" for slot, value, _ in spec.defaults if slot == "quote"]
  venues = [str(value) for slot, value, _ in spec.defaults if slot == "exchange"]
  defaults = [*quotes, *venues]
  if interval is None and selections:
    every = next((value for slot, value, _ in spec.defaults if slot == "interval"), 0.0)
    defaults.append(f"every {duration_text(every)}" if every else "every event as it comes")
  return defaults


def _capitalised(text: str) -> str:
  return text[:1].upper() + text[1:]
