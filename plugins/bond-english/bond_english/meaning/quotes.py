"""Quote currencies and comparisons: in euros, BTC USDT, vs dollars, BTC vs ETH."""

from bond_english.meaning.findings import Findings
from bond_english.meaning.request import Scope
from bond_english.reading.pairs import Pair, is_better_quote
from bond_english.text.chunks import (
  ALIAS,
  ASSET,
  ASSUMED,
  CONJUNCTION,
  FILLER,
  FILTER,
  INTERVAL,
  KIND,
  PAIR,
  QUOTE,
  VERSUS,
  Chunk,
)
from bond_english.words import data
from bond_english.words.assets import CURRENCIES, MONEY, RENAMED, STABLE

_BEFORE_QUOTE = frozenset(
  ["in", "vs", "versus", "v", "against", "to", "priced", "denominated", "quoted", "measured", "/"]
)


def resolve_quotes(request: Scope, findings: Findings) -> None:
  """Makes pairs of assets and their quote currencies, and conjunctions of what compares."""
  for index, chunk in request.indexed(ASSET):
    _asset_or_quote(request, index, chunk)
  if request.having(ASSET, PAIR):
    _quote_assets(request, findings)
  else:
    for chunk in request.having(QUOTE):
      _quote_without_asset(request, findings, chunk)
  for index, chunk in request.indexed(VERSUS):
    _compare(request, findings, index, chunk)
  _lists_of_assets(request, findings)
  for chunk in request.having(ASSET):
    if chunk.value in RENAMED:
      findings.warn(RENAMED[chunk.value])


def _asset_or_quote(request: Scope, index: int, chunk: Chunk) -> None:
  """The USDT of BTC USDT, right after another asset, is a quote currency."""
  if chunk.value not in STABLE or not index:
    return
  previous, following = request.chunks[index - 1], request.following(index)
  onchain = following is not None and following.role == KIND and "onchain" in following.value
  if previous.role == ASSET and previous.value not in MONEY and not onchain:
    chunk.role = QUOTE


def _quote_without_asset(request: Scope, findings: Findings, chunk: Chunk) -> None:
  """A currency alone is the asset where it can be one: transfers in USDC."""
  if chunk.value in CURRENCIES:
    findings.ask(f"The price of what in {chunk.value}?")
  else:
    chunk.role, chunk.how = ASSET, ALIAS


def _quote_assets(request: Scope, findings: Findings) -> None:
  """Makes pairs: BTC USD is one pair, "in euros" quotes the assets before it, "dollar price of"
  those after it."""
  waiting: list[Chunk] = []
  quotes: list[Chunk] = []
  leading: list[Chunk] = []
  for index, chunk in enumerate(request.chunks):
    if chunk.left_out:
      continue
    if chunk.role == QUOTE:
      previous = request.chunks[index - 1] if index else None
      bare = request.first_word(chunk) not in _BEFORE_QUOTE
      if bare and previous is not None and previous.role == ASSET and not previous.left_out:
        _make_pair(previous, [chunk])
        waiting = [other for other in waiting if other is not previous]
        quotes = []
      elif waiting or quotes:
        quotes = [*quotes, chunk]
      else:
        leading.append(chunk)
    elif chunk.role == ASSET or _is_pair_without_quote(chunk):
      if quotes:
        _make_pairs(waiting, quotes)
        waiting, quotes = [], []
      if leading:
        _make_pair(chunk, leading)
      else:
        waiting.append(chunk)
  if quotes:
    _make_pairs(waiting, quotes)
  elif leading and not request.having(PAIR):
    findings.ask(f"The price of what in {leading[0].value}?")


def _make_pairs(chunks: list[Chunk], quotes: list[Chunk]) -> None:
  for chunk in chunks:
    _make_pair(chunk, quotes)


def _make_pair(chunk: Chunk, quotes: list[Chunk]) -> None:
  perpetual = isinstance(chunk.value, Pair) and chunk.value.perpetual
  base = chunk.value.base if isinstance(chunk.value, Pair) else chunk.value
  currencies = dict.fromkeys(quote.value for quote in quotes)
  pairs = [Pair(base, quote, perpetual) for quote in currencies if quote != base]
  if pairs:
    chunk.role, chunk.value = PAIR, pairs if len(pairs) > 1 else pairs[0]
    chunk.parts += quotes


def _is_pair_without_quote(chunk: Chunk) -> bool:
  return chunk.role == PAIR and isinstance(chunk.value, Pair) and chunk.value.quote is None


def _compare(request: Scope, findings: Findings, index: int, chunk: Chunk) -> None:
  """BTC vs ETH: both assets, with a warning that neither is quoted in the other."""
  before = request.previous(index, skip=(FILLER, KIND, FILTER, INTERVAL))
  after = request.following(index, skip=(FILLER,))
  compared = all(beside is not None and beside.role in (ASSET, PAIR) for beside in (before, after))
  chunk.role, chunk.value = CONJUNCTION, "vs"
  if compared and data.TEXTS.isdisjoint(request.kinds()):
    findings.warn("'vs' is taken for a comparison: each of the two in its usual currency")


def _lists_of_assets(request: Scope, findings: Findings) -> None:
  """SOL/JUP is a list of two assets, since no market has that name; so is ETH/BTC for
  derivatives."""
  kinds = request.kinds()
  derivatives = bool(kinds) and kinds <= data.DERIVATIVES
  for chunk in request.having(PAIR):
    pair = chunk.value
    if isinstance(pair, Pair):
      plain = not (pair.perpetual or pair.expiry)
      if derivatives and plain and pair.quote is not None and pair.quote not in MONEY:
        chunk.value = [pair.base, pair.quote]
      elif not pair.known:
        findings.warn(
          f"{pair.symbol} is taken as it is written; {pair.base} is in no list of assets"
        )
      elif chunk.how == ASSUMED:
        findings.warn(f"{request.text_of(chunk)} is taken for the market {pair.symbol}")
    elif isinstance(pair[0], Pair):
      continue
    elif len(pair) == 2 and not derivatives and not data.TEXTS.issuperset(kinds or {"price"}):
      first, second = pair
      warning = f"{first}/{second} is no usual market; taken for {first} and {second}"
      if is_better_quote(first, second):
        warning += f" (the other way round is {second}/{first})"
      findings.warn(warning)
