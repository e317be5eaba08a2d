"""What sources of posts share: what assets are called, and finding words."""

from bond_social.assets import MAX_SYMBOLS, asset_of, terms_of, terms_of_all
from bond_social.matching import Term, Words, read_query, term_of

__all__ = [
  "MAX_SYMBOLS",
  "Term",
  "Words",
  "asset_of",
  "read_query",
  "term_of",
  "terms_of",
  "terms_of_all",
]
