"""Pairs as people write them: BTC/USDT, btc-usd, ETHBTC, BTC-PERP; and SOL/JUP, a list of two."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from bond_english.text.chunks import ALIAS, ASSUMED, EXACT, PAIR, REFUSED, Chunk
from bond_english.text.tokens import NUMBER, SIGN, WORD, Token
from bond_english.words.assets import ASSETS, CURRENCIES, EQUITIES, MONEY, QUOTE_RANKING
from bond_english.words.filler import FILLER, KEYS
from bond_english.words.lexicon import (
  ASSET_NAMES,
  CURRENCY_NAMES,
  EVENT_NAMES,
  KIND_NAMES,
  MARKET_TYPE_NAMES,
  VENUE_NAMES,
)

_QUOTES_BY_LENGTH = tuple(
  sorted({*QUOTE_RANKING} - {"TRY"}, key=lambda quote: (-len(quote), quote))
)
_RANKS = {quote: number for number, quote in enumerate(QUOTE_RANKING)}
_LOTS = frozenset(("1000", "10000", "100000", "1000000", "1M"))
_PERPETUAL_WORDS = frozenset(("perp", "perpetual", "swap", "p"))


@dataclass(frozen=True, slots=True)
class Pair:
  """A trading pair as it is written.

  `quote` is None where only the base is given (BTC-PERP). `perpetual` says that the spelling names
  a perpetual, `known` that the base is in the table of assets. `expiry` is the date of a future,
  YYMMDD. `settle` is what a contract settles in, None where the spelling leaves it open. `own` is
  the venue's own name of a market that has no other, such as xyz:TSLA.
  """

  base: str
  quote: str | None
  perpetual: bool = False
  known: bool = True
  expiry: str | None = None
  settle: str | None = None
  own: str | None = None

  @property
  def inverse(self) -> bool:
    """Whether the spelling names a contract that settles in its base."""
    return self.settle == self.base

  @property
  def symbol(self) -> str:
    """BTC/USD, or BTC where there is no quote."""
    return self.base if self.quote is None else f"{self.base}/{self.quote}"


class _Side(NamedTuple):
  """One side of a pair: its ticker, whether that is in a table, and the index after it."""

  ticker: str
  known: bool
  end: int


def pair_at(tokens: Sequence[Token], first: int) -> Chunk | None:
  """The pair that begins at `first`; the tickers as a list where A/B is no usual market."""
  for read in (_own_name, _hyphenated, _with_signs, _single_word, _thousands):
    if (chunk := read(tokens, first)) is not None:
      return chunk
  return None


def is_better_quote(one: str, other: str) -> bool:
  """Whether the market of the two currencies is quoted in `one`."""
  return _RANKS.get(one, len(QUOTE_RANKING)) < _RANKS.get(other, len(QUOTE_RANKING))


def _own_name(tokens: Sequence[Token], first: int) -> Chunk | None:
  """Names that a venue has for a market: xyz:TSLA or XYZ-TSLA, a perpetual of a part of it, and
  @107, a spot pair by its number."""
  parts = tokens[first : first + 3]
  perpetual = any(MARKET_TYPE_NAMES.single.get(token.word) == "perp" for token in tokens)
  if parts[0].text in EQUITIES and perpetual and _is_at(tokens, "hyperliquid"):
    # Hyperliquid has perpetuals of shares, those of xyz.
    share = Pair(f"XYZ-{parts[0].text}", None, True, own=f"xyz:{parts[0].text}")
    return Chunk(PAIR, first, first + 1, share, ALIAS, cost=-2.0)
  if len(parts) > 1 and parts[0].text == "@" and parts[1].kind == NUMBER and parts[1].attached:
    numbered = parts[1].text.isdecimal() and _is_at(tokens, "hyperliquid")
    if parts[0].attached or not numbered:
      return None
    own, end = f"@{parts[1].text}", first + 2
    quoted = end + 1 < len(tokens) and tokens[end].text == "/" and tokens[end + 1].attached
    return Chunk(PAIR, first, end + 2 if quoted else end, Pair(own, None, own=own))
  if len(parts) < 3 or not (parts[1].attached and parts[2].attached):
    return None
  part, sign, coin = (token.text for token in parts)
  if not (part.isalnum() and coin.isalnum() and len(part) <= 12) or _is_name(parts[0]):
    return None
  small = sign == ":" and part.islower() and coin[:1].isupper()
  large = sign == "-" and part.isupper() and (coin in EQUITIES or coin in ASSETS)
  if not (small or large):
    return None
  own = f"{part.lower()}:{coin}"
  end = first + 3
  if large and end < len(tokens) and tokens[end].text == "/":
    return None
  return Chunk(PAIR, first, end, Pair(f"{part}-{coin}".upper(), None, True, own=own))


def _is_at(tokens: Sequence[Token], venue: str) -> bool:
  """Whether a request names a venue."""
  return any(VENUE_NAMES.single.get(token.word) == venue for token in tokens)


def _is_name(token: Token) -> bool:
  """Whether a word has a meaning of its own, so that it names no part of a venue."""
  tables = (CURRENCY_NAMES, ASSET_NAMES, VENUE_NAMES, KIND_NAMES, EVENT_NAMES, MARKET_TYPE_NAMES)
  known = any(token.word in table.words for table in tables)
  return known or token.word in KEYS or token.word in FILLER


def _hyphenated(tokens: Sequence[Token], first: int) -> Chunk | None:
  """XYZ-TSLA/USDC:USDC: a market of a part of a venue, whose name stands before the asset's."""
  parts = tokens[first : first + 5]
  if len(parts) < 5 or [parts[1].text, parts[3].text] != ["-", "/"]:
    return None
  names = [parts[at].text for at in (0, 2, 4)]
  joined = all(part.attached for part in parts[1:])
  if not joined or not all(name.isalnum() and name.isupper() for name in names):
    return None
  if names[2] not in _RANKS:
    return None
  pair = Pair(f"{names[0]}-{names[1]}", names[2], known=False)
  pair, end = _with_suffix(tokens, pair, first + 5)
  return Chunk(PAIR, first, end, pair)


