"""The account of a request: what each piece of it was taken for, and what it shaped."""

from collections.abc import Iterable
from typing import Any, TypeAlias

from bond_english.meaning.facts import facts_of
from bond_english.meaning.request import Request
from bond_english.text.chunks import Fact

Entry: TypeAlias = dict[str, Any]


def account(request: Request, unstated: Iterable[Fact]) -> list[Entry]:
  """One entry or more for each piece of the text, in order, then the facts that the text does not
  state.

  An entry has an `id`, `start` and `end` in characters (None: not in the text), `text`, `slot`,
  `value`, `how` it is known, and `shaped`: the sources of the spec that are as they are because of
  it.
  """
  entries: list[Entry] = []
  for chunk in request.chunks:
    start, end = request.tokens[chunk.first].start, request.tokens[chunk.end - 1].end
    text = request.text[start:end]
    entries += [_entry(start, end, text, fact, chunk.shaped) for fact in facts_of(chunk)]
  entries += [_entry(None, None, "", fact, []) for fact in unstated]
  return [{"id": number, **entry} for number, entry in enumerate(entries)]


def _entry(
  start: int | None, end: int | None, text: str, fact: Fact, shaped: Iterable[str]
) -> Entry:
  slot, value, how = fact
  return {
    "start": start,
    "end": end,
    "text": text,
    "slot": slot,
    "value": value,
    "how": how,
    "shaped": list(shaped),
  }
