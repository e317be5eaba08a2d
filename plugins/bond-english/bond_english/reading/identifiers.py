"""Names that programs write: watchTrades, instId and fetchOrderBook are words side by side."""

import re
from collections.abc import Callable, Sequence

from bond_english.text.tokens import WORD, Token, folded

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z][a-z])")


def split_identifiers(tokens: Sequence[Token], is_known: Callable[[str], bool]) -> list[Token]:
  """The tokens, of which those in camelCase that are no word are the words that they are made of;
  only where every one of these is known. kPEPE is no such name: its k stands for a thousand."""
  found: list[Token] = []
  for token in tokens:
    pieces = _HUMP.split(token.text) if token.kind == WORD else []
    words = [folded(piece) for piece in pieces]
    if (
      len(pieces) < 2
      or len(pieces[0]) == 1
      or is_known(token.word)
      or not all(map(is_known, words))
    ):
      found.append(token)
      continue
    at = token.start
    for piece, word in zip(pieces, words, strict=True):
      attached = token.attached or at > token.start
      found.append(Token(WORD, piece, at, at + len(piece), word, attached))
      at += len(piece)
  return found
