"""The configurations of the sources of posts."""

from typing import Literal

import attrs
from bond_social import MAX_SYMBOLS, asset_of

from bond_core import Secret
from bond_x.rules import MAX_RULE, rule_of

MAX_QUERY = 512
MAX_SEARCHES = 450
MAX_COUNTS = 300
LIMIT_WINDOW = 900.0
"""Recent search and recent counts take so many requests in so many seconds (pay-per-use)."""
MINUTE = 60
"""Seconds of the unit in which X counts."""
PUBLIC = {"public": True}
"""Of keys that specs from outside may set."""


@attrs.frozen(kw_only=True)
class Posts:
  """Posts about assets (`symbols`), or that match `query`, in the operators of X; with both, about
  the assets and matching the query.

  An asset is found by its cashtag, and by hashtag and name where those are no common words; `words`
  adds others. `spend_cap` (USD in a UTC day, for what this process reads) ends the source when it
  is reached; 0 is none. For callers of a server X_SPEND_CAP and X_SPEND_CAP_EACH stand in for it.
  `backfill_minutes` has X send posts that were missed while disconnected, where the account has
  that. `bearer` is the app's token, X_BEARER by default. `mode: mock` reads from a simulated X of
  its own, without a token.
  """

  symbols: list[str] = attrs.field(factory=list, metadata=PUBLIC)
  query: str = attrs.field(default="", metadata=PUBLIC)
  words: dict[str, list[str]] = attrs.field(factory=dict, metadata=PUBLIC)
  retweets: bool = False
  spend_cap: float = attrs.field(
    default=5.0, validator=attrs.validators.ge(0), metadata={"public": False}
  )
  backfill_minutes: int = attrs.field(
    default=0,
    validator=[attrs.validators.ge(0), attrs.validators.le(5)],
    metadata={"public": False},
  )
  bearer: Secret | None = attrs.field(default=None, metadata={"public": False})
  endpoint: str | None = attrs.field(default=None, metadata={"public": False})
  mode: Literal["live", "mock"] = attrs.field(default="live", metadata={"public": False})

  def __attrs_post_init__(self) -> None:
    if not self.symbols and not self.query:
      raise ValueError("nothing to look for; name symbols such as [BTC], or a query")
    if len(self.symbols) > MAX_SYMBOLS:
      raise ValueError(f"{len(self.symbols)} symbols are more than the {MAX_SYMBOLS} of a source")
    for rule in self.rules():
      if len(rule) > MAX_RULE:
        raise ValueError(f"the rule {rule[:40]!r}… has {len(rule)} characters; X takes {MAX_RULE}")

  def rules(self) -> dict[str, str]:
    """Returns X's rules with the asset of each ("" without symbols)."""
    return _by_rule(self.symbols, self.query, self.words, self.retweets)


@attrs.frozen(kw_only=True)
class Search:
  """Posts about assets (`symbols`), or that match `query`, in the operators of X, looked up
  `every` so many seconds by recent search, for accounts without the filtered stream.

  X shows posts to searches after about 30 s. `words`, `retweets`, `spend_cap`, `bearer` and `mode`
  are as of x.posts; a search for each asset counts to X's limit of 450 in 15 minutes.
  """

  symbols: list[str] = attrs.field(factory=list, metadata=PUBLIC)
  query: str = attrs.field(default="", metadata=PUBLIC)
  words: dict[str, list[str]] = attrs.field(factory=dict, metadata=PUBLIC)
  retweets: bool = False
  every: float = attrs.field(
    default=60.0, validator=[attrs.validators.ge(10), attrs.validators.le(3600)]
  )
  spend_cap: float = attrs.field(
    default=5.0, validator=attrs.validators.ge(0), metadata={"public": False}
  )
  bearer: Secret | None = attrs.field(default=None, metadata={"public": False})
  endpoint: str | None = attrs.field(default=None, metadata={"public": False})
  mode: Literal["live", "mock"] = attrs.field(default="live", metadata={"public": False})

  def __attrs_post_init__(self) -> None:
    if not self.symbols and not self.query:
      raise ValueError("nothing to look for; name symbols such as [BTC], or a query")
    _check_queries(self.queries(), self.every, MAX_SEARCHES, "searches")

  def queries(self) -> dict[str, str]:
    """Returns X's queries with the asset of each ("" without symbols)."""
    return _by_rule(self.symbols, self.query, self.words, self.retweets)


def _check_every(instance: object, attribute: "attrs.Attribute[float]", every: float) -> None:
  if every % MINUTE or not MINUTE <= every <= 3600:
    raise ValueError("every is whole minutes, 60 to 3600 s, since X counts by the minute")


@attrs.frozen(kw_only=True)
class Counts:
  """How many posts of each minute are about assets (`symbols`), or match `query`, in the operators
  of X, polled `every` so many seconds, which is far cheaper than to read them.

  Windows want whole minutes and a lateness of `every` and 40 s more, since X has counted a minute
  30 s after its end. `words`, `retweets`, `spend_cap`, `bearer` and `mode` are as of x.posts; a
  request for each asset counts to X's limit of 300 in 15 minutes.
  """

  symbols: list[str] = attrs.field(factory=list, metadata=PUBLIC)
  query: str = attrs.field(default="", metadata=PUBLIC)
  words: dict[str, list[str]] = attrs.field(factory=dict, metadata=PUBLIC)
  retweets: bool = False
  every: float = attrs.field(default=120.0, validator=_check_every)
  spend_cap: float = attrs.field(
    default=5.0, validator=attrs.validators.ge(0), metadata={"public": False}
  )
  bearer: Secret | None = attrs.field(default=None, metadata={"public": False})
  endpoint: str | None = attrs.field(default=None, metadata={"public": False})
  mode: Literal["live", "mock"] = attrs.field(default="live", metadata={"public": False})

  def __attrs_post_init__(self) -> None:
    if not self.symbols and not self.query:
      raise ValueError("nothing to look for; name symbols such as [BTC], or a query")
    _check_queries(self.queries(), self.every, MAX_COUNTS, "counts")

  def queries(self) -> dict[str, str]:
    """Returns X's queries with the asset of each ("" without symbols)."""
    return _by_rule(self.symbols, self.query, self.words, self.retweets)


def _check_queries(queries: dict[str, str], every: float, limit: int, of: str) -> None:
  """ValueError for more requests or longer ones than X takes."""
  if len(queries) > limit * every / LIMIT_WINDOW:
    raise ValueError(
      f"{len(queries)} {of} every {every:g} s are more than the {limit} in 15 minutes that X "
      "allows; name fewer symbols, or write a longer every"
    )
  for query in queries:
    if len(query) > MAX_QUERY:
      raise ValueError(
        f"the query {query[:40]!r}… has {len(query)} characters; X takes {MAX_QUERY}"
      )


def _by_rule(
  symbols: list[str], query: str, words: dict[str, list[str]], retweets: bool
) -> dict[str, str]:
  own = {asset_of(symbol): found for symbol, found in words.items()}
  assets = [asset_of(symbol) for symbol in symbols] or [""]
  return {rule_of(asset, query, own.get(asset, []), retweets): asset for asset in assets}
