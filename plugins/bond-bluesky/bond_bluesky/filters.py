"""Which posts a source takes: Jetstream has no search."""

from collections.abc import Mapping, Sequence

import attrs
from bond_social import Term, Words, read_query, term_of, terms_of_all

from bond_bluesky.config import Posts
from bond_bluesky.messages import COLLECTION, Message, texts_in
from bond_core import Post


@attrs.frozen
class PostFilter:
  """What the posts of one source have: one of the `assets` by its terms, all terms of `query`, one
  of the `authors` (DIDs, each with the name to show), and the language `lang`. `refused` says what
  cannot be looked for."""

  assets: dict[str, list[Term]]
  query: list[Term]
  authors: Mapping[str, str]
  lang: str | None
  refused: Sequence[str] = ()

  def posts(self, message: Message, words: Words) -> list[Post]:
    """Returns one event for each asset that the post is about, so that it counts to each; one
    without an asset where the source names none."""
    record = message.record
    if record is None or (self.authors and message.did not in self.authors):
      return []
    langs = texts_in(record.get("langs"))
    if self.lang is not None and not any(_matches(self.lang, lang) for lang in langs):
      return []
    if not words.has_all(self.query):
      return []
    assets = [asset for asset, terms in self.assets.items() if words.has_any(terms)]
    if self.assets and not assets:
      return []
    return [
      Post(
        exchange="bluesky",
        symbol=asset,
        ts_exchange=message.time_us // 1000,
        text=str(record.get("text") or ""),
        tweet_id=f"at://{message.did}/{COLLECTION}/{message.rkey}",
        user=self.authors.get(message.did, message.did),
        lang=langs[0] if langs else None,
        symbols=assets,
      )
      for asset in assets or [""]
    ]


def filter_of(config: Posts, authors: Mapping[str, str], refused: Sequence[str] = ()) -> PostFilter:
  """Returns the filter of a configuration whose authors have been resolved."""
  return PostFilter(
    assets={
      asset: [term_of(term) for term in terms]
      for asset, terms in terms_of_all(config.symbols, config.words).items()
    },
    query=read_query(config.query),
    authors=authors,
    lang=config.lang,
    refused=refused,
  )


def _matches(filter_lang: str, lang: str) -> bool:
  """Whether a post's language is that of the filter: en-US is en, too."""
  folded = filter_lang.lower()
  return lang.lower().partition("-")[0] == folded or lang.lower() == folded
