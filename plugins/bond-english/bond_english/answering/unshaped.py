"""What was read and had no effect: it is asked about, and never shown as understood.

The builder notes on every chunk which nodes of the spec are as they are because of it. A chunk with
no note, that the sentence does not speak of, is lost unless it is asked about here.
"""

from bond_english.meaning.findings import Findings
from bond_english.meaning.request import Request
from bond_english.meaning.sharing import Selection
from bond_english.text.chunks import (
  ASSET,
  AUTHOR,
  CHAIN,
  FILTER,
  INTERVAL,
  KIND,
  MARKET_TYPE,
  PAIR,
  QUERY,
  QUOTE,
  VENUE,
  Chunk,
  Role,
)
from bond_english.words import data

CONTENT: tuple[Role, ...] = (
  *(ASSET, PAIR, QUOTE, KIND, VENUE, CHAIN, MARKET_TYPE, INTERVAL, FILTER, AUTHOR, QUERY),
)
"""Roles of what a stream is made of."""

_LABELS = {
  "side": "buys or sells",
  "position": "longs or shorts",
  "depth": "a depth",
  "window_sec": "a window",
  "bar_sec": "a bar",
  "lang": "a language",
  "move": "a move of the price",
  "blend": "an average",
  "count": "a number",
}


def ask_about_unshaped(request: Request, findings: Findings, selections: list[Selection]) -> None:
  """One question for each run of chunks that had no effect."""
  if findings.rejections or not selections:
    return
  kinds = list(dict.fromkeys(selection.kind for selection in selections))
  labels = " and ".join(data.KINDS[kind].label if kind in data.KINDS else kind for kind in kinds)
  for chunk in request.having(*CONTENT):
    if is_lost(chunk):
      findings.ask(_question(request, chunk, labels), (request.without(chunk, chunk),))


def is_lost(chunk: Chunk) -> bool:
  """Whether a chunk says something that neither the spec nor the sentence has."""
  says = chunk.role != FILTER or bool(chunk.facts)
  return chunk.role in CONTENT and says and not (chunk.shaped or chunk.told or chunk.left_out)


def _question(request: Request, chunk: Chunk, labels: str) -> str:
  written = request.text_of(chunk)
  if chunk.role == VENUE:
    return f"Which data from {written}: price, trades, order book, …?"
  if chunk.role == MARKET_TYPE:
    return f"Which data of {written} markets: price, trades, …?"
  if chunk.role == INTERVAL:
    return f"{written!r} of what? All data here has its own length of time; leave it out?"
  name = _LABELS.get(chunk.value, "") if isinstance(chunk.value, str) else ""
  what = f"{name} ({written!r})" if name else repr(written)
  return f"{what} of {labels}: this has no effect; leave it out?"
