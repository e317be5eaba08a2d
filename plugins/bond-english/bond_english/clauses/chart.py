"""The chart: the best ways through a request, from left to right.

For each token it keeps the cheapest hypotheses that end there, of those that the rest of the
request cannot tell apart only two. So the steps are in proportion to the tokens.
"""

from dataclasses import replace

from bond_english.clauses.productions import Hypothesis, extend, finish, start
from bond_english.text.chunks import CONJUNCTION, FILLER, PLAIN, PREPOSITION, Chunk
from bond_english.text.tokens import Token

BEAM = 8
"""Hypotheses that are kept at a token, of the least alike; with those like them up to twice as
many."""
MARGIN = 0.05
"""What a way may cost more than the best one and still be as good a reading of the request."""
MOST = 3
"""Ways that are compared."""

_JOINTS = (CONJUNCTION, FILLER, PLAIN, PREPOSITION)


def best_ways(tokens: list[Token], readings: list[list[Chunk]]) -> list[list[Chunk]]:
  """The cheapest way to read the whole request, as the chunks that cover it, then those that cost
  hardly more and say something else of it."""
  ends: list[dict[tuple[object, ...], list[Hypothesis]]] = [{} for _ in range(len(tokens) + 1)]
  begun = start()
  ends[0][begun.signature] = [begun]
  for at, chunks in enumerate(readings):
    found = sorted((one for two in ends[at].values() for one in two), key=lambda one: one.cost)
    for state in found[: 2 * BEAM]:
      for chunk in chunks:
        for made in extend(state, chunk, tokens):
          _add(ends[chunk.end].setdefault(made.signature, []), made)
    ends[at].clear()
  whole = sorted((one for two in ends[len(tokens)].values() for one in two), key=finish)
  ways: dict[tuple[object, ...], list[Chunk]] = {}
  for state in whole:
    if finish(state) <= finish(whole[0]) + MARGIN:
      way = _chunks(state)
      ways.setdefault(_said(way), way)
  return list(ways.values())[:MOST]


def _add(equal: list[Hypothesis], made: Hypothesis) -> None:
  """Keeps the two cheapest, the earlier one of the same cost first."""
  if len(equal) < 2 or made.cost < equal[-1].cost:
    del equal[1:]
    equal.insert(0 if equal and made.cost < equal[0].cost else len(equal), made)


def _said(chunks: list[Chunk]) -> tuple[object, ...]:
  """What a way says of a request, without the words between."""
  return tuple(
    (chunk.role, chunk.first, chunk.end, repr(chunk.value), chunk.clause, chunk.left_out)
    for chunk in chunks
    if chunk.role not in _JOINTS
  )


def _chunks(state: Hypothesis) -> list[Chunk]:
  """Fresh chunks with what the hypothesis says of each."""
  found: list[Chunk] = []
  at: Hypothesis | None = state
  while at is not None and at.chunk is not None:
    found.append(
      replace(
        at.chunk,
        clause=at.clause,
        left_out=at.left_out,
        detached=at.detached,
        preposition=at.link,
        facts=list(at.chunk.facts),
        shaped=[],
      )
    )
    at = at.before
  found.reverse()
  return found