def _with_signs(tokens: Sequence[Token], first: int) -> Chunk | None:
  """BTC/USDT, btc-usd, SOL/ETH/BTC, BTC-PERP."""
  sides, sign = _sides(tokens, first)
  if not sides:
    return None
  if len(sides) == 1:
    return _perpetual(tokens, first, sides[0])
  if len(sides) > 2 and sign == "/" and all(side.known for side in sides):
    return Chunk(PAIR, first, sides[-1].end, [side.ticker for side in sides])
  (base, base_known, _), (quote, quote_known, end) = sides[:2]
  if base == quote:
    return None
  if base in CURRENCIES and quote in CURRENCIES:
    if _names_venue(tokens):
      return Chunk(PAIR, first, end, Pair(base, quote))
    return Chunk(REFUSED, first, end, (f"{base}/{quote}", "equity"))
  if quote in _RANKS and (not is_better_quote(base, quote) or {base, quote} <= MONEY):
    # Scripts without capital letters have tickers as they are.
    if not base_known and not (base == base.upper() and quote in MONEY):
      return None
    pair, end = _with_suffix(tokens, Pair(base, quote, known=base_known), end)
    return Chunk(PAIR, first, end, pair)
  if not (base_known and quote_known):
    return None
  if base in MONEY and quote not in MONEY:
    # USDT/BTC is the market BTC/USDT, written the other way round.
    return Chunk(PAIR, first, end, Pair(quote, base), ASSUMED)
  return Chunk(PAIR, first, end, [base, quote])


