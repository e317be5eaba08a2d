"""What sources of posts share: names of assets, words in posts, posts that come twice, gaps."""

from bond_social.assets import MAX_SYMBOLS, asset_of, terms_of, terms_of_all
from bond_social.gaps import post_gap
from bond_social.matching import Term, Words, read_query, term_of
from bond_social.seen import SeenPosts

__all__ = [
  "MAX_SYMBOLS",
  "SeenPosts",
  "Term",
  "Words",
  "asset_of",
  "post_gap",
  "read_query",
  "term_of",
  "terms_of",
  "terms_of_all",
]
