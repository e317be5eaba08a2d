"""Requests with two meanings: ways to read one that are as good as each other, and differ.

Which of them is meant is asked, with a whole request for each. It is the same request, in which the
words that have two readings are as nobody reads them in two ways; each is read as any other
request, and only one that means exactly what it is offered for is offered.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice, product

import attrs

from bond_core import Reading
from bond_english.answering.deliveries import lines
from bond_english.text.chunks import ASSET, BOUND, CHAIN, FILTER, KIND, PAIR, Chunk, Role
from bond_english.text.tokens import Token
from bond_english.words import data

STARTED = ("ok", "warn")
"""The outcomes of a request that starts as it is."""
MOST_TRIED = 24
"""Of the requests that may say one of the meanings."""

Words = tuple[Role, int, int, object]
"""A chunk as a way reads it: its role, its first and last character, its value."""


def words_of(text: str, tokens: Sequence[Token], chunks: Sequence[Chunk]) -> list[Words]:
  """The chunks of a way before anything changes them."""
  return [
    (chunk.role, tokens[chunk.first].start, tokens[chunk.end - 1].end, chunk.value)
    for chunk in chunks
  ]


def asked_which(
  text: str,
  ways: Sequence[Sequence[Words]],
  readings: Sequence[Reading],
  read: Callable[[str], Reading] | None,
) -> Reading:
  """The first of several readings of a request, which is as cheap as the others: as it is where all
  that start mean the same; else which of them is meant is asked. `read` reads a request; None:
  nothing is offered."""
  best = readings[0]
  other, way = next(
    (
      (reading, way)
      for reading, way in zip(readings, ways, strict=True)
      if reading.outcome in STARTED and reading.spec and reading.spec != best.spec
    ),
    (None, None),
  )
  if other is None or way is None or not best.spec:
    return best
  question = f"Which is meant: {_said(best, other)}, or {_said(other, best)}?"
  offers: list[str] = []
  for mine, others, meant in ((ways[0], way, best), (way, ways[0], other)):
    requests = islice(_requests(text, mine, others, meant), MOST_TRIED) if read else ()
    offers += islice((r for r in requests if read and read(r).spec == meant.spec), 1)
  return attrs.evolve(
    best,
    outcome="ask",
    spec=None,
    questions=[question],
    offers=[{"question": question, "request": offered} for offered in offers],
  )


def _said(reading: Reading, other: Reading) -> str:
  """What one reading delivers and another does not."""
  others = lines(other.delivers)
  mine = lines(reading.delivers)
  return "; ".join([line for line in mine if line not in others] or mine)


def _requests(
  text: str, way: Sequence[Words], other: Sequence[Words], meant: Reading
) -> Iterator[str]:
  """The request with clear words in place of those that the ways read otherwise."""
  read_alike = {(role, first, end, repr(value)) for role, first, end, value in other}
  contested = [one for one in way if (one[0], one[1], one[2], repr(one[3])) not in read_alike]
  choices = [_clear(text[first:end], role, value, meant) for role, first, end, value in contested]
  for words in product(*choices):
    said, at = "", 0
    for (_, first, end, _), clear in zip(contested, words, strict=True):
      said, at = f"{said}{text[at:first]}{clear}", end
    yield " ".join(f"{said}{text[at:]}".split())


def _clear(written: str, role: Role, value: object, meant: Reading) -> list[str]:
  """Words for what a chunk says, the shortest first; the last are as they are written."""
  found = [written]
  if role in (ASSET, PAIR):
    base = value if isinstance(value, str) else str(getattr(value, "base", written))
    pairs = [d["symbol"] for d in meant.delivers if d["symbol"].startswith(f"{base}/")]
    found = [f"{base} coin", f"${base}", *dict.fromkeys(pairs)]
  elif role == CHAIN:
    found = [f"{value} chain", f"on {value} chain", f"on {value}"]
  elif role == KIND and isinstance(value, tuple):
    found = [data.KINDS[kind].label for kind in value if kind in data.KINDS] or [written]
    found = [f"{found[0]},", f"{found[0]} and", *found, written]
  elif role in (BOUND, FILTER):
    found = [f"over {written}", written]
  return found
