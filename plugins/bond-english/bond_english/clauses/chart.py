"""The chart: the best way through a request, from left to right.

For each token it keeps the cheapest hypotheses that end there, of those that the rest of the
request cannot tell apart only one. So the steps are in proportion to the tokens.
"""

from dataclasses import replace

from bond_english.clauses.productions import Hypothesis, extend, finish, start
from bond_english.text.chunks import Chunk
from bond_english.text.tokens import Token

BEAM = 8
"""Hypotheses that are kept at a token."""


def best_way(tokens: list[Token], readings: list[list[Chunk]]) -> list[Chunk]:
  """The cheapest way to read the whole request: the chunks that cover it."""
  ends: list[dict[tuple[object, ...], Hypothesis]] = [{} for _ in range(len(tokens) + 1)]
  begun = start()
  ends[0][begun.signature] = begun
  for at, chunks in enumerate(readings):
    kept = sorted(ends[at].values(), key=lambda one: one.cost)[:BEAM]
    for state in kept:
      for chunk in chunks:
        for made in extend(state, chunk, tokens):
          found = ends[chunk.end]
          signature = made.signature
          known = found.get(signature)
          if known is None or made.cost < known.cost:
            found[signature] = made
    ends[at].clear()
  return _chunks(min(ends[len(tokens)].values(), key=finish))


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
