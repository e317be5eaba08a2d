"""What a spec says to the source of posts."""

import attrs

from bond_core.social.assets import MAX_SYMBOLS, asset_of
from bond_core.spec.values import Secret
from bond_x.rules import MAX_RULE, rule_of


@attrs.frozen(kw_only=True)
class Posts:
  """Posts about assets (`symbols`), or that match `query`, in the operators of X; with both, about
  the assets and matching the query.

  An asset is found by its cashtag, and by hashtag and name where those are no common words; `words`
  adds others. `spend_cap` (USD in a UTC day, for what this process reads) ends the source when it
  is reached; 0 is none. `backfill_minutes` asks X for what was missed while disconnected, where the
  account has that. `bearer` is the app's token, X_BEARER by default.
  """

  symbols: list[str] = attrs.field(factory=list)
  query: str = ""
  words: dict[str, list[str]] = attrs.field(factory=dict)
  retweets: bool = False
  spend_cap: float = attrs.field(default=5.0, validator=attrs.validators.ge(0))
  backfill_minutes: int = attrs.field(
    default=0, validator=[attrs.validators.ge(0), attrs.validators.le(5)]
  )
  bearer: Secret | None = None
  endpoint: str | None = attrs.field(default=None, metadata={"trusted": True})

  def __attrs_post_init__(self) -> None:
    if not self.symbols and not self.query:
      raise ValueError("nothing to look for; name symbols such as [BTC], or a query")
    if len(self.symbols) > MAX_SYMBOLS:
      raise ValueError(f"{len(self.symbols)} symbols are more than the {MAX_SYMBOLS} of a source")
    for rule in self.rules():
      if len(rule) > MAX_RULE:
        raise ValueError(f"the rule {rule[:40]!r}… has {len(rule)} characters; X takes {MAX_RULE}")

  def rules(self) -> dict[str, str]:
    """X's rules, and the asset that each is for ("" without symbols)."""
    words = {asset_of(symbol): found for symbol, found in self.words.items()}
    assets = [asset_of(symbol) for symbol in self.symbols] or [""]
    return {
      rule_of(asset, self.query, words.get(asset, []), self.retweets): asset for asset in assets
    }
