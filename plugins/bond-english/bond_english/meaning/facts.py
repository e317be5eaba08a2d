"""What a chunk states, as facts of the account."""

from typing import Any

from bond_english.quantities.intervals import Interval
from bond_english.reading.pairs import pairs_of
from bond_english.text.chunks import (
  ALERT,
  ASSET,
  AUTHOR,
  CORRECTED,
  EDIT,
  EXACT,
  INTERVAL,
  KIND,
  NEGATION,
  OPERATOR,
  PAIR,
  PLAIN,
  QUOTE,
  REFUSED,
  REPLAY,
  UNKNOWN,
  VENUE,
  Chunk,
  Fact,
)


def facts_of(chunk: Chunk) -> list[Fact]:
  """The facts that a chunk states, at least one; a chunk that states nothing else is filler."""
  if chunk.left_out:
    return [_left_out(chunk)]
  facts = [*chunk.facts, *_facts_of_role(chunk)]
  if not facts:
    facts.append(("filler", None, CORRECTED if chunk.how == CORRECTED else EXACT))
  return facts


def _left_out(chunk: Chunk) -> Fact:
  if chunk.role == UNKNOWN:
    return "unknown", None, EXACT
  value = chunk.value if isinstance(chunk.value, str) else _plain_value(chunk)
  return "left_out", value, chunk.how


def _facts_of_role(chunk: Chunk) -> list[Fact]:
  role, value, how = chunk.role, chunk.value, chunk.how
  if role in (ASSET, PAIR):
    pairs = pairs_of(chunk)
    facts: list[Fact] = [("symbol", pair.symbol, how) for pair in pairs]
    if role == PAIR and any(pair.perpetual for pair in pairs):
      facts.append(("filter", {"market": "perp"}, how))
    return facts
  if role == KIND:
    return [("source", kind, how) for kind in value]
  if role == VENUE:
    return [("exchange", value, how)]
  if role == INTERVAL:
    interval: Interval = value
    if interval.seconds is None:
      return [("refused", interval.problem, how)]
    return [("interval", interval.seconds, how)]
  if role == AUTHOR:
    return [("filter", {"authors": [value]}, how)]
  if role == QUOTE:
    return [("quote", value, how)]
  if role in (UNKNOWN, OPERATOR):
    return [("unknown", None, EXACT)]
  if role == PLAIN:
    return [("ignored", None, EXACT)]
  if role == REFUSED:
    return [("refused", value[1], EXACT)]
  if role == EDIT:
    return [("refused", "edit", EXACT)]
  if role in (ALERT, REPLAY):
    return [("note", role, how)]
  if role == NEGATION:
    return [("negation", None, EXACT)]
  return []


def _plain_value(chunk: Chunk) -> Any:
  """The value of a chunk as plain data, for the account."""
  if chunk.role == KIND:
    return list(chunk.value) if len(chunk.value) > 1 else chunk.value[0]
  if chunk.role == PAIR:
    return [pair.symbol for pair in pairs_of(chunk)]
  filters: dict[str, Any] = {}
  for slot, value, _ in chunk.facts:
    if slot == "filter":
      filters |= value
  return filters or None