def _sides(tokens: Sequence[Token], first: int) -> tuple[list[_Side], str]:
  """The sides that one sign joins, and that sign."""
  sides: list[_Side] = []
  at = first
  sign = ""
  while not (sides and tokens[at].word in _PERPETUAL_WORDS):
    side = _side_at(tokens, at)
    if side is None:
      break
    sides.append(side)
    end = side.end
    if end + 1 >= len(tokens) or tokens[end].kind != SIGN or tokens[end].text not in "/-_:":
      break
    if tokens[end].text != "/" and not (tokens[end].attached and tokens[end + 1].attached):
      break
    if sign and tokens[end].text != sign:
      break
    sign = tokens[end].text
    at = end + 1
  return sides, sign


def _side_at(tokens: Sequence[Token], first: int) -> _Side | None:
  """A currency, an asset, or a word that may be the ticker of an asset in no table."""
  if first >= len(tokens) or tokens[first].kind not in (WORD, NUMBER):
    return None
  for table in (CURRENCY_NAMES, ASSET_NAMES):
    found = table.longest_at(tokens, first)
    if found is not None:
      return _Side(found[0], True, found[1])
  end = first + 1
  text = tokens[first].text
  if tokens[first].kind == NUMBER:
    # 1000PEPE is two tokens: a number and a word.
    if end >= len(tokens) or tokens[end].kind != WORD or not tokens[end].attached:
      return None
    text, end = text + tokens[end].text, end + 1
  if not text.isalnum() or not 2 <= len(text) <= 15:
    return None
  return _Side(text.upper() if text.isupper() else text, False, end)


def _names_venue(tokens: Sequence[Token]) -> bool:
  """Whether a request names an exchange, of which some have euros in dollars."""
  return any(token.word in VENUE_NAMES.single for token in tokens)


def _perpetual(tokens: Sequence[Token], first: int, base: _Side) -> Chunk | None:
  """BTC-PERP, BTCUSDT.P."""
  end = base.end
  word = tokens[end + 1].word if end + 1 < len(tokens) else ""
  if word in _PERPETUAL_WORDS and tokens[end].text in "-_" and tokens[end].attached and base.known:
    return Chunk(PAIR, first, end + 2, Pair(base.ticker, None, True))
  return None


def _with_suffix(tokens: Sequence[Token], pair: Pair, end: int) -> tuple[Pair, int]:
  """:USDT, -SWAP, _PERP, .P, _UM-SWAP, -261225 or :USDT-261225 after a pair: the pair with it, and
  the index after it."""
  if end + 1 >= len(tokens) or not (tokens[end].attached and tokens[end + 1].attached):
    return pair, end
  sign, word = tokens[end].text, tokens[end + 1]
  linear = sign == "_" and word.word == "um"
  if linear:
    # OKX: in dollars and settled in them, unlike BTC-USD-SWAP.
    pair, end = replace(pair, settle=pair.quote), end + 2
    if end + 1 >= len(tokens) or not (tokens[end].attached and tokens[end + 1].attached):
      return pair, end
    sign, word = tokens[end].text, tokens[end + 1]
  if sign in "-_." and word.word in _PERPETUAL_WORDS:
    # BTCUSD_PERP and BTC-USD-SWAP settle in coins, as all contracts in dollars did once.
    in_coins = pair.quote == "USD" and not linear and (sign, word.word) != (".", "p")
    settle = pair.base if in_coins else pair.settle
    return replace(pair, perpetual=True, settle=settle), end + 2
  if sign in "-_" and _is_date(word.text):
    settle = pair.base if pair.quote == "USD" and not linear else pair.quote
    return replace(pair, expiry=word.text, settle=settle), end + 2
  if sign == ":" and word.text.isalnum():
    after = end + 2
    settle = word.text.upper()
    if after + 1 < len(tokens) and tokens[after].text == "-" and tokens[after].attached:
      date = tokens[after + 1].text
      if _is_date(date) and tokens[after + 1].attached:
        return replace(pair, expiry=date, settle=settle), after + 2
    return replace(pair, perpetual=True, settle=settle), after
  return pair, end


def _is_date(text: str) -> bool:
  return len(text) == 6 and text.isdecimal()


