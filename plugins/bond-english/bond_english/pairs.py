"""Pairs as people write them: BTC/USDT, btc-usd, ETHBTC, BTC-PERP; and SOL/JUP, which is none."""

from collections.abc import Sequence
from dataclasses import dataclass

from bond_english.lexicon import ASSET_NAMES, CURRENCY_NAMES
from bond_english.marks import ALIAS, ASSUMED, EXACT, PAIR, REFUSED, Mark
from bond_english.tokens import NUMBER, SIGN, WORD, Token
from bond_english.words.assets import ASSETS, CURRENCIES, EQUITIES, MONEY, RANK

_LISTED = tuple(sorted({*RANK} - {"TRY"}, key=lambda quote: (-len(quote), quote)))
_RANKED = {quote: number for number, quote in enumerate(RANK)}
_PERPETUAL = frozenset(("perp", "perpetual", "swap", "p"))


@dataclass(frozen=True, slots=True)
class Pair:
  """A market as it is written. `quote` is None where only the base is said (BTC-PERP); `perpetual`
  where the spelling says so; `known` whether the base is in the table of assets."""

  base: str
  quote: str | None
  perpetual: bool = False
  known: bool = True
  expiry: str | None = None

  @property
  def symbol(self) -> str:
    """BTC/USD, or BTC alone where no quote is said."""
    return self.base if self.quote is None else f"{self.base}/{self.quote}"


def pair_at(tokens: Sequence[Token], first: int) -> Mark | None:
  """The pair that begins at `first`, or a list where A/B are two assets and no market: then the
  mark's value is a list of them."""
  joined = _joined(tokens, first)
  if joined is not None:
    return joined
  return _in_one_word(tokens, first)


def better_quote(one: str, other: str) -> bool:
  """Whether markets of the two are quoted in `one`."""
  return _RANKED.get(one, len(RANK)) < _RANKED.get(other, len(RANK))


def _joined(tokens: Sequence[Token], first: int) -> Mark | None:
  members: list[tuple[str, bool]] = []
  names: list[int] = []
  at = first
  sign = ""
  while not (members and tokens[at].word in _PERPETUAL):
    side = _side(tokens, at)
    if side is None:
      break
    ticker, known, end = side
    members.append((ticker, known))
    names.append(end)
    if end + 1 >= len(tokens) or tokens[end].kind != SIGN or tokens[end].text not in "/-_:":
      break
    if tokens[end].text != "/" and not (tokens[end].glued and tokens[end + 1].glued):
      break
    if sign and tokens[end].text != sign:
      break
    sign = tokens[end].text
    at = end + 1
  if not members:
    return None
  if len(members) == 1:
    return _perpetual(tokens, first, members[0], names[0])
  (base, base_known), (quote, quote_known) = members[:2]
  if len(members) > 2 and sign == "/" and all(known for _, known in members):
    return Mark(PAIR, first, names[-1], [ticker for ticker, _ in members])
  if base == quote:
    return None
  if base in CURRENCIES and quote in CURRENCIES:
    return Mark(REFUSED, first, names[1], (f"{base}/{quote}", "equity"))
  if quote in _RANKED and (not better_quote(base, quote) or {base, quote} <= MONEY):
    if not base_known and not (base.isupper() and quote in MONEY):
      return None
    pair, end = _suffixed(tokens, Pair(base, quote, known=base_known), names[1])
    return Mark(PAIR, first, end, pair)
  if not (base_known and quote_known):
    return None
  if base in MONEY and quote not in MONEY:
    # USDT/BTC is the market BTC/USDT, written the other way round.
    return Mark(PAIR, first, names[1], Pair(quote, base), ASSUMED)
  return Mark(PAIR, first, names[1], [base, quote])


def _side(tokens: Sequence[Token], first: int) -> tuple[str, bool, int] | None:
  """(ticker, whether it is in a table, where the text goes on) of one side of a pair."""
  if first >= len(tokens) or tokens[first].kind not in (WORD, NUMBER):
    return None
  for phrases in (CURRENCY_NAMES, ASSET_NAMES):
    found = phrases.at(tokens, first)
    if found is not None:
      return found[0], True, found[1]
  end = first + 1
  text = tokens[first].text
  if tokens[first].kind == NUMBER:
    # 1000PEPE is a number and a word to the tokeniser.
    if end >= len(tokens) or tokens[end].kind != WORD or not tokens[end].glued:
      return None
    text, end = text + tokens[end].text, end + 1
  if not text.isascii() or not text.isalnum() or not 2 <= len(text) <= 15:
    return None
  return (text.upper() if text.isupper() else text), False, end


def _perpetual(
  tokens: Sequence[Token], first: int, side: tuple[str, bool], end: int
) -> Mark | None:
  """BTC-PERP, BTCUSDT.P."""
  word = tokens[end + 1].word if end + 1 < len(tokens) else ""
  if word in _PERPETUAL and tokens[end].text in "-_" and tokens[end].glued and side[1]:
    return Mark(PAIR, first, end + 2, Pair(side[0], None, True))
  return None


def _suffixed(tokens: Sequence[Token], pair: Pair, end: int) -> tuple[Pair, int]:
  """:USDT, -SWAP, -PERP, .P or :USDT-261225 behind a pair."""
  if end + 1 >= len(tokens) or not (tokens[end].glued and tokens[end + 1].glued):
    return pair, end
  sign, word = tokens[end].text, tokens[end + 1]
  if sign in "-_." and word.word in _PERPETUAL:
    return Pair(pair.base, pair.quote, True, pair.known), end + 2
  if sign == ":" and word.text.isalnum():
    after = end + 2
    if after + 1 < len(tokens) and tokens[after].text == "-" and tokens[after].glued:
      date = tokens[after + 1].text
      if len(date) == 6 and date.isdecimal() and tokens[after + 1].glued:
        return Pair(pair.base, pair.quote, False, pair.known, date), after + 2
    return Pair(pair.base, pair.quote, True, pair.known), after
  return pair, end


def _in_one_word(tokens: Sequence[Token], first: int) -> Mark | None:
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
    return Mark(PAIR, first, first + 1, Pair(upper, None, True), ALIAS)
  for quote in _LISTED:
    base = upper.removesuffix(quote)
    if base == upper or not base:
      continue
    known = base in ASSETS
    if base in CURRENCIES and quote in CURRENCIES:
      return Mark(REFUSED, first, first + 1, (f"{base}/{quote}", "equity"))
    if not known and not (token.capitals and quote in MONEY and len(base) > 1):
      continue
    if better_quote(base, quote) and not {base, quote} <= MONEY:
      continue
    pair, end = _suffixed(tokens, Pair(base, quote, perpetual, known), first + 1)
    return Mark(PAIR, first, end, pair, EXACT if token.capitals else ALIAS)
  return None
