"""The names of assets in posts."""

from collections.abc import Iterable, Mapping

MAX_SYMBOLS = 100

NAMES = {
  "ADA": ("cardano",),
  "BNB": (),
  "BTC": ("bitcoin",),
  "DOGE": ("dogecoin",),
  "DOT": ("polkadot",),
  "ETH": ("ethereum",),
  "LTC": ("litecoin",),
  "PEPE": (),
  "SHIB": (),
  "SOL": ("solana",),
  "TRX": (),
  "USDC": (),
  "USDT": (),
  "XMR": ("monero",),
  "XRP": (),
}
"""Assets whose hashtag is unambiguous, with their unambiguous names. Others (NEAR, ONE, LINK) are
found by cashtag only."""


def asset_of(symbol: str) -> str:
  """The asset of a symbol: BTC of BTC/USDT, $BTC or BTC. ValueError where it has none."""
  asset = symbol.strip().removeprefix("$").replace("-", "/").partition("/")[0].upper()
  if not asset.isalnum() or not asset.isascii() or len(asset) > 20:
    raise ValueError(f"{symbol!r} is no asset; write BTC, $BTC or BTC/USDT")
  return asset


def terms_of(asset: str, words: Iterable[str] = ()) -> list[str]:
  """The terms of which a post about an asset has at least one: its cashtag, names and hashtags, and
  `words`."""
  terms = [f"${asset}"]
  for name in NAMES.get(asset, ()):
    terms += [f"#{name}", name]
  if asset in NAMES:
    terms.append(f"#{asset}")
  return [*terms, *words]


def terms_of_all(symbols: Iterable[str], words: Mapping[str, list[str]]) -> dict[str, list[str]]:
  """The terms of each asset of `symbols`; `words` has further ones by symbol. ValueError for words
  of an asset that is not among the symbols."""
  own = {asset_of(symbol): found for symbol, found in words.items()}
  terms = {asset: terms_of(asset, own.get(asset, ())) for asset in map(asset_of, symbols)}
  for asset in own:
    if asset not in terms:
      raise ValueError(f"words are for {asset}, which is not among the symbols; add it there")
  return terms