def _single_word(tokens: Sequence[Token], first: int) -> Chunk | None:
  """BTCUSDT, ethbtc, BTCPERP."""
  token = tokens[first]
  if token.kind != WORD or not 5 <= len(token.text) <= 20 or not token.text.isalnum():
    return None
  upper = token.text.upper()
  if upper in ASSETS or upper in EQUITIES:
    return None
  perpetual = upper.endswith("PERP")
  upper = upper.removesuffix("PERP")
  if perpetual and upper in ASSETS:
    return Chunk(PAIR, first, first + 1, Pair(upper, None, True), ALIAS)
  splits = [
    (upper.removesuffix(quote), quote)
    for quote in _QUOTES_BY_LENGTH
    if upper.endswith(quote) and upper != quote
  ]
  # DOTUSD is DOT/USD although TUSD is the longer quote; of assets in no table the shorter quote is
  # the likelier one.
  named = [
    (ASSET_NAMES.single[base.lower()], quote)
    for base, quote in splits
    if base.lower() in ASSET_NAMES.single
  ]
  for base, quote in named or splits[::-1]:
    known = base in ASSETS
    if base in CURRENCIES and quote in CURRENCIES:
      if _names_venue(tokens):
        return Chunk(PAIR, first, first + 1, Pair(base, quote))
      return Chunk(REFUSED, first, first + 1, (f"{base}/{quote}", "equity"))
    if not known and not (token.uppercase and quote in MONEY and len(base) > 1):
      continue
    if is_better_quote(base, quote) and not {base, quote} <= MONEY:
      continue
    pair, end = _with_suffix(tokens, Pair(base, quote, perpetual, known), first + 1)
    return Chunk(PAIR, first, end, pair, EXACT if token.uppercase else ALIAS)
  return None


def _thousands(tokens: Sequence[Token], first: int) -> Chunk | None:
  """1000PEPE, 1000PEPEUSDT, kPEPE: contracts of so many coins, which have a ticker of their own."""
  number, at = tokens[first], first + 1
  lots, coin = number.text, tokens[at].text if at < len(tokens) else ""
  if lots == "1" and coin[:1] == "M" and coin.isupper():
    lots, coin = "1M", coin[1:]
  if number.kind == WORD and number.text[:1] == "k" and number.text[1:].isupper():
    known = number.text[1:] in ASSETS
    return Chunk(PAIR, first, at, Pair(number.text.upper(), None), EXACT) if known else None
  if lots not in _LOTS or at >= len(tokens) or not tokens[at].attached:
    return None
  if coin.upper() in ASSETS:
    return Chunk(PAIR, first, at + 1, Pair(lots + coin.upper(), None), EXACT)
  found = _single_word([replace(tokens[at], text=coin), *tokens[at + 1 :]], 0)
  if found is None or not isinstance(found.value, Pair):
    return None
  found.end += at
  pair = replace(found.value, base=lots + found.value.base)
  return Chunk(PAIR, first, found.end, pair, found.how)


def symbol_of(spelling: str) -> str:
  """The symbol of events for a spelling that sources take: BTC/USDT of BTC/USDT:USDT, XYZ-TSLA of
  xyz:TSLA."""
  return spelling.partition(":")[0] if "/" in spelling else spelling.replace(":", "-").upper()


def market_of(spelling: str) -> str:
  """The market of such a spelling: spot, perp, inverse or future."""
  base, slash, rest = spelling.partition("/")
  _, colon, settle = (rest if slash else spelling).partition(":")
  if not colon:
    return "spot"
  if "-" in settle:
    return "future"
  return "inverse" if settle == base else "perp"


def pairs_of(chunk: Chunk) -> list[Pair]:
  """The pairs that an asset or pair chunk names; an asset is a pair without a quote."""
  values = chunk.value if isinstance(chunk.value, list) else [chunk.value]
  return [value if isinstance(value, Pair) else Pair(value, None) for value in values]
