"""What was probably meant by a symbol that a venue does not have."""

import difflib
from collections.abc import Iterable


def meant(spelling: str, known: Iterable[str]) -> str:
  """The end of a sentence that says so."""
  near = difflib.get_close_matches(spelling, list(dict.fromkeys(known)), 1, 0.7)
  return f"; did you mean {near[0]}?" if near else "; see the venue's list of markets"
